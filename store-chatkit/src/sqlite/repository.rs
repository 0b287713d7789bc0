//! The trait, each method one or two lines: checks, then a query function.

use async_trait::async_trait;
use store_core::chatkit::{
    Attachment, ChatContext, ChatKitStore, ItemSearch, NewAttachment, NewThread, NewThreadItem,
    ReleasedFile, Thread, ThreadFilter, ThreadItem, ThreadPrune, ThreadPruneReport,
};
use store_core::page::CursorScope;
use store_core::{
    AttachmentId, Cursor, Health, ItemId, Listing, Order, OwnerId, Page, PageRequest, Result,
    ThreadId, observed, observed_read,
};

use super::threads::ThreadKey;
use super::{SCHEMA, SqliteChatKitStore};
use super::{adding, attachments, files, items, retention, searching, threads};
use crate::rules::HEALTH_DEADLINE;
use crate::rules::attachment::ReadyAttachment;
use crate::rules::files::checked_paths;
use crate::rules::filter::ReadyFilter;
use crate::rules::item::ReadyItem;
use crate::rules::retention::{PLAN_ROWS, ReadyPrune};
use crate::rules::search::{ReadySearch, found_listing};
use crate::rules::thread::{ReadyThread, owned};

// parity: belongs to give_back_space.
/// How many unused pages are given back to the file system at a time.
const VACUUM_PAGES: u32 = 1000;

/// The listing of items, which cursors are made for in two places.
const ITEMS: &str = "load_thread_items";

impl SqliteChatKitStore {
    /// Returns for whom a call on a thread acts; an administrator acts for its owner.
    async fn acting(&self, cx: &ChatContext, thread_id: &ThreadId) -> Result<OwnerId> {
        match cx.owner() {
            Some(owner) => Ok(owner.clone()),
            None => {
                let thread_id = thread_id.clone();
                reading!(self, "thread_owner", |conn, _cx| threads::thread_owner(conn, &thread_id))
            }
        }
    }

    /// Returns for whom a call on an attachment acts.
    async fn acting_on(&self, cx: &ChatContext, id: &AttachmentId) -> Result<OwnerId> {
        match cx.owner() {
            Some(owner) => Ok(owner.clone()),
            None => {
                let id = id.clone();
                reading!(self, "attachment_owner", |conn, _cx| {
                    attachments::attachment_owner(conn, &id)
                })
            }
        }
    }

    async fn save_one_thread(&self, cx: &ChatContext, thread: NewThread) -> Result<Thread> {
        let ready = ReadyThread::new(&self.context, cx, thread)?;
        let owner = owned(self.acting(cx, &ready.id).await, "thread")?;
        writing!(self, "thread_save", |conn, _cx| {
            threads::thread_save(conn, &owner, &ready).map(|saved| ready.into_record(saved))
        })
    }

    async fn list_threads(
        &self,
        cx: &ChatContext,
        filter: &ThreadFilter,
        listing: Listing<ThreadKey>,
    ) -> Result<Page<Thread>> {
        let filter = ReadyFilter::new(&self.context.json, filter)?;
        let owner = cx.owner().cloned();
        reading!(self, "thread_list", |conn, context| {
            threads::thread_list(conn, context, owner.as_ref(), &filter, &listing)
        })
    }

