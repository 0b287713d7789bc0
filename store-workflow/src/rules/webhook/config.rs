//! What a configuration may hold.

use std::collections::BTreeMap;

use store_core::workflow::{RateLimit, WebhookConfig};
use store_core::{Error, ExposeSecret as _, Result, SecretString};

/// The most methods, required headers and required query parameters.
const ENTRIES_MAX: usize = 64;
const NAME_MAX_BYTES: usize = 255;
const VALUE_MAX_BYTES: usize = 4096;

/// Checks a configuration and brings it into the form that is stored.
///
/// A header that carries a secret is set exactly when that secret is. Header values are printable
/// ASCII, because nothing else arrives the same through every server.
///
/// # Errors
/// `Invalid` names the field as `webhook.<field>`.
pub(crate) fn checked_config(
    config: WebhookConfig,
    has_shared_secret: bool,
    has_hmac_secret: bool,
) -> Result<WebhookConfig> {
    let config = WebhookConfig {
        allowed_methods: methods(&config.allowed_methods)?,
        required_headers: required_headers(config.required_headers)?,
        required_query_params: required_query_params(config.required_query_params)?,
        shared_secret_header: header("shared_secret_header", config.shared_secret_header)?,
        hmac_header: header("hmac_header", config.hmac_header)?,
        hmac_timestamp_header: header("hmac_timestamp_header", config.hmac_timestamp_header)?,
        idempotency_header: header("idempotency_header", config.idempotency_header)?,
        ..config
    };
    check_pair("shared_secret_header", config.shared_secret_header.is_some(), has_shared_secret)?;
    check_pair("hmac_header", config.hmac_header.is_some(), has_hmac_secret)?;
    check_signature_fields(&config)?;
    check_distinct(&config)?;
    check_rate_limit(config.rate_limit)?;
    Ok(config)
}

/// Checks a secret: 1 to 4096 bytes without control characters.
///
/// # Errors
/// `Invalid` names `field`.
pub(crate) fn checked_secret(field: &str, secret: SecretString) -> Result<SecretString> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if text.len() > VALUE_MAX_BYTES {
        return Err(Error::invalid(field, format!("has more than {VALUE_MAX_BYTES} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "holds a control character"));
    }
    Ok(secret)
}

fn methods(methods: &[String]) -> Result<Vec<String>> {
    const FIELD: &str = "allowed_methods";
    if methods.is_empty() {
        return Err(invalid(FIELD, "must not be empty"));
    }
    check_entries(FIELD, methods.len())?;
    for method in methods {
        check_token(FIELD, method)?;
    }
    let mut methods: Vec<_> = methods.iter().map(|method| method.to_ascii_uppercase()).collect();
    methods.sort_unstable();
    methods.dedup();
    Ok(methods)
}

fn required_headers(headers: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    const FIELD: &str = "required_headers";
    check_entries(FIELD, headers.len())?;
    let mut lowered = BTreeMap::new();
    for (name, value) in headers {
        check_token(FIELD, &name)?;
        check_header_value(FIELD, &value)?;
        if lowered.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(invalid(FIELD, "names a header twice: case makes no difference"));
        }
    }
    Ok(lowered)
}

fn required_query_params(params: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    const FIELD: &str = "required_query_params";
    check_entries(FIELD, params.len())?;
    for (name, value) in &params {
        if name.is_empty() {
            return Err(invalid(FIELD, "holds an empty name"));
        }
        check_bytes(FIELD, name, NAME_MAX_BYTES)?;
        check_bytes(FIELD, value, VALUE_MAX_BYTES)?;
        if name.chars().chain(value.chars()).any(char::is_control) {
            return Err(invalid(FIELD, "holds a control character"));
        }
    }
    Ok(params)
}

fn header(field: &str, name: Option<String>) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    check_token(field, &name)?;
    Ok(Some(name.to_ascii_lowercase()))
}

