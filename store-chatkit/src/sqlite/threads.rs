//! Threads: finding, listing and saving them.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use store_core::chatkit::Thread;
use store_core::sqlite::{Bind, Statement, db_error, json_contains, within_budget};
use store_core::{Error, Listing, Order, OwnerId, Page, Result, ThreadId, Timestamp};

use super::rows::ThreadRow;
use super::schema::chatkit_threads::{self, dsl};
use crate::rules::Context;
use crate::rules::filter::ReadyFilter;
use crate::rules::thread::{ReadyThread, SavedThread};

/// What threads are listed by.
pub(super) type ThreadKey = (Timestamp, String);

const SAVE: &str = "INSERT INTO chatkit_threads AS there (thread_id, owner, workflow_id, title, \
     status, status_reason, allowed_image_domains, metadata, extra, revision, record_bytes, \
     created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (thread_id) DO UPDATE SET \
     workflow_id = coalesce(excluded.workflow_id, there.workflow_id), title = excluded.title, \
     status = excluded.status, status_reason = excluded.status_reason, \
     allowed_image_domains = excluded.allowed_image_domains, metadata = excluded.metadata, \
     extra = excluded.extra, record_bytes = excluded.record_bytes, \
     revision = there.revision + 1, \
     updated_at = max(there.updated_at, excluded.updated_at) \
     WHERE there.owner = excluded.owner RETURNING workflow_id, created_at, updated_at";

/// Finds out whose a thread is.
pub(super) fn thread_owner(conn: &mut SqliteConnection, id: &ThreadId) -> Result<OwnerId> {
    let owner: String = chatkit_threads::table
        .find(id.as_str())
        .select(dsl::owner)
        .first(conn)
        .optional()
        .map_err(db_error("thread_owner"))?
        .ok_or_else(|| Error::not_found("thread", id))?;
    OwnerId::new(owner).map_err(|cause| Error::corrupt("chatkit_threads", "owner", id, cause))
}

/// Fails when an owner has no such thread.
pub(super) fn thread_check(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    id: &ThreadId,
) -> Result<()> {
    match thread_owner(conn, id)? == *owner {
        true => Ok(()),
        false => Err(Error::not_found("thread", id)),
    }
}

/// Loads a thread.
pub(super) fn thread_load(
    conn: &mut SqliteConnection,
    cx: &Context,
    owner: Option<&OwnerId>,
    id: &ThreadId,
) -> Result<Thread> {
    let found = threads_of(owner).filter(dsl::thread_id.eq(id.as_str().to_owned()));
    let row: ThreadRow = found
        .select(ThreadRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("thread_load"))?
        .ok_or_else(|| Error::not_found("thread", id))?;
    row.into_record(&cx.json)
}

/// Stores a thread, or puts it in the place of the one that is there.
pub(super) fn thread_save(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread: &ReadyThread,
) -> Result<SavedThread> {
    enum Save {}
    let domains = thread.allowed_image_domains.as_ref();
    let binds = vec![
        Bind::Text(thread.id.as_str()),
        Bind::Text(owner.as_str()),
        Bind::MaybeText(thread.workflow_id.as_deref()),
        Bind::MaybeText(thread.title.as_deref()),
        Bind::Text(thread.status.as_str()),
        Bind::MaybeText(thread.status.reason()),
        Bind::MaybeText(domains.map(|domains| domains.text.as_str())),
        Bind::Text(&thread.metadata.text),
        Bind::Text(&thread.extra.text),
        Bind::BigInt(thread.revision),
        Bind::BigInt(thread.bytes()),
        Bind::String(thread.created_at.to_string()),
        Bind::String(thread.updated_at.to_string()),
    ];
    let saved: Option<(Option<String>, String, String)> =
        Statement::<Save, (Nullable<Text>, Text, Text)>::new(SAVE, binds)
            .get_result(conn)
            .optional()
            .map_err(db_error("thread_save"))?;
    let (workflow_id, created_at, updated_at) =
        saved.ok_or_else(|| Error::not_found("thread", &thread.id))?;
    let corrupt =
        |column| move |cause| Error::corrupt("chatkit_threads", column, &thread.id, cause);
    Ok(SavedThread {
        workflow_id,
        created_at: created_at.parse().map_err(corrupt("created_at"))?,
        updated_at: updated_at.parse().map_err(corrupt("updated_at"))?,
    })
}

/// Begins a query on the threads of an owner, or of all.
fn threads_of(owner: Option<&OwnerId>) -> chatkit_threads::BoxedQuery<'static, Sqlite> {
    let threads = chatkit_threads::table.into_boxed();
    match owner {
        Some(owner) => threads.filter(dsl::owner.eq(owner.as_str().to_owned())),
        None => threads,
    }
}

/// Lists the threads that meet a filter by the instant they were created.
pub(super) fn thread_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    owner: Option<&OwnerId>,
    filter: &ReadyFilter,
    listing: &Listing<ThreadKey>,
) -> Result<Page<Thread>> {
    let mut query = threads_of(owner);
    if let Some(workflow_id) = &filter.workflow_id {
        query = query.filter(dsl::workflow_id.eq(workflow_id.clone()));
    }
    if let Some(wanted) = &filter.metadata_contain {
        query = query.filter(json_contains(dsl::metadata, wanted.text.clone()));
    }
    let query = match listing.order() {
        Order::Asc => query.order((dsl::created_at.asc(), dsl::thread_id.asc())),
        Order::Desc => query.order((dsl::created_at.desc(), dsl::thread_id.desc())),
    };
    let rows = beyond(query, listing)
        .select(ThreadRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<ThreadRow, _>(conn)
        .map_err(db_error("thread_list"))?;
    let bytes_of = |row: &ThreadRow| row.record_bytes;
    let (rows, more) = within_budget("thread_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id.to_string()))
}

/// Continues a listing after where the last page ended. The first condition bounds the index, the
/// second settles ties.
fn beyond(
    query: chatkit_threads::BoxedQuery<'static, Sqlite>,
    listing: &Listing<ThreadKey>,
) -> chatkit_threads::BoxedQuery<'static, Sqlite> {
    let Some((at, id)) = listing.after.clone() else { return query };
    let at = at.to_string();
    match listing.order() {
        Order::Asc => query
            .filter(dsl::created_at.ge(at.clone()))
            .filter(dsl::created_at.gt(at).or(dsl::thread_id.gt(id))),
        Order::Desc => query
            .filter(dsl::created_at.le(at.clone()))
            .filter(dsl::created_at.lt(at).or(dsl::thread_id.lt(id))),
    }
}
