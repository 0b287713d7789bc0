//! Putting what tasks write.

use diesel::prelude::*;
use store_core::Result;
use store_core::sqlite::db_error;

use super::put::{blob_put, thread_make};
use crate::rules::graph::writes::ReadyWrites;
use store_core::sqlite::{Bind, Statement};

// Bytes that no write refers to in the end are left to the next prune.
const PUT_WRITES: &str = "INSERT INTO graph_writes AS stored (thread_id, checkpoint_ns, \
     checkpoint_id, task_id, task_path, idx, channel, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET \
     task_path = EXCLUDED.task_path, channel = EXCLUDED.channel, address = EXCLUDED.address \
     WHERE stored.idx < 0";

/// Puts writes: the first with an index stays, the last below 0.
pub(super) fn graph_write_put(conn: &mut SqliteConnection, ready: &ReadyWrites) -> Result<()> {
    enum PutWrites {}
    let checkpoint = &ready.checkpoint;
    thread_make(conn, &checkpoint.thread_id, ready.now)?;
    for write in &ready.writes {
        blob_put(conn, &checkpoint.thread_id, &write.blob)?;
        let binds = vec![
            Bind::Text(checkpoint.thread_id.as_str()),
            Bind::Text(&checkpoint.checkpoint_ns),
            Bind::String(checkpoint.id.to_string()),
            Bind::Text(ready.task_id.as_str()),
            Bind::Text(&ready.task_path),
            Bind::Int(write.index),
            Bind::Text(&write.channel),
            Bind::Bytes(&write.blob.address),
        ];
        Statement::<PutWrites, ()>::new(PUT_WRITES, binds)
            .execute(conn)
            .map_err(db_error("graph_write_put"))?;
    }
    Ok(())
}