    async fn add_one(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem> {
        let item = ReadyItem::new(&self.context, thread_id, item)?;
        let owner = self.acting(cx, thread_id).await?;
        let thread_id = thread_id.clone();
        writing!(self, "item_add", |conn, _cx| adding::item_add(conn, &owner, &thread_id, &item))
    }

    async fn add_all(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        items: Vec<NewThreadItem>,
    ) -> Result<Vec<ThreadItem>> {
        let items = ReadyItem::all(&self.context, thread_id, items)?;
        let owner = self.acting(cx, thread_id).await?;
        let thread_id = thread_id.clone();
        writing!(self, "item_add_all", |conn, _cx| {
            adding::item_add_all(conn, &owner, &thread_id, &items)
        })
    }

    async fn save_one_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem> {
        let item = ReadyItem::new(&self.context, thread_id, item)?;
        let owner = self.acting(cx, thread_id).await?;
        let thread_id = thread_id.clone();
        writing!(self, "item_save", |conn, _cx| {
            items::item_save(conn, &owner, &thread_id, &item)
        })
    }

    async fn search_all(
        &self,
        cx: &ChatContext,
        search: &ItemSearch,
        page: &PageRequest,
    ) -> Result<Page<ThreadItem>> {
        let listing = found_listing(cx, search, page)?;
        let search = ReadySearch::new(cx, search)?;
        reading!(self, "item_search", |conn, context| {
            searching::item_search(conn, context, &search, &listing)
        })
    }

    async fn save_one_attachment(
        &self,
        cx: &ChatContext,
        attachment: NewAttachment,
    ) -> Result<Attachment> {
        let ready = ReadyAttachment::new(&self.context, attachment)?;
        let owner = owned(self.acting_on(cx, &ready.id).await, "attachment")?;
        writing!(self, "attachment_save", |conn, context| {
            attachments::attachment_save(conn, context, &owner, &ready)
        })
    }

    async fn prune_all(
        &self,
        cx: &ChatContext,
        request: &ThreadPrune,
    ) -> Result<ThreadPruneReport> {
        let prune = ReadyPrune::new(&self.context, cx, request)?;
        if request.dry_run {
            return reading!(self, "prune_count", |conn, _cx| {
                retention::prune_count(conn, &prune)
            });
        }
        let report = self.prune_threads(&prune).await?;
        let report = self.prune_adrift(&prune, report).await?;
        self.give_back_space(report).await?;
        Ok(report)
    }

    async fn prune_threads(&self, prune: &ReadyPrune) -> Result<ThreadPruneReport> {
        let mut report = ThreadPruneReport::default();
        loop {
            let planned = prune.clone();
            let doomed =
                reading!(self, "prune_plan", |conn, _cx| retention::prune_plan(conn, &planned))?;
            for batch in doomed.chunks(prune.batch) {
                let (prune, batch) = (prune.clone(), batch.to_vec());
                report = report.plus(writing!(self, "prune_batch", |conn, _cx| {
                    retention::prune_batch(conn, &prune, &batch)
                })?);
            }
            if doomed.len() < PLAN_ROWS {
                return Ok(report);
            }
        }
    }

    async fn prune_adrift(
        &self,
        prune: &ReadyPrune,
        mut report: ThreadPruneReport,
    ) -> Result<ThreadPruneReport> {
        loop {
            let planned = prune.clone();
            let gone = writing!(self, "prune_adrift", |conn, _cx| {
                retention::prune_adrift(conn, &planned)
            })?;
            report = report.plus(gone);
            if gone.attachments < prune.batch as u64 {
                return Ok(report);
            }
        }
    }

    // parity: PostgreSQL's autovacuum does this by itself.
    /// Gives the pages of what was pruned back to the file system, a bounded number at a time.
    async fn give_back_space(&self, report: ThreadPruneReport) -> Result<()> {
        if report == ThreadPruneReport::default() {
            return Ok(());
        }
        let mut before = i64::MAX;
        loop {
            let left = self.db.vacuum_step(VACUUM_PAGES).await?;
            // A file that others made without incremental vacuum keeps its pages.
            if left == 0 || left >= before {
                return self.db.checkpoint().await.map(drop);
            }
            before = left;
        }
    }
}

#[async_trait]
impl ChatKitStore for SqliteChatKitStore {
    async fn load_thread(&self, cx: &ChatContext, id: &ThreadId) -> Result<Thread> {
        observed_read!("chatkit", "load_thread", "sqlite", async {
            let (owner, id) = (cx.owner().cloned(), id.clone());
            reading!(self, "thread_load", |conn, context| {
                threads::thread_load(conn, context, owner.as_ref(), &id)
            })
        })
        .await
    }

    async fn save_thread(&self, cx: &ChatContext, thread: NewThread) -> Result<Thread> {
        observed!("chatkit", "save_thread", "sqlite", self.save_one_thread(cx, thread)).await
    }

    async fn load_threads(&self, cx: &ChatContext, page: &PageRequest) -> Result<Page<Thread>> {
        observed_read!("chatkit", "load_threads", "sqlite", async {
            let listing = Listing::new("load_threads", &cx.owner(), page, Order::Desc)?;
            self.list_threads(cx, &ThreadFilter::default(), listing).await
        })
        .await
    }

    async fn filter_threads(
        &self,
        cx: &ChatContext,
        filter: &ThreadFilter,
        page: &PageRequest,
    ) -> Result<Page<Thread>> {
        observed_read!("chatkit", "filter_threads", "sqlite", async {
            let scope = (cx.owner(), filter);
            let listing = Listing::new("filter_threads", &scope, page, Order::Desc)?;
            self.list_threads(cx, filter, listing).await
        })
        .await
    }

    async fn delete_thread(&self, cx: &ChatContext, id: &ThreadId) -> Result<()> {
        observed!("chatkit", "delete_thread", "sqlite", async {
            let owner = self.acting(cx, id).await?;
            let now = self.context.clock.now();
            let id = id.clone();
            writing!(self, "thread_delete", |conn, _cx| {
                retention::thread_delete(conn, &owner, &id, now)
            })
        })
        .await
    }

