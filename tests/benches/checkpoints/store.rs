//! The side of the store: calls through the trait, as an application makes them.

use std::sync::Arc;
use std::time::Duration;

use store_core::ThreadId;
use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::checkpoints::{CheckpointStore, Goal, MetricPath};

use crate::common::Result;
use crate::common::load::{Figures, closed_loop, expect};
use crate::graph::{self, FETCHED, Steps};
use crate::operation::{self, METRIC, Operation, RANKED};

/// A store.
#[derive(Debug, Clone)]
pub(crate) struct StoreSide {
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) graph: Arc<dyn GraphCheckpointer>,
    pub(crate) steps: Arc<Steps>,
}

impl StoreSide {
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
            Operation::BestBy => {
                let metric = MetricPath::new(METRIC)?;
                let best = self.store.best_by(RANKED, &metric, Goal::Max).await?;
                best.ok_or("there is no best checkpoint")?;
            }
            Operation::Record => {
                let workflow = operation::recorded("store", caller);
                self.store.record(operation::checkpoint(&workflow, 1)?).await?;
            }
            Operation::GraphGet => {
                let state = self.graph.fetch(&ThreadId::new(FETCHED)?, "", None).await?;
                expect(state.map_or(0, |state| state.values.len()), 10)?;
            }
            Operation::GraphPut => {
                graph::put(self.graph.as_ref(), self.steps.next("store", caller)).await?;
            }
        }
        Ok(())
    }
}
