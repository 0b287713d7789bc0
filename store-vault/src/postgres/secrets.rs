//! Queries on sealed values. Their credential is locked by whoever writes them.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Bind, Statement, db_error};
use store_core::vault::{AccessContext, Credential, OAuthTokens, SecretVersion, StoredTokens};
use store_core::{CredentialId, Error, Result, SecretString};

use super::rows::{SecretRow, VersionRow, stored};
use super::schema::vault_secrets::{self, dsl};
use crate::rules::Context;
use crate::rules::credential::Held;
use crate::rules::secret::{Field, ReadySecret, Sealed, VERSIONS_KEPT, opened, removed};

// parity: prepared once, where the query builder prepares an insertion of rows at each call.
const INSERT: &str = "INSERT INTO vault_secrets \
     (credential_id, key_id, created_at, created_by, field, version, envelope) \
     SELECT ?, ?, ?, ?, * FROM unnest(?, ?, ?)";

/// Stores sealed values.
pub(super) async fn secrets_insert(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    secrets: &[ReadySecret],
) -> Result<()> {
    enum Insert {}
    if secrets.is_empty() {
        return Ok(());
    }
    let binds = vec![
        Bind::Uuid(id.as_uuid()),
        Bind::Text(cx.keys.current_id()),
        Bind::Instant(Some(stored(cx.clock.now()))),
        Bind::Text(access.actor().as_str()),
        Bind::Texts(secrets.iter().map(|secret| secret.field.as_str()).collect()),
        Bind::BigInts(secrets.iter().map(|secret| secret.version).collect()),
        Bind::Bytes(secrets.iter().map(|secret| secret.envelope.as_slice()).collect()),
    ];
    Statement::<Insert, ()>::new(INSERT, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("secrets_insert"))
}

/// Opens the current secret of a credential, which has to be the newest that is there: somebody who
/// sets the counter back does not bring an older one to life.
pub(super) async fn secret_open(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    credential: &Credential,
) -> Result<SecretString> {
    let (id, version) = (credential.id, credential.secret_version);
    let newest: Option<(i64, String, Vec<u8>)> = vault_secrets::table
        .filter(dsl::credential_id.eq(id.as_uuid()))
        .filter(dsl::field.eq(Field::Secret.as_str()))
        .order(dsl::version.desc())
        .select((dsl::version, dsl::key_id, dsl::envelope))
        .first(conn)
        .await
        .optional()
        .map_err(db_error("secret_open"))?;
    match newest {
        Some((newest, key_id, envelope)) if newest == version => {
            let sealed = Sealed { key_id, envelope };
            opened(&cx.keys, id, Field::Secret, version, &sealed)
        }
        _ => Err(removed(id)),
    }
}

/// Opens a version of a secret.
pub(super) async fn version_open(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: CredentialId,
    version: i64,
) -> Result<Option<SecretString>> {
    let found: Option<(String, Vec<u8>)> = vault_secrets::table
        .find((id.as_uuid(), Field::Secret.as_str(), version))
        .select((dsl::key_id, dsl::envelope))
        .first(conn)
        .await
        .optional()
        .map_err(db_error("version_open"))?;
    let Some((key_id, envelope)) = found else { return Ok(None) };
    let sealed = Sealed { key_id, envelope };
    opened(&cx.keys, id, Field::Secret, version, &sealed).map(Some)
}

/// Lists the versions of a secret, newest first.
pub(super) async fn version_list(
    conn: &mut AsyncPgConnection,
    credential: &Credential,
) -> Result<Vec<SecretVersion>> {
    let rows: Vec<VersionRow> = vault_secrets::table
        .filter(dsl::credential_id.eq(credential.id.as_uuid()))
        .filter(dsl::field.eq(Field::Secret.as_str()))
        .order(dsl::version.desc())
        .select(VersionRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("version_list"))?;
    rows.into_iter().map(|row| row.into_record(credential.secret_version)).collect()
}

/// Deletes the versions of a secret that are not kept any more.
pub(super) async fn versions_prune(
    conn: &mut AsyncPgConnection,
    credential: &Credential,
) -> Result<()> {
    let old = vault_secrets::table
        .filter(dsl::credential_id.eq(credential.id.as_uuid()))
        .filter(dsl::field.eq(Field::Secret.as_str()))
        .filter(dsl::version.le(credential.secret_version - VERSIONS_KEPT));
    diesel::delete(old).execute(conn).await.map(drop).map_err(db_error("versions_prune"))
}

/// Opens the tokens of a credential.
pub(super) async fn tokens_open(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    held: &Held,
) -> Result<StoredTokens> {
    let (id, version) = (held.credential.id, held.tokens_version);
    let mut rows: Vec<SecretRow> = vault_secrets::table
        .filter(dsl::credential_id.eq(id.as_uuid()))
        .filter(dsl::field.eq_any(Field::TOKENS.map(Field::as_str)))
        .filter(dsl::version.eq(version))
        .select(SecretRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("tokens_open"))?;
    let state = held.credential.oauth.unwrap_or_default();
    let mut open = |field: Field, expected: bool| -> Result<Option<SecretString>> {
        let found = rows.iter().position(|row| row.field == field.as_str());
        match found.map(|place| rows.swap_remove(place)) {
            Some(row) if expected => {
                opened(&cx.keys, id, field, version, &row.into_sealed()).map(Some)
            }
            None if !expected => Ok(None),
            // One that is not expected was put there.
            _ => Err(removed(id)),
        }
    };
    let tokens = OAuthTokens {
        access_token: open(Field::AccessToken, state.has_access_token)?,
        refresh_token: open(Field::RefreshToken, state.has_refresh_token)?,
        expires_at: state.expires_at,
    };
    Ok(StoredTokens { tokens, version })
}

/// Deletes the tokens of a credential.
pub(super) async fn tokens_delete(conn: &mut AsyncPgConnection, id: CredentialId) -> Result<()> {
    let old = vault_secrets::table
        .filter(dsl::credential_id.eq(id.as_uuid()))
        .filter(dsl::field.eq_any(Field::TOKENS.map(Field::as_str)));
    diesel::delete(old).execute(conn).await.map(drop).map_err(db_error("tokens_delete"))
}

/// Says that a version of a secret is not kept.
pub(super) fn version_absent(version: i64) -> Error {
    Error::not_found("secret version", version)
}
