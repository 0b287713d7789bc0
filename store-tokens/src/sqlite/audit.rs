//! Queries on audits. An entry is added under the lock of the head of its chain.

use diesel::prelude::*;
use diesel::upsert::excluded;
use store_core::audit::{AuditReport, ChainHead, Verification};
use store_core::sqlite::db_error;
use store_core::tokens::TokenAuditEntry;
use store_core::{Error, Listing, Message, Order, Page, Result, TokenId};

use super::error::on_append;
use super::rows::{AuditRow, HeadRow, NewAuditRow};
use super::schema::service_token_audit::{self, dsl};
use super::schema::{service_token_audit_heads, service_tokens};
use crate::rules::Context;
use crate::rules::chain::{Heads, ReadyEntry, ended};

/// How many entries a check reads at a time.
const BATCH: i64 = 500;

// parity: SQLite has a limit on the values of a statement.
/// How many rows one statement names.
const CHUNK: usize = 500;

// parity: PostgreSQL locks them.
/// Returns the heads of chains, those that are not there as the start of one. Nobody else writes
/// before this transaction ends.
pub(super) fn heads_read(conn: &mut SqliteConnection, identifiers: &[&str]) -> Result<Heads> {
    let mut heads: Heads =
        identifiers.iter().map(|id| ((*id).to_owned(), ChainHead::default())).collect();
    for some in identifiers.chunks(CHUNK) {
        let rows: Vec<HeadRow> = service_token_audit_heads::table
            .filter(service_token_audit_heads::identifier.eq_any(some))
            .select(HeadRow::as_select())
            .load(conn)
            .map_err(db_error("heads_read"))?;
        for row in rows {
            let (identifier, head) = row.into_head()?;
            heads.insert(identifier, head);
        }
    }
    Ok(heads)
}

/// Adds entries behind their heads, in the order given.
pub(super) fn entries_append(
    conn: &mut SqliteConnection,
    heads: &mut Heads,
    entries: &[ReadyEntry],
) -> Result<()> {
    let Some(first) = entries.first() else { return Ok(()) };
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let head = heads.get_mut(&entry.identifier).ok_or_else(|| unlocked(&entry.identifier))?;
        rows.push(NewAuditRow::new(&entry.link(head)));
    }
    diesel::insert_into(service_token_audit::table)
        .values(rows)
        .execute(conn)
        .map_err(|error| on_append(&first.identifier, error))?;
    let heads: Vec<_> = heads
        .iter()
        .filter(|(identifier, _)| entries.iter().any(|entry| entry.identifier == **identifier))
        .map(|(identifier, head)| {
            (
                service_token_audit_heads::identifier.eq(identifier),
                service_token_audit_heads::sequence.eq(head.sequence),
                service_token_audit_heads::hash.eq(head.hash.to_vec()),
            )
        })
        .collect();
    diesel::insert_into(service_token_audit_heads::table)
        .values(heads)
        .on_conflict(service_token_audit_heads::identifier)
        .do_update()
        .set((
            service_token_audit_heads::sequence.eq(excluded(service_token_audit_heads::sequence)),
            service_token_audit_heads::hash.eq(excluded(service_token_audit_heads::hash)),
        ))
        .execute(conn)
        .map(drop)
        .map_err(db_error("entries_append"))
}

/// An entry of a chain whose head this transaction has not read: a fault of this crate.
fn unlocked(identifier: &str) -> Error {
    let reason = Message("the head of the chain was not read".to_owned());
    Error::corrupt("service_token_audit_heads", "identifier", identifier, reason)
}

/// Adds entries about refused uses, for the tokens that are there.
pub(super) fn denials_record(conn: &mut SqliteConnection, entries: &[ReadyEntry]) -> Result<()> {
    let identifiers: Vec<&str> = entries.iter().map(|entry| entry.identifier.as_str()).collect();
    let known: Vec<String> = service_tokens::table
        .filter(service_tokens::identifier.eq_any(&identifiers))
        .select(service_tokens::identifier)
        .load(conn)
        .map_err(db_error("denials_record"))?;
    if known.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut heads = heads_read(conn, &known)?;
    let entries: Vec<ReadyEntry> =
        entries.iter().filter(|entry| heads.contains_key(&entry.identifier)).cloned().collect();
    entries_append(conn, &mut heads, &entries)
}

/// Lists the entries of an audit.
pub(super) fn audit_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    identifier: &TokenId,
    listing: &Listing<i64>,
) -> Result<Page<TokenAuditEntry>> {
    let mut query =
        service_token_audit::table.filter(dsl::identifier.eq(identifier.as_str())).into_boxed();
    query = match (listing.order(), listing.after) {
        (Order::Asc, Some(after)) => query.filter(dsl::sequence.gt(after)),
        (Order::Desc, Some(after)) => query.filter(dsl::sequence.lt(after)),
        (_, None) => query,
    };
    query = match listing.order() {
        Order::Asc => query.order(dsl::sequence.asc()),
        Order::Desc => query.order(dsl::sequence.desc()),
    };
    let mut rows: Vec<AuditRow> = query
        .select(AuditRow::as_select())
        .limit(listing.limit + 1)
        .load(conn)
        .map_err(db_error("audit_list"))?;
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.sequence)
}

/// Checks the chain of an audit.
pub(super) fn audit_verify(
    conn: &mut SqliteConnection,
    identifier: &TokenId,
) -> Result<AuditReport> {
    let mut verification = Verification::new(head_find(conn, identifier)?);
    entries_read(conn, identifier, &mut verification, i64::MAX)?;
    // After the entries: each that is added meanwhile moves it on. These are read then.
    let head = head_find(conn, identifier)?;
    if let Some(head) = head
        && head.sequence > verification.sequence()
    {
        entries_read(conn, identifier, &mut verification, head.sequence)?;
    }
    let token = service_tokens::table.find(identifier.as_str());
    let exists: bool = diesel::select(diesel::dsl::exists(token))
        .get_result(conn)
        .map_err(db_error("audit_verify"))?;
    ended(verification, identifier, head, exists)
}

/// Finds the head of a chain.
fn head_find(conn: &mut SqliteConnection, identifier: &TokenId) -> Result<Option<ChainHead>> {
    let row: Option<HeadRow> = service_token_audit_heads::table
        .find(identifier.as_str())
        .select(HeadRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("head_find"))?;
    Ok(row.map(HeadRow::into_head).transpose()?.map(|(_, head)| head))
}

/// Reads the entries that were not read yet, up to a place.
fn entries_read(
    conn: &mut SqliteConnection,
    identifier: &TokenId,
    verification: &mut Verification,
    last: i64,
) -> Result<()> {
    loop {
        let rows: Vec<AuditRow> = service_token_audit::table
            .filter(dsl::identifier.eq(identifier.as_str()))
            .filter(dsl::sequence.gt(verification.sequence()))
            .filter(dsl::sequence.le(last))
            .order(dsl::sequence)
            .limit(BATCH)
            .select(AuditRow::as_select())
            .load(conn)
            .map_err(db_error("audit_verify"))?;
        for row in &rows {
            row.with_link(|link| verification.read(link.sequence, &link.previous, link.hash()))?;
        }
        if i64::try_from(rows.len()).is_ok_and(|count| count < BATCH) {
            return Ok(());
        }
    }
}
