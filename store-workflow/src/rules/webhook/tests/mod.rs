//! Tests of the rules, most of them over whole requests.

mod config;
mod input;
mod properties;
mod secrets;
mod signature;
mod stored;
mod timestamp;
mod vectors;
mod verify;

use store_core::workflow::{WebhookConfig, WebhookRequest};
use store_core::{Denial, Error, Result, SecretString, Timestamp};

use super::{Verified, WebhookSecrets};

/// The example of GitHub's documentation, "Validating webhook deliveries".
const GITHUB_SECRET: &str = "It's a Secret to Everybody";
const GITHUB_BODY: &[u8] = b"Hello, World!";
const GITHUB_MAC: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// The HMAC-SHA-256 of [`STRIPE_TIME`]`.`[`STRIPE_BODY`], computed with Python's `hmac`.
const STRIPE_SECRET: &str = "whsec_test";
const STRIPE_BODY: &[u8] = br#"{"id":"evt_1","type":"charge.succeeded"}"#;
const STRIPE_TIME: i64 = 1_492_774_577;
const STRIPE_MAC: &str = "a2f9680b7feeb431729bd8d607c4d671f9b61b57aa013ce54224930c04962ece";

fn secrets(shared: Option<&str>, hmac: Option<&str>) -> WebhookSecrets {
    WebhookSecrets { shared: shared.map(SecretString::from), hmac: hmac.map(SecretString::from) }
}

/// Signatures as GitHub sends them.
fn github() -> WebhookConfig {
    WebhookConfig { hmac_header: Some("x-hub-signature-256".into()), ..WebhookConfig::default() }
}

/// Signatures as Stripe sends them: with the timestamp in the same header.
fn stripe() -> WebhookConfig {
    WebhookConfig {
        hmac_header: Some("stripe-signature".into()),
        hmac_timestamp_header: Some("stripe-signature".into()),
        ..WebhookConfig::default()
    }
}

fn post(body: &[u8], headers: &[(&str, &[u8])]) -> WebhookRequest {
    WebhookRequest {
        method: "POST".into(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), value.to_vec())).collect(),
        body: body.to_vec(),
        ..WebhookRequest::default()
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

/// Verifies what GitHub would send with this signature.
fn verify_github(config: &WebhookConfig, signature: &[u8]) -> Result<Verified> {
    let request = post(GITHUB_BODY, &[("X-Hub-Signature-256", signature)]);
    super::verify(config, &secrets(None, Some(GITHUB_SECRET)), &request, Timestamp::EPOCH)
}

/// Verifies what Stripe would send with this header.
fn verify_stripe(config: &WebhookConfig, header: &str, now: Timestamp) -> Result<Verified> {
    let request = post(STRIPE_BODY, &[("Stripe-Signature", header.as_bytes())]);
    super::verify(config, &secrets(None, Some(STRIPE_SECRET)), &request, now)
}

#[track_caller]
fn assert_denied(result: Result<Verified>, expected: Denial) {
    match result {
        Err(Error::Denied { reason }) => assert_eq!(reason, expected),
        other => panic!("expected {expected:?}, got {other:?}"),
    }
}
