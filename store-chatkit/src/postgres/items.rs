//! Items: reading, saving and deleting them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ThreadItem;
use store_core::postgres::{Bind, JsonText, Statement, TsVector, WithinBudget, db_error, split};
use store_core::{
    Error, Failure, ItemId, Listing, Order, OwnerId, Page, Result, ThreadId, Timestamp,
};

use super::error::is_taken;
use super::rows::ItemRow;
use super::schema::chatkit_items::{self, dsl};
use super::schema::chatkit_threads;
use super::threads::thread_check;
use crate::rules::Context;
use crate::rules::item::{ReadyItem, missing, no_place};

// parity: SQLite has one writer.
/// How often saving begins again because another caller added or deleted the item meanwhile.
const SAVE_ATTEMPTS: usize = 10;

// parity: one statement that finds out whether the item is there, and does what that asks for. All
// of its parts see one snapshot: where it is outdated, either the insertion fails and takes back
// the rest, or nothing comes back and no place was taken. It looks for the item of whatever thread
// was touched: for one that it names, and the statistics do not know yet, the planner may look
// through all of it.
const SAVE: &str = "WITH parent AS (\
     UPDATE chatkit_threads AS thread SET updated_at = greatest(updated_at, ?), \
     revision = revision + 1, next_ordinal = next_ordinal + CASE WHEN EXISTS (\
     SELECT FROM chatkit_items AS item WHERE item.thread_id = thread.thread_id \
     AND item.item_id = ?) THEN 0 ELSE 1 END \
     WHERE thread_id = ? AND owner = ? RETURNING thread_id, next_ordinal, EXISTS (\
     SELECT FROM chatkit_items AS item WHERE item.thread_id = thread.thread_id \
     AND item.item_id = $2) AS there\
     ), changed AS (\
     UPDATE chatkit_items AS item SET item_type = ?, created_at = coalesce(?, item.created_at), \
     content = ?, content_bytes = ?, search = ? FROM parent \
     WHERE item.thread_id = parent.thread_id AND item.item_id = $2 \
     RETURNING item.ordinal, item.created_at\
     ), added AS (\
     INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content, \
     content_bytes, search, owner) \
     SELECT $3, $2, next_ordinal - 1, $5, coalesce($6, $1), $7, $8, $9, $4 \
     FROM parent WHERE NOT there \
     RETURNING ordinal, created_at\
     ) SELECT * FROM changed UNION ALL SELECT * FROM added";

// parity: SQLite has the query builder's, after touching the thread.
const DELETE: &str = "WITH parent AS (\
     UPDATE chatkit_threads AS thread SET updated_at = greatest(updated_at, ?), \
     revision = revision + 1 WHERE thread_id = ? AND owner = ? AND (\
     SELECT TRUE FROM chatkit_items AS item WHERE item.thread_id = thread.thread_id \
     AND item.item_id = ?) RETURNING thread_id\
     ) DELETE FROM chatkit_items AS item USING parent \
     WHERE item.thread_id = parent.thread_id AND item.item_id = $4";

/// Lists the items of a thread by their place.
pub(super) async fn item_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    owner: &OwnerId,
    thread_id: &ThreadId,
    listing: &Listing<i64>,
) -> Result<Page<ThreadItem>> {
    let query = chatkit_items::table
        .inner_join(chatkit_threads::table)
        .filter(dsl::thread_id.eq(thread_id.as_str()))
        .filter(chatkit_threads::owner.eq(owner.as_str()))
        .select(ItemRow::as_select())
        .limit(listing.limit + 1)
        .into_boxed();
    let ordinal = dsl::ordinal;
    let (ascending, descending) = ("ordinal ASC", "ordinal DESC");
    let (inner, order) = match (listing.order(), listing.after) {
        (Order::Asc, None) => (query.order(ordinal.asc()), ascending),
        (Order::Desc, None) => (query.order(ordinal.desc()), descending),
        (Order::Asc, Some(after)) => {
            (query.filter(ordinal.gt(after)).order(ordinal.asc()), ascending)
        }
        (Order::Desc, Some(after)) => {
            (query.filter(ordinal.lt(after)).order(ordinal.desc()), descending)
        }
    };
    let page = WithinBudget { inner, order, bytes: "content_bytes", limit: listing.limit };
    let rows = page.load(conn).await.map_err(db_error("item_list"))?;
    let (rows, more): (Vec<ItemRow>, bool) = split(rows);
    if rows.is_empty() {
        thread_check(conn, owner, thread_id).await?;
    }
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.ordinal)
}

