//! Deleting the checkpoints of runs, in whatever threads they are.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;

use super::retention::graph_sweep;
use store_core::postgres::{Bind, Statement};

// They are locked in the order of their ids, so that two of these cannot deadlock.
const AFFECTED: &str = "SELECT t.thread_id FROM graph_threads AS t WHERE t.thread_id IN (\
     SELECT c.thread_id FROM graph_checkpoints AS c WHERE c.run_id = ANY (?)) \
     ORDER BY t.thread_id FOR UPDATE";

const DELETE_WRITES: &str = "DELETE FROM graph_writes \
     WHERE (thread_id, checkpoint_ns, checkpoint_id) IN (\
     SELECT thread_id, checkpoint_ns, checkpoint_id FROM graph_checkpoints \
     WHERE thread_id = ANY (?) AND run_id = ANY (?))";

const DELETE_CHECKPOINTS: &str = "DELETE FROM graph_checkpoints \
     WHERE thread_id = ANY (?) AND run_id = ANY (?)";

const DELETE_THREADS: &str = "DELETE FROM graph_threads AS t WHERE t.thread_id = ANY (?) \
     AND NOT EXISTS (SELECT 1 FROM graph_checkpoints AS c WHERE c.thread_id = t.thread_id) \
     AND NOT EXISTS (SELECT 1 FROM graph_writes AS w WHERE w.thread_id = t.thread_id)";

/// Deletes the checkpoints of runs, and what only they referred to; returns their number.
pub(super) async fn graph_delete_for_runs(
    conn: &mut AsyncPgConnection,
    run_ids: &[String],
) -> Result<u64> {
    enum Affected {}
    enum Writes {}
    enum Checkpoints {}
    enum Threads {}
    const OPERATION: &str = "graph_delete_for_runs";
    let runs = || Bind::Texts(run_ids.iter().map(String::as_str).collect());
    let affected: Vec<String> = Statement::<Affected, Text>::new(AFFECTED, vec![runs()])
        .load(conn)
        .await
        .map_err(db_error(OPERATION))?;
    if affected.is_empty() {
        return Ok(0);
    }
    let threads = || Bind::Texts(affected.iter().map(String::as_str).collect());
    Statement::<Writes, ()>::new(DELETE_WRITES, vec![threads(), runs()])
        .execute(conn)
        .await
        .map_err(db_error(OPERATION))?;
    let deleted = Statement::<Checkpoints, ()>::new(DELETE_CHECKPOINTS, vec![threads(), runs()])
        .execute(conn)
        .await
        .map_err(db_error(OPERATION))?;
    graph_sweep(conn, &affected).await?;
    Statement::<Threads, ()>::new(DELETE_THREADS, vec![threads()])
        .execute(conn)
        .await
        .map_err(db_error(OPERATION))?;
    Ok(deleted as u64)
}
