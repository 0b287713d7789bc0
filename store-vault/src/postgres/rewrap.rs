//! Giving sealed values another key.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Bind, Statement, db_error};
use store_core::{CredentialId, Error, Result};
use uuid::Uuid;

use super::keys::key_hold;
use super::rows::SecretRow;
use super::schema::vault_credentials::{self, dsl};
use super::schema::vault_secrets;
use crate::rules::Context;
use crate::rules::secret::{Field, rewrapped};

// parity: SQLite has no arrays.
const REPLACE: &str = "UPDATE vault_secrets AS there SET envelope = one.envelope, key_id = ? \
     FROM unnest(?, ?, ?, ?) AS one (credential_id, field, version, envelope) \
     WHERE there.credential_id = one.credential_id AND there.field = one.field \
     AND there.version = one.version";

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
pub(super) async fn rewrap_batch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    after: Option<CredentialId>,
    limit: i64,
) -> Result<RewrappedBatch> {
    key_hold(conn, cx).await?;
    let ids = credentials_lock(conn, cx, after, limit).await?;
    let Some(last) = ids.last() else { return Ok(RewrappedBatch::default()) };
    let rows: Vec<SecretRow> = vault_secrets::table
        .filter(vault_secrets::credential_id.eq_any(&ids))
        .filter(vault_secrets::key_id.ne(cx.keys.current_id()))
        .order((vault_secrets::credential_id, vault_secrets::field, vault_secrets::version))
        .select(SecretRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("rewrap_batch"))?;
    let mut batch = RewrappedBatch { last: Some((*last).into()), ..RewrappedBatch::default() };
    let mut done = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.credential_id.to_string();
        match rewrapped(&cx.keys, &id, &row.field, row.version, &row.key_id, &row.envelope) {
            Ok(envelope) => done.push(SecretRow { envelope, ..row }),
            Err(Error::Tampered { .. }) => batch.tampered.push(row.credential_id.into()),
            Err(error) => return Err(error),
        }
    }
    batch.tampered.dedup();
    batch.values = envelopes_replace(conn, cx, &done).await?;
    key_ids_follow(conn, cx, &ids).await?;
    Ok(batch)
}

// parity: SQLite has one writer, which needs no lock.
/// Locks the next credentials with a value under another key, in the order of their ids.
async fn credentials_lock(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    after: Option<CredentialId>,
    limit: i64,
) -> Result<Vec<Uuid>> {
    let others = vault_secrets::table
        .filter(vault_secrets::credential_id.eq(dsl::id))
        .filter(vault_secrets::key_id.ne(cx.keys.current_id()));
    vault_credentials::table
        .filter(diesel::dsl::exists(others))
        .filter(dsl::id.gt(after.map_or(Uuid::nil(), |after| after.as_uuid())))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id)
        .for_update()
        .load(conn)
        .await
        .map_err(db_error("credentials_lock"))
}

/// Puts envelopes in the place of those that are there.
async fn envelopes_replace(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    rows: &[SecretRow],
) -> Result<u64> {
    enum Replace {}
    if rows.is_empty() {
        return Ok(0);
    }
    let binds = vec![
        Bind::Text(cx.keys.current_id()),
        Bind::Uuids(rows.iter().map(|row| row.credential_id).collect()),
        Bind::Texts(rows.iter().map(|row| row.field.as_str()).collect()),
        Bind::BigInts(rows.iter().map(|row| row.version).collect()),
        Bind::Bytes(rows.iter().map(|row| row.envelope.as_slice()).collect()),
    ];
    Statement::<Replace, ()>::new(REPLACE, binds)
        .execute(conn)
        .await
        .map(|replaced| replaced as u64)
        .map_err(db_error("envelopes_replace"))
}

/// Lets credentials name the key that their current secret is sealed with.
async fn key_ids_follow(conn: &mut AsyncPgConnection, cx: &Context, ids: &[Uuid]) -> Result<()> {
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
        .await
        .map(drop)
        .map_err(db_error("key_ids_follow"))
}