/// Finds out the place of an item, for a cursor.
pub(super) async fn item_place(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
) -> Result<i64> {
    let place: Option<i64> = chatkit_items::table
        .inner_join(chatkit_threads::table)
        .filter(dsl::thread_id.eq(thread_id.as_str()))
        .filter(dsl::item_id.eq(item_id.as_str()))
        .filter(chatkit_threads::owner.eq(owner.as_str()))
        .select(dsl::ordinal)
        .first(conn)
        .await
        .optional()
        .map_err(db_error("item_place"))?;
    match place {
        Some(place) => Ok(place),
        None => {
            thread_check(conn, owner, thread_id).await?;
            Err(no_place(thread_id, item_id))
        }
    }
}

/// Loads an item.
pub(super) async fn item_load(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
) -> Result<ThreadItem> {
    let row: Option<ItemRow> = chatkit_items::table
        .inner_join(chatkit_threads::table)
        .filter(dsl::thread_id.eq(thread_id.as_str()))
        .filter(dsl::item_id.eq(item_id.as_str()))
        .filter(chatkit_threads::owner.eq(owner.as_str()))
        .select(ItemRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("item_load"))?;
    match row {
        Some(row) => row.into_record(&cx.json),
        None => Err(item_refusal(conn, owner, thread_id, item_id).await?),
    }
}

/// Says why there is no such item: there is no such thread, or it is not in it.
async fn item_refusal(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
) -> Result<Error> {
    thread_check(conn, owner, thread_id).await?;
    Ok(missing(thread_id, item_id))
}

/// Puts an item in the place of the one with its id, or adds it.
pub(super) async fn item_save(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<ThreadItem> {
    for _attempt in 0..SAVE_ATTEMPTS {
        if let Some((ordinal, at)) = item_save_once(conn, owner, thread_id, item).await? {
            let corrupt = |cause| Error::corrupt("chatkit_items", "created_at", &item.id, cause);
            let at = Timestamp::try_from(at).map_err(corrupt)?;
            return Ok(item.stored_at(thread_id, ordinal, at));
        }
        thread_check(conn, owner, thread_id).await?;
    }
    Err(Error::failed("item_save", Failure::Serialization))
}

// parity: SQLite has one writer.
/// Saves an item unless it is added or deleted by others meanwhile.
async fn item_save_once(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<Option<(i64, DateTime<Utc>)>> {
    enum Save {}
    let vector = item.document.tsvector(owner, thread_id);
    let binds = vec![
        Bind::Instant(Some(item.now.to_datetime())),
        Bind::Text(item.id.as_str()),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
        Bind::Text(item.item_type.as_str()),
        Bind::Instant(item.created_at.map(Timestamp::to_datetime)),
        Bind::Json(JsonText(&item.content.text)),
        Bind::BigInt(item.content.bytes()),
        Bind::Words(TsVector(&vector)),
    ];
    let saved = Statement::<Save, (BigInt, Timestamptz)>::new(SAVE, binds).get_result(conn).await;
    match saved {
        Err(error) if is_taken(&error) => Ok(None),
        saved => saved.optional().map_err(db_error("item_save")),
    }
}

/// Deletes an item.
pub(super) async fn item_delete(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
    now: Timestamp,
) -> Result<()> {
    enum Delete {}
    let binds = vec![
        Bind::Instant(Some(now.to_datetime())),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
        Bind::Text(item_id.as_str()),
    ];
    let deleted = Statement::<Delete, Text>::new(DELETE, binds)
        .execute(conn)
        .await
        .map_err(db_error("item_delete"))?;
    match deleted {
        0 => Err(item_refusal(conn, owner, thread_id, item_id).await?),
        _ => Ok(()),
    }
}
