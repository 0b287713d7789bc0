//! The traits, each method one or two lines: checks, then a query function.

mod counters;
mod jobs;
mod leases;
mod listeners;
mod locks;
mod queues;
mod runs;
mod triggers;
mod versions;
mod workers;
mod workflows;

use async_trait::async_trait;
use store_core::Health;
use store_core::workflow::WorkflowRepository;

use super::{PostgresWorkflowRepository, SCHEMA};
use crate::rules::HEALTH_DEADLINE;

#[async_trait]
impl WorkflowRepository for PostgresWorkflowRepository {
    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
