//! Databases of a size, made by SQLite itself.

use std::path::Path;

use rusqlite::Connection;
use store_core::Databases;
use store_core::Settings;

use crate::Result;

/// How many steps an execution has.
const STEPS: u32 = 1000;

/// Opens the stores once, so that their tables are there.
async fn create(path: &Path) -> Result<Connection> {
    let databases = Databases::new(Settings::sqlite(path));
    drop(store_history::open(&databases).await?);
    drop(store_checkpoints::open_graph(&databases).await?);
    databases.close().await;
    let conn = Connection::open(path)?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")?;
    Ok(conn)
}

/// Makes a database of that many steps with payloads of about 500 bytes.
pub(crate) async fn steps(path: &Path, count: u32) -> Result<()> {
    let conn = create(path).await?;
    let executions = count.div_ceil(STEPS);
    conn.execute_batch(&format!(
        "BEGIN;
         INSERT INTO history_executions
             (execution_id, workflow_id, inputs, runnable_config, tags, callbacks, metadata, status,
              started_at, step_count, step_bytes, input_tokens, output_tokens, cost_micros,
              record_bytes, updated_at)
         SELECT 'execution-' || value, 'bench', '{{}}', '{{}}', '[]', '[]', '{{}}', 'running',
                '2026-11-30T12:00:00.000000+00:00', 0, 0, 0, 0, 0, 10,
                '2026-11-30T12:00:00.000000+00:00'
         FROM (WITH RECURSIVE n (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n
               WHERE value + 1 < {executions}) SELECT value FROM n);
         INSERT INTO history_steps
             (execution_id, step_index, execution_started_at, at, kind, name, payload,
              payload_bytes, byte_offset)
         SELECT 'execution-' || (value / {STEPS}), value % {STEPS},
                '2026-11-30T12:00:00.000000+00:00',
                '2026-11-30T12:00:00.' || printf('%06d', value % 1000000) || '+00:00',
                'llm', 'answer',
                json_object('role', 'assistant', 'number', value, 'text', hex(randomblob(220))),
                500, 500 * (value % {STEPS})
         FROM (WITH RECURSIVE n (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n
               WHERE value + 1 < {count}) SELECT value FROM n);
         COMMIT;"
    ))?;
    Ok(())
}

/// Makes a database of values of so many bytes.
pub(crate) async fn blobs(path: &Path, count: u32, bytes: u64) -> Result<()> {
    let conn = create(path).await?;
    conn.execute(
        "INSERT INTO graph_threads (thread_id, created_at) \
         VALUES ('bench', '2026-11-30T12:00:00.000000+00:00')",
        [],
    )?;
    for _ in 0..count {
        conn.execute(
            "INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
             VALUES ('bench', randomblob(32), 'bytes', ?1, 0, randomblob(?1))",
            [i64::try_from(bytes)?],
        )?;
    }
    Ok(())
}
