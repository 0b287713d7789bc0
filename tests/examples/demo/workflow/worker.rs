//! Runs that workers carry out: what becomes of one that fails, one that is cancelled, and one
//! whose worker is killed.

use std::time::{Duration, Instant};

use serde_json::json;
use store_core::queue::{AssignmentOutcome, JobFilter, JobState};
use store_core::workflow::{NewRun, RetryPolicy, Run, RunFilter, RunStatus};
use store_core::{PageRequest, RunId, WorkflowId};
use store_workflow::worker::{JobContext, JobError, StopReason, Worker, WorkerBuilder};
use tokio::sync::mpsc;

use super::{Scene, TAG, same};
use crate::Result;
use crate::report::{self, Report, timed};
use crate::worker_process::{KIND, LEASE, WorkerProcess};

/// How long the demo waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets workers carry out runs of the workflow.
pub(super) async fn work(report: &mut Report, scene: &Scene) -> Result<()> {
    report.section("Let a worker carry out what is pending");
    let policy = RetryPolicy { initial_delay_seconds: 0.5, ..RetryPolicy::default() };
    scene.store.configure_retry(&scene.operator, scene.id, policy).await?;
    if !alone(scene).await? {
        report::note("left out: runs of others wait in this queue, and it would start them");
        return Ok(());
    }
    carry_out(scene).await?;
    report.section("Let it fail a run: the policy retries it, and the worker does it again");
    fail_and_do_again(scene).await?;
    report.section("Cancel a run while a worker has it");
    cancel(scene).await?;
    report.section("Kill a worker in the middle of a run: another one does it");
    rescue(scene).await
}

/// Tells whether every run that a worker would claim is one of this demo. What earlier ones left
/// is cancelled.
async fn alone(scene: &Scene) -> Result<bool> {
    let filter = JobFilter { kind: Some(KIND.to_owned()), ..JobFilter::default() };
    let page = PageRequest::first(PageRequest::MAX_LIMIT);
    let jobs = scene.store.list_jobs(&filter, &page).await?;
    for id in jobs.items.iter().filter_map(|job| job.run_id) {
        let run = scene.store.fetch_run(id).await?;
        if run.workflow_id == scene.id {
            continue;
        }
        let workflow = scene.store.fetch_workflow(run.workflow_id).await?;
        if !workflow.is_archived || !workflow.tags.iter().any(|tag| tag == TAG) {
            return Ok(false);
        }
        scene.store.cancel_run(&scene.operator, id, Some("its demo is over")).await?;
    }
    Ok(jobs.next.is_none())
}

fn worker(scene: &Scene, name: &str) -> WorkerBuilder {
    Worker::builder(scene.store.clone()).id(format!("{name}-{}", scene.id)).lease(LEASE)
}

/// Returns the run of a job, or puts the job off that is none of this demo's.
async fn own_run(job: &JobContext, workflow: WorkflowId) -> Result<Run, JobError> {
    let id = job.job().run_id.ok_or(JobError::permanent("the job has no run"))?;
    let run = job.store().fetch_run(id).await?;
    if run.workflow_id == workflow {
        return Ok(run);
    }
    Err(JobError::snooze(job.job().updated_at.plus(Duration::from_secs(1))?))
}

/// Does what cron, the listener and the operator left pending.
async fn carry_out(scene: &Scene) -> Result<()> {
    let pending = runs(scene, RunStatus::Pending).await?;
    let workflow = scene.id;
    let handler = move |job: JobContext| async move {
        let run = own_run(&job, workflow).await?;
        Ok(json!({"exported": run.triggered_by}))
    };
    let worker = worker(scene, "worker").handler(KIND, handler).build()?;
    let (ended, took) = timed(worker.run_until_idle()).await;
    ended?;
    let mut done = 0;
    for run in &pending {
        let run = scene.store.fetch_run(run.id).await?;
        if run.status == RunStatus::Succeeded {
            done += 1;
            report::note(format!("{}, triggered by {}: {}", run.id, run.triggered_by, run.status));
        }
    }
    report::done(format!("{done} runs, up to 16 at a time"), took);
    let left = runs(scene, RunStatus::Pending).await?;
    same("runs that are left", &pending.len(), &(done + left.len()))?;
    let scheduled = left.iter().filter(|run| run.scheduled_for.is_some()).count();
    same("runs that are left for later", &left.len(), &scheduled)?;
    report::note(format!("{scheduled} are left: their time has not come"));
    Ok(())
}

/// Fails a first attempt; the retry succeeds.
async fn fail_and_do_again(scene: &Scene) -> Result<()> {
    let first = create(scene).await?;
    let workflow = scene.id;
    let handler = move |job: JobContext| async move {
        match own_run(&job, workflow).await?.attempt {
            1 => Err(JobError::new("the ledger does not answer")),
            attempt => Ok(json!({"attempt": attempt})),
        }
    };
    let worker = worker(scene, "worker").handler(KIND, handler).build()?;
    let is_retry = |run: &Run| run.retry_of == Some(first) && run.status.is_finished();
    let (retry, took) = timed(working(&worker, ended(scene, is_retry))).await;
    let retry = retry?;
    let failed = scene.store.fetch_run(first).await?;
    same("the first run", &RunStatus::Failed, &failed.status)?;
    report::note(format!("{first} is failed: {}", failed.error.unwrap_or_default()));
    same("its retry", &(RunStatus::Succeeded, 2), &(retry.status, retry.attempt))?;
    report::done(format!("{} is {}, half a second later", retry.id, retry.status), took);
    Ok(())
}

