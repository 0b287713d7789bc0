//! How the databases carry out what the stores ask: by an index, never by reading a table.

use crate::bare::Bare;
use crate::crates::HISTORY;

/// A query as the stores send it, and the index that should serve it on SQLite and PostgreSQL.
pub(crate) struct Planned {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

pub(crate) const AT: &str = "'2026-03-02T12:00:00.000000+00:00'";

pub(crate) fn planned(name: &'static str, index: &'static str, sql: String) -> Planned {
    Planned { name, sql, sqlite: index, postgres: index }
}

fn keyed(name: &'static str, key: &'static str, table: &str, sql: String) -> Planned {
    // SQLite calls the index of a primary key so, whatever the constraint is called.
    let sqlite = match table {
        "history_executions" => "sqlite_autoindex_history_executions_1",
        "history_steps" => "sqlite_autoindex_history_steps_1",
        _ => "sqlite_autoindex_history_tasks_1",
    };
    Planned { name, sql, sqlite, postgres: key }
}

fn list(name: &'static str, index: &'static str, filter: &str) -> Planned {
    let after = format!(
        "started_at <= {AT} AND (started_at < {AT} OR execution_id < 'e') \
         ORDER BY started_at DESC, execution_id DESC LIMIT 51"
    );
    planned(name, index, format!("SELECT * FROM history_executions WHERE {filter} {after}"))
}

fn steps(name: &'static str, range: &str, order: &str) -> Planned {
    let sql = format!(
        "SELECT e.step_count, s.* FROM history_executions e LEFT JOIN history_steps s \
         ON s.execution_id = e.execution_id AND {range} \
         WHERE e.execution_id = 'e' ORDER BY s.step_index {order}"
    );
    keyed(name, "pk_history_steps", "history_steps", sql)
}

/// Every hot query of run history.
fn queries(least: &str) -> Vec<Planned> {
    let by_id = "SELECT * FROM history_executions WHERE execution_id = 'e' LIMIT 1".to_owned();
    let by_key = "SELECT * FROM history_steps WHERE execution_id = 'e' \
                  AND idempotency_key = 'k' LIMIT 1";
    let tasks = "SELECT * FROM history_tasks WHERE execution_id = 'e' AND task_id >= 't' \
                 AND (task_id > 't' OR attempt > 1) ORDER BY task_id, attempt LIMIT 51";
    let results = "SELECT * FROM history_results WHERE execution_id = 'e' AND result_key = 'k' \
                   ORDER BY task_id, result_key LIMIT 51";
    let prune = format!(
        "SELECT execution_id FROM history_executions \
         WHERE status <> 'running' AND completed_at < {AT}"
    );
    let back = format!("s.step_index < 99 AND s.step_index >= {least}(e.step_count, 99) - 50");
    vec![
        keyed("execution by id", "pk_history_executions", "history_executions", by_id),
        list("newest first", "idx_history_executions_started_at", ""),
        list(
            "by workflow",
            "idx_history_executions_workflow_id_started_at",
            "workflow_id = 'w' AND",
        ),
        list("by status", "idx_history_executions_status_started_at", "status = 'running' AND"),
        list("by trace", "idx_history_executions_trace_id", "trace_id = 't' AND"),
        steps("steps ascending", "s.step_index > 9 AND s.step_index <= 59", "ASC"),
        steps("steps descending", &back, "DESC"),
        planned("step by key", "uq_history_steps_execution_id_idempotency_key", by_key.into()),
        keyed("tasks", "pk_history_tasks", "history_tasks", tasks.into()),
        planned("results", "idx_history_results_execution_id_result_key", results.into()),
        planned("prune", "idx_history_executions_completed_at", prune),
    ]
}

/// Every hot query of run history is served by its index.
async fn hot_queries_use_their_index(t: &Bare) {
    t.migrate(t.schema(&HISTORY)).await.unwrap();
    for query in queries(if t.is_sqlite() { "min" } else { "least" }) {
        assert_planned(t, &query).await;
    }
}

/// Asserts that a query is served by its index, and reads no table from end to end.
pub(crate) async fn assert_planned(t: &Bare, query: &Planned) {
    let plan = explain(t, &query.sql).await;
    let expected = if t.is_sqlite() { query.sqlite } else { query.postgres };
    assert!(plan.contains(expected), "{}: no {expected} in\n{plan}", query.name);
    for line in plan.lines().filter(|_| t.is_sqlite()) {
        let scans = line.starts_with("SCAN") && !line.contains("USING");
        assert!(!scans, "{}: {line}", query.name);
    }
    assert!(!plan.contains("Seq Scan"), "{}:\n{plan}", query.name);
}

/// How the database carries out a query.
pub(crate) async fn explain(t: &Bare, sql: &str) -> String {
    if t.is_sqlite() {
        let rows = t.rows(&format!("EXPLAIN QUERY PLAN {sql}")).await;
        return rows.into_iter().map(|mut row| row.remove(3) + "\n").collect();
    }
    // The tables are empty: without this, reading all of nothing is the cheapest.
    t.column(&format!("SET enable_seqscan = off; EXPLAIN {sql}")).await.join("\n")
}

on_both! { bare: hot_queries_use_their_index }
