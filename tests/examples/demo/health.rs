//! How the databases are doing.

use store_core::Health;

use crate::Result;
use crate::report::{self, Report};

/// Shows what the stores answered.
pub(crate) fn show_all(report: &mut Report, stores: &[Health]) -> Result<()> {
    report.section("Ask the stores for their health");
    stores.iter().try_for_each(show)
}

fn show(health: &Health) -> Result<()> {
    let version = health.server_version.as_deref().unwrap_or("of unknown version");
    let took = health.round_trip.unwrap_or_default();
    report::done(format!("{} {version}, round trip", health.backend), took);
    let pool = health.pool;
    report::note(format!("connections: {} of {} in use", pool.in_use, pool.size));
    for schema in &health.migrations {
        let (applied, pending) = (schema.applied.len(), schema.pending.len());
        let name = schema.crate_name;
        report::note(format!("{name}: migrations applied: {applied}, pending: {pending}"));
    }
    if health.is_ready() { Ok(()) } else { Err(format!("it is not ready: {health:?}").into()) }
}
