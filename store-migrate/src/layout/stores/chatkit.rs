//! The tables of `store-chatkit`: conversations.

use super::Stored;
use crate::model::PgType::{Int8, Jsonb, Text, Timestamptz, Tsvector};

/// A referenced table stands before those that refer to it.
pub(super) const TABLES: &[Stored] = &[
    Stored {
        name: "chatkit_threads",
        key: &["thread_id"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("owner", Text),
            ("workflow_id", Text),
            ("title", Text),
            ("status", Text),
            ("status_reason", Text),
            ("allowed_image_domains", Jsonb),
            ("metadata", Jsonb),
            ("extra", Jsonb),
            ("next_ordinal", Int8),
            ("revision", Int8),
            ("record_bytes", Int8),
            ("created_at", Timestamptz),
            ("updated_at", Timestamptz),
        ],
    },
    Stored {
        name: "chatkit_attachments",
        key: &["attachment_id"],
        without_rowid: false,
        columns: &[
            ("attachment_id", Text),
            ("owner", Text),
            ("attachment_type", Text),
            ("name", Text),
            ("mime_type", Text),
            ("size", Int8),
            ("details", Jsonb),
            ("thread_id", Text),
            ("created_at", Timestamptz),
        ],
    },
    Stored {
        name: "chatkit_files",
        key: &["storage_path"],
        without_rowid: false,
        columns: &[("storage_path", Text), ("attachment_id", Text), ("released_at", Timestamptz)],
    },
    Stored {
        name: "chatkit_items",
        key: &["thread_id", "item_id"],
        without_rowid: false,
        columns: &[
            ("thread_id", Text),
            ("item_id", Text),
            ("ordinal", Int8),
            ("item_type", Text),
            ("created_at", Timestamptz),
            ("content", Jsonb),
            ("content_bytes", Int8),
            ("search", Tsvector),
            ("owner", Text),
        ],
    },
];
