//! Three ways to append steps: one by one, as a batch, and from many tasks at once.

use std::sync::Arc;
use std::time::Instant;

use store_core::ExecutionId;
use store_core::history::{NewStep, RunHistoryStore, Step};
use tokio::task::JoinSet;

use crate::Result;
use crate::digest::Digest;
use crate::input::Line;
use crate::report::{self, Progress, Report};

/// The tasks that append at the same time.
const TASKS: usize = 32;
/// The most that is appended one by one, and by each task: a large file goes in batches.
const SINGLES: usize = 500;
const PER_TASK: usize = 100;
/// The most steps of one batch here; the store takes 1000 and 64 MiB.
const BATCH: usize = 500;

/// Appends every line and returns what that came to.
pub(crate) async fn append_all(
    report: &mut Report,
    store: &Arc<dyn RunHistoryStore>,
    id: &ExecutionId,
    mut lines: Vec<Line>,
) -> Result<Digest> {
    let third = lines.len() / 3;
    let at_once = lines.split_off(lines.len() - third.min(TASKS * PER_TASK));
    let batched = lines.split_off(third.clamp(1, SINGLES).min(lines.len()));
    let mut digest = Digest::default();

    report.section("Append steps one by one");
    digest.plus(one_by_one(store.as_ref(), id, lines).await?);
    report.section("Append steps as a batch: all or none, one transaction");
    digest.plus(in_batches(store.as_ref(), id, batched).await?);
    report.section("Append steps from 32 tasks at once: they share commits");
    digest.plus(from_many_tasks(store, id, at_once).await?);
    Ok(digest)
}

async fn one_by_one(
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    lines: Vec<Line>,
) -> Result<Digest> {
    let (total, started) = (lines.len(), Instant::now());
    let progress = Progress::new(total);
    let mut digest = Digest::default();
    for line in lines {
        digest.add(&append(store, id, line).await?);
        progress.add(1);
    }
    let took = started.elapsed();
    report::done(format!("{total} steps, {}", report::rate(total, took)), took);
    Ok(digest)
}

async fn append(store: &dyn RunHistoryStore, id: &ExecutionId, line: Line) -> Result<Step> {
    let appended = store.append_step(id, line.step).await;
    appended.map_err(|error| format!("the step of line {}: {error}", line.number).into())
}

async fn in_batches(
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    lines: Vec<Line>,
) -> Result<Digest> {
    let (total, started) = (lines.len(), Instant::now());
    let progress = Progress::new(total);
    let mut digest = Digest::default();
    let mut batches = 0;
    let mut lines = lines.into_iter().peekable();
    while let Some(first) = lines.peek().map(|line| line.number) {
        let steps: Vec<NewStep> = lines.by_ref().take(BATCH).map(|line| line.step).collect();
        let size = steps.len();
        let appended = store.append_steps(id, steps).await;
        let appended =
            appended.map_err(|error| format!("the batch that begins at line {first}: {error}"))?;
        appended.iter().for_each(|step| digest.add(step));
        progress.add(size);
        batches += 1;
    }
    let took = started.elapsed();
    let rate = report::rate(total, took);
    report::done(format!("{total} steps, batches: {batches}, {rate}"), took);
    Ok(digest)
}

async fn from_many_tasks(
    store: &Arc<dyn RunHistoryStore>,
    id: &ExecutionId,
    lines: Vec<Line>,
) -> Result<Digest> {
    let (total, started) = (lines.len(), Instant::now());
    let progress = Arc::new(Progress::new(total));
    let mut shares: Vec<Vec<Line>> = (0..TASKS).map(|_| Vec::new()).collect();
    for (at, line) in lines.into_iter().enumerate() {
        shares[at % TASKS].push(line);
    }
    let mut tasks = JoinSet::new();
    for share in shares {
        let (store, id, progress) = (Arc::clone(store), id.clone(), Arc::clone(&progress));
        tasks.spawn(async move {
            let mut digest = Digest::default();
            for line in share {
                digest.add(&append(store.as_ref(), &id, line).await?);
                progress.add(1);
            }
            Ok::<_, crate::Error>(digest)
        });
    }
    let mut digest = Digest::default();
    while let Some(finished) = tasks.join_next().await {
        digest.plus(finished??);
    }
    let took = started.elapsed();
    report::done(format!("{total} steps, {}", report::rate(total, took)), took);
    Ok(digest)
}
