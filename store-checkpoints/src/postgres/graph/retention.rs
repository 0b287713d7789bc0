//! Pruning a thread.

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::checkpoints::graph::GraphPruneReport;
use store_core::postgres::db_error;
use store_core::{Result, ThreadId};

use super::threads::thread_lock;
use store_core::postgres::{Bind, Statement};

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
pub(super) async fn graph_prune(
    conn: &mut AsyncPgConnection,
    thread_id: &ThreadId,
    keep_last: i64,
) -> Result<GraphPruneReport> {
    enum Checkpoints {}
    enum Writes {}
    if !thread_lock(conn, thread_id).await? {
        return Ok(GraphPruneReport::default());
    }
    let thread = || Bind::Text(thread_id.as_str());
    let binds = vec![thread(), thread(), Bind::BigInt(keep_last)];
    let checkpoints = Statement::<Checkpoints, ()>::new(PRUNE_CHECKPOINTS, binds)
        .execute(conn)
        .await
        .map_err(db_error("graph_prune"))?;
    let writes = Statement::<Writes, ()>::new(PRUNE_WRITES, vec![thread()])
        .execute(conn)
        .await
        .map_err(db_error("graph_prune"))?;
    let (values, bytes) = graph_sweep(conn, &[thread_id.as_str().to_owned()]).await?;
    let (checkpoints, writes) = (checkpoints as u64, writes as u64);
    Ok(GraphPruneReport { checkpoints, writes, values, bytes })
}

const SWEEP_VALUES: &str = "DELETE FROM graph_values AS v WHERE v.thread_id = ANY (?) \
     AND NOT EXISTS (SELECT 1 FROM (\
     SELECT c.thread_id, c.checkpoint_ns, channels.key AS channel, channels.value AS version \
     FROM graph_checkpoints AS c CROSS JOIN LATERAL jsonb_each_text(c.channel_versions) AS channels \
     WHERE c.thread_id = ANY (?)) AS named \
     WHERE named.thread_id = v.thread_id AND named.checkpoint_ns = v.checkpoint_ns \
     AND named.channel = v.channel AND named.version = v.version)";

const SWEEP_BLOBS: &str = "DELETE FROM graph_blobs AS b WHERE b.thread_id = ANY (?) \
     AND NOT EXISTS (SELECT 1 FROM graph_values AS v \
     WHERE v.thread_id = b.thread_id AND v.address = b.address) \
     AND NOT EXISTS (SELECT 1 FROM graph_writes AS w \
     WHERE w.thread_id = b.thread_id AND w.address = b.address) RETURNING b.size";

/// Deletes values no checkpoint of these threads names, and blobs nothing refers to; returns how
/// many values and bytes that was.
pub(super) async fn graph_sweep(
    conn: &mut AsyncPgConnection,
    threads: &[String],
) -> Result<(u64, u64)> {
    enum Values {}
    enum Blobs {}
    let threads = || Bind::Texts(threads.iter().map(String::as_str).collect());
    let values = Statement::<Values, ()>::new(SWEEP_VALUES, vec![threads(), threads()])
        .execute(conn)
        .await
        .map_err(db_error("graph_sweep"))?;
    let sizes: Vec<i64> = Statement::<Blobs, BigInt>::new(SWEEP_BLOBS, vec![threads()])
        .load(conn)
        .await
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
     FROM kept CROSS JOIN LATERAL jsonb_each_text(kept.channel_versions) AS channels\
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
     (SELECT coalesce(sum(size), 0)::bigint FROM graph_blobs WHERE thread_id = ? \
     AND address NOT IN (SELECT address FROM kept_values UNION SELECT address FROM kept_writes))";

/// Counts what a prune would delete.
pub(super) async fn graph_prune_count(
    conn: &mut AsyncPgConnection,
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
            .await
            .map_err(db_error("graph_prune_count"))?;
    Ok(GraphPruneReport {
        checkpoints: counted(checkpoints),
        writes: counted(writes),
        values: counted(values),
        bytes: counted(bytes),
    })
}

/// A count, which is never negative.
fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
