//! Queries on audits. An entry is added under the lock of the head of its chain.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::audit::{AuditReport, ChainHead, Verification};
use store_core::postgres::{Bind, JsonText, Statement, db_error};
use store_core::tokens::TokenAuditEntry;
use store_core::{Error, Listing, Message, Order, Page, Result, TokenId};

use super::error::on_append;
use super::rows::{AuditRow, HeadRow, HeadSql};
use super::schema::service_token_audit::{self, dsl};
use super::schema::{service_token_audit_heads, service_tokens};
use crate::rules::Context;
use crate::rules::chain::{Heads, Link, ReadyEntry, ended};

/// How many entries a check reads at a time.
const BATCH: i64 = 500;

// parity: SQLite has no lock to take.
// An update that changes nothing returns the row, and locks it.
const LOCK: &str = "INSERT INTO service_token_audit_heads AS head (identifier, sequence, hash) \
     SELECT * FROM unnest(?, ?, ?) ON CONFLICT (identifier) DO UPDATE SET sequence = head.sequence \
     RETURNING head.identifier, head.sequence, head.hash";

// parity: fixed texts, because Diesel prepares an insertion at each call.
const APPEND: &str = "WITH appended AS (INSERT INTO service_token_audit \
     (identifier, sequence, action, actor, ip, user_agent, details, at, previous_hash) \
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?)) \
     INSERT INTO service_token_audit_heads (identifier, sequence, hash) \
     SELECT * FROM unnest(?, ?, ?) ON CONFLICT (identifier) DO UPDATE SET \
     sequence = excluded.sequence, hash = excluded.hash";

// parity: SQLite has one writer, which needs no lock.
/// Locks the heads of chains in the order of their identifiers, makes those that are not there,
/// and returns all of them.
pub(super) async fn heads_lock(
    conn: &mut AsyncPgConnection,
    identifiers: &[&str],
) -> Result<Heads> {
    enum Lock {}
    let mut identifiers = identifiers.to_vec();
    identifiers.sort_unstable();
    identifiers.dedup();
    let start = ChainHead::default();
    let binds = heads_bound(identifiers.iter().map(|identifier| (*identifier, &start)));
    let rows: Vec<HeadRow> = Statement::<Lock, HeadSql>::new(LOCK, binds)
        .load(conn)
        .await
        .map_err(db_error("heads_lock"))?;
    rows.into_iter().map(HeadRow::into_head).collect()
}

/// Adds entries behind their heads, in the order given.
pub(super) async fn entries_append(
    conn: &mut AsyncPgConnection,
    heads: &mut Heads,
    entries: &[ReadyEntry],
) -> Result<()> {
    enum Append {}
    let Some(first) = entries.first() else { return Ok(()) };
    let mut links = Vec::with_capacity(entries.len());
    for entry in entries {
        let head = heads.get_mut(&entry.identifier).ok_or_else(|| unlocked(&entry.identifier))?;
        links.push(entry.link(head));
    }
    let mut binds = links_bound(&links);
    let moved = heads
        .iter()
        .filter(|(identifier, _)| entries.iter().any(|entry| entry.identifier == **identifier))
        .map(|(identifier, head)| (identifier.as_str(), head));
    binds.extend(heads_bound(moved));
    Statement::<Append, ()>::new(APPEND, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_append(&first.identifier, error))
}

// parity: belongs to APPEND.
/// Entries as they are bound.
fn links_bound<'a>(links: &'a [Link<'_>]) -> Vec<Bind<'a>> {
    let all = || links.iter();
    vec![
        Bind::Texts(all().map(|link| link.identifier).collect()),
        Bind::BigInts(all().map(|link| link.sequence).collect()),
        Bind::Texts(all().map(|link| link.action).collect()),
        Bind::Texts(all().map(|link| link.actor).collect()),
        Bind::MaybeTexts(all().map(|link| link.ip).collect()),
        Bind::MaybeTexts(all().map(|link| link.user_agent).collect()),
        Bind::Jsons(all().map(|link| JsonText(link.details)).collect()),
        Bind::Instants(all().map(|link| link.at.to_datetime()).collect()),
        Bind::Bytes(all().map(|link| link.previous.as_slice()).collect()),
    ]
}

// parity: belongs to LOCK and APPEND.
/// Heads as they are bound.
fn heads_bound<'a>(heads: impl Iterator<Item = (&'a str, &'a ChainHead)>) -> Vec<Bind<'a>> {
    let heads: Vec<_> = heads.collect();
    vec![
        Bind::Texts(heads.iter().map(|(identifier, _)| *identifier).collect()),
        Bind::BigInts(heads.iter().map(|(_, head)| head.sequence).collect()),
        Bind::Bytes(heads.iter().map(|(_, head)| head.hash.as_slice()).collect()),
    ]
}

/// An entry of a chain whose head this transaction has not read: a fault of this crate.
fn unlocked(identifier: &str) -> Error {
    let reason = Message("the head of the chain was not read".to_owned());
    Error::corrupt("service_token_audit_heads", "identifier", identifier, reason)
}

/// Adds entries about refused uses, for the tokens that are there.
pub(super) async fn denials_record(
    conn: &mut AsyncPgConnection,
    entries: &[ReadyEntry],
) -> Result<()> {
    let identifiers: Vec<&str> = entries.iter().map(|entry| entry.identifier.as_str()).collect();
    let known: Vec<String> = service_tokens::table
        .filter(service_tokens::identifier.eq_any(&identifiers))
        .select(service_tokens::identifier)
        .load(conn)
        .await
        .map_err(db_error("denials_record"))?;
    if known.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut heads = heads_lock(conn, &known).await?;
    let entries: Vec<ReadyEntry> =
        entries.iter().filter(|entry| heads.contains_key(&entry.identifier)).cloned().collect();
    entries_append(conn, &mut heads, &entries).await
}

/// Lists the entries of an audit.
pub(super) async fn audit_list(
    conn: &mut AsyncPgConnection,
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
        .await
        .map_err(db_error("audit_list"))?;
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.sequence)
}

/// Checks the chain of an audit.
pub(super) async fn audit_verify(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
) -> Result<AuditReport> {
    let mut verification = Verification::new(head_find(conn, identifier).await?);
    entries_read(conn, identifier, &mut verification, i64::MAX).await?;
    // After the entries: each that is added meanwhile moves it on. These are read then.
    let head = head_find(conn, identifier).await?;
    if let Some(head) = head
        && head.sequence > verification.sequence()
    {
        entries_read(conn, identifier, &mut verification, head.sequence).await?;
    }
    let token = service_tokens::table.find(identifier.as_str());
    let exists: bool = diesel::select(diesel::dsl::exists(token))
        .get_result(conn)
        .await
        .map_err(db_error("audit_verify"))?;
    ended(verification, identifier, head, exists)
}

/// Finds the head of a chain.
async fn head_find(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
) -> Result<Option<ChainHead>> {
    let row: Option<HeadRow> = service_token_audit_heads::table
        .find(identifier.as_str())
        .select(HeadRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("head_find"))?;
    Ok(row.map(HeadRow::into_head).transpose()?.map(|(_, head)| head))
}

/// Reads the entries that were not read yet, up to a place.
async fn entries_read(
    conn: &mut AsyncPgConnection,
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
            .await
            .map_err(db_error("audit_verify"))?;
        for row in &rows {
            row.with_link(|link| verification.read(link.sequence, &link.previous, link.hash()))?;
        }
        if i64::try_from(rows.len()).is_ok_and(|count| count < BATCH) {
            return Ok(());
        }
    }
}
