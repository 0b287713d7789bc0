//! How the databases carry out what is asked about graph state, and about what
//! checkpoints contain.

use crate::bare::Bare;
use crate::crates::CHECKPOINTS;
use crate::plans::{Planned, assert_planned, planned};

const ID: &str = "'00000000-0000-7000-8000-000000000001'";

/// A query that is served by the index of a constraint, which SQLite numbers instead of naming.
fn keyed(name: &'static str, sqlite: &'static str, postgres: &'static str, sql: &str) -> Planned {
    Planned { name, sql: sql.replace("$id", ID), sqlite, postgres }
}

fn indexed(name: &'static str, index: &'static str, sql: &str) -> Planned {
    planned(name, index, sql.replace("$id", ID))
}

/// Every hot query on graph state.
fn of_graphs() -> Vec<Planned> {
    vec![
        // PostgreSQL finds both indexes of the table equally good for it.
        keyed(
            "latest of a namespace",
            "sqlite_autoindex_graph_checkpoints_1",
            "_graph_checkpoints",
            "SELECT * FROM graph_checkpoints WHERE thread_id = 't' AND checkpoint_ns = '' \
             AND checkpoint_id <= $id ORDER BY checkpoint_id DESC LIMIT 1",
        ),
        indexed(
            "checkpoints of a thread",
            "idx_graph_checkpoints_thread_id_checkpoint_id",
            "SELECT * FROM graph_checkpoints WHERE thread_id = 't' AND checkpoint_id <= $id \
             AND (checkpoint_id, checkpoint_ns) < ($id, 'ns') \
             ORDER BY checkpoint_id DESC, checkpoint_ns DESC LIMIT 51",
        ),
        indexed(
            "checkpoints of a run",
            "idx_graph_checkpoints_run_id",
            "SELECT thread_id FROM graph_checkpoints WHERE run_id = 'r'",
        ),
        keyed(
            "value of a version",
            "sqlite_autoindex_graph_values_1",
            "pk_graph_values",
            "SELECT address FROM graph_values WHERE thread_id = 't' AND checkpoint_ns = '' \
             AND channel = 'c' AND version = '1'",
        ),
        keyed(
            "bytes at an address",
            "sqlite_autoindex_graph_blobs_1",
            "pk_graph_blobs",
            "SELECT * FROM graph_blobs WHERE thread_id = 't' AND address = '1'",
        ),
        keyed(
            "writes of a checkpoint",
            "sqlite_autoindex_graph_writes_1",
            "pk_graph_writes",
            "SELECT * FROM graph_writes WHERE thread_id = 't' AND checkpoint_ns = '' \
             AND checkpoint_id = $id",
        ),
        indexed(
            "versions at an address",
            "idx_graph_values_thread_id_address",
            "SELECT 1 FROM graph_values WHERE thread_id = 't' AND address = '1'",
        ),
        indexed(
            "writes at an address",
            "idx_graph_writes_thread_id_address",
            "SELECT 1 FROM graph_writes WHERE thread_id = 't' AND address = '1'",
        ),
    ]
}

/// Every hot query on graph state is served by its index.
async fn hot_queries_on_graph_state_use_their_index(t: &Bare) {
    t.migrate(t.schema(&CHECKPOINTS)).await.unwrap();
    for query in of_graphs() {
        assert_planned(t, &query).await;
    }
}

/// On PostgreSQL, containment of metrics and metadata is served by their GIN indexes.
async fn containment_of_checkpoints_uses_an_index(t: &Bare) {
    if t.is_sqlite() {
        return;
    }
    t.migrate(t.schema(&CHECKPOINTS)).await.unwrap();
    let filled = "INSERT INTO agentensor_workflows (workflow_id, last_version) VALUES ('w', 5000); \
         INSERT INTO agentensor_checkpoints (id, workflow_id, config_version, runnable_config, \
         metrics, metadata, is_best, record_bytes, created_at) \
         SELECT gen_random_uuid(), 'w', n, '{}', jsonb_build_object('n', n), \
         jsonb_build_object('n', n), false, 10, now() FROM generate_series(1, 5000) AS n; \
         ANALYZE agentensor_checkpoints";
    t.rows(filled).await;
    for column in ["metrics", "metadata"] {
        let sql = format!(
            "SELECT * FROM agentensor_checkpoints WHERE workflow_id = 'w' \
             AND {column} @> '{{\"n\": 77}}' ORDER BY config_version DESC LIMIT 51"
        );
        let plan = t.column(&format!("EXPLAIN {sql}")).await.join("\n");
        assert!(plan.contains(&format!("idx_agentensor_checkpoints_{column}")), "{plan}");
    }
}

on_both! { bare: hot_queries_on_graph_state_use_their_index, containment_of_checkpoints_uses_an_index }
