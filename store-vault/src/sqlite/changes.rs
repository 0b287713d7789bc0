//! Changes of a credential: it is held, then changed, and its audit says so.

use diesel::SqliteConnection;
use serde_json::json;
use store_core::vault::{
    AccessContext, Credential, HealthStatus, OAuthTokens, RefreshLease, VaultAuditAction,
};
use store_core::{CredentialId, Error, Result, SecretString};

use super::audit::entry_append;
use super::credentials::{credential_delete, credential_hold, credential_store};
use super::keys::key_hold;
use super::leases::lease_end;
use super::secrets::{
    secret_open, secrets_insert, tokens_delete, version_absent, version_open, versions_prune,
};
use crate::rules::Context;
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::credential::{Held, checked_oauth};
use crate::rules::lease::{checked_lease, lost_if_gone};
use crate::rules::secret::same;
use crate::rules::update::{ReadyUpdate, checked_row_version, mark_health};

/// Changes a credential.
pub(super) fn credential_update(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    update: &ReadyUpdate,
) -> Result<Credential> {
    let mut held = credential_hold(conn, access, id)?;
    let found = held.credential.row_version;
    checked_row_version("credential", id, update.expected_row_version, found)?;
    let mut changes = update.apply(&mut held.credential);
    if let Some(secret) = &update.secret
        && !same(secret, &secret_open(conn, cx, &held.credential)?)
    {
        let from = held.credential.secret_version;
        secret_replace(conn, cx, access, &mut held, secret)?;
        let to = held.credential.secret_version;
        changes.insert("secret_version".to_owned(), json!({"from": from, "to": to}));
    }
    if changes.is_empty() {
        return Ok(held.credential);
    }
    held.changed(cx.clock.now());
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Updated, access, changes)?;
    change_store(conn, held, &entry)
}

/// Gives a credential another secret.
pub(super) fn secret_rotate(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    secret: &SecretString,
) -> Result<Credential> {
    let mut held = credential_hold(conn, access, id)?;
    if same(secret, &secret_open(conn, cx, &held.credential)?) {
        return Err(Error::invalid("secret", "is the one that the credential has"));
    }
    secret_replace(conn, cx, access, &mut held, secret)?;
    held.changed(cx.clock.now());
    let about = details([("secret_version", json!(held.credential.secret_version))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Rotated, access, about)?;
    change_store(conn, held, &entry)
}

/// Gives a credential an older secret again.
pub(super) fn version_restore(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    version: i64,
) -> Result<Credential> {
    let mut held = credential_hold(conn, access, id)?;
    if version == held.credential.secret_version {
        return Err(Error::invalid_state("secret version", version, "current", "restored"));
    }
    let found = version_open(conn, cx, id, version)?;
    let secret = found.ok_or_else(|| version_absent(version))?;
    secret_replace(conn, cx, access, &mut held, &secret)?;
    held.changed(cx.clock.now());
    let current = held.credential.secret_version;
    let about = details([("restored", json!(version)), ("secret_version", json!(current))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Restored, access, about)?;
    change_store(conn, held, &entry)
}

/// Notes what a check of a credential came to.
pub(super) fn health_mark(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    status: HealthStatus,
    failure_reason: Option<&str>,
) -> Result<Credential> {
    let mut held = credential_hold(conn, access, id)?;
    mark_health(cx, &mut held, status, failure_reason);
    let about = details([("status", json!(status.as_str()))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::HealthMarked, access, about)?;
    change_store(conn, held, &entry)
}

/// Deletes a credential.
pub(super) fn credential_remove(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
) -> Result<()> {
    let mut held = credential_hold(conn, access, id)?;
    credential_delete(conn, id)?;
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Deleted, access, details([]))?;
    entry_append(conn, &mut held.head, &entry)
}

/// Puts tokens in the place of those of a credential.
pub(super) fn tokens_update(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    tokens: &OAuthTokens,
) -> Result<Credential> {
    let mut held = credential_hold(conn, access, id)?;
    checked_oauth(&held.credential)?;
    tokens_replace(conn, cx, access, &mut held, tokens)?;
    let about = details([("tokens_version", json!(held.tokens_version))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::TokensUpdated, access, about)?;
    change_store(conn, held, &entry)
}

/// Puts the tokens of a refresh in place, and ends its lease.
pub(super) fn refresh_complete(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    lease: &RefreshLease,
    tokens: &OAuthTokens,
) -> Result<Credential> {
    let id = lease.credential_id;
    let mut held = lost_if_gone(credential_hold(conn, access, id), lease)?;
    checked_lease(&held, lease)?;
    lease_end(conn, id)?;
    tokens_replace(conn, cx, access, &mut held, tokens)?;
    let (version, epoch) = (held.tokens_version, lease.epoch);
    let about = details([("tokens_version", json!(version)), ("epoch", json!(epoch))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::TokensUpdated, access, about)?;
    change_store(conn, held, &entry)
}

/// Seals and stores the next version of a secret.
fn secret_replace(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    held: &mut Held,
    secret: &SecretString,
) -> Result<()> {
    key_hold(conn, cx)?;
    let ready = held.next_secret(cx, secret, cx.clock.now())?;
    secrets_insert(conn, cx, access, held.credential.id, &[ready])?;
    versions_prune(conn, &held.credential)
}

/// Seals and stores the next version of the tokens.
fn tokens_replace(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    held: &mut Held,
    tokens: &OAuthTokens,
) -> Result<()> {
    key_hold(conn, cx)?;
    let ready = held.next_tokens(cx, tokens)?;
    held.changed(cx.clock.now());
    tokens_delete(conn, held.credential.id)?;
    secrets_insert(conn, cx, access, held.credential.id, &ready)
}

/// Stores what has become of a credential, and the entry of its audit.
fn change_store(
    conn: &mut SqliteConnection,
    mut held: Held,
    entry: &ReadyEntry,
) -> Result<Credential> {
    credential_store(conn, &held)?;
    entry_append(conn, &mut held.head, entry)?;
    Ok(held.credential)
}
