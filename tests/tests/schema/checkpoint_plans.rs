//! How the databases carry out what is asked about checkpoints.

use crate::bare::Bare;
use crate::crates::CHECKPOINTS;
use crate::plans::{Planned, assert_planned, planned};

const ID: &str = "'00000000-0000-7000-8000-000000000001'";

/// A query that is served by the index of a constraint, which SQLite numbers instead of naming.
fn keyed(name: &'static str, sqlite: &'static str, postgres: &'static str, sql: &str) -> Planned {
    Planned { name, sql: sql.replace("$id", ID), sqlite, postgres }
}

fn by_version(name: &'static str, sql: &str) -> Planned {
    let postgres = "uq_agentensor_checkpoints_workflow_id_config_version";
    keyed(name, "sqlite_autoindex_agentensor_checkpoints_2", postgres, sql)
}

fn by_value(name: &'static str, sql: &str) -> Planned {
    planned(name, "idx_agentensor_checkpoint_metrics_workflow_id_path_value", sql.to_owned())
}

fn queries() -> Vec<Planned> {
    vec![
        keyed(
            "checkpoint by id",
            "sqlite_autoindex_agentensor_checkpoints_1",
            "pk_agentensor_checkpoints",
            "SELECT * FROM agentensor_checkpoints WHERE id = $id",
        ),
        by_version(
            "latest",
            "SELECT * FROM agentensor_checkpoints WHERE workflow_id = 'w' \
             ORDER BY config_version DESC LIMIT 1",
        ),
        by_version(
            "a page by version",
            "SELECT * FROM agentensor_checkpoints WHERE workflow_id = 'w' \
             AND config_version < 7 ORDER BY config_version DESC LIMIT 51",
        ),
        by_version(
            "with a metric",
            "SELECT * FROM agentensor_checkpoints AS one WHERE workflow_id = 'w' AND EXISTS (\
             SELECT 1 FROM agentensor_checkpoint_metrics AS number \
             WHERE number.checkpoint_id = one.id AND number.workflow_id = 'w' \
             AND number.path = '/accuracy' AND number.value >= 0.9) \
             ORDER BY config_version DESC LIMIT 51",
        ),
        planned(
            "the best one",
            "uq_agentensor_checkpoints_workflow_id_best",
            "SELECT * FROM agentensor_checkpoints WHERE workflow_id = 'w' AND is_best".into(),
        ),
        by_value(
            "the greatest metric",
            "SELECT * FROM agentensor_checkpoints WHERE id = (\
             SELECT checkpoint_id FROM agentensor_checkpoint_metrics \
             WHERE workflow_id = 'w' AND path = '/accuracy' \
             ORDER BY value DESC, config_version DESC LIMIT 1)",
        ),
        by_value(
            "the least metric",
            "SELECT * FROM agentensor_checkpoints WHERE id = (\
             SELECT checkpoint_id FROM agentensor_checkpoint_metrics \
             WHERE workflow_id = 'w' AND path = '/loss' AND value = (\
             SELECT value FROM agentensor_checkpoint_metrics \
             WHERE workflow_id = 'w' AND path = '/loss' ORDER BY value LIMIT 1) \
             ORDER BY config_version DESC LIMIT 1)",
        ),
        keyed(
            "children",
            "idx_agentensor_checkpoints_parent_id",
            "idx_agentensor_checkpoints_parent_id",
            "SELECT id FROM agentensor_checkpoints WHERE parent_id = $id",
        ),
    ]
}

/// Every hot query on checkpoints is served by its index.
async fn hot_queries_on_checkpoints_use_their_index(t: &Bare) {
    t.migrate(t.schema(&CHECKPOINTS)).await.unwrap();
    for query in queries() {
        assert_planned(t, &query).await;
    }
}

on_both! { bare: hot_queries_on_checkpoints_use_their_index }
