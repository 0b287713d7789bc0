//! Threads: finding, listing and saving them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::Thread;
use store_core::postgres::{Bind, JsonText, Statement, WithinBudget, db_error, split};
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
     updated_at = greatest(there.updated_at, excluded.updated_at) \
     WHERE there.owner = excluded.owner RETURNING workflow_id, created_at, updated_at";

/// Finds out whose a thread is.
pub(super) async fn thread_owner(conn: &mut AsyncPgConnection, id: &ThreadId) -> Result<OwnerId> {
    let owner: String = chatkit_threads::table
        .find(id.as_str())
        .select(dsl::owner)
        .first(conn)
        .await
        .optional()
        .map_err(db_error("thread_owner"))?
        .ok_or_else(|| Error::not_found("thread", id))?;
    OwnerId::new(owner).map_err(|cause| Error::corrupt("chatkit_threads", "owner", id, cause))
}

/// Fails when an owner has no such thread.
pub(super) async fn thread_check(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    id: &ThreadId,
) -> Result<()> {
    match thread_owner(conn, id).await? == *owner {
        true => Ok(()),
        false => Err(Error::not_found("thread", id)),
    }
}

/// Loads a thread.
pub(super) async fn thread_load(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    owner: Option<&OwnerId>,
    id: &ThreadId,
) -> Result<Thread> {
    let found = threads_of(owner).filter(dsl::thread_id.eq(id.as_str().to_owned()));
    let row: ThreadRow = found
        .select(ThreadRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("thread_load"))?
        .ok_or_else(|| Error::not_found("thread", id))?;
    row.into_record(&cx.json)
}

/// Stores a thread, or puts it in the place of the one that is there.
pub(super) async fn thread_save(
    conn: &mut AsyncPgConnection,
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
        Bind::MaybeJson(domains.map(|domains| JsonText(&domains.text))),
        Bind::Json(JsonText(&thread.metadata.text)),
        Bind::Json(JsonText(&thread.extra.text)),
        Bind::BigInt(thread.revision),
        Bind::BigInt(thread.bytes()),
        Bind::Instant(Some(thread.created_at.to_datetime())),
        Bind::Instant(Some(thread.updated_at.to_datetime())),
    ];
    let saved: Option<(Option<String>, DateTime<Utc>, DateTime<Utc>)> =
        Statement::<Save, (Nullable<Text>, Timestamptz, Timestamptz)>::new(SAVE, binds)
            .get_result(conn)
            .await
            .optional()
            .map_err(db_error("thread_save"))?;
    let (workflow_id, created_at, updated_at) =
        saved.ok_or_else(|| Error::not_found("thread", &thread.id))?;
    let corrupt =
        |column| move |cause| Error::corrupt("chatkit_threads", column, &thread.id, cause);
    Ok(SavedThread {
        workflow_id,
        created_at: created_at.try_into().map_err(corrupt("created_at"))?,
        updated_at: updated_at.try_into().map_err(corrupt("updated_at"))?,
    })
}

/// Begins a query on the threads of an owner, or of all.
fn threads_of(owner: Option<&OwnerId>) -> chatkit_threads::BoxedQuery<'static, Pg> {
    let threads = chatkit_threads::table.into_boxed();
    match owner {
        Some(owner) => threads.filter(dsl::owner.eq(owner.as_str().to_owned())),
        None => threads,
    }
}

/// Lists the threads that meet a filter by the instant they were created.
pub(super) async fn thread_list(
    conn: &mut AsyncPgConnection,
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
        query = query.filter(dsl::metadata.contains(wanted.stored()));
    }
    let (query, order) = match listing.order() {
        Order::Asc => (
            query.order((dsl::created_at.asc(), dsl::thread_id.asc())),
            "created_at ASC, thread_id ASC",
        ),
        Order::Desc => (
            query.order((dsl::created_at.desc(), dsl::thread_id.desc())),
            "created_at DESC, thread_id DESC",
        ),
    };
    let page = WithinBudget {
        inner: beyond(query, listing).select(ThreadRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("thread_list"))?;
    let (rows, more): (Vec<ThreadRow>, bool) = split(rows);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id.to_string()))
}

/// Continues a listing after where the last page ended. The first condition bounds the index, the
/// second settles ties.
fn beyond(
    query: chatkit_threads::BoxedQuery<'static, Pg>,
    listing: &Listing<ThreadKey>,
) -> chatkit_threads::BoxedQuery<'static, Pg> {
    let Some((at, id)) = listing.after.clone() else { return query };
    let at = at.to_datetime();
    match listing.order() {
        Order::Asc => query
            .filter(dsl::created_at.ge(at))
            .filter(dsl::created_at.gt(at).or(dsl::thread_id.gt(id))),
        Order::Desc => query
            .filter(dsl::created_at.le(at))
            .filter(dsl::created_at.lt(at).or(dsl::thread_id.lt(id))),
    }
}
