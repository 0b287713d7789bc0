//! Appending steps: the index comes from the execution's counter.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use store_core::history::{Step, Usage};
use store_core::json::JsonPolicy;
use store_core::sqlite::db_error;
use store_core::{ExecutionId, Result, Timestamp};

use super::error::on_append;
use super::executions::execution_refusal;
use super::rows::{NewStepRow, StepRow};
use super::schema::history_steps;
use crate::rules::ReadyStep;

// parity: two statements under the writer's lock instead of one that carries both.
/// Where the counters of an execution stood before they were advanced.
struct Advanced {
    step_index: i64,
    byte_offset: i64,
    started_at: String,
}

/// Appends a step, or returns the one that is there under its idempotency key.
pub(super) fn step_append(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    step: &ReadyStep,
    now: Timestamp,
    json: &JsonPolicy,
) -> Result<Step> {
    let mut appended = step_append_many(conn, id, std::slice::from_ref(step), now, json)?;
    appended.pop().ok_or_else(|| db_error("step_append")(diesel::result::Error::NotFound))
}

/// Appends the steps of a batch that are not there yet, all or none.
pub(super) fn step_append_many(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    steps: &[ReadyStep],
    now: Timestamp,
    json: &JsonPolicy,
) -> Result<Vec<Step>> {
    let mut stored = Vec::with_capacity(steps.len());
    for step in steps {
        stored.push(step_find_by_key(conn, id, step.idempotency_key.as_deref(), json)?);
    }
    let fresh = || steps.iter().zip(&stored).filter(|(_, there)| there.is_none());
    if fresh().next().is_none() {
        return Ok(stored.into_iter().flatten().collect());
    }
    let fresh_steps: Vec<&ReadyStep> = fresh().map(|(step, _)| step).collect();
    let Some(mut place) = execution_advance(conn, id, &fresh_steps, now)? else {
        return Err(execution_refusal(conn, id, "appended to")?);
    };
    let mut appended = Vec::with_capacity(steps.len());
    for (step, there) in steps.iter().zip(stored) {
        appended.push(match there {
            Some(step) => step,
            None => step_insert(conn, id, step, &mut place)?,
        });
    }
    Ok(appended)
}

// parity: a part of PostgreSQL's statement.
/// The statement of `execution_advance`. The query builder's UPDATE would be prepared at each call.
#[derive(Debug)]
struct Advance<'a> {
    id: &'a str,
    count: i64,
    bytes: i64,
    used: Usage,
    last: String,
    now: String,
}

// parity: belongs to Advance: prepared once per connection, under this id.
impl QueryId for Advance<'_> {
    type QueryId = Advance<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to Advance.
impl Query for Advance<'_> {
    type SqlType = (BigInt, BigInt, Text);
}

// parity: belongs to Advance.
impl RunQueryDsl<SqliteConnection> for Advance<'_> {}

// parity: belongs to Advance.
impl QueryFragment<Sqlite> for Advance<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE history_executions SET step_count = step_count + ");
        out.push_bind_param::<BigInt, _>(&self.count)?;
        out.push_sql(", step_bytes = step_bytes + ");
        out.push_bind_param::<BigInt, _>(&self.bytes)?;
        out.push_sql(", input_tokens = input_tokens + ");
        out.push_bind_param::<BigInt, _>(&self.used.input_tokens)?;
        out.push_sql(", output_tokens = output_tokens + ");
        out.push_bind_param::<BigInt, _>(&self.used.output_tokens)?;
        out.push_sql(", cost_micros = cost_micros + ");
        out.push_bind_param::<BigInt, _>(&self.used.cost_micros)?;
        // The later of the two; `max` of a null is null.
        out.push_sql(", trace_last_span_at = max(coalesce(trace_last_span_at, ''), ");
        out.push_bind_param::<Text, _>(&self.last)?;
        out.push_sql("), updated_at = ");
        out.push_bind_param::<Text, _>(&self.now)?;
        out.push_sql(" WHERE execution_id = ");
        out.push_bind_param::<Text, _>(self.id)?;
        out.push_sql(" AND status = 'running' RETURNING step_count, step_bytes, started_at");
        Ok(())
    }
}

// parity: PostgreSQL looks for the key inside the statement.
fn step_find_by_key(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    key: Option<&str>,
    json: &JsonPolicy,
) -> Result<Option<Step>> {
    let Some(key) = key else { return Ok(None) };
    history_steps::table
        .filter(history_steps::execution_id.eq(id.as_str()))
        .filter(history_steps::idempotency_key.eq(key))
        .select(StepRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("step_find_by_key"))?
        .map(|row| row.into_record(json))
        .transpose()
}

// parity: a part of PostgreSQL's statement.
/// Advances the counters of a running execution by `steps`; none when it is not running.
fn execution_advance(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    steps: &[&ReadyStep],
    now: Timestamp,
) -> Result<Option<Advanced>> {
    let used = steps.iter().fold(Usage::default(), |sum, step| sum.plus(step.used()));
    let advance = Advance {
        id: id.as_str(),
        count: i64::try_from(steps.len()).unwrap_or(i64::MAX),
        bytes: steps.iter().map(|step| step.payload.bytes()).sum(),
        used,
        last: steps.iter().map(|step| step.at).max().unwrap_or(now).to_string(),
        now: now.to_string(),
    };
    let (count, bytes) = (advance.count, advance.bytes);
    let row: Option<(i64, i64, String)> = advance
        .get_result(conn)
        .optional()
        .map_err(|error| on_append("execution_advance", error))?;
    Ok(row.map(|(step_count, step_bytes, started_at)| Advanced {
        step_index: step_count - count,
        byte_offset: step_bytes - bytes,
        started_at,
    }))
}

// parity: a part of PostgreSQL's statement.
/// Inserts a step at the place that was taken for it, and moves on to the next.
fn step_insert(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    step: &ReadyStep,
    place: &mut Advanced,
) -> Result<Step> {
    diesel::insert_into(history_steps::table)
        .values(NewStepRow::new(id, step, place.step_index, place.byte_offset, &place.started_at))
        .execute(conn)
        .map_err(db_error("step_insert"))?;
    let stored = step.stored_at(id, place.step_index);
    place.step_index += 1;
    place.byte_offset += step.payload.bytes();
    Ok(stored)
}
