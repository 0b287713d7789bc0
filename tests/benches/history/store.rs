//! The side of the store: calls through the trait, as an application makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store_core::history::{ExecutionFilter, RunHistoryStore};
use store_core::{ExecutionId, PageRequest};

use crate::common::Result;
use crate::common::load::{Figures, closed_loop, expect};
use crate::operation::{self, LISTED, LONG, Operation, PAGE};

/// A store, and what numbers the executions it starts.
#[derive(Debug, Clone)]
pub(crate) struct StoreSide {
    pub(crate) store: Arc<dyn RunHistoryStore>,
    started: Arc<AtomicU64>,
}

impl StoreSide {
    pub(crate) fn new(store: Arc<dyn RunHistoryStore>) -> Self {
        Self { store, started: Arc::default() }
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
        let store = &self.store;
        match operation {
            Operation::Fetch => drop(store.fetch(&ExecutionId::new(LONG)?).await?),
            Operation::List => {
                let page = PageRequest::first(LISTED);
                let page = store.list(&ExecutionFilter::default(), &page).await?;
                expect(page.items.len(), LISTED)?;
            }
            Operation::ListWithSteps => {
                let page = PageRequest::first(LISTED);
                let page = store.list_with_steps(&ExecutionFilter::default(), &page).await?;
                expect(page.items.iter().map(|one| one.steps.len()).sum(), LISTED * 20)?;
            }
            Operation::Steps => {
                let id = ExecutionId::new(LONG)?;
                let page = store.steps(&id, &PageRequest::first(PAGE)).await?;
                expect(page.items.len(), PAGE)?;
            }
            Operation::Start => {
                let nth = self.started.fetch_add(1, Ordering::Relaxed);
                let id = ExecutionId::new(format!("started-store-{nth}"))?;
                store.start(operation::execution(id)).await?;
            }
            Operation::AppendStep => {
                let id = ExecutionId::new(operation::appended("store", caller))?;
                store.append_step(&id, operation::step()).await?;
            }
        }
        Ok(())
    }
}
