//! Putting a checkpoint.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use store_core::sqlite::db_error;
use store_core::{Result, ThreadId, Timestamp};

use super::rows::BlobRow;
use crate::rules::graph::GraphContext;
use crate::rules::graph::blob::Blob;
use crate::rules::graph::put::{ReadyPut, ReadyValue};
use store_core::sqlite::{Bind, Statement};

// parity: PostgreSQL does this in the statement of a put.
const PUT_VALUE: &str = "INSERT INTO graph_values \
     (thread_id, checkpoint_ns, channel, version, address) VALUES (?, ?, ?, ?, ?)";

const PUT: &str = "INSERT INTO graph_checkpoints (thread_id, checkpoint_ns, checkpoint_id, \
     parent_id, channel_versions, versions_seen, extra, metadata, run_id, bytes, created_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET \
     parent_id = EXCLUDED.parent_id, channel_versions = EXCLUDED.channel_versions, \
     versions_seen = EXCLUDED.versions_seen, extra = EXCLUDED.extra, \
     metadata = EXCLUDED.metadata, run_id = EXCLUDED.run_id, bytes = EXCLUDED.bytes";

/// Puts a checkpoint and the values that came with it.
pub(super) fn graph_put(
    conn: &mut SqliteConnection,
    cx: &GraphContext,
    ready: &ReadyPut,
) -> Result<()> {
    enum Put {}
    let thread_id = &ready.config.thread_id;
    thread_make(conn, thread_id, ready.now)?;
    for value in &ready.values {
        value_put(conn, cx, ready, value)?;
    }
    let binds = vec![
        Bind::Text(thread_id.as_str()),
        Bind::Text(&ready.config.checkpoint_ns),
        Bind::String(ready.id.to_string()),
        Bind::MaybeString(ready.config.parent_id.map(|id| id.to_string())),
        Bind::Text(&ready.channel_versions),
        Bind::Text(&ready.versions_seen.text),
        Bind::Text(&ready.extra.text),
        Bind::Text(&ready.metadata.text),
        Bind::MaybeText(ready.run_id.as_deref()),
        Bind::BigInt(ready.json_bytes()),
        Bind::String(ready.now.to_string()),
    ];
    Statement::<Put, ()>::new(PUT, binds).execute(conn).map(drop).map_err(db_error("graph_put"))
}

// parity: PostgreSQL does this in the statement of a put.
/// Makes a thread, unless there is one.
pub(super) fn thread_make(
    conn: &mut SqliteConnection,
    thread_id: &ThreadId,
    now: Timestamp,
) -> Result<()> {
    enum Make {}
    let text = "INSERT INTO graph_threads (thread_id, created_at) VALUES (?, ?) \
         ON CONFLICT (thread_id) DO NOTHING";
    let binds = vec![Bind::Text(thread_id.as_str()), Bind::String(now.to_string())];
    Statement::<Make, ()>::new(text, binds).execute(conn).map(drop).map_err(db_error("thread_make"))
}

// parity: PostgreSQL does this in the statement of a put.
/// Puts a value under its version, unless it is there.
fn value_put(
    conn: &mut SqliteConnection,
    cx: &GraphContext,
    ready: &ReadyPut,
    value: &ReadyValue,
) -> Result<()> {
    enum Put {}
    if let Some(address) = value_find(conn, ready, value)? {
        if address != value.blob.address {
            value.reconciled(cx, blob_fetch(conn, &ready.config.thread_id, &address)?)?;
        }
        return Ok(());
    }
    blob_put(conn, &ready.config.thread_id, &value.blob)?;
    let binds = vec![
        Bind::Text(ready.config.thread_id.as_str()),
        Bind::Text(&ready.config.checkpoint_ns),
        Bind::Text(&value.channel),
        Bind::Text(&value.version),
        Bind::Bytes(&value.blob.address),
    ];
    Statement::<Put, ()>::new(PUT_VALUE, binds)
        .execute(conn)
        .map(drop)
        .map_err(db_error("value_put"))
}

// parity: belongs to value_put.
fn value_find(
    conn: &mut SqliteConnection,
    ready: &ReadyPut,
    value: &ReadyValue,
) -> Result<Option<Vec<u8>>> {
    enum Find {}
    let text = "SELECT address FROM graph_values \
         WHERE thread_id = ? AND checkpoint_ns = ? AND channel = ? AND version = ?";
    let binds = vec![
        Bind::Text(ready.config.thread_id.as_str()),
        Bind::Text(&ready.config.checkpoint_ns),
        Bind::Text(&value.channel),
        Bind::Text(&value.version),
    ];
    Statement::<Find, Binary>::new(text, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("value_find"))
}

// parity: PostgreSQL does this in the statement of a put.
/// Stores a blob, unless it is there.
pub(super) fn blob_put(
    conn: &mut SqliteConnection,
    thread_id: &ThreadId,
    blob: &Blob,
) -> Result<()> {
    enum Put {}
    let text = "INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (thread_id, address) DO NOTHING";
    let binds = vec![
        Bind::Text(thread_id.as_str()),
        Bind::Bytes(&blob.address),
        Bind::Text(&blob.type_tag),
        Bind::BigInt(blob.size),
        Bind::Bool(blob.sealed),
        Bind::Bytes(&blob.bytes),
    ];
    Statement::<Put, ()>::new(text, binds).execute(conn).map(drop).map_err(db_error("blob_put"))
}

// parity: belongs to value_put.
fn blob_fetch(conn: &mut SqliteConnection, thread_id: &ThreadId, address: &[u8]) -> Result<Blob> {
    enum Fetch {}
    type BlobSql = (Binary, Text, BigInt, Bool, Binary);
    let text = "SELECT address, type_tag, size, sealed, bytes FROM graph_blobs \
         WHERE thread_id = ? AND address = ?";
    let binds = vec![Bind::Text(thread_id.as_str()), Bind::Bytes(address)];
    let row: BlobRow = Statement::<Fetch, BlobSql>::new(text, binds)
        .get_result(conn)
        .map_err(db_error("blob_fetch"))?;
    row.into_blob()
}
