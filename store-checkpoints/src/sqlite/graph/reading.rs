//! Reading checkpoints with everything that belongs to them, in one statement: what is deleted
//! beside it is there as a whole or not at all.

use diesel::prelude::*;
use store_core::checkpoints::graph::GraphState;
use store_core::sqlite::db_error;
use store_core::{GraphCheckpointId, Result, ThreadId};
use uuid::Uuid;

use super::rows::{PartRow, PartSql};
use crate::rules::graph::GraphContext;
use crate::rules::graph::assembly::assembled;
use store_core::sqlite::{Bind, Statement};

// `CROSS JOIN` keeps the planner at one look into the index for each channel and each blob: it would
// rather read all values of the thread, or whole tables.
/// What follows a CTE `target`, of checkpoints with `position` and `followed`: their parts.
macro_rules! parts {
    () => {
        ", named AS MATERIALIZED (\
         SELECT target.position, v.thread_id, v.channel, v.address FROM target \
         CROSS JOIN json_each(target.channel_versions) AS channels \
         CROSS JOIN graph_values AS v ON v.thread_id = target.thread_id \
         AND v.checkpoint_ns = target.checkpoint_ns AND v.channel = channels.key \
         AND v.version = channels.value\
         ), written AS MATERIALIZED (\
         SELECT target.position, w.thread_id, w.channel, w.task_id, w.task_path, w.idx, w.address \
         FROM target CROSS JOIN graph_writes AS w ON w.thread_id = target.thread_id \
         AND w.checkpoint_ns = target.checkpoint_ns AND w.checkpoint_id = target.checkpoint_id\
         ), used AS (\
         SELECT thread_id, address FROM named UNION SELECT thread_id, address FROM written\
         ) \
         SELECT 0, position, checkpoint_ns, NULL, NULL, NULL, \
         checkpoint_id, parent_id, channel_versions, versions_seen, extra, metadata, created_at, \
         followed, NULL, NULL, NULL, NULL FROM target \
         UNION ALL SELECT 1, position, channel, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, address, NULL, NULL, NULL FROM named \
         UNION ALL SELECT 2, position, channel, task_id, task_path, idx, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, NULL, address, NULL, NULL, NULL FROM written \
         UNION ALL SELECT 3, NULL, b.type_tag, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, b.address, b.size, b.sealed, b.bytes \
         FROM used CROSS JOIN graph_blobs AS b ON b.thread_id = used.thread_id \
         AND b.address = used.address"
    };
}
pub(super) use parts;

// The bounds of the id are that id, or those of all ids.
const FETCH: &str = concat!(
    "WITH target AS MATERIALIZED (\
     SELECT c.*, 1 AS position, FALSE AS followed FROM graph_checkpoints AS c \
     WHERE c.thread_id = ? AND c.checkpoint_ns = ? \
     AND c.checkpoint_id >= ? AND c.checkpoint_id <= ? \
     ORDER BY c.checkpoint_id DESC LIMIT 1)",
    parts!()
);

/// Finds a checkpoint, the latest of the namespace when no id is given.
pub(super) fn graph_fetch(
    conn: &mut SqliteConnection,
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
        Bind::String(from.to_string()),
        Bind::String(to.to_string()),
    ];
    let rows: Vec<PartRow> = Statement::<Fetch, PartSql>::new(FETCH, binds)
        .load(conn)
        .map_err(db_error("graph_fetch"))?;
    let parts = rows.into_iter().map(|row| row.into_part(&cx.json, thread_id));
    let (mut states, _) = assembled(cx, parts.collect::<Result<_>>()?)?;
    Ok(states.pop())
}
