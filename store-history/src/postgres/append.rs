//! Appending steps: the index comes from the execution's counter.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::history::{Step, Usage};
use store_core::json::JsonPolicy;
use store_core::postgres::{Batch, Database};
use store_core::{Error, ExecutionId, Result, Timestamp};

use super::error::on_append;
use super::executions::execution_refusal;
use super::rows::{JsonText, StepRow};
use crate::rules::ReadyStep;

// parity: what the statements answer for each step: where it was put, or the step that was there.
type Appended = (i64, Option<i64>, Option<StepRow>);
// parity: the same in SQL.
type AppendedSql = (
    BigInt,
    Nullable<BigInt>,
    Nullable<(
        Text,
        BigInt,
        Timestamptz,
        Nullable<Text>,
        Nullable<Text>,
        Jsonb,
        BigInt,
        BigInt,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<Text>,
    )>,
);

// parity: the columns of `StepRow`, in its order.
const STORED: &str = "prior.execution_id, prior.step_index, prior.at, prior.kind, prior.name, \
     prior.payload, prior.payload_bytes, prior.byte_offset, prior.input_tokens, \
     prior.output_tokens, prior.cost_micros, prior.idempotency_key";

/// Appends a step, or returns the one that is there under its idempotency key.
pub(super) async fn step_append(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    step: &ReadyStep,
    now: Timestamp,
    json: &JsonPolicy,
) -> Result<Step> {
    let (_, index, there): Appended = AppendOne::new(id, step, now)
        .get_result(conn)
        .await
        .map_err(|error| on_append("step_append", error))?;
    match (index, there) {
        (Some(index), _) => Ok(step.stored_at(id, index)),
        (None, Some(row)) => row.into_record(json),
        (None, None) => Err(execution_refusal(conn, id, "appended to").await?),
    }
}

/// Appends the steps of a batch that are not there yet, all or none.
pub(super) async fn step_append_many(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    steps: &[ReadyStep],
    now: Timestamp,
    json: &JsonPolicy,
) -> Result<Vec<Step>> {
    let rows: Vec<_> = steps.iter().map(|step| (id, step)).collect();
    step_append_rows(conn, &rows, now, json).await?.into_iter().collect()
}

// parity: SQLite's writer shares a transaction where this shares a statement.
/// Appends steps to any number of executions in one statement and answers for each.
pub(super) async fn step_append_rows(
    conn: &mut AsyncPgConnection,
    steps: &[(&ExecutionId, &ReadyStep)],
    now: Timestamp,
    json: &JsonPolicy,
) -> Result<Vec<Result<Step>>> {
    let rows: Vec<Appended> = AppendMany::new(steps, now)
        .load(conn)
        .await
        .map_err(|error| on_append("step_append_many", error))?;
    let mut answers = Vec::with_capacity(steps.len());
    for ((id, step), (_, index, there)) in steps.iter().zip(rows) {
        answers.push(match (index, there) {
            (Some(index), _) => Ok(step.stored_at(id, index)),
            (None, Some(row)) => row.into_record(json),
            (None, None) => Err(execution_refusal(conn, id, "appended to").await?),
        });
    }
    Ok(answers)
}

// parity: one statement that takes the place and fills it.
/// The statement of `step_append`. The query builder has no data-modifying CTEs.
#[derive(Debug)]
struct AppendOne<'a> {
    id: &'a str,
    step: &'a ReadyStep,
    payload: JsonText<'a>,
    bytes: i64,
    used: Usage,
    stated: [Option<i64>; 3],
    at: DateTime<Utc>,
    now: DateTime<Utc>,
}

