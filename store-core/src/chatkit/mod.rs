//! Conversations: threads, their items, attachments, and what they say.
//!
//! The contract of both implementations is written here, once; `store-chatkit` implements it.

mod attachment;
mod context;
mod files;
mod form;
mod generate;
mod item;
mod retention;
mod search;
mod store;
mod thread;

pub use attachment::{Attachment, AttachmentType, NewAttachment};
pub use context::ChatContext;
pub use files::ReleasedFile;
pub use generate::{generate_attachment_id, generate_item_id, generate_thread_id};
pub use item::{ItemType, NewThreadItem, ThreadItem};
pub use retention::{ThreadPrune, ThreadPruneReport};
pub use search::{ItemSearch, SearchScope};
pub use store::ChatKitStore;
pub use thread::{NewThread, Thread, ThreadFilter, ThreadStatus};
