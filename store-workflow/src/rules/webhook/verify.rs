//! The checks of a request, in their order.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use store_core::workflow::{WebhookConfig, WebhookRequest};
use store_core::{Denial, ExposeSecret as _, Result, SecretString, Timestamp};
use subtle::ConstantTimeEq as _;

use super::request::{header_values, single_header};
use super::{Replay, Verified, WebhookSecrets, denied, input, signature};

/// How long the value of an idempotency header is remembered: 7 days.
const IDEMPOTENCY_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Checks a request: method, required headers, query, signature, shared secret, idempotency header.
///
/// A required header or query parameter that came several times needs one value that is equal.
/// The headers of the signature, its timestamp, the shared secret and the idempotency key must
/// come exactly once. Nothing is consumed; values are compared as bytes.
///
/// # Errors
/// `Denied` for the first check that fails: `MethodNotAllowed`, `Malformed` (a required header, a
/// query parameter or the idempotency header), `Unauthenticated` (signature, timestamp, secret).
/// `Invalid` when the instant at which a replay key expires lies after the year 9999.
pub(crate) fn verify(
    config: &WebhookConfig,
    secrets: &WebhookSecrets,
    request: &WebhookRequest,
    now: Timestamp,
) -> Result<Verified> {
    check_method(config, request)?;
    check_required(config, request)?;
    let signed = signature::check(config, secrets.hmac.as_ref(), request, now)?;
    check_shared_secret(config, secrets.shared.as_ref(), request)?;
    let replay = match signed {
        Some(replay) => Some(replay),
        None => idempotency(config, request, now)?,
    };
    Ok(Verified { input: input::input(config, request), replay })
}

fn check_method(config: &WebhookConfig, request: &WebhookRequest) -> Result<()> {
    let allowed = |method: &String| method.eq_ignore_ascii_case(&request.method);
    if config.allowed_methods.iter().any(allowed) {
        return Ok(());
    }
    Err(denied(Denial::MethodNotAllowed))
}

fn check_required(config: &WebhookConfig, request: &WebhookRequest) -> Result<()> {
    // Constant time as well: senders use fixed headers and parameters as tokens.
    let headers = config.required_headers.iter().all(|(name, value)| {
        header_values(request, name).any(|given| given.ct_eq(value.as_bytes()).into())
    });
    let query = config.required_query_params.iter().all(|(name, value)| {
        let mut values = request.query.iter().filter(|(other, _)| other == name);
        values.any(|(_, given)| given.as_bytes().ct_eq(value.as_bytes()).into())
    });
    if headers && query {
        return Ok(());
    }
    Err(denied(Denial::Malformed))
}

fn check_shared_secret(
    config: &WebhookConfig,
    secret: Option<&SecretString>,
    request: &WebhookRequest,
) -> Result<()> {
    let equal = match (&config.shared_secret_header, secret) {
        (None, None) => true,
        (Some(header), Some(secret)) => single_header(request, header)
            .is_some_and(|given| given.ct_eq(secret.expose_secret().as_bytes()).into()),
        // A header without its secret, or a secret without its header, proves nothing.
        _ => false,
    };
    if equal {
        return Ok(());
    }
    Err(denied(Denial::Unauthenticated))
}

/// Returns the replay key of the idempotency header, which must not be empty.
fn idempotency(
    config: &WebhookConfig,
    request: &WebhookRequest,
    now: Timestamp,
) -> Result<Option<Replay>> {
    let Some(header) = &config.idempotency_header else { return Ok(None) };
    let value = single_header(request, header).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| denied(Denial::Malformed))?;
    let key = format!("id:{}", hex::encode(Sha256::digest(value)));
    Ok(Some(Replay { key, expires_at: Some(now.plus(IDEMPOTENCY_TTL)?) }))
}