// parity: belongs to AppendOne. `$1` to `$14` are what `walk_ast` binds, in its order. The start of
// the execution goes along wherever steps are looked for: it says which partition has them.
const APPEND_ONE: &str = "), prior AS (\
     SELECT * FROM history_steps WHERE execution_id = $1 AND idempotency_key = $2 \
     AND execution_started_at = (SELECT started_at FROM history_executions \
     WHERE execution_id = $1 AND $2 IS NOT NULL)\
     ), parent AS (\
     UPDATE history_executions SET step_count = step_count + 1, step_bytes = step_bytes + $7, \
     input_tokens = input_tokens + $11, output_tokens = output_tokens + $12, \
     cost_micros = cost_micros + $13, \
     trace_last_span_at = greatest(trace_last_span_at, $3), updated_at = $14 \
     WHERE execution_id = $1 AND status = 'running' AND NOT EXISTS (SELECT FROM prior) \
     RETURNING step_count - 1 AS step_index, step_bytes - $7 AS byte_offset, started_at\
     ), added AS (\
     INSERT INTO history_steps (execution_id, step_index, execution_started_at, at, kind, name, \
     payload, payload_bytes, byte_offset, input_tokens, output_tokens, cost_micros, \
     idempotency_key) \
     SELECT $1, step_index, started_at, $3, $4, $5, $6, $7, byte_offset, $8, $9, $10, $2 \
     FROM parent\
     ) SELECT 1::bigint, parent.step_index, ";

// parity: belongs to AppendOne.
impl<'a> AppendOne<'a> {
    fn new(id: &'a ExecutionId, step: &'a ReadyStep, now: Timestamp) -> Self {
        Self {
            id: id.as_str(),
            step,
            payload: JsonText(&step.payload.text),
            bytes: step.payload.bytes(),
            used: step.used(),
            stated: stated(step),
            at: step.at.to_datetime(),
            now: now.to_datetime(),
        }
    }
}

// parity: belongs to AppendOne: prepared once per connection, under this id.
impl QueryId for AppendOne<'_> {
    type QueryId = AppendOne<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to AppendOne.
impl Query for AppendOne<'_> {
    type SqlType = AppendedSql;
}

// parity: belongs to AppendOne.
impl QueryFragment<Pg> for AppendOne<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Binds are numbered as they are pushed; nobody reads `binds`, it only declares them.
        out.push_sql("WITH binds AS (SELECT ");
        out.push_bind_param::<Text, _>(self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.step.idempotency_key)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.step.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.step.name)?;
        out.push_sql(", ");
        out.push_bind_param::<Jsonb, _>(&self.payload)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.bytes)?;
        for stated in &self.stated {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(stated)?;
        }
        for used in [&self.used.input_tokens, &self.used.output_tokens, &self.used.cost_micros] {
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(used)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(APPEND_ONE);
        out.push_sql(STORED);
        out.push_sql(" FROM (SELECT) AS one LEFT JOIN parent ON TRUE LEFT JOIN prior ON TRUE");
        Ok(())
    }
}

// parity: the same for any number of steps and executions.
/// The statement of `step_append_rows`: columns of steps, unnested.
#[derive(Debug)]
struct AppendMany<'a> {
    ids: Vec<&'a str>,
    keys: Vec<Option<&'a str>>,
    ats: Vec<DateTime<Utc>>,
    kinds: Vec<Option<&'a str>>,
    names: Vec<Option<&'a str>>,
    payloads: Vec<JsonText<'a>>,
    bytes: Vec<i64>,
    stated: [Vec<Option<i64>>; 3],
    now: DateTime<Utc>,
}

