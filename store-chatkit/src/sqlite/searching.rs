//! Searching items by their words.

use diesel::prelude::*;
use diesel::sql_types::Text;
use store_core::chatkit::ThreadItem;
use store_core::sqlite::{Bind, Composed, db_error, within_budget};
use store_core::{Listing, Page, Result};

use super::rows::{ItemRow, ItemSql};
use super::threads::{thread_check, thread_owner};
use crate::rules::Context;
use crate::rules::search::{FoundKey, ReadySearch, WALKED_BYTES, WALKED_ITEMS};

// parity: what a walk sees: an item, and its words.
type WalkedSql = (ItemSql, Text);

const NEWEST: &str = "item.created_at DESC, item.thread_id DESC, item.ordinal DESC";
// The rank of FTS5 is the less the better.
const BEST: &str = "word.rank, item.created_at DESC, item.thread_id DESC, item.ordinal DESC";

// parity: a statement does not stop in between.
/// The items after which a walk ends that has found nothing: there are no pages of such a word.
const WALKED_IN_VAIN: usize = WALKED_ITEMS / 4;

/// Finds items by their words.
pub(super) fn item_search(
    conn: &mut SqliteConnection,
    cx: &Context,
    search: &ReadySearch,
    listing: &Listing<FoundKey>,
) -> Result<Page<ThreadItem>> {
    let bytes_of = |row: &ItemRow| row.content_bytes;
    let (rows, more) = match walk(conn, search, listing)? {
        Some(rows) => {
            within_budget("item_search", rows.into_iter().map(Ok), listing.limit, bytes_of)?
        }
        None => {
            let query = search.fts5();
            let (text, binds) = found(search, &query, listing);
            let rows = Composed::<ItemSql>::new(text, binds)
                .load_iter::<ItemRow, _>(conn)
                .map_err(db_error("item_search"))?;
            within_budget("item_search", rows, listing.limit, bytes_of)?
        }
    };
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

// parity: PostgreSQL does so in the statement that asks the index of words.
/// One item more than the page out of the newest, when there are enough.
fn walk(
    conn: &mut SqliteConnection,
    search: &ReadySearch,
    listing: &Listing<FoundKey>,
) -> Result<Option<Vec<ItemRow>>> {
    let Some((text, binds)) = walked(search, listing) else { return Ok(None) };
    let enough = usize::try_from(listing.limit + 1).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut bytes = 0;
    let rows = Composed::<WalkedSql>::new(text, binds)
        .load_iter::<(ItemRow, String), _>(conn)
        .map_err(db_error("item_search"))?;
    for (seen, row) in rows.take(WALKED_ITEMS).enumerate() {
        if seen == WALKED_IN_VAIN && found.is_empty() {
            break;
        }
        let (item, words) = row.map_err(db_error("item_search"))?;
        bytes += item.content_bytes;
        if bytes > WALKED_BYTES {
            break;
        }
        if search.is_met_by(&words) {
            found.push(item);
        }
        if found.len() == enough {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The newest items of an owner: they follow one another in an index, in the order of the listing.
/// Those of a thread are not searched so: it is seldom that long.
fn walked<'a>(
    search: &'a ReadySearch,
    listing: &'a Listing<FoundKey>,
) -> Option<(String, Vec<Bind<'a>>)> {
    if search.ranked || search.thread_id.is_some() || search.owner.is_none() {
        return None;
    }
    let (within, binds) = within(search, listing);
    let text = format!(
        "SELECT item.thread_id, item.item_id, item.ordinal, item.item_type, item.created_at, \
         item.content, item.content_bytes, item.search \
         FROM chatkit_items AS item INDEXED BY idx_chatkit_items_owner_created_at \
         WHERE TRUE{within} ORDER BY {NEWEST}"
    );
    Some((text, binds))
}

/// What the index of words finds. That words say whose an item is only makes it fast: the
/// conditions on the item decide.
fn found<'a>(
    search: &'a ReadySearch,
    query: &'a str,
    listing: &'a Listing<FoundKey>,
) -> (String, Vec<Bind<'a>>) {
    let order = if search.ranked { BEST } else { NEWEST };
    let (within, conditions) = within(search, listing);
    // CROSS JOIN keeps the order: another index would list all items of an owner for one that has
    // a word.
    let text = format!(
        "SELECT item.thread_id, item.item_id, item.ordinal, item.item_type, item.created_at, \
         item.content, item.content_bytes FROM chatkit_item_search AS word \
         CROSS JOIN chatkit_items AS item ON item.item_key = word.rowid \
         WHERE chatkit_item_search MATCH ?{within} ORDER BY {order} LIMIT ?"
    );
    let mut binds = vec![Bind::Text(query)];
    binds.extend(conditions);
    binds.push(Bind::BigInt(listing.limit + 1));
    (text, binds)
}

/// Where to look, and after what.
fn within<'a>(search: &'a ReadySearch, listing: &'a Listing<FoundKey>) -> (String, Vec<Bind<'a>>) {
    let mut text = String::new();
    let mut binds = Vec::new();
    if let Some(owner) = &search.owner {
        text.push_str(" AND item.owner = ?");
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
    (text, binds)
}
