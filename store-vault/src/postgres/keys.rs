//! Queries on the keys that the vault knows.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Statement, db_error};
use store_core::vault::VaultKey;
use store_core::{Result, Timestamp};

use super::rows::{KeyRow, stored};
use super::schema::vault_keys::{self, dsl};
use crate::keys::RegisteredKey;
use crate::rules::Context;
use crate::rules::keys::retired;

const COUNTS: &str = "SELECT key_id, count(*) FROM vault_secrets GROUP BY key_id";

// parity: SQLite has one writer, which needs no lock.
const LOCK: &str = "LOCK TABLE vault_keys IN SHARE ROW EXCLUSIVE MODE";

// A key that was retired meanwhile stays.
const FORGET: &str = "DELETE FROM vault_keys AS known WHERE retired_at IS NOT NULL \
     AND NOT EXISTS (SELECT 1 FROM vault_secrets WHERE key_id = known.key_id) \
     AND NOT EXISTS (SELECT 1 FROM vault_credentials WHERE key_id = known.key_id) \
     RETURNING key_id";

/// Lists what the vault knows of keys, for who provides them.
pub(super) async fn keys_registered(conn: &mut AsyncPgConnection) -> Result<Vec<RegisteredKey>> {
    let rows = keys_load(conn).await?;
    // Only what was retired may open nothing: without that, nobody has to count.
    let counted = rows.iter().any(KeyRow::is_retired);
    let counts = if counted { values_count(conn).await? } else { Vec::new() };
    let opens = |row: &KeyRow| counts.iter().any(|(id, _)| id == row.key_id());
    Ok(rows
        .into_iter()
        .map(|row| {
            let retired = row.is_retired() && !opens(&row);
            row.into_registered(retired)
        })
        .collect())
}

async fn keys_load(conn: &mut AsyncPgConnection) -> Result<Vec<KeyRow>> {
    vault_keys::table
        .order(dsl::key_id)
        .select(KeyRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("keys_load"))
}

/// Registers a key, if the vault knows exactly the keys that this one was checked beside. Returns
/// whether it does.
pub(super) async fn key_register(
    conn: &mut AsyncPgConnection,
    registered: &[RegisteredKey],
    key: &RegisteredKey,
    now: Timestamp,
) -> Result<bool> {
    diesel::sql_query(LOCK).execute(conn).await.map_err(db_error("key_register"))?;
    if keys_registered(conn).await? != registered {
        return Ok(false);
    }
    diesel::insert_into(vault_keys::table)
        .values((
            dsl::key_id.eq(&key.key_id),
            dsl::check_value.eq(&key.check_value),
            dsl::derivation.eq(&key.derivation),
            dsl::registered_at.eq(stored(now)),
        ))
        .execute(conn)
        .await
        .map(|_one| true)
        .map_err(db_error("key_register"))
}

/// Keeps the current key from being retired before this transaction ends.
pub(super) async fn key_hold(conn: &mut AsyncPgConnection, cx: &Context) -> Result<()> {
    let current = cx.keys.current_id();
    let found: Option<String> = vault_keys::table
        .find(current)
        .filter(dsl::retired_at.is_null())
        .select(dsl::key_id)
        .for_share()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("key_hold"))?;
    found.map(drop).ok_or_else(|| retired(current))
}

/// Lists the keys, and how much each of them opens.
pub(super) async fn key_list(conn: &mut AsyncPgConnection) -> Result<Vec<VaultKey>> {
    let rows = keys_load(conn).await?;
    let counts = values_count(conn).await?;
    rows.into_iter()
        .map(|row| {
            let count = counts.iter().find(|(id, _)| id == row.key_id());
            row.into_record(count.map_or(0, |(_, count)| *count))
        })
        .collect()
}

/// Counts the values that each key opens.
async fn values_count(conn: &mut AsyncPgConnection) -> Result<Vec<(String, i64)>> {
    enum Counts {}
    Statement::<Counts, (Text, BigInt)>::new(COUNTS, vec![])
        .load(conn)
        .await
        .map_err(db_error("values_count"))
}

/// Retires all keys but the current one.
pub(super) async fn keys_retire(conn: &mut AsyncPgConnection, cx: &Context) -> Result<()> {
    let (current, now) = (cx.keys.current_id(), stored(cx.clock.now()));
    diesel::update(vault_keys::table)
        .filter(dsl::key_id.ne(current))
        .filter(dsl::retired_at.is_null())
        .set(dsl::retired_at.eq(now))
        .execute(conn)
        .await
        .map_err(db_error("keys_retire"))?;
    // It may have been retired before.
    let taken_back = diesel::update(vault_keys::table.find(current))
        .set(dsl::retired_at.eq(None::<chrono::DateTime<chrono::Utc>>))
        .execute(conn)
        .await
        .map_err(db_error("keys_retire"))?;
    if taken_back == 0 { Err(retired(current)) } else { Ok(()) }
}

/// Forgets the retired keys that open nothing, and returns them.
pub(super) async fn keys_forget(conn: &mut AsyncPgConnection) -> Result<Vec<String>> {
    enum Forget {}
    let mut forgotten: Vec<String> = Statement::<Forget, Text>::new(FORGET, vec![])
        .load(conn)
        .await
        .map_err(db_error("keys_forget"))?;
    forgotten.sort();
    Ok(forgotten)
}
