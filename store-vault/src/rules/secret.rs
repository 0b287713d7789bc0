//! Sealing and opening of what a credential holds.

use store_core::seal::{KeyRing, SealContext, SecretSlice, key_id};
use store_core::vault::OAuthTokens;
use store_core::{CredentialId, Error, ExposeSecret, Message, Result, SecretString};
use subtle::ConstantTimeEq as _;

/// The table that envelopes are in, which each of them is bound to.
const TABLE: &str = "vault_secrets";
/// The longest secret or token, in bytes.
const SECRET_MAX: usize = 1024 * 1024;
/// How many versions of a secret are kept.
pub(crate) const VERSIONS_KEPT: i64 = 5;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Secret,
    AccessToken,
    RefreshToken,
}

impl Field {
    /// Both tokens.
    pub(crate) const TOKENS: [Self; 2] = [Self::AccessToken, Self::RefreshToken];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// A sealed value that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadySecret {
    pub(crate) field: Field,
    pub(crate) version: i64,
    pub(crate) envelope: Vec<u8>,
}

/// A sealed value as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) key_id: String,
    pub(crate) envelope: Vec<u8>,
}

/// Says what an envelope is bound to.
pub(crate) fn place(id: &str, field: Field, version: i64) -> SealContext<'_> {
    SealContext { table: TABLE, id, field: field.as_str(), version }
}

/// Checks a secret or a token.
pub(crate) fn checked_secret(field: &str, secret: &SecretString) -> Result<()> {
    let bytes = secret.expose_secret().len();
    if bytes == 0 {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if bytes > SECRET_MAX {
        let reason = format!("has {bytes} bytes, at most {SECRET_MAX} are allowed");
        return Err(Error::invalid(field, reason));
    }
    Ok(())
}

/// Checks tokens.
pub(crate) fn checked_tokens(tokens: &OAuthTokens) -> Result<()> {
    let texts = [
        ("oauth.access_token", &tokens.access_token),
        ("oauth.refresh_token", &tokens.refresh_token),
    ];
    for (field, token) in texts {
        token.as_ref().map_or(Ok(()), |token| checked_secret(field, token))?;
    }
    Ok(())
}

/// Seals a secret.
pub(crate) fn sealed(
    keys: &KeyRing,
    id: CredentialId,
    field: Field,
    version: i64,
    secret: &SecretString,
) -> Result<ReadySecret> {
    let id = id.to_string();
    let envelope = keys.seal(&place(&id, field, version), secret.expose_secret().as_bytes())?;
    Ok(ReadySecret { field, version, envelope })
}

/// Seals the tokens that are there.
pub(crate) fn sealed_tokens(
    keys: &KeyRing,
    id: CredentialId,
    version: i64,
    tokens: &OAuthTokens,
) -> Result<Vec<ReadySecret>> {
    Field::TOKENS
        .into_iter()
        .zip([&tokens.access_token, &tokens.refresh_token])
        .filter_map(|(field, token)| Some((field, token.as_ref()?)))
        .map(|(field, token)| sealed(keys, id, field, version, token))
        .collect()
}

/// Opens a secret, whose row names the key that sealed it.
///
/// An envelope that names another was changed: a key that the ring lacks is not to blame.
pub(crate) fn opened(
    keys: &KeyRing,
    id: CredentialId,
    field: Field,
    version: i64,
    sealed: &Sealed,
) -> Result<SecretString> {
    if key_id(&sealed.envelope).ok() != Some(sealed.key_id.as_str()) {
        return Err(removed(id));
    }
    let id = id.to_string();
    text(&id, &keys.open(&place(&id, field, version), &sealed.envelope)?)
}

/// Seals the data key of a value with the current key.
pub(crate) fn rewrapped(
    keys: &KeyRing,
    id: &str,
    field: &str,
    version: i64,
    sealed_with: &str,
    envelope: &[u8],
) -> Result<Vec<u8>> {
    if key_id(envelope).ok() != Some(sealed_with) {
        return Err(Error::Tampered { entity: TABLE, id: id.to_owned() });
    }
    keys.rewrap(&SealContext { table: TABLE, id, field, version }, envelope)
}

fn text(id: &str, bytes: &SecretSlice<u8>) -> Result<SecretString> {
    match std::str::from_utf8(bytes.expose_secret()) {
        Ok(text) => Ok(text.into()),
        // Where the text goes wrong would tell of the secret.
        Err(_not_text) => {
            let reason = Message("the secret is not text".to_owned());
            Err(Error::corrupt(TABLE, "envelope", id, reason))
        }
    }
}

/// Tells whether two secrets are equal, in a time that depends on their lengths alone.
pub(crate) fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret().as_bytes().ct_eq(b.expose_secret().as_bytes()).into()
}

/// A sealed value is not there although the credential counts on it, or is another.
pub(crate) fn removed(id: CredentialId) -> Error {
    Error::Tampered { entity: TABLE, id: id.to_string() }
}
