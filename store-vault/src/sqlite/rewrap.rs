//! Giving sealed values another key.

use diesel::prelude::*;
use store_core::sqlite::db_error;
use store_core::{CredentialId, Error, Result};

use super::keys::key_hold;
use super::rows::SecretRow;
use super::schema::vault_credentials::{self, dsl};
use super::schema::vault_secrets;
use crate::rules::Context;
use crate::rules::secret::{Field, rewrapped};

/// What a transaction of a rewrap came to.
#[derive(Debug, Default)]
pub(super) struct RewrappedBatch {
    /// The last credential it looked at; none when there was no more.
    pub(super) last: Option<CredentialId>,
    /// How many values got the current key.
    pub(super) values: u64,
    /// Those with a value that does not open.
    pub(super) tampered: Vec<CredentialId>,
}

/// Gives the values of the next credentials the current key.
pub(super) fn rewrap_batch(
    conn: &mut SqliteConnection,
    cx: &Context,
    after: Option<CredentialId>,
    limit: i64,
) -> Result<RewrappedBatch> {
    key_hold(conn, cx)?;
    let ids = credentials_next(conn, cx, after, limit)?;
    let Some(last) = ids.last() else { return Ok(RewrappedBatch::default()) };
    let last = credential_id(last)?;
    let rows: Vec<SecretRow> = vault_secrets::table
        .filter(vault_secrets::credential_id.eq_any(&ids))
        .filter(vault_secrets::key_id.ne(cx.keys.current_id()))
        .order((vault_secrets::credential_id, vault_secrets::field, vault_secrets::version))
        .select(SecretRow::as_select())
        .load(conn)
        .map_err(db_error("rewrap_batch"))?;
    let mut batch = RewrappedBatch { last: Some(last), ..RewrappedBatch::default() };
    let mut done = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.credential_id.clone();
        match rewrapped(&cx.keys, &id, &row.field, row.version, &row.key_id, &row.envelope) {
            Ok(envelope) => done.push(SecretRow { envelope, ..row }),
            Err(Error::Tampered { .. }) => batch.tampered.push(credential_id(&id)?),
            Err(error) => return Err(error),
        }
    }
    batch.tampered.dedup();
    batch.values = envelopes_replace(conn, cx, &done)?;
    key_ids_follow(conn, cx, &ids)?;
    Ok(batch)
}

// parity: nobody else writes before this transaction ends.
/// Finds the next credentials with a value under another key, in the order of their ids.
fn credentials_next(
    conn: &mut SqliteConnection,
    cx: &Context,
    after: Option<CredentialId>,
    limit: i64,
) -> Result<Vec<String>> {
    let others = vault_secrets::table
        .filter(vault_secrets::credential_id.eq(dsl::id))
        .filter(vault_secrets::key_id.ne(cx.keys.current_id()));
    vault_credentials::table
        .filter(diesel::dsl::exists(others))
        .filter(dsl::id.gt(after.map_or_else(String::new, |after| after.to_string())))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .map_err(db_error("credentials_next"))
}

/// Puts envelopes in the place of those that are there.
fn envelopes_replace(conn: &mut SqliteConnection, cx: &Context, rows: &[SecretRow]) -> Result<u64> {
    for row in rows {
        let place = (&row.credential_id, &row.field, row.version);
        diesel::update(vault_secrets::table.find(place))
            .set((
                vault_secrets::envelope.eq(&row.envelope),
                vault_secrets::key_id.eq(cx.keys.current_id()),
            ))
            .execute(conn)
            .map_err(db_error("envelopes_replace"))?;
    }
    Ok(rows.len() as u64)
}

/// Lets credentials name the key that their current secret is sealed with.
fn key_ids_follow(conn: &mut SqliteConnection, cx: &Context, ids: &[String]) -> Result<()> {
    let current = cx.keys.current_id();
    let follows = vault_secrets::table
        .filter(vault_secrets::credential_id.eq(dsl::id))
        .filter(vault_secrets::field.eq(Field::Secret.as_str()))
        .filter(vault_secrets::version.eq(dsl::secret_version))
        .filter(vault_secrets::key_id.eq(current));
    diesel::update(vault_credentials::table)
        .filter(dsl::id.eq_any(ids))
        .filter(diesel::dsl::exists(follows))
        .set(dsl::key_id.eq(current))
        .execute(conn)
        .map(drop)
        .map_err(db_error("key_ids_follow"))
}

// parity: ids arrive parsed in PostgreSQL.
fn credential_id(text: &str) -> Result<CredentialId> {
    text.parse().map_err(|cause| Error::corrupt("vault_secrets", "credential_id", text, cause))
}
