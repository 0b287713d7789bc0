//! Sums over executions.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::history::{Usage, UsageGroup, UsageTotal};
use store_core::postgres::db_error;

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

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Grouped<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(self.key);
        out.push_sql(
            " AS key, COUNT(*), SUM(step_count)::bigint, SUM(input_tokens)::bigint, \
             SUM(output_tokens)::bigint, SUM(cost_micros)::bigint FROM (",
        );
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(") AS executions GROUP BY 1 ORDER BY 1");
        Ok(())
    }
}

/// Sums the usage of the executions a filter means.
pub(super) async fn usage_total(
    conn: &mut AsyncPgConnection,
    filter: &ReadyFilter,
    group_by: UsageGroup,
) -> Result<Vec<UsageTotal>> {
    let key = match group_by {
        UsageGroup::Workflow => "workflow_id",
        UsageGroup::Day => "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
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
        Grouped { key, inner }.load(conn).await.map_err(db_error("usage_total"))?;
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
