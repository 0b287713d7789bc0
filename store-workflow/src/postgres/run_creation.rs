// parity: SQLite's writer runs single statements without a round trip.
//! The statements of `run_create_many`: columns of runs, unnested. The query builder has neither
//! `unnest` nor data-modifying CTEs.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz};
use uuid::Uuid;

use super::rows::JsonText;
use crate::rules::run::{RUN_JOB_ATTEMPTS, RUN_JOB_PRIORITY, ReadyRun, StoredRun};

/// Looks up, for each run, the version it is of with its configuration, and the run that is there:
/// under its key, or itself, when the answer of an earlier try was lost. A workflow that is
/// archived has no version here.
#[derive(Debug)]
pub(super) struct LookUp<'a> {
    ids: Vec<Uuid>,
    workflow_ids: Vec<Uuid>,
    version_ids: Vec<Option<Uuid>>,
    keys: Vec<Option<&'a str>>,
}

/// What `LookUp` answers for each run, in order.
pub(super) type LookedUp = (i64, Option<Uuid>, Option<serde_json::Value>, Option<Uuid>);

impl<'a> LookUp<'a> {
    pub(super) fn new(runs: &'a [ReadyRun]) -> Self {
        let version_id = |run: &ReadyRun| run.workflow_version_id.map(|id| id.as_uuid());
        Self {
            ids: runs.iter().map(|run| run.id.as_uuid()).collect(),
            workflow_ids: runs.iter().map(|run| run.workflow_id.as_uuid()).collect(),
            version_ids: runs.iter().map(version_id).collect(),
            keys: runs.iter().map(|run| run.idempotency_key.as_deref()).collect(),
        }
    }
}

/// Prepared once per connection, under this id.
impl QueryId for LookUp<'_> {
    type QueryId = LookUp<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for LookUp<'_> {
    type SqlType = (
        BigInt,
        Nullable<diesel::sql_types::Uuid>,
        Nullable<Jsonb>,
        Nullable<diesel::sql_types::Uuid>,
    );
}

impl QueryFragment<Pg> for LookUp<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT input.position, version.id, version.runnable_config, prior.id FROM unnest(",
        );
        out.push_bind_param::<Array<diesel::sql_types::Uuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<diesel::sql_types::Uuid>, _>(&self.workflow_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<diesel::sql_types::Uuid>>, _>(&self.version_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.keys)?;
        out.push_sql(
            ") WITH ORDINALITY AS input (id, workflow_id, version_id, idempotency_key, position) \
             LEFT JOIN LATERAL (\
             SELECT v.id, v.runnable_config FROM workflow_versions AS v \
             JOIN workflows AS w ON w.id = v.workflow_id AND NOT w.is_archived \
             WHERE v.workflow_id = input.workflow_id \
             AND (input.version_id IS NULL OR v.id = input.version_id) \
             ORDER BY v.version DESC LIMIT 1) AS version ON TRUE \
             LEFT JOIN LATERAL (\
             SELECT r.id FROM workflow_runs AS r WHERE r.id = input.id UNION ALL \
             SELECT r.id FROM workflow_runs AS r WHERE r.workflow_id = input.workflow_id \
             AND r.idempotency_key = input.idempotency_key LIMIT 1) AS prior ON TRUE \
             ORDER BY input.position",
        );
        Ok(())
    }
}

/// Inserts runs with their jobs and their audit; answers the ids of those that were inserted.
#[derive(Debug)]
pub(super) struct InsertRuns<'a> {
    ids: [Vec<Uuid>; 4],
    triggered_by: Vec<&'a str>,
    json: [Vec<JsonText<'a>>; 6],
    run_names: Vec<Option<&'a str>>,
    keys: Vec<Option<&'a str>>,
    scheduled_for: Vec<Option<DateTime<Utc>>>,
    bytes: Vec<i64>,
    now: Vec<DateTime<Utc>>,
    job_states: Vec<&'a str>,
    run_at: Vec<DateTime<Utc>>,
    actors: Vec<&'a str>,
}