    async fn load_thread_items(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        page: &PageRequest,
    ) -> Result<Page<ThreadItem>> {
        observed_read!("chatkit", "load_thread_items", "sqlite", async {
            let listing = Listing::new(ITEMS, thread_id, page, Order::Asc)?;
            let owner = self.acting(cx, thread_id).await?;
            let thread_id = thread_id.clone();
            reading!(self, "item_list", |conn, context| {
                items::item_list(conn, context, &owner, &thread_id, &listing)
            })
        })
        .await
    }

    async fn cursor_after(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
        order: Order,
    ) -> Result<Cursor> {
        observed_read!("chatkit", "cursor_after", "sqlite", async {
            let owner = self.acting(cx, thread_id).await?;
            let (thread, item_id) = (thread_id.clone(), item_id.clone());
            let place = reading!(self, "item_place", |conn, _cx| {
                items::item_place(conn, &owner, &thread, &item_id)
            })?;
            CursorScope::new(ITEMS, thread_id, order).cursor(&place)
        })
        .await
    }

    async fn add_thread_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem> {
        observed!("chatkit", "add_thread_item", "sqlite", self.add_one(cx, thread_id, item)).await
    }

    async fn add_thread_items(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        items: Vec<NewThreadItem>,
    ) -> Result<Vec<ThreadItem>> {
        observed!("chatkit", "add_thread_items", "sqlite", self.add_all(cx, thread_id, items)).await
    }

    async fn save_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<ThreadItem> {
        observed!("chatkit", "save_item", "sqlite", self.save_one_item(cx, thread_id, item)).await
    }

    async fn load_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
    ) -> Result<ThreadItem> {
        observed_read!("chatkit", "load_item", "sqlite", async {
            let owner = self.acting(cx, thread_id).await?;
            let (thread_id, item_id) = (thread_id.clone(), item_id.clone());
            reading!(self, "item_load", |conn, context| {
                items::item_load(conn, context, &owner, &thread_id, &item_id)
            })
        })
        .await
    }

    async fn delete_thread_item(
        &self,
        cx: &ChatContext,
        thread_id: &ThreadId,
        item_id: &ItemId,
    ) -> Result<()> {
        observed!("chatkit", "delete_thread_item", "sqlite", async {
            let owner = self.acting(cx, thread_id).await?;
            let now = self.context.clock.now();
            let (thread_id, item_id) = (thread_id.clone(), item_id.clone());
            writing!(self, "item_delete", |conn, _cx| {
                items::item_delete(conn, &owner, &thread_id, &item_id, now)
            })
        })
        .await
    }

    async fn search_items(
        &self,
        cx: &ChatContext,
        search: &ItemSearch,
        page: &PageRequest,
    ) -> Result<Page<ThreadItem>> {
        observed_read!("chatkit", "search_items", "sqlite", self.search_all(cx, search, page)).await
    }

    async fn save_attachment(
        &self,
        cx: &ChatContext,
        attachment: NewAttachment,
    ) -> Result<Attachment> {
        let saving = self.save_one_attachment(cx, attachment);
        observed!("chatkit", "save_attachment", "sqlite", saving).await
    }

    async fn load_attachment(&self, cx: &ChatContext, id: &AttachmentId) -> Result<Attachment> {
        observed_read!("chatkit", "load_attachment", "sqlite", async {
            let owner = self.acting_on(cx, id).await?;
            let id = id.clone();
            reading!(self, "attachment_load", |conn, context| {
                attachments::attachment_load(conn, context, &owner, &id)
            })
        })
        .await
    }

    async fn delete_attachment(&self, cx: &ChatContext, id: &AttachmentId) -> Result<()> {
        observed!("chatkit", "delete_attachment", "sqlite", async {
            let owner = self.acting_on(cx, id).await?;
            let now = self.context.clock.now();
            let id = id.clone();
            writing!(self, "attachment_delete", |conn, _cx| {
                attachments::attachment_delete(conn, &owner, &id, now)
            })
        })
        .await
    }

    async fn prune(&self, cx: &ChatContext, request: &ThreadPrune) -> Result<ThreadPruneReport> {
        observed!("chatkit", "prune", "sqlite", self.prune_all(cx, request)).await
    }

    async fn released_files(&self, page: &PageRequest) -> Result<Page<ReleasedFile>> {
        observed!("chatkit", "released_files", "sqlite", async {
            let listing = Listing::new("released_files", &(), page, Order::Asc)?;
            reading!(self, "file_list", |conn, context| files::file_list(conn, context, &listing))
        })
        .await
    }

    async fn forget_files(&self, storage_paths: &[String]) -> Result<u64> {
        observed!("chatkit", "forget_files", "sqlite", async {
            let paths = checked_paths(storage_paths)?;
            writing!(self, "file_forget", |conn, _cx| files::file_forget(conn, &paths))
        })
        .await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
