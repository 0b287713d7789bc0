//! The clock as a trigger.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store_core::workflow::{CronConfig, DispatchGuard, Misfire, WorkflowRepository};
use store_core::{Error, Timestamp, WorkflowId};

use super::{Scene, TAG, runs_by, same};
use crate::Result;
use crate::report::{self, Report, timed};

const HOUR: Duration = Duration::from_secs(3600);
/// A schedule of every 20 minutes has this many occurrences in any hour.
const OCCURRENCES: usize = 3;

/// Sets a schedule and lets two schedulers dispatch an hour of it at the same time.
pub(super) async fn dispatch(report: &mut Report, scene: &Scene) -> Result<()> {
    report.section("Trigger it by cron: two schedulers dispatch the same hour at once");
    let config = CronConfig {
        expression: "*/20 * * * *".into(),
        timezone: "Europe/Berlin".into(),
        allow_overlapping: true,
        misfire: Misfire::CatchUp { max: 10 },
        ..CronConfig::default()
    };
    let (set, took) = timed(scene.store.configure_cron(&scene.operator, scene.id, config)).await;
    let trigger = set?;
    let next = trigger.next_at.map(|next| next.to_string()).unwrap_or_default();
    report::done(format!("`{}` fires next at {next}", trigger.config.expression), took);

    // A moment less than an hour, so that both ends of it are not occurrences.
    let ahead = trigger.updated_at.plus(HOUR)?.minus(Duration::from_micros(1))?;
    let schedulers = (scheduler(scene, ahead), scheduler(scene, ahead));
    let ((one, other), took) = timed(async { tokio::join!(schedulers.0, schedulers.1) }).await;
    let (one, other) = (one??, other??);
    report::done(format!("as of {ahead}: {one} and {other} runs"), took);

    let runs = runs_by(scene, "cron").await?;
    let occurrences: BTreeSet<&str> =
        runs.iter().filter_map(|run| run.input["scheduled_for"].as_str()).collect();
    same("runs of cron", &OCCURRENCES, &runs.len())?;
    same("occurrences", &OCCURRENCES, &occurrences.len())?;
    for occurrence in occurrences {
        report::note(format!("one run for {occurrence}"));
    }
    let (again, took) = timed(scheduler(scene, ahead)).await;
    same("runs of a dispatch that is repeated", &0, &again??)?;
    report::done("the same dispatch again starts none", took);
    Ok(())
}

/// Dispatches in a task of its own, and tells how many runs of the demo's workflow it started.
fn scheduler(scene: &Scene, now: Timestamp) -> tokio::task::JoinHandle<Result<usize>> {
    let (store, id) = (Arc::clone(&scene.store), scene.id);
    tokio::spawn(async move {
        let guard = OnlyDemos { store: store.as_ref() };
        let runs = store.dispatch_due_cron(now, 1000, Some(&guard)).await?;
        Ok(runs.iter().filter(|run| run.workflow_id == id).count())
    })
}

/// Keeps the demo from firing other schedules of this database an hour too early.
struct OnlyDemos<'s> {
    store: &'s dyn WorkflowRepository,
}

#[async_trait]
impl DispatchGuard for OnlyDemos<'_> {
    async fn objection(&self, workflow_id: WorkflowId) -> store_core::Result<Option<String>> {
        let workflow = self.store.fetch_workflow(workflow_id).await?;
        if workflow.tags.iter().any(|tag| tag == TAG) {
            return Ok(None);
        }
        // An error, because an objection would consume the occurrence.
        let reason = "its schedule is due within the hour and the demo would fire it: use a \
            database without schedules";
        Err(Error::conflict("workflow", workflow_id, reason))
    }
}
