//! A page ends at its limit or at its bytes, whichever comes first.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};

use crate::page::PAGE_BYTE_BUDGET;

/// Cuts an ordered query of `limit + 1` rows to the page, and tells of each row whether another
/// one follows.
///
/// PostgreSQL sends what it is asked for, so that the statement itself has to stop. The query
/// builder has neither subqueries in FROM nor these windows.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct WithinBudget<Q> {
    /// The query.
    pub inner: Q,
    /// The columns the inner query is ordered by, with their directions.
    pub order: &'static str,
    /// The bytes of a row.
    pub bytes: &'static str,
    /// The most rows of the page.
    pub limit: i64,
}

impl<Q: Query> Query for WithinBudget<Q> {
    type SqlType = (Q::SqlType, Bool);
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for WithinBudget<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (SELECT candidates.*, LEAD(1) OVER page IS NOT NULL");
        out.push_sql(" AS followed, SUM(");
        out.push_sql(self.bytes);
        out.push_sql(") OVER page - (");
        out.push_sql(self.bytes);
        out.push_sql(") AS bytes_before FROM (");
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(") AS candidates WINDOW page AS (ORDER BY ");
        out.push_sql(self.order);
        out.push_sql(" ROWS UNBOUNDED PRECEDING)) AS page WHERE bytes_before < ");
        out.push_bind_param::<BigInt, _>(&PAGE_BYTE_BUDGET)?;
        out.push_sql(" ORDER BY ");
        out.push_sql(self.order);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

/// Splits what [`WithinBudget`] returned into the rows and whether there are more.
#[must_use]
pub fn split<R>(rows: Vec<(R, bool)>) -> (Vec<R>, bool) {
    let more = rows.last().is_some_and(|(_, followed)| *followed);
    (rows.into_iter().map(|(row, _)| row).collect(), more)
}
