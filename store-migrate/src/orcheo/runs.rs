//! Runs, and the jobs of those that are to be run.

use serde_json::Value;
use store_core::workflow::{Run, RunStatus, RunnableConfig};
use store_core::{RunId, WorkflowId, WorkflowVersionId};

use super::audit::{self, About};
use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::keys;
use super::row::Row;

/// Converts a run.
pub(super) fn convert(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let given = read(row, &mut payload)?;
    cx.compare(row, "status", Some(row.text("status")?), &given.status.as_str());
    cx.compare(row, "triggered_by", Some(row.text("triggered_by")?), &given.triggered_by.as_str());
    if given.status.is_finished() != given.completed_at.is_some() {
        let reason = "a run that is over has an end, others have none";
        return Err(fault("payload.completed_at", reason));
    }
    let columns = cx.rules.workflow.run(given).map_err(broken("payload"))?;
    let one = &columns.run;
    cx.insert(
        "workflow_runs",
        &[
            ("id", &one.id.to_string()),
            ("workflow_id", &one.workflow_id.to_string()),
            ("workflow_version_id", &one.workflow_version_id.to_string()),
            ("status", &one.status.as_str()),
            ("triggered_by", &one.triggered_by),
            ("input", &columns.input),
            ("runnable_config", &columns.runnable_config),
            ("tags", &columns.tags),
            ("callbacks", &columns.callbacks),
            ("metadata", &columns.metadata),
            ("run_name", &one.run_name),
            ("output", &columns.output),
            ("error", &one.error),
            ("cancel_reason", &one.cancel_reason),
            ("attempt", &one.attempt),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &one.created_at.to_string()),
            ("started_at", &one.started_at.map(|at| at.to_string())),
            ("completed_at", &one.completed_at.map(|at| at.to_string())),
            ("updated_at", &one.updated_at.to_string()),
            ("row_version", &one.row_version),
        ],
    )?;
    if !one.status.is_finished() {
        unfinished(cx, one)?;
    }
    let about =
        About { workflow_id: one.workflow_id, run_id: Some(one.id), renamed: &[], metadata: &[] };
    audit::collect(cx, row, &mut payload, &about)?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

fn read(row: &Row, payload: &mut Fields) -> Checked<Run> {
    let id: RunId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let workflow_id: WorkflowId = row.parsed("workflow_id")?;
    let workflow_version_id: WorkflowVersionId = row.parsed("workflow_version_id")?;
    payload.same("workflow_version_id", row.text("workflow_version_id")?)?;
    let status: RunStatus = payload.parsed("status")?;
    let (error, cancelled) = (payload.maybe_text("error")?, status == RunStatus::Cancelled);
    Ok(Run {
        id,
        workflow_id,
        workflow_version_id,
        status,
        triggered_by: payload.text("triggered_by")?,
        input: payload.object("input_payload")?,
        runnable_config: RunnableConfig::from_value(payload.object("runnable_config")?)
            .map_err(broken("payload.runnable_config"))?,
        tags: payload.texts("tags")?,
        callbacks: payload.list("callbacks")?,
        metadata: payload.object("metadata")?,
        run_name: payload.maybe_text("run_name")?,
        output: match payload.take("output_payload") {
            None => None,
            Some(output @ Value::Object(_)) => Some(output),
            Some(_) => return Err(fault("payload.output_payload", "is no JSON object")),
        },
        // Orcheo keeps the reason of a cancellation where others have their error.
        cancel_reason: error.clone().filter(|_| cancelled),
        error: error.filter(|_| !cancelled),
        attempt: 1,
        retry_of: None,
        idempotency_key: None,
        scheduled_for: None,
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        started_at: payload.maybe_instant("started_at")?,
        completed_at: payload.maybe_instant("completed_at")?,
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
        row_version: 1,
    })
}

/// Puts a job into the queue for a run that is pending, if that is wanted. Orcheo keeps its queue
/// elsewhere: a run that is left has no job, and nobody finds it there.
fn unfinished(cx: &mut Converter<'_>, run: &Run) -> Checked<()> {
    if run.status == RunStatus::Running {
        cx.tally.note("workflow_runs: is running; no worker of the stores has it");
        return Ok(());
    }
    if !cx.options.enqueue_pending {
        cx.tally.note("workflow_runs: is pending, and has no job that would run it");
        return Ok(());
    }
    cx.tally.note("workflow_runs: is pending, and has a job that will run it");
    let run_id = run.id.to_string();
    let (id, at) = (keys::derived("job", &run_id).to_string(), run.created_at.to_string());
    let job = store_workflow::import::RUN_JOB;
    cx.insert(
        "jobs",
        &[
            ("id", &id),
            ("queue", &job.queue),
            ("kind", &job.kind),
            ("payload", &"{}"),
            ("run_id", &run_id),
            ("priority", &job.priority),
            ("state", &"available"),
            ("max_attempts", &job.max_attempts),
            ("run_at", &at),
            ("tags", &"[]"),
            ("capabilities", &"[]"),
            ("created_at", &at),
            ("updated_at", &at),
        ],
    )
}
