//! Reading steps.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::history::{Execution, ExecutionWithSteps, Step};
use store_core::json::JsonPolicy;
use store_core::page::PAGE_BYTE_BUDGET;
use store_core::postgres::db_error;
use store_core::{Error, ExecutionId, Listing, Order, Page, Result};

use super::rows::StepRow;
use super::schema::{history_executions, history_steps};
use crate::rules::StepKey;

#[declare_sql_function]
extern "SQL" {
    /// The smaller of the two.
    #[sql_name = "least"]
    fn smaller(a: Nullable<BigInt>, b: Nullable<BigInt>) -> Nullable<BigInt>;
}

/// Lists the steps of an execution by index.
///
/// The execution is read along, so that one query tells an unknown execution from one without
/// steps, and whether more steps follow. Indices have no gaps, so that a page is a range of them,
/// and each step knows the bytes before it, so that a page by bytes is a range of those.
pub(super) async fn step_list(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    listing: &Listing<StepKey>,
    json: &JsonPolicy,
) -> Result<Page<Step>> {
    use history_executions::dsl;
    use history_steps::{byte_offset, execution_started_at, payload_bytes, step_index};
    // A query of its own, whose answer leaves out every partition but one; the start in a join
    // would do so only as long as the planner begins with the execution.
    let parent = diesel::alias!(history_executions as parent);
    let started_at = parent
        .filter(parent.field(dsl::execution_id).eq(id.as_str()))
        .select(parent.field(dsl::started_at))
        .single_value();
    let rows: Vec<(i64, Option<StepRow>)> = match listing.order() {
        Order::Asc => {
            let (last, edge) = listing.after.unwrap_or((-1, 0));
            dsl::history_executions
                .left_join(
                    history_steps::table.on(history_steps::execution_id
                        .eq(dsl::execution_id)
                        .and(execution_started_at.nullable().eq(started_at))
                        .and(step_index.gt(last))
                        .and(step_index.le(last + listing.limit))
                        .and(byte_offset.lt(edge + PAGE_BYTE_BUDGET))),
                )
                .filter(dsl::execution_id.eq(id.as_str()))
                .order(step_index.asc())
                .select((dsl::step_count, Option::<StepRow>::as_select()))
                .load(conn)
                .await
        }
        Order::Desc => {
            let (last, edge) = listing.after.unwrap_or((i64::MAX, i64::MAX));
            // From the end of the execution, or from where the last page ended.
            // The count is a query of its own, so that it bounds the index and not only the join.
            let counted = diesel::alias!(history_executions as counted);
            let step_count = counted
                .filter(counted.field(dsl::execution_id).eq(id.as_str()))
                .select(counted.field(dsl::step_count))
                .single_value();
            let end = smaller(step_count, last);
            let end_byte = smaller(dsl::step_bytes.nullable(), edge);
            dsl::history_executions
                .left_join(
                    history_steps::table.on(history_steps::execution_id
                        .eq(dsl::execution_id)
                        .and(execution_started_at.nullable().eq(started_at))
                        .and(step_index.lt(last))
                        .and(step_index.nullable().ge(end - listing.limit))
                        .and(
                            (byte_offset + payload_bytes)
                                .nullable()
                                .gt(end_byte - PAGE_BYTE_BUDGET),
                        )),
                )
                .filter(dsl::execution_id.eq(id.as_str()))
                .order(step_index.desc())
                .select((dsl::step_count, Option::<StepRow>::as_select()))
                .load(conn)
                .await
        }
    }
    .map_err(db_error("step_list"))?;
    step_page(id, listing, rows, json)
}

/// Makes the page out of the rows of `step_list`.
fn step_page(
    id: &ExecutionId,
    listing: &Listing<StepKey>,
    rows: Vec<(i64, Option<StepRow>)>,
    json: &JsonPolicy,
) -> Result<Page<Step>> {
    let Some((step_count, _)) = rows.as_slice().first() else {
        return Err(Error::not_found("execution", id));
    };
    let step_count = *step_count;
    let rows: Vec<StepRow> = rows.into_iter().filter_map(|(_, row)| row).collect();
    // A prune dropped the partition, and deletes the execution any moment.
    if rows.is_empty() && step_count > 0 && listing.after.is_none() {
        return Err(Error::not_found("execution", id));
    }
    let ascending = listing.order() == Order::Asc;
    let more = rows.last().is_some_and(|last| match ascending {
        true => last.step_index + 1 < step_count,
        false => last.step_index > 0,
    });
    let edge = |row: &StepRow| match ascending {
        true => (row.step_index, row.byte_offset + row.payload_bytes),
        false => (row.step_index, row.byte_offset),
    };
    listing.page(rows, more, edge)?.try_map(|row| row.into_record(json))
}

/// Reads the steps of executions that were just read, as many as each had then.
///
/// Steps are only ever appended, so that two queries give one state. An execution that was deleted
/// meanwhile is left out.
pub(super) async fn step_load_for(
    conn: &mut AsyncPgConnection,
    executions: Vec<Execution>,
    json: &JsonPolicy,
) -> Result<Vec<ExecutionWithSteps>> {
    let ids: Vec<&str> = executions.iter().map(|one| one.execution_id.as_str()).collect();
    // Their starts are a range, which leaves out the partitions of other months.
    let starts = || executions.iter().map(|one| one.started_at.to_datetime());
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else {
        return Ok(Vec::new());
    };
    let rows: Vec<StepRow> = history_steps::table
        .filter(history_steps::execution_id.eq_any(ids))
        .filter(history_steps::execution_started_at.between(first, last))
        .order((history_steps::execution_id.asc(), history_steps::step_index.asc()))
        .select(StepRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("step_load_for"))?;
    let mut steps: HashMap<ExecutionId, Vec<Step>> = HashMap::new();
    for row in rows {
        let step = row.into_record(json)?;
        steps.entry(step.execution_id.clone()).or_default().push(step);
    }
    let with_steps = executions.into_iter().map(|execution| {
        let mut steps = steps.remove(&execution.execution_id).unwrap_or_default();
        steps.truncate(usize::try_from(execution.step_count).unwrap_or(usize::MAX));
        ExecutionWithSteps { execution, steps }
    });
    // One that lacks steps was deleted between the two queries.
    let whole = |one: &ExecutionWithSteps| {
        i64::try_from(one.steps.len()).is_ok_and(|count| count == one.execution.step_count)
    };
    Ok(with_steps.filter(whole).collect())
}
