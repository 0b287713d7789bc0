//! Queries that rank and filter by metrics.

use diesel::dsl::{AsSelect, SqlTypeOf, exists};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::checkpoints::{Checkpoint, Comparison, Goal, MetricCondition, MetricPath};
use store_core::postgres::db_error;

use super::checkpoints::of_workflow;
use super::rows::CheckpointRow;
use super::schema::agentensor_checkpoint_metrics::{self, dsl as number};
use super::schema::agentensor_checkpoints::{self, dsl};
use crate::rules::Context;
use crate::rules::filter::ReadyFilter;
use store_core::postgres::{Bind, Statement};

type Filtered = agentensor_checkpoints::BoxedQuery<'static, Pg>;
type Columns = SqlTypeOf<AsSelect<CheckpointRow, Pg>>;

// The last entry of the index: of equal values the higher version.
const GREATEST: &str = "SELECT * FROM agentensor_checkpoints WHERE id = (\
     SELECT checkpoint_id FROM agentensor_checkpoint_metrics \
     WHERE workflow_id = ? AND path = ? ORDER BY value DESC, config_version DESC LIMIT 1)";

// The first value of the index, and then the last entry that has it.
const LEAST: &str = "SELECT * FROM agentensor_checkpoints WHERE id = (\
     SELECT checkpoint_id FROM agentensor_checkpoint_metrics \
     WHERE workflow_id = ? AND path = ? AND value = (\
     SELECT value FROM agentensor_checkpoint_metrics \
     WHERE workflow_id = $1 AND path = $2 ORDER BY value LIMIT 1) \
     ORDER BY config_version DESC LIMIT 1)";

/// Finds the checkpoint in which a metric is the greatest, or the least.
pub(super) async fn checkpoint_best_by(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: &str,
    metric: &MetricPath,
    goal: Goal,
) -> Result<Option<Checkpoint>> {
    enum Greatest {}
    enum Least {}
    let binds = vec![Bind::Text(workflow_id), Bind::Text(metric.as_str())];
    let row: QueryResult<CheckpointRow> = match goal {
        Goal::Max => Statement::<Greatest, Columns>::new(GREATEST, binds).get_result(conn).await,
        Goal::Min => Statement::<Least, Columns>::new(LEAST, binds).get_result(conn).await,
    };
    row.optional()
        .map_err(db_error("checkpoint_best_by"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Begins a query on the checkpoints a filter means.
pub(super) fn filtered(filter: &ReadyFilter) -> Filtered {
    let mut query = of_workflow(&filter.workflow_id);
    for condition in &filter.metrics {
        query = meeting(query, &filter.workflow_id, condition);
    }
    if let Some(wanted) = &filter.metrics_contain {
        query = query.filter(dsl::metrics.contains(wanted.stored()));
    }
    if let Some(wanted) = &filter.metadata_contain {
        query = query.filter(dsl::metadata.contains(wanted.stored()));
    }
    query
}

/// Adds a condition: there is a number at its path that compares as said.
fn meeting(query: Filtered, workflow_id: &str, condition: &MetricCondition) -> Filtered {
    let numbers = agentensor_checkpoint_metrics::table
        .filter(number::checkpoint_id.eq(dsl::id))
        .filter(number::workflow_id.eq(workflow_id.to_owned()))
        .filter(number::path.eq(condition.path.to_string()));
    let value = condition.value;
    match condition.comparison {
        Comparison::Lt => query.filter(exists(numbers.filter(number::value.lt(value)))),
        Comparison::Le => query.filter(exists(numbers.filter(number::value.le(value)))),
        Comparison::Eq => query.filter(exists(numbers.filter(number::value.eq(value)))),
        Comparison::Ne => query.filter(exists(numbers.filter(number::value.ne(value)))),
        Comparison::Ge => query.filter(exists(numbers.filter(number::value.ge(value)))),
        Comparison::Gt => query.filter(exists(numbers.filter(number::value.gt(value)))),
    }
}
