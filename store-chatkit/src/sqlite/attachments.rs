//! Attachments, and the files they release.

use diesel::prelude::*;
use diesel::sql_types::Text;
use store_core::chatkit::Attachment;
use store_core::sqlite::{Bind, Statement, db_error};
use store_core::{AttachmentId, Error, OwnerId, Result, Timestamp};

use super::rows::{AttachmentRow, AttachmentSql};
use super::schema::chatkit_attachments::{self, dsl};
use super::schema::{chatkit_files, chatkit_threads};
use crate::rules::Context;
use crate::rules::attachment::ReadyAttachment;

const LOAD: &str = "SELECT one.attachment_id, one.attachment_type, one.name, one.mime_type, \
     one.size, one.details, one.thread_id, file.storage_path, one.created_at \
     FROM chatkit_attachments AS one LEFT JOIN chatkit_files AS file USING (attachment_id) \
     WHERE one.attachment_id = ? AND one.owner = ?";

const SAVE: &str = "INSERT INTO chatkit_attachments AS there (attachment_id, owner, \
     attachment_type, name, mime_type, size, details, thread_id, created_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (attachment_id) DO UPDATE SET \
     attachment_type = excluded.attachment_type, name = excluded.name, \
     mime_type = excluded.mime_type, size = coalesce(excluded.size, there.size), \
     details = excluded.details, thread_id = coalesce(there.thread_id, excluded.thread_id) \
     WHERE there.owner = excluded.owner AND (there.thread_id IS NULL \
     OR excluded.thread_id IS NULL OR there.thread_id = excluded.thread_id) \
     RETURNING attachment_id";

const TAKE_PATH: &str = "INSERT INTO chatkit_files AS there (storage_path, attachment_id) \
     VALUES (?, ?) ON CONFLICT (storage_path) DO UPDATE SET attachment_id = excluded.attachment_id \
     WHERE there.attachment_id = excluded.attachment_id RETURNING storage_path";

/// Finds out whose an attachment is.
pub(super) fn attachment_owner(conn: &mut SqliteConnection, id: &AttachmentId) -> Result<OwnerId> {
    let owner: String = chatkit_attachments::table
        .find(id.as_str())
        .select(dsl::owner)
        .first(conn)
        .optional()
        .map_err(db_error("attachment_owner"))?
        .ok_or_else(|| Error::not_found("attachment", id))?;
    OwnerId::new(owner).map_err(|cause| Error::corrupt("chatkit_attachments", "owner", id, cause))
}

/// Loads an attachment.
pub(super) fn attachment_load(
    conn: &mut SqliteConnection,
    cx: &Context,
    owner: &OwnerId,
    id: &AttachmentId,
) -> Result<Attachment> {
    enum Load {}
    let binds = vec![Bind::Text(id.as_str()), Bind::Text(owner.as_str())];
    let row: AttachmentRow = Statement::<Load, AttachmentSql>::new(LOAD, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("attachment_load"))?
        .ok_or_else(|| Error::not_found("attachment", id))?;
    row.into_record(&cx.json)
}

/// Stores an attachment, or puts it in the place of the one that is there.
pub(super) fn attachment_save(
    conn: &mut SqliteConnection,
    cx: &Context,
    owner: &OwnerId,
    attachment: &ReadyAttachment,
) -> Result<Attachment> {
    enum Save {}
    attachment_thread_lock(conn, owner, attachment)?;
    let thread_id = attachment.thread_id.as_ref();
    let binds = vec![
        Bind::Text(attachment.id.as_str()),
        Bind::Text(owner.as_str()),
        Bind::Text(attachment.attachment_type.as_str()),
        Bind::Text(&attachment.name),
        Bind::Text(&attachment.mime_type),
        Bind::MaybeBigInt(attachment.size),
        Bind::Text(&attachment.details.text),
        Bind::MaybeText(thread_id.map(|id| id.as_str())),
        Bind::String(attachment.now.to_string()),
    ];
    let saved: Option<String> = Statement::<Save, Text>::new(SAVE, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("attachment_save"))?;
    if saved.is_none() {
        // It is another owner's, or in another thread.
        attachment_load(conn, cx, owner, &attachment.id)?;
        return Err(attachment.elsewhere());
    }
    attachment_take_path(conn, attachment)?;
    attachment_load(conn, cx, owner, &attachment.id)
}

/// Keeps the thread of an attachment from being deleted, and fails when it is not there.
fn attachment_thread_lock(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    attachment: &ReadyAttachment,
) -> Result<()> {
    let Some(thread_id) = &attachment.thread_id else { return Ok(()) };
    let found: Option<String> = chatkit_threads::table
        .find(thread_id.as_str())
        .filter(chatkit_threads::owner.eq(owner.as_str()))
        .select(chatkit_threads::thread_id)
        .first(conn)
        .optional()
        .map_err(db_error("attachment_thread_lock"))?;
    found.map(drop).ok_or_else(|| Error::not_found("thread", thread_id))
}

/// Puts the file of an attachment at its path, and releases the one it had elsewhere.
fn attachment_take_path(conn: &mut SqliteConnection, attachment: &ReadyAttachment) -> Result<()> {
    enum TakePath {}
    let Some(storage_path) = &attachment.storage_path else { return Ok(()) };
    let other = chatkit_files::table
        .filter(chatkit_files::attachment_id.eq(attachment.id.as_str()))
        .filter(chatkit_files::storage_path.ne(storage_path));
    diesel::update(other)
        .set((
            chatkit_files::attachment_id.eq(None::<String>),
            chatkit_files::released_at.eq(attachment.now.to_string()),
        ))
        .execute(conn)
        .map_err(db_error("attachment_take_path"))?;
    let binds = vec![Bind::Text(storage_path), Bind::Text(attachment.id.as_str())];
    let taken: Option<String> = Statement::<TakePath, Text>::new(TAKE_PATH, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("attachment_take_path"))?;
    taken.map(drop).ok_or_else(|| attachment.path_taken())
}

/// Deletes an attachment and releases its file.
pub(super) fn attachment_delete(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    id: &AttachmentId,
    now: Timestamp,
) -> Result<()> {
    let found: Option<String> = chatkit_attachments::table
        .find(id.as_str())
        .filter(dsl::owner.eq(owner.as_str()))
        .select(dsl::attachment_id)
        .first(conn)
        .optional()
        .map_err(db_error("attachment_delete"))?;
    let found = found.ok_or_else(|| Error::not_found("attachment", id))?;
    attachments_remove(conn, &[found], now).map(drop)
}

/// Deletes attachments that are locked, and returns how many files that released.
pub(super) fn attachments_remove(
    conn: &mut SqliteConnection,
    ids: &[String],
    now: Timestamp,
) -> Result<u64> {
    let files = chatkit_files::table.filter(chatkit_files::attachment_id.eq_any(ids));
    let released = diesel::update(files)
        .set((
            chatkit_files::attachment_id.eq(None::<String>),
            chatkit_files::released_at.eq(now.to_string()),
        ))
        .execute(conn)
        .map_err(db_error("attachments_remove"))?;
    diesel::delete(chatkit_attachments::table.filter(dsl::attachment_id.eq_any(ids)))
        .execute(conn)
        .map_err(db_error("attachments_remove"))?;
    Ok(released as u64)
}