// parity: belongs to AppendMany. Executions are locked in the order of their ids, so that batches
// of several processes cannot deadlock. The range of starts leaves out partitions however the planner
// joins, which the starts alone do not.
const APPEND_MANY: &str = ") WITH ORDINALITY AS columns (execution_id, idempotency_key, at, kind, \
     name, payload, payload_bytes, input_tokens, output_tokens, cost_micros, position)\
     ), keyed AS MATERIALIZED (\
     SELECT input.position, input.execution_id, input.idempotency_key, e.started_at FROM input \
     JOIN history_executions AS e ON e.execution_id = input.execution_id \
     WHERE input.idempotency_key IS NOT NULL\
     ), prior AS (\
     SELECT keyed.position, stored.* FROM keyed JOIN history_steps AS stored \
     ON stored.execution_id = keyed.execution_id \
     AND stored.idempotency_key = keyed.idempotency_key \
     AND stored.execution_started_at = keyed.started_at \
     AND stored.execution_started_at BETWEEN (SELECT min(started_at) FROM keyed) \
     AND (SELECT max(started_at) FROM keyed)\
     ), fresh AS (\
     SELECT *, row_number() OVER earlier - 1 AS nth, \
     (sum(payload_bytes) OVER earlier)::bigint - payload_bytes AS bytes_before FROM input \
     WHERE NOT EXISTS (SELECT FROM prior WHERE prior.position = input.position) \
     WINDOW earlier AS (PARTITION BY execution_id ORDER BY position)\
     ), total AS (\
     SELECT execution_id, count(*) AS steps, sum(payload_bytes)::bigint AS bytes, \
     coalesce(sum(input_tokens), 0)::bigint AS input_tokens, \
     coalesce(sum(output_tokens), 0)::bigint AS output_tokens, \
     coalesce(sum(cost_micros), 0)::bigint AS cost_micros, max(at) AS last_at \
     FROM fresh GROUP BY execution_id\
     ), locked AS (\
     SELECT execution_id FROM history_executions \
     WHERE execution_id IN (SELECT execution_id FROM total) AND status = 'running' \
     ORDER BY execution_id FOR NO KEY UPDATE\
     ), parent AS (\
     UPDATE history_executions AS e SET step_count = e.step_count + total.steps, \
     step_bytes = e.step_bytes + total.bytes, \
     input_tokens = e.input_tokens + total.input_tokens, \
     output_tokens = e.output_tokens + total.output_tokens, \
     cost_micros = e.cost_micros + total.cost_micros, \
     trace_last_span_at = greatest(e.trace_last_span_at, total.last_at), updated_at = $11 \
     FROM locked JOIN total ON total.execution_id = locked.execution_id \
     WHERE e.execution_id = locked.execution_id \
     RETURNING e.execution_id, e.started_at, e.step_count - total.steps AS first_index, \
     e.step_bytes - total.bytes AS first_byte\
     ), added AS (\
     INSERT INTO history_steps (execution_id, step_index, execution_started_at, at, kind, name, \
     payload, payload_bytes, byte_offset, input_tokens, output_tokens, cost_micros, \
     idempotency_key) \
     SELECT fresh.execution_id, first_index + nth, started_at, at, kind, name, payload, \
     payload_bytes, first_byte + bytes_before, input_tokens, output_tokens, cost_micros, \
     idempotency_key FROM fresh JOIN parent ON parent.execution_id = fresh.execution_id\
     ) SELECT input.position, parent.first_index + fresh.nth, ";

// parity: belongs to AppendMany.
impl<'a> AppendMany<'a> {
    fn new(steps: &[(&'a ExecutionId, &'a ReadyStep)], now: Timestamp) -> Self {
        let stated = |part: usize| steps.iter().map(|(_, step)| stated(step)[part]).collect();
        Self {
            ids: steps.iter().map(|(id, _)| id.as_str()).collect(),
            keys: steps.iter().map(|(_, step)| step.idempotency_key.as_deref()).collect(),
            ats: steps.iter().map(|(_, step)| step.at.to_datetime()).collect(),
            kinds: steps.iter().map(|(_, step)| step.kind.as_deref()).collect(),
            names: steps.iter().map(|(_, step)| step.name.as_deref()).collect(),
            payloads: steps.iter().map(|(_, step)| JsonText(&step.payload.text)).collect(),
            bytes: steps.iter().map(|(_, step)| step.payload.bytes()).collect(),
            stated: [stated(0), stated(1), stated(2)],
            now: now.to_datetime(),
        }
    }
}

