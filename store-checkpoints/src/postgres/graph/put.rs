//! Putting a checkpoint.

use std::borrow::Cow;
use std::collections::BTreeMap;

use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Violation, db_error};
use store_core::{Error, Failure, Result};

use super::rows::BlobRow;
use crate::postgres::rows::JsonText;
use crate::rules::graph::GraphContext;
use crate::rules::graph::blob::Blob;
use crate::rules::graph::put::ReadyPut;
use store_core::postgres::{Bind, Statement};

// parity: SQLite looks before it inserts, in a transaction.
/// How often a put is done again with what is stored already.
const ATTEMPTS: usize = 3;

// The row of the thread is locked before anything is inserted: every insert reads `held`, which
// reads what `thread` returned. `WHERE FALSE` locks a row without writing it anew.
//
// A version that has another value gets NULL for an address, which the table does not allow: the
// statement fails as a whole.
const PUT: &str = "WITH thread AS (\
     INSERT INTO graph_threads AS stored (thread_id, created_at) VALUES (?, ?) \
     ON CONFLICT (thread_id) DO UPDATE SET created_at = stored.created_at WHERE FALSE RETURNING 1\
     ), held AS (\
     SELECT count(*) FROM thread\
     ), blob AS (\
     INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
     SELECT $1, given.* FROM held CROSS JOIN unnest(?, ?, ?, ?, ?) \
     AS given (address, type_tag, size, sealed, bytes) \
     ON CONFLICT (thread_id, address) DO NOTHING\
     ), named AS (\
     INSERT INTO graph_values AS stored (thread_id, checkpoint_ns, channel, version, address) \
     SELECT $1, ?, given.* FROM held CROSS JOIN unnest(?, ?, ?) \
     AS given (channel, version, address) \
     ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO UPDATE SET address = NULL \
     WHERE stored.address <> EXCLUDED.address\
     ) \
     INSERT INTO graph_checkpoints AS stored (thread_id, checkpoint_ns, checkpoint_id, parent_id, \
     channel_versions, versions_seen, extra, metadata, run_id, bytes, created_at) \
     SELECT $1, $8, ?, ?, ?, ?, ?, ?, ?, ?, $2 FROM held \
     ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET \
     parent_id = EXCLUDED.parent_id, channel_versions = EXCLUDED.channel_versions, \
     versions_seen = EXCLUDED.versions_seen, extra = EXCLUDED.extra, \
     metadata = EXCLUDED.metadata, run_id = EXCLUDED.run_id, bytes = EXCLUDED.bytes \
     WHERE (stored.parent_id, stored.channel_versions, stored.versions_seen, stored.extra, \
     stored.metadata, stored.bytes) IS DISTINCT FROM (EXCLUDED.parent_id, \
     EXCLUDED.channel_versions, EXCLUDED.versions_seen, EXCLUDED.extra, EXCLUDED.metadata, \
     EXCLUDED.bytes)";

/// Puts a checkpoint and the values that came with it.
pub(super) async fn graph_put(
    conn: &mut AsyncPgConnection,
    cx: &GraphContext,
    ready: &ReadyPut,
) -> Result<()> {
    let mut put = Cow::Borrowed(ready);
    for _ in 0..ATTEMPTS {
        match checkpoint_insert(conn, &put).await {
            Err(error) if is_taken(&error) => {
                put = Cow::Owned(graph_reconcile(conn, cx, &put).await?);
            }
            result => return result.map_err(db_error("graph_put")),
        }
    }
    // Others put and prune the same versions again and again.
    Err(Error::failed("graph_put", Failure::Serialization))
}

