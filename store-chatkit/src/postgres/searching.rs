//! Searching items by their words.

use diesel::sql_types::Float;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ThreadItem;
use store_core::postgres::{Bind, Composed, WithinBudget, db_error, split};
use store_core::{Listing, Page, Result};

use super::rows::{ItemRow, ItemSql};
use super::threads::{thread_check, thread_owner};
use crate::rules::Context;
use crate::rules::search::{FoundKey, ReadySearch, WALKED_BYTES, WALKED_ITEMS};

// parity: what the statement answers: an item, and how good it is.
type FoundSql = (ItemSql, Float);

const NEWEST: &str = "created_at DESC, thread_id DESC, ordinal DESC";
const BEST: &str = "rank DESC, created_at DESC, thread_id DESC, ordinal DESC";

// parity: what both parts of the statement are about, as `$1` to `$7`; nobody reads it.
const BINDS: &str = "WITH binds AS (SELECT ?, ?, ?, ?, ?, ?, ?)";

// parity: a subquery is read once. As an expression it would be for each item.
const QUERY: &str = "(SELECT $1::tsquery)";

// parity: the columns of `FoundSql` but the last.
const ITEM: &str = "thread_id, item_id, ordinal, item_type, created_at, content, content_bytes";

/// Finds items by their words.
pub(super) async fn item_search(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    search: &ReadySearch,
    listing: &Listing<FoundKey>,
) -> Result<Page<ThreadItem>> {
    let query = search.tsquery();
    let order = if search.ranked { BEST } else { NEWEST };
    let page = WithinBudget {
        inner: Composed::<FoundSql>::new(text(search, listing), binds(search, &query, listing)),
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

// parity: SQLite runs one statement after the other.
/// One item more than the page: out of the newest when there are enough, or else by the index of
/// words, which then is all that is asked.
fn text(search: &ReadySearch, listing: &Listing<FoundKey>) -> String {
    let found = found(search, listing);
    match walked(search, listing) {
        Some(walked) => format!(
            "{BINDS}, walked AS MATERIALIZED ({walked}) \
             SELECT * FROM walked WHERE (SELECT count(*) FROM walked) = $2 \
             UNION ALL SELECT * FROM ({found}) AS found \
             WHERE (SELECT count(*) FROM walked) < $2"
        ),
        None => format!("{BINDS} {found}"),
    }
}

// parity: belongs to text.
fn binds<'a>(
    search: &'a ReadySearch,
    query: &'a str,
    listing: &'a Listing<FoundKey>,
) -> Vec<Bind<'a>> {
    let after = listing.after.as_ref();
    vec![
        Bind::Text(query),
        Bind::BigInt(listing.limit + 1),
        Bind::MaybeText(search.owner.as_ref().map(|owner| owner.as_str())),
        Bind::MaybeText(search.thread_id.as_ref().map(|thread_id| thread_id.as_str())),
        Bind::Instant(after.map(|(at, _, _)| at.to_datetime())),
        Bind::MaybeText(after.map(|(_, thread_id, _)| thread_id.as_str())),
        Bind::MaybeBigInt(after.map(|(_, _, ordinal)| *ordinal)),
    ]
}

/// What the newest items of an owner have: they follow one another in an index, in the order of the
/// listing. Those of a thread are not searched so: it is seldom that long.
///
/// An equality would say the same as the two conditions on where the walk begins. But the planner
/// may think that who is asked for has few items, and sort them all.
fn walked(search: &ReadySearch, listing: &Listing<FoundKey>) -> Option<String> {
    if search.ranked || search.thread_id.is_some() || search.owner.is_none() {
        return None;
    }
    let key = "owner DESC, created_at DESC, thread_id DESC, ordinal DESC";
    let begin = match listing.after {
        Some(_) => "(owner, created_at, thread_id, ordinal) < ($3, $5, $6, $7)",
        None => "(owner, created_at) <= ($3, 'infinity')",
    };
    let within = within(search, listing);
    Some(format!(
        "SELECT {ITEM}, 0::real AS rank FROM (\
         SELECT *, sum(content_bytes) OVER (ORDER BY {key} ROWS UNBOUNDED PRECEDING) AS bytes \
         FROM (SELECT * FROM chatkit_items WHERE owner >= $3 AND {begin} \
         ORDER BY {key} LIMIT {WALKED_ITEMS}) AS newest) AS item \
         WHERE bytes <= {WALKED_BYTES} AND search @@ {QUERY}{within} ORDER BY {key} LIMIT $2"
    ))
}

/// What the index of words finds. That words say whose an item is only makes it fast: the
/// conditions on the item decide.
fn found(search: &ReadySearch, listing: &Listing<FoundKey>) -> String {
    let (rank, order) = match search.ranked {
        true => (format!("ts_rank(search, {QUERY})"), BEST),
        false => ("0::real".to_owned(), NEWEST),
    };
    let within = within(search, listing);
    // With OFFSET the conditions stay outside: another index would serve them, and list all items
    // of an owner for one that has a word.
    format!(
        "SELECT {ITEM}, {rank} AS rank FROM (\
         SELECT * FROM chatkit_items WHERE search @@ {QUERY} OFFSET 0) AS item \
         WHERE TRUE{within} ORDER BY {order} LIMIT $2"
    )
}

/// Where to look, and after what.
fn within(search: &ReadySearch, listing: &Listing<FoundKey>) -> String {
    let conditions = [
        (search.owner.is_some(), " AND owner = $3"),
        (search.thread_id.is_some(), " AND thread_id = $4"),
        (listing.after.is_some(), " AND (created_at, thread_id, ordinal) < ($5, $6, $7)"),
    ];
    conditions.into_iter().filter_map(|(asked, condition)| asked.then_some(condition)).collect()
}
