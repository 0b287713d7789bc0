//! Queries on audits. An entry is added while what it is about is locked with its head.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::audit::{AuditReport, ChainHead, Verification};
use store_core::postgres::{Bind, JsonText, Statement, db_error};
use store_core::vault::{AccessContext, VaultAuditEntry, VaultSubject};
use store_core::{Error, Listing, Order, Page, Result};
use uuid::Uuid;

use super::credentials::credential_find;
use super::error::on_append;
use super::rows::{AuditRow, HeadRow, stored};
use super::schema::vault_audit::{self, dsl};
use super::schema::vault_audit_heads;
use super::templates::template_find;
use crate::rules::Context;
use crate::rules::access::checked_allowed;
use crate::rules::chain::{ReadyEntry, ended, subject_word};

// parity: one round trip, and prepared once; SQLite has no changes in a WITH.
const APPEND: &str = "WITH entry AS (INSERT INTO vault_audit \
     (subject_id, sequence, subject, action, actor, details, at, previous_hash) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)) \
     INSERT INTO vault_audit_heads (subject_id, sequence, hash) VALUES ($1, $2, ?) \
     ON CONFLICT (subject_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash";

/// How many entries a check reads at a time.
const BATCH: i64 = 500;

/// Adds an entry behind the head of its chain; the first one makes the head.
pub(super) async fn entry_append(
    conn: &mut AsyncPgConnection,
    head: &mut ChainHead,
    entry: &ReadyEntry,
) -> Result<()> {
    enum Append {}
    let link = entry.link(head);
    let binds = vec![
        Bind::Uuid(entry.subject_uuid()),
        Bind::BigInt(link.sequence),
        Bind::Text(link.subject),
        Bind::Text(link.action),
        Bind::Text(link.actor),
        Bind::Json(JsonText(link.details)),
        Bind::Instant(Some(stored(link.at))),
        Bind::Binary(&link.previous),
        Bind::Binary(&head.hash),
    ];
    Statement::<Append, ()>::new(APPEND, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_append(&entry.subject_id, error))
}

/// Checks that a caller may see an audit, and tells whether what it is about is there.
async fn audit_admit(
    conn: &mut AsyncPgConnection,
    access: &AccessContext,
    subject: VaultSubject,
) -> Result<bool> {
    let scope = match subject {
        VaultSubject::Credential(id) => credential_find(conn, id).await?.map(|one| one.scope),
        VaultSubject::Template(id) => template_find(conn, id).await?.map(|one| one.scope),
    };
    match scope {
        Some(scope) => checked_allowed(&scope, access).map(|()| true),
        None if access.is_administrator() && !audit_of_another(conn, subject).await? => Ok(false),
        None => Err(Error::not_found(subject.entity(), subject)),
    }
}

/// Tells whether the audit of an id is that of something of another kind.
async fn audit_of_another(conn: &mut AsyncPgConnection, subject: VaultSubject) -> Result<bool> {
    let first =
        vault_audit::table.find((key(subject), 1)).filter(dsl::subject.ne(subject_word(subject)));
    diesel::select(diesel::dsl::exists(first))
        .get_result(conn)
        .await
        .map_err(db_error("audit_of_another"))
}

/// Lists the entries of an audit.
pub(super) async fn audit_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    subject: VaultSubject,
    listing: &Listing<i64>,
) -> Result<Page<VaultAuditEntry>> {
    let exists = audit_admit(conn, access, subject).await?;
    let mut query = vault_audit::table.filter(dsl::subject_id.eq(key(subject))).into_boxed();
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
    if rows.is_empty() && !exists && listing.after.is_none() {
        return Err(Error::not_found(subject.entity(), subject));
    }
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
    access: &AccessContext,
    subject: VaultSubject,
) -> Result<AuditReport> {
    let exists = audit_admit(conn, access, subject).await?;
    let mut verification = Verification::new(head_find(conn, subject).await?);
    entries_read(conn, subject, &mut verification, i64::MAX).await?;
    // After the entries: each that is added meanwhile moves it on. These are read then.
    let head = head_find(conn, subject).await?;
    if let Some(head) = head
        && head.sequence > verification.sequence()
    {
        entries_read(conn, subject, &mut verification, head.sequence).await?;
    }
    ended(verification, subject, head, exists)
}

/// Finds the head of a chain.
async fn head_find(
    conn: &mut AsyncPgConnection,
    subject: VaultSubject,
) -> Result<Option<ChainHead>> {
    let row: Option<HeadRow> = vault_audit_heads::table
        .find(key(subject))
        .select(HeadRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("head_find"))?;
    row.map(HeadRow::into_head).transpose()
}

/// Reads the entries that were not read yet, up to a place.
async fn entries_read(
    conn: &mut AsyncPgConnection,
    subject: VaultSubject,
    verification: &mut Verification,
    last: i64,
) -> Result<()> {
    loop {
        let rows: Vec<AuditRow> = vault_audit::table
            .filter(dsl::subject_id.eq(key(subject)))
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

/// The key of what an audit is about.
const fn key(subject: VaultSubject) -> Uuid {
    match subject {
        VaultSubject::Credential(id) => id.as_uuid(),
        VaultSubject::Template(id) => id.as_uuid(),
    }
}
