//! Signatures: HMAC (RFC 2104) over the raw body, in the forms that senders use.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use store_core::workflow::{HmacAlgorithm, WebhookConfig, WebhookRequest};
use store_core::{Denial, Error, ExposeSecret as _, Result, SecretString, Timestamp};
use subtle::ConstantTimeEq as _;

use super::request::single_header;
use super::{Replay, denied};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&STANDARD, ANY_PADDING), GeneralPurpose::new(&URL_SAFE, ANY_PADDING)];

/// Checks the signature of a request and, if one is signed, its timestamp.
///
/// The header holds parts between commas; one that matches is enough. With a timestamp the
/// signature is over `<seconds>.<body>`, and what is returned must not be accepted again. The
/// timestamp is the part `t=` when both have the same header.
///
/// # Errors
/// `Denied` with `Unauthenticated` for everything that does not match, and for a header without
/// its secret or a secret without its header.
pub(super) fn check(
    config: &WebhookConfig,
    secret: Option<&SecretString>,
    request: &WebhookRequest,
    now: Timestamp,
) -> Result<Option<Replay>> {
    let (header, secret) = match (&config.hmac_header, secret) {
        (None, None) => return Ok(None),
        (Some(header), Some(secret)) => (header, secret.expose_secret().as_bytes()),
        _ => return Err(unauthenticated()),
    };
    let signatures = single_text(request, header)?;
    let time = match &config.hmac_timestamp_header {
        None => None,
        Some(name) if name == header => Some(SignedTime::parse(time_part(signatures)?)?),
        Some(name) => Some(SignedTime::parse(single_text(request, name)?)?),
    };
    let body = request.body.as_slice();
    let expected = match &time {
        Some(time) => mac(config.hmac_algorithm, secret, &[time.text.as_bytes(), b".", body])?,
        None => mac(config.hmac_algorithm, secret, &[body])?,
    };
    if !parts(signatures).any(|part| part_matches(config, part, &expected)) {
        return Err(unauthenticated());
    }
    time.map(|time| time.replay(&expected, config.hmac_tolerance_seconds, now)).transpose()
}

/// Computes the HMAC of the concatenated `message`.
pub(super) fn mac(algorithm: HmacAlgorithm, key: &[u8], message: &[&[u8]]) -> Result<Vec<u8>> {
    match algorithm {
        HmacAlgorithm::Sha256 => compute::<Hmac<Sha256>>(key, message),
        HmacAlgorithm::Sha384 => compute::<Hmac<Sha384>>(key, message),
        HmacAlgorithm::Sha512 => compute::<Hmac<Sha512>>(key, message),
        HmacAlgorithm::Sha1 => compute::<Hmac<Sha1>>(key, message),
    }
}

fn compute<M: Mac + KeyInit>(key: &[u8], message: &[&[u8]]) -> Result<Vec<u8>> {
    // HMAC takes keys of every length; the error exists for other kinds of MAC.
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_wrong_length| unauthenticated())?;
    for part in message {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().to_vec())
}

fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim_ascii)
}

fn part_matches(config: &WebhookConfig, part: &str, mac: &[u8]) -> bool {
    let text = match (&config.signature_prefix, part.split_once('=')) {
        (Some(prefix), _) => part.strip_prefix(prefix.as_str()),
        (None, Some(("v1", text))) => Some(text),
        (None, Some((label, text))) if label == config.hmac_algorithm.as_str() => Some(text),
        // Base64 may end in `=`.
        (None, _) => Some(part),
    };
    text.is_some_and(|text| text_matches(text, mac))
}

/// Compares a signature in hex or base64 with the MAC, in constant time.
fn text_matches(text: &str, mac: &[u8]) -> bool {
    // Text can be valid hex and valid base64 at once, so that each form is compared.
    let from_hex = hex::decode(text).ok();
    let from_base64 = BASE64.iter().filter_map(|engine| engine.decode(text).ok());
    from_hex.into_iter().chain(from_base64).any(|bytes| bytes.ct_eq(mac).into())
}

/// Returns the text of a header that came exactly once and is ASCII.
fn single_text<'r>(request: &'r WebhookRequest, name: &str) -> Result<&'r str> {
    let value = single_header(request, name).filter(|value| value.is_ascii());
    value.and_then(|value| std::str::from_utf8(value).ok()).ok_or_else(unauthenticated)
}

/// Returns what follows the only `t=` of a signature header.
fn time_part(signatures: &str) -> Result<&str> {
    let mut times = parts(signatures).filter_map(|part| part.strip_prefix("t="));
    times.next().filter(|_only| times.next().is_none()).ok_or_else(unauthenticated)
}

/// The instant that a signature covers.
struct SignedTime<'r> {
    /// As it was sent, because that is what was signed.
    text: &'r str,
    seconds: i64,
}

impl<'r> SignedTime<'r> {
    /// Reads whole seconds since 1970: digits only.
    fn parse(text: &'r str) -> Result<Self> {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let seconds = digits.and_then(|digits| digits.parse().ok()).ok_or_else(unauthenticated)?;
        Ok(Self { text, seconds })
    }

    /// Checks the age of the signature and returns what must not be accepted again.
    fn replay(&self, mac: &[u8], tolerance_seconds: u32, now: Timestamp) -> Result<Replay> {
        // Made of the bytes we computed: the sender's text has many forms that match.
        let key = format!("hmac:{}:{}", hex::encode(mac), self.seconds);
        if tolerance_seconds == 0 {
            return Ok(Replay { key, expires_at: None });
        }
        let micros = self.seconds.checked_mul(1_000_000).ok_or_else(unauthenticated)?;
        let signed_at = Timestamp::from_micros(micros).map_err(|_range| unauthenticated())?;
        let tolerance = Duration::from_secs(u64::from(tolerance_seconds));
        if now.since(signed_at).max(signed_at.since(now)) > tolerance {
            return Err(unauthenticated());
        }
        // A second more than the signature can be accepted, which ends inclusively.
        let expires_at = signed_at.plus(tolerance + Duration::from_secs(1))?;
        Ok(Replay { key, expires_at: Some(expires_at) })
    }
}

const fn unauthenticated() -> Error {
    denied(Denial::Unauthenticated)
}
