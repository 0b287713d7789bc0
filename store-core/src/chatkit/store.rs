use std::fmt;

use async_trait::async_trait;

use super::{
    Attachment, ChatContext, ItemSearch, ItemType, NewAttachment, NewThread, NewThreadItem,
    ReleasedFile, Thread, ThreadFilter, ThreadItem, ThreadPrune, ThreadPruneReport,
    generate_attachment_id, generate_item_id, generate_thread_id,
};
use crate::{AttachmentId, Cursor, Health, ItemId, Order, Page, PageRequest, Result, ThreadId};

/// Conversations: what a ChatKit server stores, and searching and pruning it.
///
/// Calls see the threads and attachments of their context's owner; all others are `NotFound`, as
/// if they did not exist, and in no list. An item is known by its thread and its id: the same id in
/// two threads is two items. Every method that takes JSON applies the
/// [`JsonPolicy`](crate::json::JsonPolicy), and every check of input comes before a connection is
/// taken: `Invalid` changes nothing. Writes to one thread are serialised, in any number of
/// processes. Any method can fail with `Backend`, and with `Corrupt` when a stored row cannot be
/// read.
#[async_trait]
pub trait ChatKitStore: Send + Sync + fmt::Debug {
    /// Returns a thread.
    ///
    /// # Errors
    /// `NotFound`.
    async fn load_thread(&self, cx: &ChatContext, id: &ThreadId) -> Result<Thread>;

    /// Stores a thread, or puts it in the place of the one that is there, and returns it as it is
    /// then.
    ///
    /// All of it is replaced but for the instant at which it was created, and its workflow when
    /// neither the thread nor the context names one. The metadata of the context is laid over that
    /// of the thread, key by key. Its items stay. Saving touches the thread: `updated_at` is now.
    /// One round trip on PostgreSQL.
    ///
    /// # Errors
    /// `NotFound` when the thread is another owner's; `Invalid`, also for an administrator when
    /// there is no such thread: a new one needs an owner.
    async fn save_thread(&self, cx: &ChatContext, thread: NewThread) -> Result<Thread>;

    /// Lists threads by the instant they were created, newest first unless asked otherwise; those
    /// of one instant by id: one query.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn load_threads(&self, cx: &ChatContext, page: &PageRequest) -> Result<Page<Thread>>;

    /// Lists the threads that meet a filter, in the order of [`load_threads`](Self::load_threads):
    /// one query, with the same threads on both backends.
    ///
    /// # Errors
    /// `Invalid`, also for something to contain that is not an object.
    async fn filter_threads(
        &self,
        cx: &ChatContext,
        filter: &ThreadFilter,
        page: &PageRequest,
    ) -> Result<Page<Thread>>;

    /// Deletes a thread with its items and attachments, in one transaction. Files of these are
    /// released: see [`released_files`](Self::released_files).
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_thread(&self, cx: &ChatContext, id: &ThreadId) -> Result<()>;

