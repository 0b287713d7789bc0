//! What a tool needs that writes rows of conversations that were made elsewhere: the rules they have
//! to meet, and the columns that are made of them. Nothing here touches a database.

use std::sync::Arc;

use store_core::chatkit::{ChatContext, NewAttachment, NewThread, NewThreadItem};
use store_core::json::JsonPolicy;
use store_core::{OwnerId, Result, SystemClock, ThreadId};

use crate::Limits;
use crate::rules::Context;
use crate::rules::attachment::ReadyAttachment;
use crate::rules::item::ReadyItem;
use crate::rules::thread::ReadyThread;

/// The rules of conversations, for those that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// The columns of the row of a thread that are made of it.
#[derive(Debug, Clone)]
pub struct ThreadColumns {
    /// The domains from which images may be shown, as JSON.
    pub allowed_image_domains: Option<String>,
    /// Its metadata as JSON.
    pub metadata: String,
    /// What else was in its JSON form.
    pub extra: String,
    /// The bytes of text and JSON in the row.
    pub record_bytes: i64,
}

/// The columns of the row of an item that are made of it.
#[derive(Debug, Clone)]
pub struct ItemColumns {
    /// The item as JSON.
    pub content: String,
    /// The bytes of that.
    pub content_bytes: i64,
    /// The words that the index of SQLite finds it by.
    #[cfg(feature = "sqlite")]
    pub search: String,
}

impl Import {
    /// Takes the JSON policy of the target. Attachments may be of any size: they are there already.
    #[must_use]
    pub fn new(json: JsonPolicy) -> Self {
        let limits = Limits { max_upload_bytes: u64::MAX, ..Limits::default() };
        Self { context: Context { json, clock: Arc::new(SystemClock), limits } }
    }

    /// Checks a thread.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn thread(&self, owner: &OwnerId, given: NewThread) -> Result<ThreadColumns> {
        let ready = ReadyThread::new(&self.context, &ChatContext::new(owner.clone()), given)?;
        Ok(ThreadColumns {
            record_bytes: ready.bytes(),
            allowed_image_domains: ready.allowed_image_domains.map(|domains| domains.text),
            metadata: ready.metadata.text,
            extra: ready.extra.text,
        })
    }

    /// Checks an item of a thread.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn item(
        &self,
        #[cfg_attr(not(feature = "sqlite"), expect(unused_variables))] owner: &OwnerId,
        thread_id: &ThreadId,
        given: NewThreadItem,
    ) -> Result<ItemColumns> {
        let ready = ReadyItem::new(&self.context, thread_id, given)?;
        Ok(ItemColumns {
            #[cfg(feature = "sqlite")]
            search: ready.document.text(owner, thread_id),
            content_bytes: ready.content.bytes(),
            content: ready.content.text,
        })
    }

    /// Checks an attachment and returns what else was in its JSON form.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn attachment(&self, given: NewAttachment) -> Result<String> {
        ReadyAttachment::new(&self.context, given).map(|ready| ready.details.text)
    }
}
