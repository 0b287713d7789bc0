//! Tasks and their results: one task per node or tool of the run.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use store_core::history::{ExecutionStatus, NewTaskResult, RunHistoryStore, TaskExecution};
use store_core::{Clock as _, ExecutionId, PageRequest, SystemClock, TaskId};

use crate::Result;
use crate::input::Line;
use crate::report::{self, Report};

/// The most tasks the demo records.
const TASKS: usize = 50;

/// What the steps say about one node or tool.
#[derive(Default)]
pub(crate) struct Tally {
    steps: u64,
    errors: u64,
}

/// Counts the steps of each node or tool.
pub(crate) fn tally(lines: &[Line]) -> BTreeMap<String, Tally> {
    let mut tasks: BTreeMap<String, Tally> = BTreeMap::new();
    for line in lines {
        let name = line.step.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("main");
        if tasks.len() == TASKS && !tasks.contains_key(name) {
            continue;
        }
        let tally = tasks.entry(name.to_owned()).or_default();
        tally.steps += 1;
        tally.errors += u64::from(line.step.kind.as_deref() == Some("error"));
    }
    tasks
}

/// Records the tasks, and what each left behind, and lists both.
pub(crate) async fn record(
    report: &mut Report,
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    tasks: &BTreeMap<String, Tally>,
) -> Result<()> {
    report.section("Record tasks and their results");
    let started = Instant::now();
    let mut attempts = 0;
    for (name, tally) in tasks {
        attempts += attempt(store, id, name, tally).await?;
    }
    report::done(
        format!("{} tasks, {attempts} attempts, a result each", tasks.len()),
        started.elapsed(),
    );

    let started = Instant::now();
    let page = PageRequest::first(1000);
    let recorded = store.tasks(id, &page).await?.items;
    let results = store.results(id, Some("summary"), &page).await?.items;
    if (recorded.len(), results.len()) != (attempts, tasks.len()) {
        let found = format!("{} attempts and {} results", recorded.len(), results.len());
        return Err(format!("the tasks were recorded, but {found} are listed").into());
    }
    let failed = recorded.iter().filter(|task| task.status == ExecutionStatus::Failed).count();
    report::done(format!("listed again; {failed} attempts had failed"), started.elapsed());
    Ok(())
}

/// Runs a task: one with errors fails at first and succeeds at the second attempt.
async fn attempt(
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    name: &str,
    tally: &Tally,
) -> Result<usize> {
    let task_id = TaskId::new(name)?;
    let mut task = TaskExecution::running(id.clone(), task_id.clone(), SystemClock.now());
    task.args = Some(json!({ "steps": tally.steps }));
    store.record_task(task.clone()).await?;
    if tally.errors > 0 {
        task.error = Some(format!("{} of its steps are errors", tally.errors));
        store.record_task(finished(task.clone(), ExecutionStatus::Failed)).await?;
        task.attempt = 2;
        task.error = None;
        store.record_task(task.clone()).await?;
    }
    let attempts = usize::try_from(task.attempt)?;
    let value = json!({ "steps": tally.steps, "errors": tally.errors });
    task.result = Some(value.clone());
    store.record_task(finished(task, ExecutionStatus::Succeeded)).await?;
    let key = "summary".to_owned();
    store.put_result(NewTaskResult { execution_id: id.clone(), task_id, key, value }).await?;
    Ok(attempts)
}

fn finished(mut task: TaskExecution, status: ExecutionStatus) -> TaskExecution {
    let now = SystemClock.now();
    task.duration_ms = i64::try_from(now.since(task.started_at).as_millis()).ok();
    task.completed_at = Some(now);
    task.status = status;
    task
}