// parity: belongs to AppendMany: prepared once per connection, under this id.
impl QueryId for AppendMany<'_> {
    type QueryId = AppendMany<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to AppendMany.
impl Query for AppendMany<'_> {
    type SqlType = AppendedSql;
}

// parity: belongs to AppendMany.
impl QueryFragment<Pg> for AppendMany<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.ats)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.names)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Jsonb>, _>(&self.payloads)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.bytes)?;
        for stated in &self.stated {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<BigInt>>, _>(stated)?;
        }
        // The eleventh bind stands where the text needs it first.
        let (before, after) = APPEND_MANY.split_once("$11").unwrap_or((APPEND_MANY, ""));
        out.push_sql(before);
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(after);
        out.push_sql(STORED);
        out.push_sql(
            " FROM input LEFT JOIN fresh ON fresh.position = input.position \
             LEFT JOIN parent ON parent.execution_id = fresh.execution_id \
             LEFT JOIN prior ON prior.position = input.position ORDER BY input.position",
        );
        Ok(())
    }
}

// parity: SQLite's rows take them one by one.
/// The usage a step states, part by part; nothing when it states none.
fn stated(step: &ReadyStep) -> [Option<i64>; 3] {
    let part = |of: fn(Usage) -> i64| step.usage.map(of);
    [part(|u| u.input_tokens), part(|u| u.output_tokens), part(|u| u.cost_micros)]
}

// parity: SQLite's writer groups commits by itself.
/// An append that waits for the next statement.
#[derive(Debug)]
pub(super) struct AppendRequest {
    pub(super) id: ExecutionId,
    pub(super) step: ReadyStep,
    pub(super) now: Timestamp,
}

// parity: belongs to AppendRequest.
/// The statement that waiting appends share.
#[derive(Debug)]
pub(super) struct AppendBatch {
    pub(super) db: Database,
    pub(super) json: JsonPolicy,
}

// parity: belongs to AppendRequest.
#[async_trait]
impl Batch for AppendBatch {
    type Request = AppendRequest;
    type Response = Step;

    const OPERATION: &'static str = "step_append";

    async fn run(&self, requests: &[AppendRequest]) -> Result<Vec<Result<Step>>> {
        if let [AppendRequest { id, step, now }] = requests {
            let one = self.db.write(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                step_append(&mut conn, id, step, *now, &self.json).await
            });
            return Ok(vec![one.await]);
        }
        let (rows, places) = distinct(requests);
        let now = requests.iter().map(|request| request.now).max().unwrap_or(Timestamp::EPOCH);
        // Not repeated as a whole: after a failure each request is run, and repeated, alone.
        let mut conn = self.db.conn(Self::OPERATION).await?;
        let answers = step_append_rows(&mut conn, &rows, now, &self.json).await?;
        let answer = |place: &usize| {
            let missing = || Error::failed(Self::OPERATION, store_core::Failure::Other);
            answers.get(*place).cloned().unwrap_or_else(|| Err(missing()))
        };
        Ok(places.iter().map(answer).collect())
    }
}

// parity: belongs to AppendRequest.
/// Leaves out requests that repeat the key of an earlier one: they get the same answer.
fn distinct(requests: &[AppendRequest]) -> (Vec<(&ExecutionId, &ReadyStep)>, Vec<usize>) {
    let mut rows = Vec::with_capacity(requests.len());
    let mut places = Vec::with_capacity(requests.len());
    let mut keys = std::collections::HashMap::new();
    for request in requests {
        let key = request.step.idempotency_key.as_deref().map(|key| (&request.id, key));
        let place = match key {
            Some(key) => *keys.entry(key).or_insert(rows.len()),
            None => rows.len(),
        };
        if place == rows.len() {
            rows.push((&request.id, &request.step));
        }
        places.push(place);
    }
    (rows, places)
}