// parity: SQLite puts the values one by one before.
async fn checkpoint_insert(
    conn: &mut AsyncPgConnection,
    ready: &ReadyPut,
) -> Result<(), DieselError> {
    enum Put {}
    let at = Bind::Instant(Some(ready.now.to_datetime()));
    let mut binds = vec![Bind::Text(ready.config.thread_id.as_str()), at];
    binds.extend(blob_binds(ready.values.iter().map(|value| &*value.blob)));
    binds.extend([
        Bind::Text(&ready.config.checkpoint_ns),
        Bind::Texts(ready.values.iter().map(|value| value.channel.as_str()).collect()),
        Bind::Texts(ready.values.iter().map(|value| value.version.as_str()).collect()),
        Bind::Bytes(ready.values.iter().map(|value| value.blob.address.as_slice()).collect()),
        Bind::Uuid(ready.id.as_uuid()),
        Bind::MaybeUuid(ready.config.parent_id.map(|id| id.as_uuid())),
        Bind::Json(JsonText(&ready.channel_versions)),
        Bind::Json(JsonText(&ready.versions_seen.text)),
        Bind::Json(JsonText(&ready.extra.text)),
        Bind::Json(JsonText(&ready.metadata.text)),
        Bind::MaybeText(ready.run_id.as_deref()),
        Bind::BigInt(ready.json_bytes()),
    ]);
    Statement::<Put, ()>::new(PUT, binds).execute(conn).await.map(drop)
}

// parity: SQLite inserts them one by one.
/// Blobs, each once, as the columns of an `unnest`: address, type tag, size, sealed, bytes.
pub(super) fn blob_binds<'a>(blobs: impl Iterator<Item = &'a Blob>) -> [Bind<'a>; 5] {
    let blobs: BTreeMap<_, _> = blobs.map(|blob| (&blob.address, blob)).collect();
    [
        Bind::Bytes(blobs.values().map(|blob| blob.address.as_slice()).collect()),
        Bind::Texts(blobs.values().map(|blob| blob.type_tag.as_str()).collect()),
        Bind::BigInts(blobs.values().map(|blob| blob.size).collect()),
        Bind::Bools(blobs.values().map(|blob| blob.sealed).collect()),
        Bind::Bytes(blobs.values().map(|blob| blob.bytes.as_slice()).collect()),
    ]
}

// parity: SQLite looks before it inserts.
fn is_taken(error: &DieselError) -> bool {
    Violation::of(error) == Some(Violation::NotNull("address".to_owned()))
}

// parity: belongs to graph_reconcile.
const TAKEN: &str = "SELECT v.channel, b.address, b.type_tag, b.size, b.sealed, b.bytes \
     FROM unnest(?, ?, ?) AS given (channel, version, address) \
     JOIN graph_values AS v ON v.thread_id = ? AND v.checkpoint_ns = ? \
     AND v.channel = given.channel AND v.version = given.version AND v.address <> given.address \
     JOIN graph_blobs AS b ON b.thread_id = v.thread_id AND b.address = v.address";

// parity: SQLite looks before it inserts.
/// Puts what is stored in the place of values that are equal to it and have another address.
///
/// They are put along with the rest: a prune may take them away until then.
async fn graph_reconcile(
    conn: &mut AsyncPgConnection,
    cx: &GraphContext,
    ready: &ReadyPut,
) -> Result<ReadyPut> {
    enum Taken {}
    type TakenSql = (Text, (Binary, Text, BigInt, Bool, Binary));
    let binds = vec![
        Bind::Texts(ready.values.iter().map(|value| value.channel.as_str()).collect()),
        Bind::Texts(ready.values.iter().map(|value| value.version.as_str()).collect()),
        Bind::Bytes(ready.values.iter().map(|value| value.blob.address.as_slice()).collect()),
        Bind::Text(ready.config.thread_id.as_str()),
        Bind::Text(&ready.config.checkpoint_ns),
    ];
    let taken: Vec<(String, BlobRow)> = Statement::<Taken, TakenSql>::new(TAKEN, binds)
        .load(conn)
        .await
        .map_err(db_error("graph_reconcile"))?;
    let mut put = ready.clone();
    for (channel, row) in taken {
        if let Some(value) = put.values.iter_mut().find(|value| value.channel == channel) {
            *value = value.reconciled(cx, row.into_blob()?)?;
        }
    }
    Ok(put)
}
