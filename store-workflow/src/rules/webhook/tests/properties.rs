//! Properties over arbitrary requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use store_core::workflow::{HmacAlgorithm, WebhookConfig, WebhookRequest};
use store_core::{Denial, Error, Timestamp};

use super::super::signature::mac;
use super::{post, seconds, secrets};

const SECRET: &str = "secret";

/// Names that [`every_check`] looks for, and one it does not.
const NAMES: [&str; 5] = ["X-Signature", "x-time", "X-Token", "x-id", "x-other"];

fn signed(hmac_algorithm: HmacAlgorithm) -> WebhookConfig {
    WebhookConfig {
        hmac_header: Some("x-signature".into()),
        hmac_algorithm,
        ..WebhookConfig::default()
    }
}

/// A configuration with some of the checks, and a tolerance.
fn every_check() -> impl Strategy<Value = WebhookConfig> {
    let set = |name: &'static str| proptest::option::of(Just(name.to_owned()));
    let time = proptest::option::of(select(vec!["x-signature", "x-time"]));
    let prefix = proptest::option::of(select(vec!["sha256=", "x", "t="]));
    (set("x-signature"), time, set("x-token"), set("x-id"), prefix, any::<u32>()).prop_map(
        |(signature, time, token, id, prefix, tolerance)| WebhookConfig {
            hmac_header: signature,
            hmac_timestamp_header: time.map(str::to_owned),
            shared_secret_header: token,
            idempotency_header: id,
            signature_prefix: prefix.map(str::to_owned),
            hmac_tolerance_seconds: tolerance,
            ..WebhookConfig::default()
        },
    )
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        "(t=[0-9]{0,20}|v1=[0-9a-f]{0,70}|sha256=[A-Za-z0-9+/=_-]{0,50}|[,= ]){0,4}"
            .prop_map(String::into_bytes),
        "[0-9]{0,20}".prop_map(String::into_bytes),
    ]
}

fn request() -> impl Strategy<Value = WebhookRequest> {
    let headers = vec((select(NAMES.to_vec()), header_value()), 0..6);
    (headers, vec(any::<u8>(), 0..60), vec((".{0,5}", ".{0,5}"), 0..4)).prop_map(
        |(headers, body, query)| {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
            WebhookRequest { query, ..post(&body, &headers) }
        },
    )
}

fn algorithm() -> impl Strategy<Value = HmacAlgorithm> {
    select(HmacAlgorithm::ALL.to_vec())
}

fn is_unauthenticated(config: &WebhookConfig, signature: &str, body: &[u8]) -> bool {
    let request = post(body, &[("x-signature", signature.as_bytes())]);
    let result =
        super::super::verify(config, &secrets(None, Some(SECRET)), &request, Timestamp::EPOCH);
    matches!(result, Err(Error::Denied { reason: Denial::Unauthenticated }))
}

proptest! {
    #[test]
    fn arbitrary_requests_never_panic_and_never_pass_a_secret(
        config in every_check(),
        request in request(),
        now in -62_135_596_800_i64..=253_402_300_799,
    ) {
        let shared = config.shared_secret_header.as_ref().map(|_| SECRET);
        let hmac = config.hmac_header.as_ref().map(|_| SECRET);
        let result =
            super::super::verify(&config, &secrets(shared, hmac), &request, seconds(now));
        prop_assert!(result.is_err() || (shared.is_none() && hmac.is_none()));
    }

    #[test]
    fn a_wrong_mac_is_never_accepted(
        algorithm in algorithm(),
        body in vec(any::<u8>(), 0..100),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut wrong = mac(algorithm, SECRET.as_bytes(), &[&body]).unwrap();
        let right = hex::encode(&wrong);
        let at = at.index(wrong.len());
        wrong[at] ^= flip;
        let config = signed(algorithm);
        prop_assert!(!is_unauthenticated(&config, &right, &body));
        prop_assert!(is_unauthenticated(&config, &hex::encode(&wrong), &body));
        prop_assert!(is_unauthenticated(&config, &STANDARD.encode(&wrong), &body));
        prop_assert!(is_unauthenticated(&config, &right[..at * 2], &body));
    }

    #[test]
    fn a_signature_of_another_body_is_never_accepted(
        algorithm in algorithm(),
        one in vec(any::<u8>(), 0..50),
        other in vec(any::<u8>(), 0..50),
    ) {
        prop_assume!(one != other);
        let signature = hex::encode(mac(algorithm, SECRET.as_bytes(), &[&one]).unwrap());
        prop_assert!(is_unauthenticated(&signed(algorithm), &signature, &other));
    }
}
