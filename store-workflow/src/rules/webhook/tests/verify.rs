use store_core::workflow::{WebhookConfig, WebhookRequest};
use store_core::{Denial, Result};

use super::super::{Verified, WebhookSecrets};
use super::{
    STRIPE_BODY, STRIPE_MAC, STRIPE_SECRET, STRIPE_TIME, assert_denied, post, seconds, secrets,
    stripe,
};

/// A configuration in which every check is on.
fn strict() -> WebhookConfig {
    WebhookConfig {
        allowed_methods: vec!["POST".into()],
        required_headers: [("x-kind".into(), "event".into())].into(),
        required_query_params: [("tenant".into(), "a".into())].into(),
        shared_secret_header: Some("authorization".into()),
        idempotency_header: Some("x-id".into()),
        ..stripe()
    }
}

/// A request that passes [`strict`] with [`both`].
fn good() -> WebhookRequest {
    let signature = format!("t={STRIPE_TIME},v1={STRIPE_MAC}");
    let headers: [(&str, &[u8]); 3] = [
        ("X-Kind", b"event"),
        ("Stripe-Signature", signature.as_bytes()),
        ("Authorization", b"Bearer s3cret"),
    ];
    WebhookRequest { query: vec![("tenant".into(), "a".into())], ..post(STRIPE_BODY, &headers) }
}

fn both() -> WebhookSecrets {
    secrets(Some("Bearer s3cret"), Some(STRIPE_SECRET))
}

fn verify(config: &WebhookConfig, request: &WebhookRequest) -> Result<Verified> {
    super::super::verify(config, &both(), request, seconds(STRIPE_TIME))
}

fn set_header(request: &mut WebhookRequest, name: &str, value: &[u8]) {
    request.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value.to_vec()));
}

fn remove_header(request: &mut WebhookRequest, name: &str) {
    request.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
}

fn idempotent() -> WebhookConfig {
    WebhookConfig {
        hmac_header: None,
        hmac_timestamp_header: None,
        shared_secret_header: None,
        ..strict()
    }
}

fn verify_idempotent(values: &[&[u8]]) -> Result<Verified> {
    let mut request = good();
    request.headers.extend(values.iter().map(|value| ("X-Id".to_owned(), value.to_vec())));
    super::super::verify(&idempotent(), &secrets(None, None), &request, seconds(10))
}

#[test]
fn a_request_that_fails_several_checks_reports_the_first() {
    let mut request = good();
    assert!(verify(&strict(), &request).is_ok());
    set_header(&mut request, "authorization", b"wrong");
    assert_denied(verify(&strict(), &request), Denial::Unauthenticated);
    set_header(&mut request, "stripe-signature", b"wrong");
    assert_denied(verify(&strict(), &request), Denial::Unauthenticated);
    request.query.clear();
    assert_denied(verify(&strict(), &request), Denial::Malformed);
    request.query = good().query;
    set_header(&mut request, "x-kind", b"wrong");
    assert_denied(verify(&strict(), &request), Denial::Malformed);
    request.method = "PUT".into();
    assert_denied(verify(&strict(), &request), Denial::MethodNotAllowed);
}

#[test]
fn a_missing_idempotency_key_is_reported_after_failed_authentication() {
    let config = WebhookConfig { hmac_timestamp_header: None, ..strict() };
    assert_denied(verify(&config, &good()), Denial::Unauthenticated);
    assert_denied(verify_idempotent(&[]), Denial::Malformed);
}

#[test]
fn methods_are_compared_without_case() {
    for (method, allowed) in [("post", true), ("Post", true), ("GET", false), ("", false)] {
        let request = WebhookRequest { method: method.into(), ..good() };
        assert_eq!(verify(&strict(), &request).is_ok(), allowed, "{method}");
    }
}

#[test]
fn one_equal_value_of_a_repeated_required_header_or_parameter_is_enough() {
    let mut request = good();
    request.headers.insert(0, ("x-kind".into(), b"other".to_vec()));
    request.query.insert(0, ("tenant".into(), "b".into()));
    assert!(verify(&strict(), &request).is_ok());
}

#[test]
fn required_values_are_exact() {
    for value in [&b"Event"[..], b"event ", b"event,event", b"", b"even\xff", b"ev\xc3\xa9nt"] {
        let mut request = good();
        set_header(&mut request, "x-kind", value);
        assert_denied(verify(&strict(), &request), Denial::Malformed);
    }
    for (name, value) in [("tenant", "A"), ("Tenant", "a"), ("tenant", "")] {
        let request = WebhookRequest { query: vec![(name.to_owned(), value.to_owned())], ..good() };
        assert_denied(verify(&strict(), &request), Denial::Malformed);
    }
}

#[test]
fn the_shared_secret_comes_exactly_once_and_is_exact() {
    let wrong: [&[u8]; 6] =
        [b"", b"Bearer", b"bearer s3cret", b"Bearer s3cret ", b"Bearer s3cret\0", b"\xff\xfe"];
    for value in wrong {
        let mut request = good();
        set_header(&mut request, "Authorization", value);
        assert_denied(verify(&strict(), &request), Denial::Unauthenticated);
    }
    let mut request = good();
    request.headers.push(("authorization".into(), b"Bearer s3cret".to_vec()));
    assert_denied(verify(&strict(), &request), Denial::Unauthenticated);
    remove_header(&mut request, "authorization");
    assert_denied(verify(&strict(), &request), Denial::Unauthenticated);
}

#[test]
fn a_secret_without_its_header_and_a_header_without_its_secret_are_denied() {
    let halves = [
        secrets(None, Some(STRIPE_SECRET)),
        secrets(Some("Bearer s3cret"), None),
        secrets(None, None),
    ];
    for secrets in &halves {
        let result = super::super::verify(&strict(), secrets, &good(), seconds(STRIPE_TIME));
        assert_denied(result, Denial::Unauthenticated);
    }
    for secrets in &halves[..2] {
        let config = WebhookConfig::default();
        let result = super::super::verify(&config, secrets, &good(), seconds(STRIPE_TIME));
        assert_denied(result, Denial::Unauthenticated);
    }
}

#[test]
fn an_idempotency_key_is_hashed_and_remembered_for_seven_days() {
    let replay = verify_idempotent(&[b"abc"]).unwrap().replay.unwrap();
    // SHA-256 of "abc": FIPS 180-4, example of one block.
    let key = "id:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(replay.key, key);
    assert_eq!(replay.expires_at, Some(seconds(10 + 7 * 86_400)));
    let bytes = verify_idempotent(&[b"\xff\0"]).unwrap().replay.unwrap();
    assert_eq!(bytes.key.len(), key.len());
    assert_denied(verify_idempotent(&[b""]), Denial::Malformed);
    assert_denied(verify_idempotent(&[b"abc", b"abc"]), Denial::Malformed);
}

#[test]
fn a_signed_timestamp_takes_precedence_over_the_idempotency_key() {
    let mut request = good();
    request.headers.push(("x-id".into(), b"1".to_vec()));
    let key = verify(&strict(), &request).unwrap().replay.unwrap().key;
    assert!(key.starts_with("hmac:"), "{key}");
}

#[test]
fn without_timestamp_and_idempotency_header_nothing_is_remembered() {
    let config = WebhookConfig { idempotency_header: None, ..idempotent() };
    let verified = super::super::verify(&config, &secrets(None, None), &good(), seconds(0));
    assert_eq!(verified.unwrap().replay, None);
}
