use store_core::workflow::WebhookConfig;
use store_core::{Denial, Error, Result, Timestamp};

use super::super::signature::mac;
use super::super::{Replay, Verified};
use super::{
    STRIPE_BODY, STRIPE_MAC, STRIPE_SECRET, STRIPE_TIME, assert_denied, post, seconds, secrets,
    stripe, verify_stripe,
};

fn header() -> String {
    format!("t={STRIPE_TIME},v1={STRIPE_MAC}")
}

/// Signatures with the timestamp in a header of its own.
fn apart() -> WebhookConfig {
    WebhookConfig { hmac_timestamp_header: Some("x-time".into()), ..stripe() }
}

fn verify_apart(times: &[&[u8]]) -> Result<Verified> {
    let mut headers = vec![("stripe-signature", STRIPE_MAC.as_bytes())];
    headers.extend(times.iter().map(|time| ("X-Time", *time)));
    let request = post(STRIPE_BODY, &headers);
    let secrets = secrets(None, Some(STRIPE_SECRET));
    super::super::verify(&apart(), &secrets, &request, seconds(STRIPE_TIME))
}

#[test]
fn the_tolerance_holds_in_both_directions_and_inclusively() {
    let micro = std::time::Duration::from_micros(1);
    let (first, last) = (seconds(STRIPE_TIME - 300), seconds(STRIPE_TIME + 300));
    for now in [first, seconds(STRIPE_TIME), last] {
        assert!(verify_stripe(&stripe(), &header(), now).is_ok(), "{now}");
    }
    for now in [first.minus(micro).unwrap(), last.plus(micro).unwrap()] {
        assert_denied(verify_stripe(&stripe(), &header(), now), Denial::Unauthenticated);
    }
}

#[test]
fn the_replay_key_outlives_the_last_instant_of_acceptance() {
    let expires_at = Some(seconds(STRIPE_TIME + 301));
    let key = format!("hmac:{STRIPE_MAC}:{STRIPE_TIME}");
    for now in [STRIPE_TIME - 300, STRIPE_TIME + 300] {
        let verified = verify_stripe(&stripe(), &header(), seconds(now)).unwrap();
        assert_eq!(verified.replay, Some(Replay { key: key.clone(), expires_at }));
    }
}

#[test]
fn tolerance_0_accepts_any_age_and_keeps_the_replay_key_for_ever() {
    let config = WebhookConfig { hmac_tolerance_seconds: 0, ..stripe() };
    for now in [Timestamp::EPOCH, seconds(STRIPE_TIME * 100)] {
        let replay = verify_stripe(&config, &header(), now).unwrap().replay.unwrap();
        assert_eq!(replay.expires_at, None);
    }
}

#[test]
fn a_timestamp_is_digits_only_and_is_part_of_what_is_signed() {
    assert!(verify_apart(&[b"1492774577"]).is_ok());
    let refused: [&[u8]; 12] = [
        b"",
        b"-1",
        b"+1492774577",
        b" 1492774577",
        b"1492774577.0",
        b"1492774578",
        b"01492774577",
        b"0x58fa1e31",
        b"9223372036854775807",
        b"9223372036854775808",
        b"99999999999999999999999999",
        b"149277457\xff",
    ];
    for time in refused {
        assert_denied(verify_apart(&[time]), Denial::Unauthenticated);
    }
    assert_denied(verify_apart(&[]), Denial::Unauthenticated);
    assert_denied(verify_apart(&[b"1492774577", b"1492774577"]), Denial::Unauthenticated);
}

#[test]
fn a_signed_timestamp_of_another_form_is_denied() {
    let config = WebhookConfig { hmac_tolerance_seconds: 0, ..stripe() };
    let verify_signed = |time: &str| {
        let message = [time.as_bytes(), b".", STRIPE_BODY];
        let mac = mac(config.hmac_algorithm, STRIPE_SECRET.as_bytes(), &message).unwrap();
        verify_stripe(&config, &format!("t={time},v1={}", hex::encode(mac)), Timestamp::EPOCH)
    };
    assert!(verify_signed("0").is_ok());
    assert!(verify_signed("9223372036854775807").is_ok());
    for time in ["", "+5", "-5", "5.0", "5e3", "9223372036854775808"] {
        assert_denied(verify_signed(time), Denial::Unauthenticated);
    }
}

#[test]
fn the_timestamp_in_the_signature_header_comes_exactly_once() {
    let now = seconds(STRIPE_TIME);
    let twice = format!("t={STRIPE_TIME},t={STRIPE_TIME},v1={STRIPE_MAC}");
    let another = format!("{},t=1", header());
    let without = format!("v1={STRIPE_MAC}");
    for header in [&twice, &another, &without, "t=", "t=,v1=", ""] {
        assert_denied(verify_stripe(&stripe(), header, now), Denial::Unauthenticated);
    }
}

#[test]
fn an_instant_after_the_year_9999_is_no_panic() {
    let widest = WebhookConfig { hmac_tolerance_seconds: u32::MAX, ..stripe() };
    let result = verify_stripe(&widest, &header(), seconds(253_402_300_799));
    assert_denied(result, Denial::Unauthenticated);
    let idempotent =
        WebhookConfig { idempotency_header: Some("x-id".into()), ..WebhookConfig::default() };
    let request = post(b"", &[("x-id", b"1")]);
    let now = seconds(253_402_300_799);
    let result = super::super::verify(&idempotent, &secrets(None, None), &request, now);
    assert!(matches!(result, Err(Error::Invalid { .. })));
}
