//! How the databases are doing.

use std::time::Instant;

use store_core::Health;
use store_core::history::RunHistoryStore;
use store_core::workflow::WorkflowRepository;

use crate::Result;
use crate::report::{self, Report};

/// Asks both stores.
pub(crate) async fn ask(
    report: &mut Report,
    workflows: &dyn WorkflowRepository,
    history: &dyn RunHistoryStore,
) -> Result<()> {
    report.section("Ask both stores for their health");
    let started = Instant::now();
    show(&workflows.health().await, started)?;
    let started = Instant::now();
    show(&history.health().await, started)
}

fn show(health: &Health, started: Instant) -> Result<()> {
    let version = health.server_version.as_deref().unwrap_or("of unknown version");
    let round_trip = health.round_trip.map(report::span).unwrap_or_default();
    let what = format!("{} {version}, round trip {round_trip}", health.backend);
    report::done(what, started.elapsed());
    let pool = health.pool;
    report::note(format!("connections: {} of {} in use", pool.in_use, pool.size));
    for schema in &health.migrations {
        let (applied, pending) = (schema.applied.len(), schema.pending.len());
        let name = schema.crate_name;
        report::note(format!("{name}: migrations applied: {applied}, pending: {pending}"));
    }
    if health.is_ready() { Ok(()) } else { Err(format!("it is not ready: {health:?}").into()) }
}
