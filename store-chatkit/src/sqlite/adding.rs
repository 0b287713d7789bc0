//! Adding items: their places come from the thread's counter.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use store_core::chatkit::ThreadItem;
use store_core::sqlite::{Bind, Statement, db_error};
use store_core::{Error, OwnerId, Result, ThreadId};

use super::error::is_taken;
use super::threads::thread_check;
use crate::rules::item::{ReadyItem, taken};

// parity: PostgreSQL does so in the statement that adds the item.
const TAKE_PLACE: &str = "UPDATE chatkit_threads SET next_ordinal = next_ordinal + 1, \
     revision = revision + 1, updated_at = max(updated_at, ?) \
     WHERE thread_id = ? AND owner = ? RETURNING next_ordinal - 1";

const ADD: &str = "INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, \
     content, content_bytes, search, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Adds an item at the end of a thread.
pub(super) fn item_add(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<ThreadItem> {
    enum Add {}
    // A failure below takes the place back: the writer has a savepoint for each caller.
    let place = place_take(conn, owner, thread_id, item)?;
    let binds = vec![
        Bind::Text(thread_id.as_str()),
        Bind::Text(item.id.as_str()),
        Bind::BigInt(place),
        Bind::Text(item.item_type.as_str()),
        Bind::String(item.begins().to_string()),
        Bind::Text(&item.content.text),
        Bind::BigInt(item.content.bytes()),
        Bind::String(item.document.text(owner, thread_id)),
        Bind::Text(owner.as_str()),
    ];
    match Statement::<Add, ()>::new(ADD, binds).execute(conn) {
        Err(error) if is_taken(&error) => Err(taken(thread_id, &item.id)),
        added => {
            added.map_err(db_error("item_add"))?;
            Ok(item.stored_at(thread_id, place, item.begins()))
        }
    }
}

// parity: PostgreSQL does so in the statement that adds the item.
/// Takes the next place of a thread.
fn place_take(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<i64> {
    enum TakePlace {}
    let binds = vec![
        Bind::String(item.now.to_string()),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
    ];
    Statement::<TakePlace, BigInt>::new(TAKE_PLACE, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("place_take"))?
        .ok_or_else(|| Error::not_found("thread", thread_id))
}

/// Adds the items of one call at the end of a thread, all or none.
pub(super) fn item_add_all(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    items: &[ReadyItem],
) -> Result<Vec<ThreadItem>> {
    if items.is_empty() {
        return thread_check(conn, owner, thread_id).map(|()| Vec::new());
    }
    items.iter().map(|item| item_add(conn, owner, thread_id, item)).collect()
}