/// Cancels a run whose handler watches for it.
async fn cancel(scene: &Scene) -> Result<()> {
    let id = create(scene).await?;
    let (told, mut seen) = mpsc::unbounded_channel();
    let workflow = scene.id;
    let handler = move |job: JobContext| {
        let told = told.clone();
        async move {
            own_run(&job, workflow).await?;
            told.send(None)?;
            let reason = job.cancelled().await;
            told.send(Some(reason.clone()))?;
            Err::<(), _>(JobError::new(reason))
        }
    };
    let worker = worker(scene, "worker").handler(KIND, handler).build()?;
    let (reason, took) = timed(working(&worker, async {
        seen.recv().await;
        scene.store.cancel_run(&scene.operator, id, Some("the day is closed")).await?;
        Ok(seen.recv().await.flatten())
    }))
    .await;
    let reason = reason?.as_ref().map(StopReason::to_string).unwrap_or_default();
    report::done(format!("its handler was told: {reason}"), took);
    let run = scene.store.fetch_run(id).await?;
    same("the run", &RunStatus::Cancelled, &run.status)?;
    let (state, _) = job_of(scene, id).await?;
    same("its job", &JobState::Cancelled, &state)?;
    report::note(format!("{id} is {}: {}", run.status, run.cancel_reason.unwrap_or_default()));
    Ok(())
}

/// Lets a process claim a run, and kills the process.
async fn rescue(scene: &Scene) -> Result<()> {
    let id = create(scene).await?;
    let (process, took) = timed(async {
        let mut process = WorkerProcess::start()?;
        process.claimed(id).await?;
        Ok::<_, crate::Error>(process)
    })
    .await;
    let process = process?;
    let pid = process.id();
    report::done(format!("process {pid} has claimed {id}"), took);
    process.kill().await?;
    report::note(format!("process {pid} was killed: its lease lasts {LEASE:?}"));

    let workflow = scene.id;
    let handler = move |job: JobContext| async move {
        own_run(&job, workflow).await?;
        Ok(json!({"attempt": job.job().attempt}))
    };
    let worker = worker(scene, "rescuer").handler(KIND, handler).build()?;
    let (run, took) =
        timed(working(&worker, ended(scene, |run| run.id == id && run.status.is_finished()))).await;
    let run = run?;
    same("the run", &RunStatus::Succeeded, &run.status)?;
    same("its output", &Some(json!({"attempt": 2})), &run.output)?;
    report::done("another worker took it back, and the run succeeded", took);
    let (_, outcomes) = job_of(scene, id).await?;
    let expected = vec![Some(AssignmentOutcome::Expired), Some(AssignmentOutcome::Succeeded)];
    same("the attempts", &expected, &outcomes)?;
    report::note("its attempts: expired, succeeded");
    Ok(())
}

/// Runs a worker until something has happened, and returns that.
async fn working<T>(worker: &Worker, until: impl Future<Output = Result<T>>) -> Result<T> {
    let mut happened = None;
    worker.run(async { happened = Some(tokio::time::timeout(PATIENCE, until).await) }).await?;
    happened.ok_or("the worker ended by itself")??
}

/// Waits for a run of the workflow.
async fn ended(scene: &Scene, found: impl Fn(&Run) -> bool) -> Result<Run> {
    let filter = RunFilter { workflow_id: Some(scene.id), ..RunFilter::default() };
    let page = PageRequest::first(PageRequest::MAX_LIMIT);
    let begun = Instant::now();
    loop {
        let runs = scene.store.list_runs(&filter, &page).await?.items;
        if let Some(run) = runs.into_iter().find(|run| found(run)) {
            return Ok(run);
        }
        if begun.elapsed() > PATIENCE {
            return Err("a run does not come to its end".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn create(scene: &Scene) -> Result<RunId> {
    let new = NewRun::new(scene.id, "demo");
    Ok(scene.store.create_run(&scene.operator, new).await?.id)
}

async fn runs(scene: &Scene, status: RunStatus) -> Result<Vec<Run>> {
    let filter =
        RunFilter { workflow_id: Some(scene.id), status: Some(status), ..RunFilter::default() };
    let page = PageRequest::first(PageRequest::MAX_LIMIT);
    Ok(scene.store.list_runs(&filter, &page).await?.items)
}

/// Returns the state of the job of a run that ended, and how its attempts did.
async fn job_of(scene: &Scene, run: RunId) -> Result<(JobState, Vec<Option<AssignmentOutcome>>)> {
    let filter = JobFilter {
        states: vec![JobState::Succeeded, JobState::Dead, JobState::Cancelled],
        run_id: Some(run),
        ..JobFilter::default()
    };
    let page = PageRequest::first(1);
    let job = scene.store.list_jobs(&filter, &page).await?.items.pop();
    let job = job.ok_or("the run has no job that ended")?;
    let history = scene.store.job_history(job.id).await?;
    Ok((job.state, history.into_iter().map(|one| one.outcome).collect()))
}
