//! Threads as a whole.

use diesel::OptionalExtension as _;
use diesel::result::Error as DieselError;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Violation, db_error};
use store_core::{Error, Result, ThreadId};

use crate::rules::graph::GraphContext;
use store_core::postgres::{Bind, Composed, Statement};

/// Locks a thread, and tells whether there is one.
pub(super) async fn thread_lock(
    conn: &mut AsyncPgConnection,
    thread_id: &ThreadId,
) -> Result<bool> {
    enum Lock {}
    let text = "SELECT 1 FROM graph_threads WHERE thread_id = ? FOR UPDATE";
    let locked: Option<i32> =
        Statement::<Lock, Integer>::new(text, vec![Bind::Text(thread_id.as_str())])
            .get_result(conn)
            .await
            .optional()
            .map_err(db_error("thread_lock"))?;
    Ok(locked.is_some())
}

/// Deletes a thread, and by its foreign keys all that belongs to it.
pub(super) async fn thread_delete(
    conn: &mut AsyncPgConnection,
    thread_id: &ThreadId,
) -> Result<()> {
    enum Delete {}
    let text = "DELETE FROM graph_threads WHERE thread_id = ?";
    Statement::<Delete, ()>::new(text, vec![Bind::Text(thread_id.as_str())])
        .execute(conn)
        .await
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
pub(super) async fn thread_copy(
    conn: &mut AsyncPgConnection,
    cx: &GraphContext,
    source: &ThreadId,
    target: &ThreadId,
) -> Result<()> {
    if !thread_lock(conn, source).await? {
        return Err(Error::not_found("thread", source));
    }
    thread_insert(conn, cx, target).await?;
    for text in [COPY_BLOBS, COPY_VALUES, COPY_CHECKPOINTS, COPY_WRITES] {
        let binds = vec![Bind::Text(target.as_str()), Bind::Text(source.as_str())];
        Composed::<()>::new(text.to_owned(), binds)
            .execute(conn)
            .await
            .map_err(db_error("thread_copy"))?;
    }
    Ok(())
}

/// Inserts a thread that must not be there.
async fn thread_insert(
    conn: &mut AsyncPgConnection,
    cx: &GraphContext,
    thread_id: &ThreadId,
) -> Result<()> {
    enum Insert {}
    let text = "INSERT INTO graph_threads (thread_id, created_at) VALUES (?, ?)";
    let at = Bind::Instant(Some(cx.clock.now().to_datetime()));
    Statement::<Insert, ()>::new(text, vec![Bind::Text(thread_id.as_str()), at])
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_thread_insert(thread_id, error))
}

fn on_thread_insert(thread_id: &ThreadId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == "pk_graph_threads" => {
            Error::conflict("thread", thread_id, "a copy needs a thread that is not there yet")
        }
        _ => db_error("thread_insert")(error),
    }
}
