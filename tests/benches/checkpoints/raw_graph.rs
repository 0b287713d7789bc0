//! The statements of both raw sides on the state of graphs. The raw side hashes nothing: a UUID
//! stands for the address.

use store_core::GraphCheckpointId;

/// Finds the latest checkpoint of a thread, a row for each channel with its value.
pub(crate) const FETCH_POSTGRES: &str = "WITH target AS MATERIALIZED (\
    SELECT * FROM graph_checkpoints WHERE thread_id = $1 AND checkpoint_ns = '' \
    ORDER BY checkpoint_id DESC LIMIT 1) \
    SELECT target.metadata, target.versions_seen, target.extra, channels.channel, \
    channels.version, b.type_tag, b.bytes FROM target \
    CROSS JOIN jsonb_each_text(target.channel_versions) AS channels (channel, version) \
    CROSS JOIN LATERAL (SELECT v.address FROM graph_values AS v WHERE v.thread_id = $1 \
    AND v.checkpoint_ns = '' AND v.channel = channels.channel AND v.version = channels.version \
    OFFSET 0) AS v CROSS JOIN LATERAL (SELECT b.type_tag, b.bytes FROM graph_blobs AS b \
    WHERE b.thread_id = $1 AND b.address = v.address OFFSET 0) AS b";

pub(crate) const FETCH_SQLITE: &str = "SELECT c.metadata, c.versions_seen, c.extra, \
    channels.key, channels.value, b.type_tag, b.bytes FROM (\
    SELECT * FROM graph_checkpoints WHERE thread_id = ?1 AND checkpoint_ns = '' \
    ORDER BY checkpoint_id DESC LIMIT 1) AS c \
    CROSS JOIN json_each(c.channel_versions) AS channels \
    CROSS JOIN graph_values AS v ON v.thread_id = ?1 AND v.checkpoint_ns = '' \
    AND v.channel = channels.key AND v.version = channels.value \
    CROSS JOIN graph_blobs AS b ON b.thread_id = ?1 AND b.address = v.address";

/// Puts a checkpoint with one value, in one statement, under the lock of its thread.
pub(crate) const PUT_POSTGRES: &str = "WITH thread AS (\
    INSERT INTO graph_threads AS stored (thread_id, created_at) VALUES ($1, $2) \
    ON CONFLICT (thread_id) DO UPDATE SET created_at = stored.created_at WHERE FALSE RETURNING 1\
    ), held AS (SELECT count(*) FROM thread), blob AS (\
    INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
    SELECT $1, $3, $4, $5, false, $6 FROM held ON CONFLICT DO NOTHING\
    ), named AS (\
    INSERT INTO graph_values (thread_id, checkpoint_ns, channel, version, address) \
    SELECT $1, '', $7, $8, $3 FROM held\
    ) INSERT INTO graph_checkpoints (thread_id, checkpoint_ns, checkpoint_id, channel_versions, \
    versions_seen, extra, metadata, bytes, created_at) \
    SELECT $1, '', $9, $10, '{}', '{}', $11, $5, $2 FROM held";

pub(crate) const THREAD_SQLITE: &str =
    "INSERT INTO graph_threads (thread_id, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
pub(crate) const BLOB_SQLITE: &str = "INSERT INTO graph_blobs \
    (thread_id, address, type_tag, size, sealed, bytes) VALUES (?1, ?2, ?3, ?4, 0, ?5) \
    ON CONFLICT DO NOTHING";
pub(crate) const VALUE_SQLITE: &str = "INSERT INTO graph_values \
    (thread_id, checkpoint_ns, channel, version, address) VALUES (?1, '', ?2, ?3, ?4)";
pub(crate) const CHECKPOINT_SQLITE: &str = "INSERT INTO graph_checkpoints (thread_id, \
    checkpoint_ns, checkpoint_id, channel_versions, versions_seen, extra, metadata, bytes, \
    created_at) VALUES (?1, '', ?2, ?3, '{}', '{}', ?4, ?5, ?6)";

/// What stands for the address of a value.
pub(crate) fn address(id: GraphCheckpointId) -> Vec<u8> {
    id.as_uuid().into_bytes().repeat(2)
}
