//! One side of the comparison: what a round of it needs, and the round.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::operation::{DUE, Operation, Runnable};
use crate::raw::{Raw, Stock};
use crate::store::StoreSide;

/// The runs that are ready for the first round of `start+succeed`.
const FIRST_STOCK: usize = 2_000;

/// A database, and who works on it: the store, or else the raw driver itself.
pub(crate) struct Side {
    store: Option<StoreSide>,
    raw: Arc<dyn Raw>,
    /// Where pending runs are put.
    stocked: Runnable,
    stock: Stock,
    /// The runs the last round of `start+succeed` would have used in a second.
    rate: AtomicUsize,
}

impl Side {
    pub(crate) fn new(store: Option<StoreSide>, raw: Arc<dyn Raw>, stocked: Runnable) -> Self {
        Self { store, raw, stocked, stock: Stock::default(), rate: AtomicUsize::new(0) }
    }

    /// Measures one round.
    pub(crate) async fn round(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        match operation {
            Operation::Dispatch => self.dispatch(callers, round).await,
            Operation::StartSucceed => {
                self.fill(round).await?;
                let figures = self.measure(operation, callers, round).await?;
                self.rate.store(rounded(figures.rate), Ordering::Relaxed);
                Ok(figures)
            }
            _ => self.measure(operation, callers, round).await,
        }
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        match &self.store {
            Some(store) => store.measure(operation, callers, round, &self.stock).await,
            None => self.raw.measure(operation, callers, round, &self.stock).await,
        }
    }

    /// Makes twice as many pending runs as the last round needed. A round that needs more than
    /// that ends early.
    async fn fill(&self, round: Duration) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
        let expected = self.rate.load(Ordering::Relaxed) as f64 * round.as_secs_f64();
        let count = rounded(2.0 * expected).max(FIRST_STOCK);
        self.stock.fill(self.raw.as_ref(), self.stocked, count).await
    }

    /// Dispatches again and again; making the schedules due again is not measured. The rate is in
    /// runs, the latencies are those of calls, or of the longest of calls made at once.
    async fn dispatch(&self, schedulers: usize, round: Duration) -> Result<Figures> {
        let mut latencies = Vec::new();
        while latencies.iter().sum::<Duration>() < round {
            let now = self.raw.make_due().await?;
            let begun = Instant::now();
            let started = match &self.store {
                Some(store) => store.dispatch(schedulers, now).await?,
                None => self.raw.dispatch(schedulers, now).await?,
            };
            latencies.push(begun.elapsed());
            expect(started, DUE)?;
        }
        let elapsed = latencies.iter().sum();
        let figures = Figures::new(latencies, elapsed);
        Ok(Figures { rate: figures.rate * f64::from(DUE), ..figures })
    }

    /// Counts the statements of one call of the store, with nobody beside it; nothing for the raw
    /// driver.
    pub(crate) async fn statements(&self, operation: Operation) -> Result<Option<u64>> {
        let Some(store) = &self.store else { return Ok(None) };
        self.fill(Duration::ZERO).await?;
        let now =
            if operation == Operation::Dispatch { Some(self.raw.make_due().await?) } else { None };
        let before = store.statements();
        match now {
            Some(now) => expect(store.dispatch(1, now).await?, DUE)?,
            None => drop(store.run(operation, &self.stock).await?),
        }
        Ok(Some(store.statements() - before))
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
