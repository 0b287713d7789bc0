use serde_json::{Value, json};
use store_core::workflow::{HmacAlgorithm, RateLimit, WebhookConfig};

use super::super::{config_from_json, config_to_json};

fn full() -> WebhookConfig {
    WebhookConfig {
        allowed_methods: vec!["POST".into()],
        required_headers: [("x-kind".into(), "event".into())].into(),
        required_query_params: [("tenant".into(), "ä".into())].into(),
        shared_secret_header: Some("x-token".into()),
        hmac_header: Some("x-signature".into()),
        hmac_algorithm: HmacAlgorithm::Sha512,
        signature_prefix: Some("sha512=".into()),
        hmac_timestamp_header: Some("x-time".into()),
        hmac_tolerance_seconds: u32::MAX,
        rate_limit: Some(RateLimit { limit: 10, interval_seconds: 60 }),
        idempotency_header: Some("x-id".into()),
    }
}

fn field_names() -> Vec<String> {
    config_to_json(&full()).as_object().unwrap().keys().cloned().collect()
}

fn with(field: &str, value: Value) -> Value {
    let mut stored = config_to_json(&full());
    stored[field] = value;
    stored
}

#[test]
fn a_configuration_survives_storage() {
    let mut configs = vec![full(), WebhookConfig::default()];
    let algorithms = HmacAlgorithm::ALL.iter().copied();
    configs.extend(algorithms.map(|hmac_algorithm| WebhookConfig { hmac_algorithm, ..full() }));
    for config in configs {
        assert_eq!(config_from_json(&config_to_json(&config)).unwrap(), config);
    }
}

#[test]
fn the_stored_form_is_fixed() {
    let expected = json!({
        "allowed_methods": ["POST"],
        "required_headers": {"x-kind": "event"},
        "required_query_params": {"tenant": "ä"},
        "shared_secret_header": "x-token",
        "hmac_header": "x-signature",
        "hmac_algorithm": "sha512",
        "signature_prefix": "sha512=",
        "hmac_timestamp_header": "x-time",
        "hmac_tolerance_seconds": 4_294_967_295_u32,
        "rate_limit": {"limit": 10, "interval_seconds": 60},
        "idempotency_header": "x-id",
    });
    assert_eq!(config_to_json(&full()), expected);
}

#[test]
fn a_missing_field_is_an_error() {
    for field in field_names() {
        let mut stored = config_to_json(&full());
        stored.as_object_mut().unwrap().remove(&field);
        assert!(config_from_json(&stored).is_err(), "{field}");
    }
}

#[test]
fn an_unknown_or_mistyped_field_is_an_error_that_shows_no_value() {
    let mut refused: Vec<_> = field_names().iter().map(|name| with(name, json!([-1]))).collect();
    refused.extend([
        with("more", json!(1)),
        with("hmac_algorithm", json!("md5")),
        with("rate_limit", json!({"limit": 1})),
        with("rate_limit", json!({"limit": 1, "interval_seconds": 1, "burst": 1})),
        with("required_headers", json!("s3cret")),
        with("hmac_tolerance_seconds", json!("s3cret")),
        json!([]),
        json!(null),
    ]);
    for stored in refused {
        let error = config_from_json(&stored).unwrap_err().to_string();
        assert!(error.starts_with("webhook") && !error.contains("s3cret"), "{stored}: {error}");
    }
}