    /// Lists the items of a thread by their place, oldest first unless asked otherwise: one query,
    /// and another one when there are none; its cost does not depend on where the page is. Items
    /// that are added or deleted between two pages make no other item come twice or not at all.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn load_thread_items(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        page: &PageRequest,
    ) -> Result<Page<ThreadItem>>;

    /// Makes the cursor with which [`load_thread_items`](Self::load_thread_items), asked for this
    /// order, continues after an item: ChatKit's protocol names items where others pass cursors.
    ///
    /// # Errors
    /// `NotFound` for an unknown thread; `Invalid` for an unknown item.
    async fn cursor_after(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
        order: Order,
    ) -> Result<Cursor>;

    /// Adds an item at the end of a thread, touches the thread, and returns the item. One round
    /// trip on PostgreSQL, where calls that wait share statements.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the thread has an item with this id; `Invalid`. No place is used
    /// up then.
    async fn add_thread_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem>;

    /// Adds items at the end of a thread in their order, all or none: one statement on PostgreSQL.
    /// At most 1,000 items; none adds nothing and does not touch the thread.
    ///
    /// # Errors
    /// Those of [`add_thread_item`](Self::add_thread_item), also when two of them have one id.
    async fn add_thread_items(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        items: Vec<NewThreadItem>,
    ) -> Result<Vec<ThreadItem>>;

    /// Puts an item in the place of the one with its id, or adds it at the end of the thread;
    /// touches the thread, and returns the item. One round trip on PostgreSQL.
    ///
    /// # Errors
    /// `NotFound` for an unknown thread; `Invalid`.
    async fn save_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem>;

    /// Returns an item.
    ///
    /// # Errors
    /// `NotFound` for an unknown thread or item.
    async fn load_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
    ) -> Result<ThreadItem>;

    /// Deletes an item and touches the thread. The places of the others stay. Attachments belong
    /// to the thread and stay, too.
    ///
    /// # Errors
    /// `NotFound` for an unknown thread or item.
    async fn delete_thread_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
    ) -> Result<()>;

    /// Finds items by their text, newest first, and of one instant by thread and place, the
    /// greatest first. The same items are found on both backends.
    ///
    /// A ranked search answers with the best items alone: it has one page.
    ///
    /// # Errors
    /// `NotFound` for the scope of an unknown thread; `Invalid` for a query with nothing in it that
    /// could be found, a limit outside 1 to 1000, a cursor of another search, and the order `Asc`:
    /// this listing has one direction.
    async fn search_items(
        &self,
        cx: &ChatContext,
        search: &ItemSearch,
        page: &PageRequest,
    ) -> Result<Page<ThreadItem>>;

    /// Stores an attachment, or puts it in the place of the one that is there, and returns it as it
    /// is then. A size, a thread and a storage path that are not given stay as they were; the file
    /// at a storage path that was replaced is released.
    ///
    /// # Errors
    /// `NotFound` when the attachment is another owner's, or the thread is unknown; `Conflict` when
    /// the attachment belongs to another thread, or the storage path to another attachment or to a
    /// file that is yet to be removed; `Invalid`, also for a size above the limit of the settings,
    /// and for an administrator when there is no such attachment.
    async fn save_attachment(
        &self,
        cx: &ChatContext,
        attachment: NewAttachment,
    ) -> Result<Attachment>;

    /// Returns an attachment.
    ///
    /// # Errors
    /// `NotFound`.
    async fn load_attachment(&self, cx: &ChatContext, id: &AttachmentId) -> Result<Attachment>;

    /// Deletes an attachment; its file is released.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_attachment(&self, cx: &ChatContext, id: &AttachmentId) -> Result<()>;

    /// Deletes the threads that are not to be kept, with their items and attachments, and the
    /// attachments without a thread that were made before the cutoff, if there is one; says how much
    /// that was.
    ///
    /// The context says whose; an administrator prunes those of all owners. Each batch is a
    /// transaction of its own, so that an interrupted run keeps what it did. A thread that is
    /// touched while this runs stays. Several processes may prune at once. A dry run changes
    /// nothing and reports what the run would. On SQLite the space is given back to the file
    /// system.
    ///
    /// # Errors
    /// `Invalid`, also for a batch outside 1 to 1000 and a cutoff after now.
    async fn prune(&self, cx: &ChatContext, request: &ThreadPrune) -> Result<ThreadPruneReport>;

    /// Lists the files that no attachment needs any more, the one released first at first; those
    /// of one instant by path. They are those of all owners.
    ///
    /// A file is released in the transaction that deletes its attachment, and listed until
    /// [`forget_files`](Self::forget_files) says that it was removed: a process that dies between
    /// the two leaves nothing behind that another one does not find. A path that is listed cannot
    /// be used again; nor should it be later, as a process that got the list before may still
    /// remove what is there.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn released_files(&self, page: &PageRequest) -> Result<Page<ReleasedFile>>;

    /// Takes files that were removed off the list, and returns how many were on it. Others, files
    /// of attachments among them, are left alone.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000.
    async fn forget_files(&self, storage_paths: &[String]) -> Result<u64>;

    /// Makes an id for a thread, as [`generate_thread_id`] does.
    ///
    /// # Errors
    /// `Backend` when the operating system has no random numbers.
    fn generate_thread_id(&self) -> Result<ThreadId> {
        generate_thread_id()
    }

    /// Makes an id for an item, as [`generate_item_id`] does.
    ///
    /// # Errors
    /// `Backend` when the operating system has no random numbers.
    fn generate_item_id(&self, item_type: &ItemType) -> Result<ItemId> {
        generate_item_id(item_type)
    }

    /// Makes an id for an attachment, as [`generate_attachment_id`] does.
    ///
    /// # Errors
    /// `Backend` when the operating system has no random numbers.
    fn generate_attachment_id(&self) -> Result<AttachmentId> {
        generate_attachment_id()
    }

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}
