//! The first part: a workflow, what starts it, and what becomes of its runs.

mod archive;
mod cron;
mod definition;
mod listener;
mod manual;
mod runs;
mod tally;
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use store_core::workflow::{Run, RunFilter, WorkflowStore};
use store_core::{Actor, Order, PageRequest, RunId, WorkflowId};

use crate::Result;
use crate::report::{self, Report};

pub(crate) use tally::Tally;

/// The tag of every workflow that a demo created.
const TAG: &str = "parallel-stores-demo";

/// What every chapter needs: the store, who acts, and on which workflow.
struct Scene {
    store: Arc<dyn WorkflowStore>,
    operator: Actor,
    id: WorkflowId,
}

/// What is left when the part is over.
pub(crate) struct Told {
    pub(crate) id: WorkflowId,
    /// The run that succeeded: run history goes on with it.
    pub(crate) run: RunId,
    pub(crate) tally: Tally,
}

/// Tells the whole part. The workflow is archived at the end, also of a part that failed, so that
/// its schedule starts nothing afterwards.
pub(crate) async fn tell(
    report: &mut Report,
    store: Arc<dyn WorkflowStore>,
    sealed: &str,
) -> Result<Told> {
    let operator = Actor::new("ada@example.com")?;
    let id = definition::create(report, store.as_ref(), &operator).await?;
    let scene = Scene { store, operator, id };
    let told = chapters(report, &scene, sealed).await;
    if told.is_err() {
        // The first error is the one to report.
        drop(scene.store.archive_workflow(&scene.operator, id).await);
    }
    told
}

async fn chapters(report: &mut Report, scene: &Scene, sealed: &str) -> Result<Told> {
    let first = definition::version_and_publish(report, scene).await?;
    definition::change(report, scene).await?;
    cron::dispatch(report, scene).await?;
    let delivered = webhook::deliver(report, scene, sealed).await?;
    let batch = manual::dispatch(report, scene, first).await?;
    runs::start_at_once(report, scene, delivered).await?;
    runs::finish(report, scene, delivered, batch[0]).await?;
    runs::fail_and_retry(report, scene, batch[1]).await?;
    listener::listen(report, scene).await?;
    worker::work(report, scene).await?;
    archive::audit(report, scene, delivered).await?;
    archive::archive(report, scene).await?;
    let tally = Tally::read(scene.store.as_ref(), scene.id).await?;
    Ok(Told { id: scene.id, run: delivered, tally })
}

/// Lists the runs of the workflow that a trigger started, oldest first.
async fn runs_by(scene: &Scene, trigger: &str) -> Result<Vec<Run>> {
    let filter = RunFilter {
        workflow_id: Some(scene.id),
        triggered_by: Some(trigger.to_owned()),
        ..RunFilter::default()
    };
    let page = PageRequest::first(PageRequest::MAX_LIMIT).ordered(Order::Asc);
    Ok(scene.store.list_runs(&filter, &page).await?.items)
}

/// Fails unless the store answered what the story says.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}").into())
}

/// Prints a refusal, and fails unless it is the one expected, by the status of HTTP.
fn refused<T>(
    what: &str,
    (answer, took): (store_core::Result<T>, Duration),
    status: u16,
) -> Result<()> {
    match answer {
        Err(error) if error.http_status() == Some(status) => {
            report::done(format!("{what} is refused with {status}:"), took);
            report::note(error);
            Ok(())
        }
        Err(error) => Err(format!("{what}: {error}, where {status} was expected").into()),
        Ok(_) => Err(format!("{what} was not refused, where {status} was expected").into()),
    }
}
