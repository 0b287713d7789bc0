//! A page ends at its limit or at its bytes, whichever comes first.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};
use store_core::page::PAGE_BYTE_BUDGET;

// parity: PostgreSQL sends what it is asked for, so that the statement itself has to stop.
/// Cuts an ordered query of `limit + 1` rows to the page, and tells of each row whether another
/// one follows. The query builder has neither subqueries in FROM nor these windows.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct WithinBudget<Q> {
    pub(super) inner: Q,
    /// The columns the inner query is ordered by, with their directions.
    pub(super) order: &'static str,
    /// The bytes of a row.
    pub(super) bytes: &'static str,
    pub(super) limit: i64,
}

// parity: belongs to WithinBudget.
impl<Q: Query> Query for WithinBudget<Q> {
    type SqlType = (Q::SqlType, Bool);
}

// parity: belongs to WithinBudget.
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

// parity: belongs to WithinBudget.
/// Splits what `WithinBudget` returned into the rows and whether there are more.
pub(super) fn split<R>(rows: Vec<(R, bool)>) -> (Vec<R>, bool) {
    let more = rows.last().is_some_and(|(_, followed)| *followed);
    (rows.into_iter().map(|(row, _)| row).collect(), more)
}