// `$20` and `$21` are priority and attempts of a job. Workflows are locked in the order of their
// ids, so that batches of several processes cannot deadlock; the lock keeps a workflow from being
// archived between this statement and its commit.
const INSERT_RUNS: &str = ") WITH ORDINALITY AS columns (id, workflow_id, workflow_version_id, \
     job_id, triggered_by, input, runnable_config, tags, callbacks, metadata, audit, run_name, \
     idempotency_key, scheduled_for, record_bytes, now, job_state, run_at, actor, position)\
     ), usable AS (\
     SELECT id FROM workflows WHERE id IN (SELECT workflow_id FROM input) AND NOT is_archived \
     ORDER BY id FOR SHARE\
     ), created AS (\
     INSERT INTO workflow_runs (id, workflow_id, workflow_version_id, status, triggered_by, \
     input, runnable_config, tags, callbacks, metadata, run_name, attempt, idempotency_key, \
     scheduled_for, record_bytes, created_at, updated_at) \
     SELECT input.id, input.workflow_id, workflow_version_id, 'pending', triggered_by, input, \
     runnable_config, tags, callbacks, metadata, run_name, 1, idempotency_key, scheduled_for, \
     record_bytes, now, now FROM input JOIN usable ON usable.id = input.workflow_id \
     ORDER BY position \
     ON CONFLICT (workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING \
     RETURNING id\
     ), queued AS (\
     INSERT INTO jobs (id, queue, kind, payload, run_id, priority, state, max_attempts, run_at, \
     tags, capabilities, created_at, updated_at) \
     SELECT job_id, 'default', 'run', '{}', id, $20, job_state, $21, run_at, '[]', '[]', now, now \
     FROM input WHERE id IN (SELECT id FROM created)\
     ), audited AS (\
     INSERT INTO workflow_audit (workflow_id, run_id, actor, action, at, metadata) \
     SELECT workflow_id, id, actor, 'run_created', now, audit FROM input \
     WHERE id IN (SELECT id FROM created) ORDER BY position\
     ) SELECT id FROM created";

impl<'a> InsertRuns<'a> {
    pub(super) fn new(runs: &'a [StoredRun]) -> Self {
        fn column<'a, T>(runs: &'a [StoredRun], of: impl Fn(&'a StoredRun) -> T) -> Vec<T> {
            runs.iter().map(of).collect()
        }
        Self {
            ids: [
                column(runs, |run| run.run.id.as_uuid()),
                column(runs, |run| run.run.workflow_id.as_uuid()),
                column(runs, |run| run.run.workflow_version_id.as_uuid()),
                column(runs, |run| run.job_id.as_uuid()),
            ],
            triggered_by: column(runs, |run| run.run.triggered_by.as_str()),
            json: [
                column(runs, |run| JsonText(&run.input.text)),
                column(runs, |run| JsonText(&run.runnable_config.text)),
                column(runs, |run| JsonText(&run.tags.text)),
                column(runs, |run| JsonText(&run.callbacks.text)),
                column(runs, |run| JsonText(&run.metadata.text)),
                column(runs, |run| JsonText(&run.audit.text)),
            ],
            run_names: column(runs, |run| run.run.run_name.as_deref()),
            keys: column(runs, |run| run.run.idempotency_key.as_deref()),
            scheduled_for: column(runs, |run| run.run.scheduled_for.map(|at| at.to_datetime())),
            bytes: column(runs, StoredRun::bytes),
            now: column(runs, |run| run.run.created_at.to_datetime()),
            job_states: column(runs, StoredRun::job_state),
            run_at: column(runs, |run| run.run_at().to_datetime()),
            actors: column(runs, |run| run.actor.as_str()),
        }
    }
}

/// Prepared once per connection, under this id.
impl QueryId for InsertRuns<'_> {
    type QueryId = InsertRuns<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertRuns<'_> {
    type SqlType = diesel::sql_types::Uuid;
}

impl QueryFragment<Pg> for InsertRuns<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Declares the binds in their order: nobody reads it but the statement's text below.
        out.push_sql("WITH input AS (SELECT * FROM unnest(");
        for ids in &self.ids {
            out.push_bind_param::<Array<diesel::sql_types::Uuid>, _>(ids)?;
            out.push_sql(", ");
        }
        out.push_bind_param::<Array<Text>, _>(&self.triggered_by)?;
        for json in &self.json {
            out.push_sql(", ");
            out.push_bind_param::<Array<Jsonb>, _>(json)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.run_names)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.scheduled_for)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.bytes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.now)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.job_states)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.run_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.actors)?;
        let (before, rest) = INSERT_RUNS.split_once("$20").unwrap_or((INSERT_RUNS, ""));
        let (between, after) = rest.split_once("$21").unwrap_or((rest, ""));
        out.push_sql(before);
        out.push_bind_param::<SmallInt, _>(&RUN_JOB_PRIORITY)?;
        out.push_sql(between);
        out.push_bind_param::<Integer, _>(&RUN_JOB_ATTEMPTS)?;
        out.push_sql(after);
        Ok(())
    }
}
