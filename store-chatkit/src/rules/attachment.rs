//! Attachments that are saved.

use store_core::chatkit::{AttachmentType, NewAttachment};
use store_core::json::Admitted;
use store_core::{AttachmentId, Error, Result, ThreadId, Timestamp, check_external};

use super::Context;
use super::text::{checked_object, checked_path};

/// An attachment that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyAttachment {
    pub(crate) id: AttachmentId,
    pub(crate) attachment_type: AttachmentType,
    pub(crate) name: String,
    pub(crate) mime_type: String,
    pub(crate) size: Option<i64>,
    pub(crate) details: Admitted,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) storage_path: Option<String>,
    pub(crate) now: Timestamp,
}

impl ReadyAttachment {
    /// Checks an attachment.
    pub(crate) fn new(context: &Context, attachment: NewAttachment) -> Result<Self> {
        checked_path("name", &attachment.name)?;
        check_external("mime_type", &attachment.mime_type)?;
        checked_size(attachment.size, context.limits.max_upload_bytes)?;
        checked_object("details", &attachment.details)?;
        let path = attachment.storage_path.as_deref();
        path.map_or(Ok(()), |path| checked_path("storage_path", path))?;
        Ok(Self {
            id: attachment.id,
            attachment_type: attachment.attachment_type,
            name: attachment.name,
            mime_type: attachment.mime_type,
            size: attachment.size,
            details: context.json.admit("details", attachment.details)?,
            thread_id: attachment.thread_id,
            storage_path: attachment.storage_path,
            now: context.clock.now(),
        })
    }

    /// Says that the attachment belongs to another thread.
    pub(crate) fn elsewhere(&self) -> Error {
        Error::conflict("attachment", &self.id, "it belongs to another thread")
    }

    /// Says that the path is in use.
    pub(crate) fn path_taken(&self) -> Error {
        let reason = "its storage path is that of another attachment, or of a file that is yet to \
                      be removed: choose another one";
        Error::conflict("attachment", &self.id, reason)
    }
}

fn checked_size(size: Option<i64>, most: u64) -> Result<()> {
    let Some(size) = size else { return Ok(()) };
    match u64::try_from(size) {
        Ok(size) if size <= most => Ok(()),
        Ok(size) => Err(Error::invalid(
            "size",
            format!("is {size}, at most {most} bytes are allowed (CHATKIT_MAX_UPLOAD_BYTES)"),
        )),
        Err(_negative) => Err(Error::invalid("size", "is negative")),
    }
}
