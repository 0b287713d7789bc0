//! The JSON form in which a configuration is stored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use store_core::workflow::{RateLimit, WebhookConfig};
use store_core::{Error, Result};

/// What is stored. Every field is there; those that are not set are null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredConfig {
    allowed_methods: Vec<String>,
    required_headers: BTreeMap<String, String>,
    required_query_params: BTreeMap<String, String>,
    // Without `deserialize_with`, a lost field would read as null and switch a check off.
    #[serde(deserialize_with = "Option::deserialize")]
    shared_secret_header: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    hmac_header: Option<String>,
    hmac_algorithm: String,
    #[serde(deserialize_with = "Option::deserialize")]
    signature_prefix: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    hmac_timestamp_header: Option<String>,
    hmac_tolerance_seconds: u32,
    #[serde(deserialize_with = "Option::deserialize")]
    rate_limit: Option<StoredRateLimit>,
    #[serde(deserialize_with = "Option::deserialize")]
    idempotency_header: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRateLimit {
    limit: u32,
    interval_seconds: u32,
}

/// Returns the form that is stored: a JSON object with every field.
pub(crate) fn config_to_json(config: &WebhookConfig) -> Value {
    let rate_limit = config
        .rate_limit
        .map(|rate| json!({"limit": rate.limit, "interval_seconds": rate.interval_seconds}));
    json!({
        "allowed_methods": config.allowed_methods,
        "required_headers": config.required_headers,
        "required_query_params": config.required_query_params,
        "shared_secret_header": config.shared_secret_header,
        "hmac_header": config.hmac_header,
        "hmac_algorithm": config.hmac_algorithm.as_str(),
        "signature_prefix": config.signature_prefix,
        "hmac_timestamp_header": config.hmac_timestamp_header,
        "hmac_tolerance_seconds": config.hmac_tolerance_seconds,
        "rate_limit": rate_limit,
        "idempotency_header": config.idempotency_header,
    })
}

/// Reads the form that is stored.
///
/// # Errors
/// `Invalid` when a field is missing, unknown or of another type. The message shows no value:
/// required headers may hold credentials.
pub(crate) fn config_from_json(value: &Value) -> Result<WebhookConfig> {
    let stored = StoredConfig::deserialize(value).map_err(|_shows_values| {
        Error::invalid("webhook", "has a missing, an unknown or a mistyped field")
    })?;
    let rate_limit = stored
        .rate_limit
        .map(|rate| RateLimit { limit: rate.limit, interval_seconds: rate.interval_seconds });
    Ok(WebhookConfig {
        allowed_methods: stored.allowed_methods,
        required_headers: stored.required_headers,
        required_query_params: stored.required_query_params,
        shared_secret_header: stored.shared_secret_header,
        hmac_header: stored.hmac_header,
        hmac_algorithm: stored.hmac_algorithm.parse()?,
        signature_prefix: stored.signature_prefix,
        hmac_timestamp_header: stored.hmac_timestamp_header,
        hmac_tolerance_seconds: stored.hmac_tolerance_seconds,
        rate_limit,
        idempotency_header: stored.idempotency_header,
    })
}
