//! Searching items by their words.

use diesel::prelude::*;
use store_core::chatkit::ThreadItem;
use store_core::sqlite::{Bind, Composed, db_error, within_budget};
use store_core::{Listing, Page, Result};

use super::rows::{ItemRow, ItemSql};
use super::threads::{thread_check, thread_owner};
use crate::rules::Context;
use crate::rules::search::{FoundKey, ReadySearch};

const NEWEST: &str = "item.created_at DESC, item.thread_id DESC, item.ordinal DESC";
// The rank of FTS5 is the less the better.
const BEST: &str = "word.rank, item.created_at DESC, item.thread_id DESC, item.ordinal DESC";

/// Finds items by their words.
pub(super) fn item_search(
    conn: &mut SqliteConnection,
    cx: &Context,
    search: &ReadySearch,
    listing: &Listing<FoundKey>,
) -> Result<Page<ThreadItem>> {
    let query = search.fts5();
    let order = if search.ranked { BEST } else { NEWEST };
    let (text, binds) = found(search, &query, listing, order);
    let rows = Composed::<ItemSql>::new(text, binds)
        .load_iter::<ItemRow, _>(conn)
        .map_err(db_error("item_search"))?;
    let bytes_of = |row: &ItemRow| row.content_bytes;
    let (rows, more) = within_budget("item_search", rows, listing.limit, bytes_of)?;
    if rows.is_empty() {
        scope_check(conn, search)?;
    }
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    // A ranked search has one page: ranks change with what is added meanwhile.
    listing.page(items, more && !search.ranked, |last| {
        (last.created_at, last.thread_id.to_string(), last.ordinal)
    })
}

/// Fails when the thread of a search is not there.
fn scope_check(conn: &mut SqliteConnection, search: &ReadySearch) -> Result<()> {
    match (&search.thread_id, &search.owner) {
        (Some(thread_id), Some(owner)) => thread_check(conn, owner, thread_id),
        (Some(thread_id), None) => thread_owner(conn, thread_id).map(drop),
        (None, _) => Ok(()),
    }
}

/// One item more than the page. That words say whose an item is only makes it fast: the conditions
/// on the thread decide.
fn found<'a>(
    search: &'a ReadySearch,
    query: &'a str,
    listing: &'a Listing<FoundKey>,
    order: &str,
) -> (String, Vec<Bind<'a>>) {
    let mut text = String::from(
        "SELECT item.thread_id, item.item_id, item.ordinal, item.item_type, item.created_at, \
         item.content, item.content_bytes FROM chatkit_item_search AS word \
         JOIN chatkit_items AS item ON item.item_key = word.rowid \
         JOIN chatkit_threads AS thread USING (thread_id) \
         WHERE chatkit_item_search MATCH ?",
    );
    let mut binds = vec![Bind::Text(query)];
    if let Some(owner) = &search.owner {
        text.push_str(" AND thread.owner = ?");
        binds.push(Bind::Text(owner.as_str()));
    }
    if let Some(thread_id) = &search.thread_id {
        text.push_str(" AND item.thread_id = ?");
        binds.push(Bind::Text(thread_id.as_str()));
    }
    if let Some((at, thread_id, ordinal)) = &listing.after {
        text.push_str(" AND (item.created_at, item.thread_id, item.ordinal) < (?, ?, ?)");
        binds.push(Bind::String(at.to_string()));
        binds.push(Bind::Text(thread_id));
        binds.push(Bind::BigInt(*ordinal));
    }
    text += " ORDER BY ";
    text += order;
    text += " LIMIT ?";
    binds.push(Bind::BigInt(listing.limit + 1));
    (text, binds)
}
