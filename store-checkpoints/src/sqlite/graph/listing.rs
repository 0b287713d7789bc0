//! Listing checkpoints: a page is one statement.

use diesel::prelude::*;
use store_core::checkpoints::graph::GraphState;
use store_core::page::PAGE_BYTE_BUDGET;
use store_core::sqlite::db_error;
use store_core::{Listing, Order, Page, Result, ThreadId};

use super::reading::parts;
use super::rows::{PartRow, PartSql};
use crate::rules::graph::assembly::assembled;
use crate::rules::graph::filter::ReadyGraphFilter;
use crate::rules::graph::{CheckpointKey, GraphContext};
use store_core::sqlite::{Bind, Composed};

/// Lists the checkpoints of a thread by id and namespace.
pub(super) fn graph_list(
    conn: &mut SqliteConnection,
    cx: &GraphContext,
    thread_id: &ThreadId,
    filter: &ReadyGraphFilter,
    listing: &Listing<CheckpointKey>,
) -> Result<Page<GraphState>> {
    let (text, binds) = page_query(thread_id, filter, listing);
    let rows: Vec<PartRow> =
        Composed::<PartSql>::new(text, binds).load(conn).map_err(db_error("graph_list"))?;
    let parts = rows.into_iter().map(|row| row.into_part(&cx.json, thread_id));
    let (states, more) = assembled(cx, parts.collect::<Result<_>>()?)?;
    listing.page(states, more, |last| (last.checkpoint.id, last.config.checkpoint_ns.clone()))
}

/// One row more than the page, then as many as it has room for, then their parts. `CROSS JOIN` keeps
/// the planner at one look into each index for each channel.
fn page_query<'a>(
    thread_id: &'a ThreadId,
    filter: &'a ReadyGraphFilter,
    listing: &'a Listing<CheckpointKey>,
) -> (String, Vec<Bind<'a>>) {
    let (direction, beyond) = match listing.order() {
        Order::Asc => ("ASC", ">"),
        Order::Desc => ("DESC", "<"),
    };
    let order = format!("checkpoint_id {direction}, checkpoint_ns {direction}");
    let (conditions, mut binds) = conditions(filter, listing, beyond);
    binds.insert(0, Bind::Text(thread_id.as_str()));
    binds.extend([listing.limit + 1, PAGE_BYTE_BUDGET, listing.limit].map(Bind::BigInt));
    let text = format!(
        "WITH candidates AS MATERIALIZED (\
         SELECT c.*, c.bytes + (SELECT coalesce(sum(b.size), 0) FROM graph_writes AS w \
         JOIN graph_blobs AS b ON b.thread_id = w.thread_id AND b.address = w.address \
         WHERE w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns \
         AND w.checkpoint_id = c.checkpoint_id) \
         + (SELECT coalesce(sum(b.size), 0) FROM json_each(c.channel_versions) AS channels \
         CROSS JOIN graph_values AS v ON v.thread_id = c.thread_id \
         AND v.checkpoint_ns = c.checkpoint_ns \
         AND v.channel = channels.key AND v.version = channels.value \
         CROSS JOIN graph_blobs AS b ON b.thread_id = v.thread_id AND b.address = v.address) \
         AS total \
         FROM graph_checkpoints AS c WHERE c.thread_id = ?{conditions} ORDER BY {order} LIMIT ?\
         ), numbered AS (\
         SELECT candidates.*, row_number() OVER page AS position, \
         lead(1) OVER page IS NOT NULL AS followed, sum(total) OVER page - total AS bytes_before \
         FROM candidates WINDOW page AS (ORDER BY {order} ROWS UNBOUNDED PRECEDING)\
         ), target AS MATERIALIZED (\
         SELECT * FROM numbered WHERE bytes_before < ? ORDER BY position LIMIT ?)"
    );
    (text + parts!(), binds)
}

/// What narrows a listing down.
fn conditions<'a>(
    filter: &'a ReadyGraphFilter,
    listing: &'a Listing<CheckpointKey>,
    beyond: &str,
) -> (String, Vec<Bind<'a>>) {
    let (mut text, mut binds) = (String::new(), Vec::new());
    if let Some(checkpoint_ns) = &filter.checkpoint_ns {
        text.push_str(" AND c.checkpoint_ns = ?");
        binds.push(Bind::Text(checkpoint_ns));
    }
    if let Some(wanted) = &filter.metadata {
        text.push_str(" AND store_json_contains(c.metadata, ?)");
        binds.push(Bind::Text(&wanted.text));
    }
    if let Some(before) = filter.before {
        text.push_str(" AND c.checkpoint_id < ?");
        binds.push(Bind::String(before.to_string()));
    }
    if let Some((id, checkpoint_ns)) = &listing.after {
        // The first condition bounds the index, the second settles ties.
        let both = format!(
            " AND c.checkpoint_id {beyond}= ? AND (c.checkpoint_id, c.checkpoint_ns) {beyond} (?, ?)"
        );
        text.push_str(&both);
        let id = || Bind::String(id.to_string());
        binds.extend([id(), id(), Bind::Text(checkpoint_ns)]);
    }
    (text, binds)
}
