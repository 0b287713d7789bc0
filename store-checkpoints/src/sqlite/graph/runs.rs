//! Deleting the checkpoints of runs, in whatever threads they are.

use diesel::prelude::*;
use diesel::sql_types::Text;
use store_core::Result;
use store_core::sqlite::db_error;

use super::retention::{graph_sweep, listed};
use store_core::sqlite::{Bind, Statement};

const AFFECTED: &str = "SELECT DISTINCT thread_id FROM graph_checkpoints \
     WHERE run_id IN (SELECT value FROM json_each(?))";

const DELETE_WRITES: &str = "DELETE FROM graph_writes \
     WHERE (thread_id, checkpoint_ns, checkpoint_id) IN (\
     SELECT thread_id, checkpoint_ns, checkpoint_id FROM graph_checkpoints \
     WHERE thread_id IN (SELECT value FROM json_each(?)) \
     AND run_id IN (SELECT value FROM json_each(?)))";

const DELETE_CHECKPOINTS: &str = "DELETE FROM graph_checkpoints \
     WHERE thread_id IN (SELECT value FROM json_each(?)) \
     AND run_id IN (SELECT value FROM json_each(?))";

const DELETE_THREADS: &str = "DELETE FROM graph_threads AS t WHERE t.thread_id IN (SELECT value FROM json_each(?)) \
     AND NOT EXISTS (SELECT 1 FROM graph_checkpoints AS c WHERE c.thread_id = t.thread_id) \
     AND NOT EXISTS (SELECT 1 FROM graph_writes AS w WHERE w.thread_id = t.thread_id)";

/// Deletes the checkpoints of runs, and what only they referred to; returns their number.
pub(super) fn graph_delete_for_runs(
    conn: &mut SqliteConnection,
    run_ids: &[String],
) -> Result<u64> {
    enum Affected {}
    enum Writes {}
    enum Checkpoints {}
    enum Threads {}
    const OPERATION: &str = "graph_delete_for_runs";
    let runs = || Bind::String(listed(run_ids));
    let affected: Vec<String> = Statement::<Affected, Text>::new(AFFECTED, vec![runs()])
        .load(conn)
        .map_err(db_error(OPERATION))?;
    if affected.is_empty() {
        return Ok(0);
    }
    let threads = || Bind::String(listed(&affected));
    Statement::<Writes, ()>::new(DELETE_WRITES, vec![threads(), runs()])
        .execute(conn)
        .map_err(db_error(OPERATION))?;
    let deleted = Statement::<Checkpoints, ()>::new(DELETE_CHECKPOINTS, vec![threads(), runs()])
        .execute(conn)
        .map_err(db_error(OPERATION))?;
    graph_sweep(conn, &affected)?;
    Statement::<Threads, ()>::new(DELETE_THREADS, vec![threads()])
        .execute(conn)
        .map_err(db_error(OPERATION))?;
    Ok(deleted as u64)
}
