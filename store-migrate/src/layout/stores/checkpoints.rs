//! The tables of `store-checkpoints`: training checkpoints and graph state.

use super::Stored;
use crate::model::PgType::{Bool, Bytea, Float8, Int4, Int8, Jsonb, Text, Timestamptz, Uuid};

/// A referenced table stands before those that refer to it.
pub(super) const TABLES: &[Stored] = &[
    Stored {
        name: "agentensor_workflows",
        key: &["workflow_id"],
        without_rowid: false,
        columns: &[("workflow_id", Text), ("last_version", Int4)],
    },
    Stored {
        name: "agentensor_checkpoints",
        key: &["id"],
        without_rowid: false,
        columns: &[
            ("id", Uuid),
            ("workflow_id", Text),
            ("config_version", Int4),
            ("runnable_config", Jsonb),
            ("metrics", Jsonb),
            ("metadata", Jsonb),
            ("artifact_url", Text),
            ("is_best", Bool),
            ("parent_id", Uuid),
            ("record_bytes", Int8),
            ("created_at", Timestamptz),
        ],
    },
    Stored {
        name: "agentensor_checkpoint_metrics",
        key: &["checkpoint_id", "path"],
        without_rowid: true,
        columns: &[
            ("checkpoint_id", Uuid),
            ("path", Text),
            ("workflow_id", Text),
            ("config_version", Int4),
            ("value", Float8),
        ],
    },
    Stored {
        name: "graph_threads",
        key: &["thread_id"],
        without_rowid: false,
        columns: &[("thread_id", Text), ("created_at", Timestamptz)],
    },
    Stored {
        name: "graph_blobs",
        key: &["thread_id", "address"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("address", Bytea),
            ("type_tag", Text),
            ("size", Int8),
            ("sealed", Bool),
            ("bytes", Bytea),
        ],
    },
    Stored {
        name: "graph_checkpoints",
        key: &["thread_id", "checkpoint_ns", "checkpoint_id"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("checkpoint_ns", Text),
            ("checkpoint_id", Uuid),
            ("parent_id", Uuid),
            ("channel_versions", Jsonb),
            ("versions_seen", Jsonb),
            ("extra", Jsonb),
            ("metadata", Jsonb),
            ("run_id", Text),
            ("bytes", Int8),
            ("created_at", Timestamptz),
        ],
    },
    Stored {
        name: "graph_values",
        key: &["thread_id", "checkpoint_ns", "channel", "version"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("checkpoint_ns", Text),
            ("channel", Text),
            ("version", Text),
            ("address", Bytea),
        ],
    },
    Stored {
        name: "graph_writes",
        key: &["thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("checkpoint_ns", Text),
            ("checkpoint_id", Uuid),
            ("task_id", Text),
            ("idx", Int4),
            ("task_path", Text),
            ("channel", Text),
            ("address", Bytea),
        ],
    },
];
