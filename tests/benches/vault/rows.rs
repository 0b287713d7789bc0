//! The columns and texts that both raw sides share.

use std::hint::black_box;

use aes_gcm::aead::Generate as _;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce};

use crate::common::Result;
use crate::common::rows::Layout;
use crate::operation::SECRET;

/// The id, then seven texts, four JSON values, six instants, four numbers.
pub(crate) const CREDENTIAL: &str = "id, name, provider, kind, health_status, \
    health_failure_reason, key_id, lease_owner, \
    scopes, workflow_ids, workspace_ids, roles, \
    health_checked_at, last_rotated_at, tokens_expire_at, lease_expires_at, created_at, updated_at, \
    secret_version, tokens_version, lease_epoch, row_version";

pub(crate) const CREDENTIAL_LAYOUT: Layout =
    Layout { ids: 0..1, texts: 1..8, json: 8..12, instants: 12..18, numbers: 18..22 };

/// The columns of a new credential.
pub(crate) const NEW_CREDENTIAL: &str = "id, name, name_key, provider, scopes, workflow_ids, \
    workspace_ids, roles, kind, health_status, key_id, secret_version, last_rotated_at, \
    tokens_version, has_access_token, has_refresh_token, lease_epoch, created_at, updated_at, \
    row_version, record_bytes";
pub(crate) const NEW_SECRET: &str =
    "credential_id, field, version, key_id, envelope, created_at, created_by";
pub(crate) const NEW_ENTRY: &str =
    "subject_id, sequence, subject, action, actor, details, at, previous_hash";
pub(crate) const HEAD: &str = "subject_id, sequence, hash";

/// JSON as it is stored.
pub(crate) const EMPTY: &str = "[]";
pub(crate) const DETAILS: &str = r#"{"secret_version":1}"#;
pub(crate) const KEY_ID: &str = "k1";

/// What an envelope has besides its value: nonces, tags, a data key, an id.
const ENVELOPE_BYTES: usize = 95;

/// Seals a secret with AES-256-GCM, in as many bytes as an envelope has.
pub(crate) fn sealed() -> Result<Vec<u8>> {
    let nonce = <[u8; 12]>::try_generate()?;
    let mut sealed = vec![0; ENVELOPE_BYTES];
    sealed.extend(SECRET.as_bytes());
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let value = (&mut sealed[ENVELOPE_BYTES..]).into();
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), b"", value);
    black_box(tag.map_err(|_length| "too long to be sealed")?);
    Ok(sealed)
}

/// Decrypts what has the length of a secret, and does not look at the tag.
pub(crate) fn opened(envelope: &[u8]) -> Result<()> {
    let mut value = envelope[envelope.len() - SECRET.len()..].to_vec();
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let buffer = value.as_mut_slice().into();
    let tag = cipher.encrypt_inout_detached(&Nonce::from([7; 12]), b"", buffer);
    black_box((tag.map_err(|_length| "too long to be opened")?, value));
    Ok(())
}
