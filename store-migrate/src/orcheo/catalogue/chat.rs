//! Conversations.

use super::{Table, later, to};

pub(super) static THREADS: Table = Table {
    name: "chat_threads",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["chatkit_threads.thread_id"]),
        to("title", &["chatkit_threads.title"]),
        to("workflow_id", &["chatkit_threads.workflow_id"]),
        to(
            "status_json",
            &["chatkit_threads.status", "chatkit_threads.status_reason", "chatkit_threads.extra"],
        ),
        to("metadata_json", &["chatkit_threads.metadata"]),
        to("created_at", &["chatkit_threads.created_at"]),
        to("updated_at", &["chatkit_threads.updated_at"]),
    ],
};

pub(super) static MESSAGES: Table = Table {
    name: "chat_messages",
    key: &["id"],
    order: &["thread_id", "ordinal", "id"],
    columns: &[
        to("id", &["chatkit_items.item_id"]),
        // Before it was a column, it was in the item.
        later("thread_id", &["chatkit_items.thread_id"]),
        to("ordinal", &["chatkit_items.ordinal", "chatkit_threads.next_ordinal"]),
        to("item_type", &["chatkit_items.item_type"]),
        to(
            "item_json",
            &["chatkit_items.content", "chatkit_items.content_bytes", "chatkit_items.search"],
        ),
        to("created_at", &["chatkit_items.created_at"]),
    ],
};

pub(super) static ATTACHMENTS: Table = Table {
    name: "chat_attachments",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["chatkit_attachments.attachment_id"]),
        to("thread_id", &["chatkit_attachments.thread_id"]),
        to("attachment_type", &["chatkit_attachments.attachment_type"]),
        to("name", &["chatkit_attachments.name"]),
        to("mime_type", &["chatkit_attachments.mime_type"]),
        to("details_json", &["chatkit_attachments.details", "chatkit_attachments.size"]),
        to("storage_path", &["chatkit_files.storage_path", "chatkit_files.attachment_id"]),
        to("created_at", &["chatkit_attachments.created_at"]),
    ],
};
