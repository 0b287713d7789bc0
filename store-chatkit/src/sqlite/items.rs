//! Items: reading, saving and deleting them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use store_core::chatkit::ThreadItem;
use store_core::sqlite::{Bind, Statement, db_error, within_budget};
use store_core::{Error, ItemId, Listing, Order, OwnerId, Page, Result, ThreadId, Timestamp};

use super::adding::item_add;
use super::rows::ItemRow;
use super::schema::chatkit_items::{self, dsl};
use super::schema::chatkit_threads;
use super::threads::thread_check;
use crate::rules::Context;
use crate::rules::item::{ReadyItem, missing, no_place};

// parity: PostgreSQL finds out and changes in one statement.
const CHANGE: &str = "UPDATE chatkit_items SET item_type = ?, \
     created_at = coalesce(?, created_at), content = ?, content_bytes = ?, search = ? \
     WHERE thread_id = ? AND item_id = ? RETURNING ordinal, created_at";

// parity: belongs to thread_touch.
const TOUCH: &str = "UPDATE chatkit_threads SET updated_at = max(updated_at, ?), \
     revision = revision + 1 WHERE thread_id = ? AND owner = ?";

/// Lists the items of a thread by their place.
pub(super) fn item_list(
    conn: &mut SqliteConnection,
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
    let query = match (listing.order(), listing.after) {
        (Order::Asc, None) => query.order(ordinal.asc()),
        (Order::Desc, None) => query.order(ordinal.desc()),
        (Order::Asc, Some(after)) => query.filter(ordinal.gt(after)).order(ordinal.asc()),
        (Order::Desc, Some(after)) => query.filter(ordinal.lt(after)).order(ordinal.desc()),
    };
    let rows = query.load_iter::<ItemRow, _>(conn).map_err(db_error("item_list"))?;
    let bytes_of = |row: &ItemRow| row.content_bytes;
    let (rows, more) = within_budget("item_list", rows, listing.limit, bytes_of)?;
    if rows.is_empty() {
        thread_check(conn, owner, thread_id)?;
    }
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.ordinal)
}

/// Finds out the place of an item, for a cursor.
pub(super) fn item_place(
    conn: &mut SqliteConnection,
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
        .optional()
        .map_err(db_error("item_place"))?;
    match place {
        Some(place) => Ok(place),
        None => {
            thread_check(conn, owner, thread_id)?;
            Err(no_place(thread_id, item_id))
        }
    }
}

/// Loads an item.
pub(super) fn item_load(
    conn: &mut SqliteConnection,
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
        .optional()
        .map_err(db_error("item_load"))?;
    match row {
        Some(row) => row.into_record(&cx.json),
        None => Err(item_refusal(conn, owner, thread_id, item_id)?),
    }
}

/// Says why there is no such item: there is no such thread, or it is not in it.
fn item_refusal(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
) -> Result<Error> {
    thread_check(conn, owner, thread_id)?;
    Ok(missing(thread_id, item_id))
}

/// Puts an item in the place of the one with its id, or adds it.
pub(super) fn item_save(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<ThreadItem> {
    enum Change {}
    thread_touch(conn, owner, thread_id, item.now)?;
    let binds = vec![
        Bind::Text(item.item_type.as_str()),
        Bind::MaybeString(item.created_at.map(|at| at.to_string())),
        Bind::Text(&item.content.text),
        Bind::BigInt(item.content.bytes()),
        Bind::String(item.document.text(owner, thread_id)),
        Bind::Text(thread_id.as_str()),
        Bind::Text(item.id.as_str()),
    ];
    let changed: Option<(i64, String)> = Statement::<Change, (BigInt, Text)>::new(CHANGE, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("item_save"))?;
    let Some((ordinal, at)) = changed else { return item_add(conn, owner, thread_id, item) };
    let corrupt = |cause| Error::corrupt("chatkit_items", "created_at", &item.id, cause);
    Ok(item.stored_at(thread_id, ordinal, at.parse().map_err(corrupt)?))
}

// parity: PostgreSQL does so in the statement that changes the item.
/// Touches a thread.
fn thread_touch(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    now: Timestamp,
) -> Result<()> {
    enum Touch {}
    let binds = vec![
        Bind::String(now.to_string()),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
    ];
    match Statement::<Touch, ()>::new(TOUCH, binds).execute(conn) {
        Ok(0) => Err(Error::not_found("thread", thread_id)),
        touched => touched.map(drop).map_err(db_error("thread_touch")),
    }
}

/// Deletes an item.
pub(super) fn item_delete(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item_id: &ItemId,
    now: Timestamp,
) -> Result<()> {
    thread_touch(conn, owner, thread_id, now)?;
    let item = chatkit_items::table
        .filter(dsl::thread_id.eq(thread_id.as_str()))
        .filter(dsl::item_id.eq(item_id.as_str()));
    match diesel::delete(item).execute(conn).map_err(db_error("item_delete"))? {
        0 => Err(missing(thread_id, item_id)),
        _ => Ok(()),
    }
}
