//! Revealing: what is opened, and the entry that says who saw it, are one transaction.

use diesel_async::AsyncPgConnection;
use serde_json::json;
use store_core::vault::{AccessContext, StoredTokens, VaultAuditAction};
use store_core::{CredentialId, Result, SecretString};

use super::audit::entry_append;
use super::credentials::credential_hold;
use super::secrets::{secret_open, tokens_open};
use crate::rules::Context;
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::credential::checked_oauth;

/// Reveals the secret of a credential.
pub(super) async fn secret_reveal(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
) -> Result<SecretString> {
    let mut held = credential_hold(conn, access, id).await?;
    let secret = secret_open(conn, cx, &held.credential).await?;
    let about = details([("secret_version", json!(held.credential.secret_version))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Revealed, access, about)?;
    entry_append(conn, &mut held.head, &entry).await?;
    Ok(secret)
}

/// Reveals the tokens of a credential.
pub(super) async fn tokens_reveal(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
) -> Result<StoredTokens> {
    let mut held = credential_hold(conn, access, id).await?;
    checked_oauth(&held.credential)?;
    let tokens = tokens_open(conn, cx, &held).await?;
    let about = details([("tokens_version", json!(held.tokens_version))]);
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::TokensRevealed, access, about)?;
    entry_append(conn, &mut held.head, &entry).await?;
    Ok(tokens)
}
