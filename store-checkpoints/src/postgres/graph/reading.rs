//! Reading checkpoints with everything that belongs to them, in one statement: what is deleted
//! beside it is there as a whole or not at all.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::checkpoints::graph::GraphState;
use store_core::postgres::db_error;
use store_core::{GraphCheckpointId, Result, ThreadId};
use uuid::Uuid;

use super::rows::{PartRow, PartSql};
use crate::rules::graph::GraphContext;
use crate::rules::graph::assembly::assembled;
use store_core::postgres::{Bind, Statement};

// `OFFSET 0` keeps the planner at one look into the index for each channel and each blob: it guesses
// 100 channels for a checkpoint, and would rather read all values of the thread, or whole tables.
/// What follows a CTE `target`, of checkpoints with `position` and `followed`: their parts.
macro_rules! parts {
    () => {
        ", named AS MATERIALIZED (\
         SELECT target.position, target.thread_id, channels.channel, v.address FROM target \
         CROSS JOIN LATERAL jsonb_each_text(target.channel_versions) AS channels (channel, version) \
         CROSS JOIN LATERAL (SELECT stored.address FROM graph_values AS stored \
         WHERE stored.thread_id = target.thread_id \
         AND stored.checkpoint_ns = target.checkpoint_ns \
         AND stored.channel = channels.channel AND stored.version = channels.version OFFSET 0) AS v\
         ), written AS MATERIALIZED (\
         SELECT target.position, w.thread_id, w.channel, w.task_id, w.task_path, w.idx, w.address \
         FROM target JOIN graph_writes AS w ON w.thread_id = target.thread_id \
         AND w.checkpoint_ns = target.checkpoint_ns AND w.checkpoint_id = target.checkpoint_id\
         ), used AS (\
         SELECT thread_id, address FROM named UNION SELECT thread_id, address FROM written\
         ) \
         SELECT 0, position, checkpoint_ns, NULL::text, NULL::text, NULL::int, \
         checkpoint_id, parent_id, channel_versions, versions_seen, extra, metadata, created_at, \
         followed, NULL::bytea, NULL::bigint, NULL::boolean, NULL::bytea FROM target \
         UNION ALL SELECT 1, position, channel, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, address, NULL, NULL, NULL FROM named \
         UNION ALL SELECT 2, position, channel, task_id, task_path, idx, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, NULL, address, NULL, NULL, NULL FROM written \
         UNION ALL SELECT 3, NULL, b.type_tag, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, b.address, b.size, b.sealed, b.bytes \
         FROM used CROSS JOIN LATERAL (SELECT stored.* FROM graph_blobs AS stored \
         WHERE stored.thread_id = used.thread_id AND stored.address = used.address OFFSET 0) AS b"
    };
}
pub(super) use parts;

// The bounds of the id are that id, or those of all ids.
const FETCH: &str = concat!(
    "WITH target AS MATERIALIZED (\
     SELECT c.*, 1::bigint AS position, FALSE AS followed FROM graph_checkpoints AS c \
     WHERE c.thread_id = ? AND c.checkpoint_ns = ? \
     AND c.checkpoint_id >= ? AND c.checkpoint_id <= ? \
     ORDER BY c.checkpoint_id DESC LIMIT 1)",
    parts!()
);

/// Finds a checkpoint, the latest of the namespace when no id is given.
pub(super) async fn graph_fetch(
    conn: &mut AsyncPgConnection,
    cx: &GraphContext,
    thread_id: &ThreadId,
    checkpoint_ns: &str,
    id: Option<GraphCheckpointId>,
) -> Result<Option<GraphState>> {
    enum Fetch {}
    let (from, to) = id.map_or((Uuid::nil(), Uuid::max()), |id| (id.as_uuid(), id.as_uuid()));
    let binds = vec![
        Bind::Text(thread_id.as_str()),
        Bind::Text(checkpoint_ns),
        Bind::Uuid(from),
        Bind::Uuid(to),
    ];
    let rows: Vec<PartRow> = Statement::<Fetch, PartSql>::new(FETCH, binds)
        .load(conn)
        .await
        .map_err(db_error("graph_fetch"))?;
    let parts = rows.into_iter().map(|row| row.into_part(&cx.json, thread_id));
    let (mut states, _) = assembled(cx, parts.collect::<Result<_>>()?)?;
    Ok(states.pop())
}
