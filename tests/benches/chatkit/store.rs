//! The side of the store: calls through the trait, as an application makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use store_core::chatkit::{ChatContext, ChatKitStore, ItemSearch, ThreadFilter};
use store_core::{Order, PageRequest, ThreadId};

use crate::common::Result;
use crate::common::load::{Figures, closed_loop, expect};
use crate::conversation::{self, COMMON, CUSTOMER, FILTERER, RARE, RARE_ITEMS, READER, WRITER};
use crate::operation::{Operation, PAGE, Place};
use crate::seed;

/// A store, those who ask it, and what numbers the items that are written.
#[derive(Debug, Clone)]
pub(crate) struct StoreSide {
    store: Arc<dyn ChatKitStore>,
    reader: ChatContext,
    filterer: ChatContext,
    writer: ChatContext,
    /// The pages that are loaded, by their place.
    pages: Arc<Vec<PageRequest>>,
    written: Arc<AtomicU64>,
}

impl StoreSide {
    /// Fills the tables.
    pub(crate) async fn new(store: Arc<dyn ChatKitStore>) -> Result<Self> {
        seed::seed(&store).await?;
        let reader = seed::context(READER)?;
        let mut pages = Vec::new();
        for place in Place::ALL {
            let (thread, item) = (ThreadId::new(place.thread())?, seed::read_id(place.after())?);
            let after = store.cursor_after(&reader, &thread, &item, Order::Asc).await?;
            pages.push(PageRequest::first(PAGE).ordered(Order::Asc).after(after));
        }
        Ok(Self {
            store,
            reader,
            filterer: seed::context(FILTERER)?,
            writer: seed::context(WRITER)?,
            pages: Arc::new(pages),
            written: Arc::default(),
        })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        closed_loop(callers, round, move |caller| {
            let this = this.clone();
            async move { this.run(operation, caller).await.map(|()| true) }
        })
        .await
    }

    async fn run(&self, operation: Operation, caller: usize) -> Result<()> {
        match operation {
            Operation::Load(place) => self.load(place).await,
            Operation::FilterThreads => self.filter().await,
            Operation::SearchCommon => self.search(COMMON, PAGE).await,
            Operation::SearchRare => self.search(RARE, RARE_ITEMS).await,
            Operation::AddThreadItem => self.add(caller).await,
            Operation::SaveItem => self.save(caller).await,
        }
    }

    async fn load(&self, place: Place) -> Result<()> {
        let thread = ThreadId::new(place.thread())?;
        let page = &self.pages[place as usize];
        let found = self.store.load_thread_items(&self.reader, &thread, page).await?;
        expect(found.items.len(), PAGE)
    }

    async fn filter(&self) -> Result<()> {
        let filter = ThreadFilter {
            metadata_contain: Some(json!({ "customer": CUSTOMER })),
            ..ThreadFilter::default()
        };
        let page = PageRequest::first(PAGE);
        let found = self.store.filter_threads(&self.filterer, &filter, &page).await?;
        expect(found.items.len(), PAGE)
    }

    async fn search(&self, word: &str, wanted: u32) -> Result<()> {
        let search = ItemSearch::everywhere(word);
        let page = PageRequest::first(PAGE);
        let found = self.store.search_items(&self.reader, &search, &page).await?;
        expect(found.items.len(), wanted)
    }

    async fn add(&self, caller: usize) -> Result<()> {
        let nth = self.written.fetch_add(1, Ordering::Relaxed);
        let thread = ThreadId::new(conversation::written(caller))?;
        let item = seed::written(format!("msg_added_{nth}"), 0)?;
        self.store.add_thread_item(&self.writer, &thread, item).await?;
        Ok(())
    }

    async fn save(&self, caller: usize) -> Result<()> {
        let nth = self.written.fetch_add(1, Ordering::Relaxed);
        let thread = ThreadId::new(conversation::written(caller))?;
        let item = seed::written(conversation::saved(caller), nth)?;
        self.store.save_item(&self.writer, &thread, item).await?;
        Ok(())
    }
}
