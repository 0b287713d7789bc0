//! Pruning a thread.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use store_core::checkpoints::graph::GraphPruneReport;
use store_core::sqlite::db_error;
use store_core::{Result, ThreadId};

use super::threads::thread_lock;
use store_core::sqlite::{Bind, Statement};

const PRUNE_CHECKPOINTS: &str = "DELETE FROM graph_checkpoints WHERE thread_id = ? \
     AND (checkpoint_ns, checkpoint_id) IN (SELECT checkpoint_ns, checkpoint_id FROM (\
     SELECT checkpoint_ns, checkpoint_id, \
     row_number() OVER (PARTITION BY checkpoint_ns ORDER BY checkpoint_id DESC) AS place \
     FROM graph_checkpoints WHERE thread_id = ?) AS ranked WHERE place > ?)";

// A write stays with its checkpoint, and if that is to come after all that are there.
const PRUNE_WRITES: &str = "DELETE FROM graph_writes AS w WHERE w.thread_id = ? \
     AND NOT EXISTS (SELECT 1 FROM graph_checkpoints AS c WHERE c.thread_id = w.thread_id \
     AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id) \
     AND EXISTS (SELECT 1 FROM graph_checkpoints AS c WHERE c.thread_id = w.thread_id \
     AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id > w.checkpoint_id)";

/// Deletes all but the newest checkpoints of each namespace, and what only they referred to.
pub(super) fn graph_prune(
    conn: &mut SqliteConnection,
    thread_id: &ThreadId,
    keep_last: i64,
) -> Result<GraphPruneReport> {
    enum Checkpoints {}
    enum Writes {}
    if !thread_lock(conn, thread_id)? {
        return Ok(GraphPruneReport::default());
    }
    let thread = || Bind::Text(thread_id.as_str());
    let binds = vec![thread(), thread(), Bind::BigInt(keep_last)];
    let checkpoints = Statement::<Checkpoints, ()>::new(PRUNE_CHECKPOINTS, binds)
        .execute(conn)
        .map_err(db_error("graph_prune"))?;
    let writes = Statement::<Writes, ()>::new(PRUNE_WRITES, vec![thread()])
        .execute(conn)
        .map_err(db_error("graph_prune"))?;
    let (values, bytes) = graph_sweep(conn, &[thread_id.as_str().to_owned()])?;
    let (checkpoints, writes) = (checkpoints as u64, writes as u64);
    Ok(GraphPruneReport { checkpoints, writes, values, bytes })
}

const SWEEP_VALUES: &str = "DELETE FROM graph_values \
     WHERE thread_id IN (SELECT value FROM json_each(?)) \
     AND (thread_id, checkpoint_ns, channel, version) NOT IN (\
     SELECT c.thread_id, c.checkpoint_ns, channels.key, channels.value \
     FROM graph_checkpoints AS c CROSS JOIN json_each(c.channel_versions) AS channels \
     WHERE c.thread_id IN (SELECT value FROM json_each(?)))";

const SWEEP_BLOBS: &str = "DELETE FROM graph_blobs AS b \
     WHERE b.thread_id IN (SELECT value FROM json_each(?)) \
     AND NOT EXISTS (SELECT 1 FROM graph_values AS v \
     WHERE v.thread_id = b.thread_id AND v.address = b.address) \
     AND NOT EXISTS (SELECT 1 FROM graph_writes AS w \
     WHERE w.thread_id = b.thread_id AND w.address = b.address) RETURNING size";

/// Deletes values no checkpoint of these threads names, and blobs nothing refers to; returns how
/// many values and bytes that was.
pub(super) fn graph_sweep(conn: &mut SqliteConnection, threads: &[String]) -> Result<(u64, u64)> {
    enum Values {}
    enum Blobs {}
    let threads = || Bind::String(listed(threads));
    let values = Statement::<Values, ()>::new(SWEEP_VALUES, vec![threads(), threads()])
        .execute(conn)
        .map_err(db_error("graph_sweep"))?;
    let sizes: Vec<i64> = Statement::<Blobs, BigInt>::new(SWEEP_BLOBS, vec![threads()])
        .load(conn)
        .map_err(db_error("graph_sweep"))?;
    Ok((values as u64, counted(sizes.into_iter().sum())))
}

const COUNT: &str = "WITH ranked AS MATERIALIZED (\
     SELECT checkpoint_ns, checkpoint_id, channel_versions, \
     row_number() OVER (PARTITION BY checkpoint_ns ORDER BY checkpoint_id DESC) AS place \
     FROM graph_checkpoints WHERE thread_id = ?\
     ), kept AS MATERIALIZED (\
     SELECT * FROM ranked WHERE place <= ?\
     ), named AS (\
     SELECT DISTINCT kept.checkpoint_ns, channels.key AS channel, channels.value AS version \
     FROM kept CROSS JOIN json_each(kept.channel_versions) AS channels\
     ), kept_values AS MATERIALIZED (\
     SELECT v.address FROM named JOIN graph_values AS v ON v.checkpoint_ns = named.checkpoint_ns \
     AND v.channel = named.channel AND v.version = named.version WHERE v.thread_id = ?\
     ), kept_writes AS MATERIALIZED (\
     SELECT w.address FROM graph_writes AS w \
     LEFT JOIN kept ON kept.checkpoint_ns = w.checkpoint_ns \
     AND kept.checkpoint_id = w.checkpoint_id \
     LEFT JOIN kept AS newest ON newest.checkpoint_ns = w.checkpoint_ns AND newest.place = 1 \
     WHERE w.thread_id = ? AND (kept.checkpoint_id IS NOT NULL OR newest.checkpoint_id IS NULL \
     OR w.checkpoint_id > newest.checkpoint_id)\
     ) \
     SELECT (SELECT count(*) FROM ranked) - (SELECT count(*) FROM kept), \
     (SELECT count(*) FROM graph_writes WHERE thread_id = ?) \
     - (SELECT count(*) FROM kept_writes), \
     (SELECT count(*) FROM graph_values WHERE thread_id = ?) \
     - (SELECT count(*) FROM kept_values), \
     (SELECT coalesce(sum(size), 0) FROM graph_blobs WHERE thread_id = ? \
     AND address NOT IN (SELECT address FROM kept_values UNION SELECT address FROM kept_writes))";

/// Counts what a prune would delete.
pub(super) fn graph_prune_count(
    conn: &mut SqliteConnection,
    thread_id: &ThreadId,
    keep_last: i64,
) -> Result<GraphPruneReport> {
    enum Count {}
    let thread = || Bind::Text(thread_id.as_str());
    let binds =
        vec![thread(), Bind::BigInt(keep_last), thread(), thread(), thread(), thread(), thread()];
    let (checkpoints, writes, values, bytes): (i64, i64, i64, i64) =
        Statement::<Count, (BigInt, BigInt, BigInt, BigInt)>::new(COUNT, binds)
            .get_result(conn)
            .map_err(db_error("graph_prune_count"))?;
    Ok(GraphPruneReport {
        checkpoints: counted(checkpoints),
        writes: counted(writes),
        values: counted(values),
        bytes: counted(bytes),
    })
}

// parity: PostgreSQL has arrays.
/// Texts as `json_each` reads them.
pub(super) fn listed(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// A count, which is never negative.
fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
