//! The input of a run that a request starts.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use store_core::workflow::{WebhookConfig, WebhookRequest};

/// Builds `{body, headers, query_params, source_ip}`.
///
/// The JSON policy is not applied here: whoever stores the input does that.
pub(super) fn input(config: &WebhookConfig, request: &WebhookRequest) -> Value {
    json!({
        "body": body(&request.body),
        "headers": headers(config, request),
        "query_params": query_params(request),
        "source_ip": request.source_ip.map(|ip| ip.to_string()),
    })
}

/// Returns the body: null when empty, else as JSON, else `{"raw": text}`, and for bytes that are
/// not UTF-8 `{"raw": base64, "encoding": "base64"}`.
///
/// JSON that `serde_json` does not read counts as text: deeper than 127 levels, or with numbers
/// beyond `f64`.
fn body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"raw": text}),
        Err(_) => json!({"raw": STANDARD.encode(bytes), "encoding": "base64"}),
    }
}

/// Returns the headers as an object of texts, without those of the secret and the signature.
///
/// Names are in lower case, the values of a repeated header are joined by `, `, and bytes that
/// are not UTF-8 become U+FFFD.
fn headers(config: &WebhookConfig, request: &WebhookRequest) -> Value {
    let removed = [config.shared_secret_header.as_ref(), config.hmac_header.as_ref()];
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if removed.contains(&Some(&name)) {
            continue;
        }
        let value = String::from_utf8_lossy(value);
        match headers.get_mut(&name) {
            Some(Value::String(joined)) => {
                joined.push_str(", ");
                joined.push_str(&value);
            }
            _ => {
                headers.insert(name, value.into());
            }
        }
    }
    Value::Object(headers)
}

/// Returns the query as an object: a text, or an array of texts when a parameter is repeated.
fn query_params(request: &WebhookRequest) -> Value {
    let mut params: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &request.query {
        params.entry(name).or_default().push(value);
    }
    let value = |values: Vec<&str>| match values[..] {
        [only] => Value::from(only),
        _ => Value::from(values),
    };
    params.into_iter().map(|(name, values)| (name.to_owned(), value(values))).collect()
}
