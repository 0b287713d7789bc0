//! Putting what tasks write.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;

use super::put::blob_binds;
use crate::rules::graph::writes::ReadyWrites;
use store_core::postgres::{Bind, Statement};

// The thread is locked first, as in a put. Bytes that no write refers to in the end are left to the
// next prune.
const PUT_WRITES: &str = "WITH thread AS (\
     INSERT INTO graph_threads AS stored (thread_id, created_at) VALUES (?, ?) \
     ON CONFLICT (thread_id) DO UPDATE SET created_at = stored.created_at WHERE FALSE RETURNING 1\
     ), held AS (\
     SELECT count(*) FROM thread\
     ), blob AS (\
     INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
     SELECT $1, given.* FROM held CROSS JOIN unnest(?, ?, ?, ?, ?) \
     AS given (address, type_tag, size, sealed, bytes) \
     ON CONFLICT (thread_id, address) DO NOTHING\
     ) \
     INSERT INTO graph_writes AS stored (thread_id, checkpoint_ns, checkpoint_id, task_id, \
     task_path, idx, channel, address) \
     SELECT $1, ?, ?, ?, ?, given.* FROM held CROSS JOIN unnest(?, ?, ?) \
     AS given (idx, channel, address) \
     ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET \
     task_path = EXCLUDED.task_path, channel = EXCLUDED.channel, address = EXCLUDED.address \
     WHERE stored.idx < 0";

/// Puts writes: the first with an index stays, the last below 0.
pub(super) async fn graph_write_put(
    conn: &mut AsyncPgConnection,
    ready: &ReadyWrites,
) -> Result<()> {
    enum PutWrites {}
    let at = Bind::Instant(Some(ready.now.to_datetime()));
    let mut binds = vec![Bind::Text(ready.checkpoint.thread_id.as_str()), at];
    binds.extend(blob_binds(ready.writes.iter().map(|write| &write.blob)));
    binds.extend([
        Bind::Text(&ready.checkpoint.checkpoint_ns),
        Bind::Uuid(ready.checkpoint.id.as_uuid()),
        Bind::Text(ready.task_id.as_str()),
        Bind::Text(&ready.task_path),
        Bind::Ints(ready.writes.iter().map(|write| write.index).collect()),
        Bind::Texts(ready.writes.iter().map(|write| write.channel.as_str()).collect()),
        Bind::Bytes(ready.writes.iter().map(|write| write.blob.address.as_slice()).collect()),
    ]);
    Statement::<PutWrites, ()>::new(PUT_WRITES, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("graph_write_put"))
}
