//! How the databases carry out what is asked about queues, workers, locks and counters.

use crate::bare::Bare;
use crate::crates::WORKFLOW;
use crate::plans::{AT, Planned, assert_planned, planned};

const ID: &str = "'00000000-0000-7000-8000-000000000001'";

/// A query that is served by a primary key, which SQLite numbers instead of naming.
fn keyed(name: &'static str, table: &str, sql: &str) -> Planned {
    let (sqlite, postgres) = match table {
        "job_queues" => ("sqlite_autoindex_job_queues_1", "pk_job_queues"),
        "job_workers" => ("sqlite_autoindex_job_workers_1", "pk_job_workers"),
        "workflow_locks" => ("sqlite_autoindex_workflow_locks_1", "pk_workflow_locks"),
        _ => ("sqlite_autoindex_workflow_counters_1", "pk_workflow_counters"),
    };
    Planned { name, sql: sql.replace("$table", table), sqlite, postgres }
}

/// A part of the stats of queues: the jobs in one state, of one queue.
fn counted(name: &'static str, index: &'static str, state: &str) -> Planned {
    let of_queue =
        format!("SELECT queue, COUNT(*) FROM jobs WHERE {state} AND queue = 'q' GROUP BY queue");
    planned(name, index, of_queue.replace("$at", AT))
}

fn queries() -> Vec<Planned> {
    vec![
        keyed("queue by name", "job_queues", "SELECT * FROM $table WHERE queue = 'q'"),
        keyed(
            "workers by id",
            "job_workers",
            "SELECT * FROM $table WHERE id > 'w' ORDER BY id LIMIT 51",
        ),
        planned(
            "silent workers",
            "idx_job_workers_heartbeat_at",
            format!("SELECT id FROM job_workers WHERE heartbeat_at < {AT}"),
        ),
        keyed("lock by name", "workflow_locks", "SELECT * FROM $table WHERE name = 'l'"),
        keyed(
            "counters by prefix",
            "workflow_counters",
            "SELECT * FROM $table WHERE name >= 'a.' AND name < 'a/' AND name > 'a.7' \
             ORDER BY name LIMIT 51",
        ),
        planned(
            "jobs to claim",
            "idx_jobs_available",
            "SELECT id FROM jobs WHERE state = 'available' AND queue = 'q' \
             ORDER BY priority, run_at, id LIMIT 10"
                .into(),
        ),
        planned(
            "jobs that come due",
            "idx_jobs_scheduled",
            format!(
                "SELECT id FROM jobs WHERE state = 'scheduled' AND queue = 'q' \
                 AND run_at <= {AT} ORDER BY run_at, id LIMIT 10"
            ),
        ),
        planned(
            "leases that ran out",
            "idx_jobs_leased",
            format!(
                "SELECT id FROM jobs WHERE state = 'leased' AND lease_expires_at <= {AT} \
                 ORDER BY lease_expires_at, id LIMIT 10"
            ),
        ),
        planned(
            "job by unique key",
            "uq_jobs_unique_key",
            "SELECT id FROM jobs WHERE queue = 'q' AND unique_key = 'k' \
             AND unique_key IS NOT NULL"
                .into(),
        ),
        planned(
            "those who wait for a job",
            "idx_job_dependencies_depends_on",
            format!("SELECT job_id FROM job_dependencies WHERE depends_on = {ID}"),
        ),
        planned(
            "dead jobs of a queue",
            "idx_job_history_unsuccessful",
            "SELECT id FROM job_history WHERE queue = 'q' AND state = 'dead' \
             AND state <> 'succeeded' ORDER BY id LIMIT 10"
                .into(),
        ),
        planned(
            "jobs to prune",
            "idx_job_history_finished_at",
            format!(
                "SELECT id FROM job_history WHERE finished_at < {AT} \
                 ORDER BY finished_at, id LIMIT 10"
            ),
        ),
        planned(
            "finished jobs of a run",
            "idx_job_history_run_id",
            format!("SELECT id FROM job_history WHERE run_id = {ID}"),
        ),
        planned(
            "events to forget",
            "idx_job_events_delivered_at",
            format!(
                "SELECT token FROM job_events WHERE delivered_at < {AT} \
                 ORDER BY delivered_at, token LIMIT 10"
            ),
        ),
        counted("blocked jobs", "idx_jobs_blocked", "state = 'blocked'"),
        counted("jobs ahead", "idx_jobs_scheduled", "state = 'scheduled' AND run_at > $at"),
        counted("available jobs", "idx_jobs_available", "state = 'available'"),
        counted("leased jobs", "idx_jobs_leased_queue", "state = 'leased'"),
        planned(
            "jobs of the last minute",
            "idx_job_history_finished_at",
            format!(
                "SELECT queue, state, COUNT(*) FROM job_history WHERE finished_at > {AT} \
                 GROUP BY queue, state"
            ),
        ),
    ]
}

/// Every query on queues, workers, locks and counters is served by its index.
async fn queries_on_queues_and_what_is_around_them_use_their_index(t: &Bare) {
    t.migrate(t.schema(&WORKFLOW)).await.unwrap();
    for query in queries() {
        assert_planned(t, &query).await;
    }
}

on_both! { bare: queries_on_queues_and_what_is_around_them_use_their_index }
