//! Sums over executions.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::history::{Usage, UsageGroup, UsageTotal};
use store_core::sqlite::db_error;

use super::executions::execution_filtered;
use super::schema::history_executions::dsl;
use crate::rules::ReadyFilter;

/// Groups the executions of an inner query; the query builder has no subquery in FROM.
#[derive(Debug, Clone, Copy, QueryId)]
struct Grouped<Q> {
    key: &'static str,
    inner: Q,
}

impl<Q> Query for Grouped<Q> {
    type SqlType = (Text, BigInt, BigInt, BigInt, BigInt, BigInt);
}

// parity: diesel-async has it for every query.
impl<Q> RunQueryDsl<SqliteConnection> for Grouped<Q> {}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Grouped<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(self.key);
        out.push_sql(
            " AS key, COUNT(*), SUM(step_count), SUM(input_tokens), SUM(output_tokens), \
             SUM(cost_micros) FROM (",
        );
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(") AS executions GROUP BY 1 ORDER BY 1");
        Ok(())
    }
}

/// Sums the usage of the executions a filter means.
pub(super) fn usage_total(
    conn: &mut SqliteConnection,
    filter: &ReadyFilter,
    group_by: UsageGroup,
) -> Result<Vec<UsageTotal>> {
    let key = match group_by {
        UsageGroup::Workflow => "workflow_id",
        UsageGroup::Day => "substr(started_at, 1, 10)",
        UsageGroup::Status => "status",
    };
    let inner = execution_filtered(filter).select((
        dsl::workflow_id,
        dsl::started_at,
        dsl::status,
        dsl::step_count,
        dsl::input_tokens,
        dsl::output_tokens,
        dsl::cost_micros,
    ));
    let rows: Vec<(String, i64, i64, i64, i64, i64)> =
        Grouped { key, inner }.load(conn).map_err(db_error("usage_total"))?;
    Ok(rows
        .into_iter()
        .map(|(key, executions, steps, input_tokens, output_tokens, cost_micros)| UsageTotal {
            key,
            executions,
            steps,
            usage: Usage { input_tokens, output_tokens, cost_micros },
        })
        .collect())
}
