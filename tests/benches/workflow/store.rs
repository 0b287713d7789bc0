//! The side of the store: calls through the trait, as an application makes them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store_core::workflow::{RunFilter, WorkflowStore};
use store_core::{PageRequest, Timestamp};
use tokio::task::JoinSet;

use crate::common::Result;
use crate::common::load::{Figures, closed_loop, expect};
use crate::operation::{self, DUE, LISTED, Operation, Seeded, WORKFLOWS};
use crate::raw::Stock;

/// Tells how many statements were sent.
type Count = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A repository, and what it works on.
#[derive(Clone)]
pub(crate) struct StoreSide {
    store: Arc<dyn WorkflowStore>,
    statements: Count,
    seeded: Arc<Seeded>,
    /// Numbers the runs, so that they spread over the workflows.
    created: Arc<AtomicUsize>,
}

impl fmt::Debug for StoreSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSide").field("store", &self.store).finish_non_exhaustive()
    }
}

impl StoreSide {
    pub(crate) fn new(store: Arc<dyn WorkflowStore>, statements: Count, seeded: Seeded) -> Self {
        Self { store, statements, seeded: Arc::new(seeded), created: Arc::default() }
    }

    /// Returns how many statements the store has sent so far.
    pub(crate) fn statements(&self) -> u64 {
        (self.statements)()
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
        stock: &Stock,
    ) -> Result<Figures> {
        let (this, stock) = (self.clone(), stock.clone());
        closed_loop(callers, round, move |_caller| {
            let (this, stock) = (this.clone(), stock.clone());
            async move { this.run(operation, &stock).await }
        })
        .await
    }

    /// Carries out an operation; false when no run is left that it could work on.
    pub(crate) async fn run(&self, operation: Operation, stock: &Stock) -> Result<bool> {
        let (store, seeded) = (&self.store, &self.seeded);
        match operation {
            Operation::FetchRun => drop(store.fetch_run(seeded.run).await?),
            Operation::ListRuns => {
                let workflow_id = Some(seeded.listed.workflow);
                let filter = RunFilter { workflow_id, ..RunFilter::default() };
                let page = store.list_runs(&filter, &PageRequest::first(LISTED)).await?;
                expect(page.items.len(), LISTED)?;
            }
            Operation::CreateRun => {
                let nth = self.created.fetch_add(1, Ordering::Relaxed) % WORKFLOWS;
                let new = operation::run(seeded.active[nth].workflow)?;
                store.create_run(&operation::actor(), new).await?;
            }
            Operation::StartSucceed => {
                let Some(id) = stock.take() else { return Ok(false) };
                let actor = operation::actor();
                store.start_run(&actor, id).await?;
                store.succeed_run(&actor, id, Some(operation::output())).await?;
            }
            Operation::Dispatch => return Err("schedulers are not callers in a loop".into()),
        }
        Ok(true)
    }

    /// Dispatches what is due from schedulers that begin at once; returns the number of runs.
    pub(crate) async fn dispatch(&self, schedulers: usize, now: Timestamp) -> Result<usize> {
        let mut calls = JoinSet::new();
        for _ in 0..schedulers {
            let store = Arc::clone(&self.store);
            calls.spawn(async move { store.dispatch_due_cron(now, DUE, None).await });
        }
        let mut started = 0;
        while let Some(call) = calls.join_next().await {
            started += call??.len();
        }
        Ok(started)
    }
}
