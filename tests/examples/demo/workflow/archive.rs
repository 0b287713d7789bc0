//! What was written down, and the end.

use serde_json::Value;
use store_core::workflow::{AuditAction, AuditEntry, ListenerStatus, NewRun};
use store_core::{PageRequest, RunId};

use super::{Scene, refused, same};
use crate::Result;
use crate::report::{self, Report, timed};

/// What the chapters before did with the workflow.
const OF_WORKFLOW: [AuditAction; 9] = [
    AuditAction::WorkflowCreated,
    AuditAction::VersionCreated,
    AuditAction::WorkflowPublished,
    AuditAction::VersionCreated,
    // Cron, webhook, manual policy and, twice, retry policy.
    AuditAction::TriggerConfigured,
    AuditAction::TriggerConfigured,
    AuditAction::TriggerConfigured,
    AuditAction::TriggerConfigured,
    AuditAction::TriggerConfigured,
];
/// And with the run that succeeded.
const OF_RUN: [AuditAction; 3] =
    [AuditAction::RunCreated, AuditAction::RunStarted, AuditAction::RunSucceeded];

/// Lists the audit of the workflow and of a run.
pub(super) async fn audit(report: &mut Report, scene: &Scene, run: RunId) -> Result<()> {
    report.section("List the audit");
    let page = PageRequest::first(PageRequest::MAX_LIMIT);
    let (listed, took) = timed(scene.store.list_workflow_audit(scene.id, &page)).await;
    let entries = listed?.items;
    report::done(format!("of the workflow: {} entries", entries.len()), took);
    for entry in &entries {
        report::note(describe(entry));
    }
    same("the audit of the workflow", &OF_WORKFLOW.to_vec(), &actions(&entries))?;

    let (listed, took) = timed(scene.store.list_run_audit(run, &page)).await;
    let entries = listed?.items;
    report::done(format!("of run {run}: {} entries", entries.len()), took);
    for entry in &entries {
        report::note(describe(entry));
    }
    same("the audit of the run", &OF_RUN.to_vec(), &actions(&entries))
}

/// Archives the published workflow.
pub(super) async fn archive(report: &mut Report, scene: &Scene) -> Result<()> {
    report.section("Archive it: it is public no more, listens no more and starts no run");
    let (store, operator) = (&scene.store, &scene.operator);
    let (archived, took) = timed(store.archive_workflow(operator, scene.id)).await;
    let workflow = archived?;
    same("archived and public", &(true, false), &(workflow.is_archived, workflow.is_public))?;
    let listeners = store.list_listeners(Some(scene.id), &PageRequest::default()).await?.items;
    let status = listeners.first().map(|listener| listener.status);
    same("the listener", &Some(ListenerStatus::Disabled), &status)?;
    let rows = workflow.row_version;
    report::done(format!("archived, not public, listener disabled, row version {rows}"), took);
    let late = timed(store.create_run(operator, NewRun::new(scene.id, "manual"))).await;
    refused("a run", late, 409)
}

fn actions(entries: &[AuditEntry]) -> Vec<AuditAction> {
    entries.iter().map(|entry| entry.action).collect()
}

fn describe(entry: &AuditEntry) -> String {
    let about = match (&entry.metadata["trigger"], &entry.metadata["version"]) {
        (Value::String(trigger), _) => format!(": {trigger}"),
        (_, Value::Number(version)) => format!(": version {version}"),
        _ => String::new(),
    };
    format!("{} by {}{about}", entry.action, entry.actor)
}
