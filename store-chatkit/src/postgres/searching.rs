//! Searching items by their words.

use diesel::sql_types::Float;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ThreadItem;
use store_core::postgres::{Bind, Composed, WithinBudget, db_error, split};
use store_core::{Listing, Page, Result};

use super::rows::{ItemRow, ItemSql};
use super::threads::{thread_check, thread_owner};
use crate::rules::Context;
use crate::rules::search::{FoundKey, ReadySearch};

// parity: what the statement answers: an item, and how good it is.
type FoundSql = (ItemSql, Float);

const NEWEST: &str = "created_at DESC, thread_id DESC, ordinal DESC";
const BEST: &str = "rank DESC, created_at DESC, thread_id DESC, ordinal DESC";

/// Finds items by their words.
pub(super) async fn item_search(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    search: &ReadySearch,
    listing: &Listing<FoundKey>,
) -> Result<Page<ThreadItem>> {
    let query = search.tsquery();
    let order = if search.ranked { BEST } else { NEWEST };
    let (text, binds) = found(search, &query, listing, order);
    let page = WithinBudget {
        inner: Composed::<FoundSql>::new(text, binds),
        order,
        bytes: "content_bytes",
        limit: listing.limit,
    };
    let rows: Vec<((ItemRow, f32), bool)> =
        page.load(conn).await.map_err(db_error("item_search"))?;
    let (rows, more) = split(rows);
    if rows.is_empty() {
        scope_check(conn, search).await?;
    }
    let items = rows
        .into_iter()
        .map(|(row, _rank)| row.into_record(&cx.json))
        .collect::<Result<Vec<_>>>()?;
    // A ranked search has one page: ranks change with what is added meanwhile.
    listing.page(items, more && !search.ranked, |last| {
        (last.created_at, last.thread_id.to_string(), last.ordinal)
    })
}

/// Fails when the thread of a search is not there.
async fn scope_check(conn: &mut AsyncPgConnection, search: &ReadySearch) -> Result<()> {
    match (&search.thread_id, &search.owner) {
        (Some(thread_id), Some(owner)) => thread_check(conn, owner, thread_id).await,
        (Some(thread_id), None) => thread_owner(conn, thread_id).await.map(drop),
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
    let rank = if search.ranked { "ts_rank(item.search, query)" } else { "0::real" };
    let mut text = format!(
        "SELECT item.thread_id, item.item_id, item.ordinal, item.item_type, item.created_at, \
         item.content, item.content_bytes, {rank} AS rank \
         FROM (SELECT (?)::tsquery AS query) AS wanted \
         JOIN chatkit_items AS item ON item.search @@ wanted.query"
    );
    let mut binds = vec![Bind::Text(query)];
    if let Some(owner) = &search.owner {
        text.push_str(" JOIN chatkit_threads AS thread USING (thread_id) WHERE thread.owner = ?");
        binds.push(Bind::Text(owner.as_str()));
    } else {
        text.push_str(" WHERE TRUE");
    }
    if let Some(thread_id) = &search.thread_id {
        text.push_str(" AND item.thread_id = ?");
        binds.push(Bind::Text(thread_id.as_str()));
    }
    if let Some((at, thread_id, ordinal)) = &listing.after {
        text.push_str(" AND (item.created_at, item.thread_id, item.ordinal) < (?, ?, ?)");
        binds.push(Bind::Instant(Some(at.to_datetime())));
        binds.push(Bind::Text(thread_id));
        binds.push(Bind::BigInt(*ordinal));
    }
    text += " ORDER BY ";
    text += order;
    text += " LIMIT ?";
    binds.push(Bind::BigInt(listing.limit + 1));
    (text, binds)
}
