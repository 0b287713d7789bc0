//! How the databases carry out what the repositories of workflows ask.

use crate::bare::Bare;
use crate::crates::WORKFLOW;
use crate::plans::{AT, Planned, assert_planned, planned};

const ID: &str = "'00000000-0000-7000-8000-000000000001'";

/// A query that is served by the index of a constraint, which SQLite numbers instead of naming.
fn keyed(name: &'static str, sqlite: &'static str, postgres: &'static str, sql: &str) -> Planned {
    Planned { name, sql: sql.replace("$id", ID).replace("$at", AT), sqlite, postgres }
}

fn indexed(name: &'static str, index: &'static str, sql: &str) -> Planned {
    planned(name, index, sql.replace("$id", ID).replace("$at", AT))
}

fn runs(name: &'static str, index: &'static str, filter: &str) -> Planned {
    let after = "created_at <= $at AND (created_at < $at OR id < $id) \
                 ORDER BY created_at DESC, id DESC LIMIT 51";
    indexed(name, index, &format!("SELECT * FROM workflow_runs WHERE {filter} {after}"))
}

/// Lookups by what a constraint keeps unique.
fn by_key() -> Vec<Planned> {
    vec![
        keyed(
            "workflow by id",
            "sqlite_autoindex_workflows_1",
            "pk_workflows",
            "SELECT * FROM workflows WHERE id = $id",
        ),
        keyed(
            "workflows, newest first",
            "sqlite_autoindex_workflows_1",
            "pk_workflows",
            "SELECT * FROM workflows WHERE id < $id ORDER BY id DESC LIMIT 51",
        ),
        keyed(
            "latest version",
            "sqlite_autoindex_workflow_versions_2",
            "uq_workflow_versions_workflow_id_version",
            "SELECT * FROM workflow_versions WHERE workflow_id = $id ORDER BY version DESC LIMIT 1",
        ),
        keyed(
            "run by id",
            "sqlite_autoindex_workflow_runs_1",
            "pk_workflow_runs",
            "SELECT * FROM workflow_runs WHERE id = $id",
        ),
        indexed(
            "run by idempotency key",
            "uq_workflow_runs_idempotency_key",
            "SELECT * FROM workflow_runs WHERE workflow_id = $id AND idempotency_key = 'k'",
        ),
        keyed(
            "event by dedupe key",
            "sqlite_autoindex_workflow_listener_events_1",
            "pk_workflow_listener_events",
            "SELECT * FROM workflow_listener_events WHERE listener_id = $id AND dedupe_key = 'k'",
        ),
        keyed(
            "delivery by its key",
            "sqlite_autoindex_workflow_webhook_deliveries_1",
            "pk_workflow_webhook_deliveries",
            "SELECT * FROM workflow_webhook_deliveries \
             WHERE workflow_id = $id AND delivery_key = 'k'",
        ),
    ]
}

/// Listings, and what is due.
fn by_index() -> Vec<Planned> {
    vec![
        indexed(
            "workflow by handle",
            "idx_workflows_handle",
            "SELECT * FROM workflows WHERE handle = 'h' ORDER BY is_archived, id DESC LIMIT 1",
        ),
        runs("runs, newest first", "idx_workflow_runs_created_at", ""),
        runs("by workflow", "idx_workflow_runs_workflow_id_created_at", "workflow_id = $id AND"),
        runs("by status", "idx_workflow_runs_status_created_at", "status = 'running' AND"),
        indexed(
            "runs to delete",
            "idx_workflow_runs_completed_at",
            "SELECT id FROM workflow_runs WHERE completed_at < $at \
             ORDER BY completed_at, id LIMIT 100",
        ),
        indexed(
            "active runs of cron",
            "idx_workflow_runs_active_cron",
            "SELECT id FROM workflow_runs WHERE workflow_id = $id AND triggered_by = 'cron' \
             AND status IN ('pending', 'running')",
        ),
        indexed("job of a run", "idx_jobs_run_id", "DELETE FROM jobs WHERE run_id = $id"),
        indexed(
            "audit of a workflow",
            "idx_workflow_audit_workflow_id",
            "SELECT * FROM workflow_audit WHERE workflow_id = $id AND run_id IS NULL AND seq > 9 \
             ORDER BY seq LIMIT 51",
        ),
        indexed(
            "audit of a run",
            "idx_workflow_audit_run_id",
            "SELECT * FROM workflow_audit WHERE run_id = $id AND seq > 9 ORDER BY seq LIMIT 51",
        ),
        indexed(
            "due schedules",
            "idx_workflow_cron_triggers_look_at",
            "SELECT * FROM workflow_cron_triggers WHERE look_at <= $at \
             ORDER BY look_at, workflow_id LIMIT 100",
        ),
        indexed(
            "listeners of a workflow",
            "idx_workflow_listeners_workflow_id",
            "SELECT * FROM workflow_listeners WHERE workflow_id = $id AND id > $id \
             ORDER BY id LIMIT 51",
        ),
        indexed(
            "expired events",
            "idx_workflow_listener_events_expires_at",
            "SELECT listener_id FROM workflow_listener_events WHERE expires_at <= $at LIMIT 100",
        ),
        indexed(
            "expired deliveries",
            "idx_workflow_webhook_deliveries_expires_at",
            "SELECT delivery_key FROM workflow_webhook_deliveries WHERE expires_at <= $at LIMIT 100",
        ),
        indexed(
            "old occurrences",
            "idx_workflow_cron_occurrences_scheduled_for",
            "SELECT run_id FROM workflow_cron_occurrences WHERE scheduled_for <= $at LIMIT 100",
        ),
    ]
}

/// Every hot query on workflows is served by its index.
async fn hot_queries_on_workflows_use_their_index(t: &Bare) {
    t.migrate(t.schema(&WORKFLOW)).await.unwrap();
    for query in by_key().into_iter().chain(by_index()) {
        assert_planned(t, &query).await;
    }
}

on_both! { bare: hot_queries_on_workflows_use_their_index }
