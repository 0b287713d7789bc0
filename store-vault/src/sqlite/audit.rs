//! Queries on audits. An entry is added in the transaction that read the head.

use diesel::prelude::*;
use diesel::upsert::excluded;
use store_core::audit::{AuditReport, ChainHead, Verification};
use store_core::sqlite::db_error;
use store_core::vault::{AccessContext, VaultAuditEntry, VaultSubject};
use store_core::{Error, Listing, Order, Page, Result};

use super::credentials::credential_find;
use super::error::on_append;
use super::rows::{AuditRow, HeadRow, NewAuditRow};
use super::schema::vault_audit::{self, dsl};
use super::schema::vault_audit_heads;
use super::templates::template_find;
use crate::rules::Context;
use crate::rules::access::checked_allowed;
use crate::rules::chain::{ReadyEntry, ended, subject_word};

/// How many entries a check reads at a time.
const BATCH: i64 = 500;

/// Adds an entry behind the head of its chain; the first one makes the head.
pub(super) fn entry_append(
    conn: &mut SqliteConnection,
    head: &mut ChainHead,
    entry: &ReadyEntry,
) -> Result<()> {
    let link = entry.link(head);
    diesel::insert_into(vault_audit::table)
        .values(NewAuditRow::new(entry, &link))
        .execute(conn)
        .map_err(|error| on_append(&entry.subject_id, error))?;
    diesel::insert_into(vault_audit_heads::table)
        .values((
            vault_audit_heads::subject_id.eq(&entry.subject_id),
            vault_audit_heads::sequence.eq(head.sequence),
            vault_audit_heads::hash.eq(head.hash.to_vec()),
        ))
        .on_conflict(vault_audit_heads::subject_id)
        .do_update()
        .set((
            vault_audit_heads::sequence.eq(excluded(vault_audit_heads::sequence)),
            vault_audit_heads::hash.eq(excluded(vault_audit_heads::hash)),
        ))
        .execute(conn)
        .map(drop)
        .map_err(db_error("entry_append"))
}

/// Checks that a caller may see an audit, and tells whether what it is about is there.
fn audit_admit(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    subject: VaultSubject,
) -> Result<bool> {
    let scope = match subject {
        VaultSubject::Credential(id) => credential_find(conn, id)?.map(|one| one.scope),
        VaultSubject::Template(id) => template_find(conn, id)?.map(|one| one.scope),
    };
    match scope {
        Some(scope) => checked_allowed(&scope, access).map(|()| true),
        None if access.is_administrator() && !audit_of_another(conn, subject)? => Ok(false),
        None => Err(Error::not_found(subject.entity(), subject)),
    }
}

/// Tells whether the audit of an id is that of something of another kind.
fn audit_of_another(conn: &mut SqliteConnection, subject: VaultSubject) -> Result<bool> {
    let first =
        vault_audit::table.find((key(subject), 1)).filter(dsl::subject.ne(subject_word(subject)));
    diesel::select(diesel::dsl::exists(first))
        .get_result(conn)
        .map_err(db_error("audit_of_another"))
}

/// Lists the entries of an audit.
pub(super) fn audit_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    subject: VaultSubject,
    listing: &Listing<i64>,
) -> Result<Page<VaultAuditEntry>> {
    let exists = audit_admit(conn, access, subject)?;
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
pub(super) fn audit_verify(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    subject: VaultSubject,
) -> Result<AuditReport> {
    let exists = audit_admit(conn, access, subject)?;
    let mut verification = Verification::new(head_find(conn, subject)?);
    entries_read(conn, subject, &mut verification, i64::MAX)?;
    // After the entries: each that is added meanwhile moves it on. These are read then.
    let head = head_find(conn, subject)?;
    if let Some(head) = head
        && head.sequence > verification.sequence()
    {
        entries_read(conn, subject, &mut verification, head.sequence)?;
    }
    ended(verification, subject, head, exists)
}

/// Finds the head of a chain.
fn head_find(conn: &mut SqliteConnection, subject: VaultSubject) -> Result<Option<ChainHead>> {
    let row: Option<HeadRow> = vault_audit_heads::table
        .find(key(subject))
        .select(HeadRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("head_find"))?;
    row.map(HeadRow::into_head).transpose()
}

/// Reads the entries that were not read yet, up to a place.
fn entries_read(
    conn: &mut SqliteConnection,
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
fn key(subject: VaultSubject) -> String {
    subject.to_string()
}
