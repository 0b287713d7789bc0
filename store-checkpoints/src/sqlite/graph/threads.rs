//! Threads as a whole.

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Integer;
use store_core::sqlite::{Violation, db_error};
use store_core::{Error, Result, ThreadId};

use crate::rules::graph::GraphContext;
use store_core::sqlite::{Bind, Composed, Statement};

/// Tells whether there is a thread. The transaction of the writer is its lock.
pub(super) fn thread_lock(conn: &mut SqliteConnection, thread_id: &ThreadId) -> Result<bool> {
    enum Lock {}
    let text = "SELECT 1 FROM graph_threads WHERE thread_id = ?";
    let locked: Option<i32> =
        Statement::<Lock, Integer>::new(text, vec![Bind::Text(thread_id.as_str())])
            .get_result(conn)
            .optional()
            .map_err(db_error("thread_lock"))?;
    Ok(locked.is_some())
}

/// Deletes a thread, and by its foreign keys all that belongs to it.
pub(super) fn thread_delete(conn: &mut SqliteConnection, thread_id: &ThreadId) -> Result<()> {
    enum Delete {}
    let text = "DELETE FROM graph_threads WHERE thread_id = ?";
    Statement::<Delete, ()>::new(text, vec![Bind::Text(thread_id.as_str())])
        .execute(conn)
        .map(drop)
        .map_err(db_error("thread_delete"))
}

const COPY_BLOBS: &str = "INSERT INTO graph_blobs \
     (thread_id, address, type_tag, size, sealed, bytes) \
     SELECT ?, address, type_tag, size, sealed, bytes FROM graph_blobs WHERE thread_id = ?";

const COPY_VALUES: &str = "INSERT INTO graph_values \
     (thread_id, checkpoint_ns, channel, version, address) \
     SELECT ?, checkpoint_ns, channel, version, address FROM graph_values WHERE thread_id = ?";

const COPY_CHECKPOINTS: &str = "INSERT INTO graph_checkpoints \
     (thread_id, checkpoint_ns, checkpoint_id, parent_id, channel_versions, versions_seen, extra, \
     metadata, run_id, bytes, created_at) \
     SELECT ?, checkpoint_ns, checkpoint_id, parent_id, channel_versions, versions_seen, extra, \
     metadata, run_id, bytes, created_at FROM graph_checkpoints WHERE thread_id = ?";

const COPY_WRITES: &str = "INSERT INTO graph_writes \
     (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, address) \
     SELECT ?, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, address \
     FROM graph_writes WHERE thread_id = ?";

/// Copies a thread to one that is not there yet.
pub(super) fn thread_copy(
    conn: &mut SqliteConnection,
    cx: &GraphContext,
    source: &ThreadId,
    target: &ThreadId,
) -> Result<()> {
    if !thread_lock(conn, source)? {
        return Err(Error::not_found("thread", source));
    }
    thread_insert(conn, cx, target)?;
    for text in [COPY_BLOBS, COPY_VALUES, COPY_CHECKPOINTS, COPY_WRITES] {
        let binds = vec![Bind::Text(target.as_str()), Bind::Text(source.as_str())];
        Composed::<()>::new(text.to_owned(), binds)
            .execute(conn)
            .map_err(db_error("thread_copy"))?;
    }
    Ok(())
}

/// Inserts a thread that must not be there.
fn thread_insert(
    conn: &mut SqliteConnection,
    cx: &GraphContext,
    thread_id: &ThreadId,
) -> Result<()> {
    enum Insert {}
    let text = "INSERT INTO graph_threads (thread_id, created_at) VALUES (?, ?)";
    let at = Bind::String(cx.clock.now().to_string());
    Statement::<Insert, ()>::new(text, vec![Bind::Text(thread_id.as_str()), at])
        .execute(conn)
        .map(drop)
        .map_err(|error| on_thread_insert(thread_id, error))
}

fn on_thread_insert(thread_id: &ThreadId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(columns)) if columns == "graph_threads.thread_id" => {
            Error::conflict("thread", thread_id, "a copy needs a thread that is not there yet")
        }
        _ => db_error("thread_insert")(error),
    }
}
