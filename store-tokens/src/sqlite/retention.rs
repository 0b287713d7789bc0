//! Deleting.

use diesel::prelude::*;
use store_core::sqlite::db_error;
use store_core::tokens::{AuditOrigin, TokenAuditAction};
use store_core::{Error, Result, Timestamp, TokenId};

use super::audit::{entries_append, heads_read};
use super::schema::service_tokens::{self, dsl};
use crate::rules::Context;
use crate::rules::chain::ReadyEntry;
use crate::rules::usage::details;

/// Deletes a token, and says so in its audit.
pub(super) fn token_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    identifier: &TokenId,
    origin: &AuditOrigin,
) -> Result<()> {
    let deleted = diesel::delete(service_tokens::table.find(identifier.as_str()));
    // An unknown token gets no chain: that is undone with the transaction.
    let mut heads = heads_read(conn, &[identifier.as_str()])?;
    if deleted.execute(conn).map_err(db_error("token_delete"))? == 0 {
        return Err(Error::not_found("service token", identifier));
    }
    let (action, now) = (TokenAuditAction::Deleted, cx.clock.now());
    let entry = ReadyEntry::new(cx, identifier, action, origin, details([]), now)?;
    entries_append(conn, &mut heads, &[entry])
}

/// Deletes tokens that ended before an instant, the earliest first, and returns which; nothing when
/// there was none.
pub(super) fn purge_batch(
    conn: &mut SqliteConnection,
    cx: &Context,
    before: Timestamp,
    limit: i64,
    origin: &AuditOrigin,
) -> Result<Option<Vec<TokenId>>> {
    let now = cx.clock.now();
    // What ends between now and then has not ended.
    let before = before.min(now).to_string();
    let ended: Vec<String> = service_tokens::table
        .filter(dsl::ends_at.lt(&before))
        .order((dsl::ends_at, dsl::identifier))
        .limit(limit)
        .select(dsl::identifier)
        .load(conn)
        .map_err(db_error("purge_batch"))?;
    if ended.is_empty() {
        return Ok(None);
    }
    let ids: Vec<&str> = ended.iter().map(String::as_str).collect();
    let mut heads = heads_read(conn, &ids)?;
    // Another process may have purged them before the lock was taken.
    let purged: Vec<String> = diesel::delete(service_tokens::table)
        .filter(dsl::identifier.eq_any(&ids))
        .filter(dsl::ends_at.lt(&before))
        .returning(dsl::identifier)
        .get_results(conn)
        .map_err(db_error("purge_batch"))?;
    let purged = purged.into_iter().map(TokenId::new).collect::<Result<Vec<_>>>()?;
    let mut entries = Vec::with_capacity(purged.len());
    for identifier in &purged {
        let action = TokenAuditAction::Purged;
        entries.push(ReadyEntry::new(cx, identifier, action, origin, details([]), now)?);
    }
    entries_append(conn, &mut heads, &entries)?;
    Ok(Some(purged))
}
