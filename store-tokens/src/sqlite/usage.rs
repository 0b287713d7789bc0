//! Counting uses.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};
use serde_json::json;
use store_core::sqlite::db_error;
use store_core::tokens::{RateLimit, TokenUses};
use store_core::{Result, TokenId};

use super::error::on_take;
use crate::rules::Context;
use crate::rules::token::checked_rate;

// One value, a list, carries the tokens however many they are.
const RECORD: &str = "UPDATE service_tokens AS token SET use_count = token.use_count + used.uses, \
     last_used_at = max(coalesce(token.last_used_at, used.last_used_at), used.last_used_at) \
     FROM (SELECT value ->> 0 AS identifier, value ->> 1 AS uses, value ->> 2 AS last_used_at \
     FROM json_each(?)) AS used WHERE token.identifier = used.identifier";

/// Adds to the counts of tokens.
pub(super) fn uses_record(conn: &mut SqliteConnection, uses: &[TokenUses]) -> Result<()> {
    let used: Vec<_> = uses
        .iter()
        .map(|one| json!([one.identifier.as_str(), one.uses, one.last_used_at.to_string()]))
        .collect();
    sql_query(RECORD)
        .bind::<Text, _>(json!(used).to_string())
        .execute(conn)
        .map(drop)
        .map_err(db_error("uses_record"))
}

// parity: belongs to use_take; on PostgreSQL the text is in Take.
// A window is over after its interval, and when it began so far ahead that the clock went back.
const TAKE: &str = "INSERT INTO service_token_windows AS w (identifier, started_at, uses) \
     VALUES (?1, ?2, 1) ON CONFLICT (identifier) DO UPDATE SET \
     started_at = iif(w.started_at <= ?3 OR w.started_at >= ?4, ?2, w.started_at), \
     uses = iif(w.started_at <= ?3 OR w.started_at >= ?4, 1, w.uses + 1) \
     WHERE w.uses < ?5 OR w.started_at <= ?3 OR w.started_at >= ?4";

/// Takes a use out of the window of a token; returns whether one was left.
pub(super) fn use_take(
    conn: &mut SqliteConnection,
    cx: &Context,
    identifier: &TokenId,
    limit: RateLimit,
) -> Result<bool> {
    let (limit, seconds) = checked_rate(limit)?;
    let now = cx.clock.now();
    let interval = std::time::Duration::from_secs(u64::from(seconds.unsigned_abs()));
    // Beyond the years that instants have there is no window.
    let over = now.minus(interval).map_or_else(|_| String::new(), |instant| instant.to_string());
    let ahead = now.plus(interval).map_or_else(|_| "~".into(), |instant| instant.to_string());
    let taken = sql_query(TAKE)
        .bind::<Text, _>(identifier.as_str())
        .bind::<Text, _>(now.to_string())
        .bind::<Text, _>(over)
        .bind::<Text, _>(ahead)
        .bind::<Integer, _>(limit)
        .execute(conn)
        .map_err(|error| on_take(identifier, error))?;
    Ok(taken > 0)
}
