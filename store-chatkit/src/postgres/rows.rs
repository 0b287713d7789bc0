//! Rows as they are stored, and how they become records.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz};
use serde_json::Value;
use store_core::chatkit::{Attachment, ReleasedFile, Thread, ThreadItem, ThreadStatus};
use store_core::json::JsonPolicy;
use store_core::{Error, Result, Timestamp};

use super::schema::{chatkit_files, chatkit_items, chatkit_threads};

/// A thread.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = chatkit_threads, check_for_backend(Pg))]
pub(super) struct ThreadRow {
    thread_id: String,
    workflow_id: Option<String>,
    title: Option<String>,
    status: String,
    status_reason: Option<String>,
    allowed_image_domains: Option<Value>,
    metadata: Value,
    extra: Value,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) record_bytes: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ThreadRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Thread> {
        let id = self.thread_id;
        let read = Reader { table: "chatkit_threads", id: &id, json };
        let status = ThreadStatus::from_parts(&self.status, self.status_reason);
        let domains = self.allowed_image_domains;
        Ok(Thread {
            title: self.title,
            status: status.ok_or_else(|| read.unknown("status"))?,
            metadata: read.json(self.metadata),
            allowed_image_domains: domains
                .map(|domains| read.texts("allowed_image_domains", domains))
                .transpose()?,
            workflow_id: self.workflow_id,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            extra: read.json(self.extra),
            id: read.parsed("thread_id", &id)?,
        })
    }
}

// parity: what a statement answers that the query builder cannot express.
/// The columns of `ItemRow`, in its order.
pub(super) type ItemSql = (Text, Text, BigInt, Text, Timestamptz, Jsonb, BigInt);

/// An item.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = chatkit_items, check_for_backend(Pg))]
pub(super) struct ItemRow {
    thread_id: String,
    item_id: String,
    ordinal: i64,
    item_type: String,
    created_at: DateTime<Utc>,
    content: Value,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) content_bytes: i64,
}

impl ItemRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<ThreadItem> {
        let id = format!("{}/{}", self.thread_id, self.item_id);
        let read = Reader { table: "chatkit_items", id: &id, json };
        Ok(ThreadItem {
            id: read.parsed("item_id", &self.item_id)?,
            thread_id: read.parsed("thread_id", &self.thread_id)?,
            item_type: read.parsed("item_type", &self.item_type)?,
            created_at: read.instant("created_at", self.created_at)?,
            content: read.json(self.content),
            ordinal: self.ordinal,
        })
    }
}

// parity: what a statement answers that the query builder cannot express.
/// The columns of `AttachmentRow`, in its order.
pub(super) type AttachmentSql =
    (Text, Text, Text, Text, Nullable<BigInt>, Jsonb, Nullable<Text>, Nullable<Text>, Timestamptz);

/// An attachment with the path of its file.
#[derive(Debug, Queryable)]
pub(super) struct AttachmentRow {
    attachment_id: String,
    attachment_type: String,
    name: String,
    mime_type: String,
    size: Option<i64>,
    details: Value,
    thread_id: Option<String>,
    storage_path: Option<String>,
    created_at: DateTime<Utc>,
}

impl AttachmentRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Attachment> {
        let id = self.attachment_id;
        let read = Reader { table: "chatkit_attachments", id: &id, json };
        let thread_id = self.thread_id.as_deref();
        Ok(Attachment {
            attachment_type: read.parsed("attachment_type", &self.attachment_type)?,
            name: self.name,
            mime_type: self.mime_type,
            size: self.size,
            details: read.json(self.details),
            thread_id: thread_id.map(|id| read.parsed("thread_id", id)).transpose()?,
            storage_path: self.storage_path,
            created_at: read.instant("created_at", self.created_at)?,
            id: read.parsed("attachment_id", &id)?,
        })
    }
}

/// A file.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = chatkit_files, check_for_backend(Pg))]
pub(super) struct FileRow {
    storage_path: String,
    released_at: Option<DateTime<Utc>>,
}

impl FileRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<ReleasedFile> {
        let read = Reader { table: "chatkit_files", id: &self.storage_path, json };
        let released_at = self.released_at.ok_or_else(|| read.unknown("released_at"))?;
        let released_at = read.instant("released_at", released_at)?;
        Ok(ReleasedFile { storage_path: self.storage_path, released_at })
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
    json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSONB arrives parsed.
    fn json(&self, value: Value) -> Value {
        self.json.restore(value)
    }

    fn texts(&self, column: &'static str, value: Value) -> Result<Vec<String>> {
        serde_json::from_value(self.json(value))
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T> {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: instants arrive parsed.
    pub(super) fn instant(
        &self,
        column: &'static str,
        instant: DateTime<Utc>,
    ) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn unknown(&self, column: &'static str) -> Error {
        Error::corrupt(self.table, column, self.id, Error::invalid(column, "is no known value"))
    }
}
