//! Appending steps: the index comes from the execution's counter.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use store_core::history::{Step, Usage};
use store_core::json::JsonPolicy;
use store_core::sqlite::db_error;
use store_core::{ExecutionId, Result, Timestamp};

use super::error::on_append;
use super::executions::execution_refusal;
use super::rows::{NewStepRow, StepRow};
use super::schema::{history_executions, history_steps};
use crate::rules::ReadyStep;

#[declare_sql_function]
extern "SQL" {
    /// The later of two instants; null when one is missing.
    #[sql_name = "max"]
    fn later(a: Nullable<Text>, b: Nullable<Text>) -> Nullable<Text>;
    /// The first of the two that is there.
    fn coalesce(a: Nullable<Text>, b: Nullable<Text>) -> Nullable<Text>;
}

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
    use history_executions::dsl;
    let count = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let bytes: i64 = steps.iter().map(|step| step.payload.bytes()).sum();
    let used = steps.iter().fold(Usage::default(), |sum, step| sum.plus(step.used()));
    let last = steps.iter().map(|step| step.at).max().map(|at| at.to_string());
    let row = diesel::update(history_executions::table)
        .filter(dsl::execution_id.eq(id.as_str()))
        .filter(dsl::status.eq("running"))
        .set((
            dsl::step_count.eq(dsl::step_count + count),
            dsl::step_bytes.eq(dsl::step_bytes + bytes),
            dsl::input_tokens.eq(dsl::input_tokens + used.input_tokens),
            dsl::output_tokens.eq(dsl::output_tokens + used.output_tokens),
            dsl::cost_micros.eq(dsl::cost_micros + used.cost_micros),
            dsl::trace_last_span_at
                .eq(coalesce(later(dsl::trace_last_span_at, last.as_deref()), last.as_deref())),
            dsl::updated_at.eq(now.to_string()),
        ))
        .returning((dsl::step_count, dsl::step_bytes, dsl::started_at))
        .get_result::<(i64, i64, String)>(conn)
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
