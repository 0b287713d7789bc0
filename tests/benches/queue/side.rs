//! One side of the comparison: what a round of it needs, and the round.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store_core::workflow::WorkflowStore;

use crate::common::Result;
use crate::common::load::Figures;
use crate::operation::Operation;
use crate::raw::Raw;
use crate::store;

/// The jobs that are ready before anything was measured.
const FIRST_STOCK: usize = 10_000;

/// A database, and who works on it: the store, or else the raw driver itself.
pub(crate) struct Side {
    store: Option<Arc<dyn WorkflowStore>>,
    pub(crate) raw: Arc<dyn Raw>,
    /// The jobs that the last round of workers would have used in a second.
    rate: AtomicUsize,
}

impl Side {
    pub(crate) fn new(store: Option<Arc<dyn WorkflowStore>>, raw: Arc<dyn Raw>) -> Self {
        Self { store, raw, rate: AtomicUsize::new(0) }
    }

    /// Measures one round on empty tables; for workers, on a queue that has twice as many jobs as
    /// the last round needed. A round that needs more than that ends early.
    pub(crate) async fn round(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        self.raw.clear().await?;
        if operation.is_of_workers() {
            self.raw.add_jobs(self.expected(round, 2.0).max(FIRST_STOCK)).await?;
        }
        self.measure(operation, callers, round).await
    }

    /// Measures one round of workers after those before it: dead rows stay, and as many jobs are
    /// added as the last round needed, and some more.
    pub(crate) async fn further_round(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        self.raw.add_jobs(self.expected(round, 1.1).max(FIRST_STOCK / 10)).await?;
        self.measure(operation, callers, round).await
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let calls = match &self.store {
            Some(store) => store::measure(store, operation, callers, round).await?,
            None => self.raw.measure(operation, callers, round).await?,
        };
        let figures = Figures { rate: calls.rate * f64::from(operation.jobs()), ..calls };
        if operation.is_of_workers() {
            self.rate.store(rounded(figures.rate), Ordering::Relaxed);
        }
        Ok(figures)
    }

    /// How many jobs a round uses, times a factor.
    fn expected(&self, round: Duration, factor: f64) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
        let rate = self.rate.load(Ordering::Relaxed) as f64;
        rounded(factor * rate * round.as_secs_f64())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative and far below 2^53"
)]
fn rounded(rate: f64) -> usize {
    rate as usize
}