fn check_pair(field: &str, has_header: bool, has_secret: bool) -> Result<()> {
    match (has_header, has_secret) {
        (true, false) => Err(invalid(field, "is set without its secret")),
        (false, true) => Err(invalid(field, "must be set, because its secret is")),
        _ => Ok(()),
    }
}

fn check_signature_fields(config: &WebhookConfig) -> Result<()> {
    if config.hmac_header.is_none() {
        let only_with = "has a meaning only together with hmac_header";
        if config.hmac_timestamp_header.is_some() {
            return Err(invalid("hmac_timestamp_header", only_with));
        }
        if config.signature_prefix.is_some() {
            return Err(invalid("signature_prefix", only_with));
        }
    }
    config.signature_prefix.as_deref().map_or(Ok(()), check_prefix)
}

fn check_prefix(prefix: &str) -> Result<()> {
    const FIELD: &str = "signature_prefix";
    check_bytes(FIELD, prefix, NAME_MAX_BYTES)?;
    // The header is cut at commas and its parts are trimmed before the prefix is looked for.
    let fits = prefix.starts_with(|first: char| first.is_ascii_graphic())
        && prefix.chars().all(|c| c != ',' && (c == ' ' || c.is_ascii_graphic()));
    if !fits {
        return Err(invalid(FIELD, "must be printable ASCII that begins visibly, without commas"));
    }
    Ok(())
}

/// Checks that no header has two meanings that exclude each other.
///
/// The signature's header may carry the timestamp as well. It must not be the idempotency header:
/// one signature can be written in several ways.
fn check_distinct(config: &WebhookConfig) -> Result<()> {
    let shared = config.shared_secret_header.as_ref();
    if shared.is_some() {
        let others = [
            ("hmac_header", &config.hmac_header),
            ("hmac_timestamp_header", &config.hmac_timestamp_header),
            ("idempotency_header", &config.idempotency_header),
        ];
        if let Some((field, _)) = others.iter().find(|(_, other)| other.as_ref() == shared) {
            return Err(invalid(field, "is the header of the shared secret"));
        }
    }
    if config.hmac_header.is_some() && config.idempotency_header == config.hmac_header {
        return Err(invalid("idempotency_header", "is the header of the signature"));
    }
    Ok(())
}

fn check_rate_limit(limit: Option<RateLimit>) -> Result<()> {
    match limit {
        Some(RateLimit { limit: 0, .. } | RateLimit { interval_seconds: 0, .. }) => {
            Err(invalid("rate_limit", "limit and interval_seconds must be at least 1"))
        }
        _ => Ok(()),
    }
}

fn check_entries(field: &str, count: usize) -> Result<()> {
    if count > ENTRIES_MAX {
        return Err(invalid(
            field,
            &format!("has {count} entries, at most {ENTRIES_MAX} are allowed"),
        ));
    }
    Ok(())
}

fn check_bytes(field: &str, text: &str, max: usize) -> Result<()> {
    if text.len() > max {
        return Err(invalid(
            field,
            &format!("holds a text of {} bytes, at most {max} are allowed", text.len()),
        ));
    }
    Ok(())
}

/// Checks a `token` of RFC 9110, section 5.6.2: what methods and names of headers are.
fn check_token(field: &str, text: &str) -> Result<()> {
    check_bytes(field, text, NAME_MAX_BYTES)?;
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_tchar) {
        return Err(invalid(field, "must be a token of HTTP (RFC 9110, section 5.6.2)"));
    }
    Ok(())
}

fn check_header_value(field: &str, value: &str) -> Result<()> {
    check_bytes(field, value, VALUE_MAX_BYTES)?;
    if value.chars().any(|c| c != ' ' && c != '\t' && !c.is_ascii_graphic()) {
        return Err(invalid(field, "holds a value that is not printable ASCII"));
    }
    // HTTP does not transmit the blanks around a value.
    if value.trim_ascii() != value {
        return Err(invalid(field, "holds a value that begins or ends with a blank"));
    }
    Ok(())
}

fn invalid(field: &str, reason: &str) -> Error {
    Error::invalid(format!("webhook.{field}"), reason)
}
