//! Queries on named counters.

use diesel::prelude::*;
use diesel::query_dsl::methods;
use store_core::queue::Counter;
use store_core::sqlite::db_error;
use store_core::{Listing, Order, Page, Result};

use crate::rules::Context;
use crate::rules::queue::counter::{addable_to, overflow};
use crate::sqlite::rows::CounterRow;
use crate::sqlite::schema::workflow_counters::{self, dsl};

/// Adds to a counter, unless the sum would leave 64 bits.
pub(in crate::sqlite) fn counter_increment(
    conn: &mut SqliteConnection,
    cx: &Context,
    name: &str,
    by: i64,
) -> Result<i64> {
    let counted = dsl::updated_at.eq(cx.clock.now().to_string());
    let upsert = diesel::insert_into(workflow_counters::table)
        .values((dsl::name.eq(name), dsl::value.eq(by), counted.clone()))
        .on_conflict(dsl::name)
        .do_update()
        .set((dsl::value.eq(dsl::value + by), counted));
    // Asked of the row: SQLite would go on with a float, and PostgreSQL end the transaction.
    let (lowest, highest) = addable_to(by).into_inner();
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    methods::FilterDsl::filter(upsert, dsl::value.between(lowest, highest))
        .returning(dsl::value)
        .get_result(conn)
        .optional()
        .map_err(db_error("counter_increment"))?
        .ok_or_else(overflow)
}

/// Finds where a counter stands.
pub(in crate::sqlite) fn counter_find(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<Option<i64>> {
    workflow_counters::table
        .find(name)
        .select(dsl::value)
        .first(conn)
        .optional()
        .map_err(db_error("counter_find"))
}

/// Lists counters by name, from `prefix` on and below `above`.
pub(in crate::sqlite) fn counter_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    (prefix, above): (&str, Option<&str>),
    listing: &Listing<String>,
) -> Result<Page<Counter>> {
    // A range, which the primary key answers, and in which no character has a meaning.
    let mut query = workflow_counters::table.filter(dsl::name.ge(prefix)).into_boxed();
    if let Some(above) = above {
        query = query.filter(dsl::name.lt(above));
    }
    if let Some(after) = &listing.after {
        query = match listing.order() {
            Order::Asc => query.filter(dsl::name.gt(after)),
            Order::Desc => query.filter(dsl::name.lt(after)),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order(dsl::name.asc()),
        Order::Desc => query.order(dsl::name.desc()),
    };
    let rows: Vec<CounterRow> = query
        .select(CounterRow::as_select())
        .limit(listing.limit + 1)
        .load(conn)
        .map_err(db_error("counter_list"))?;
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let rows = rows.into_iter().take(limit);
    let items = rows.map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.name.clone())
}
