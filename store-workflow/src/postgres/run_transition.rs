// parity: SQLite's writer runs single statements without a round trip.
//! The statement of `run_transition_many`: columns of transitions, unnested. The query builder has
//! neither `unnest` nor data-modifying CTEs.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz};
use uuid::Uuid;

use super::rows::{JsonText, RunRow};
use crate::rules::run::Transition;

/// Changes runs, each of them once, closes their jobs and audits it; answers those that changed.
#[derive(Debug)]
pub(super) struct ChangeRuns<'a> {
    ids: Vec<Uuid>,
    to: Vec<&'a str>,
    from_pending: Vec<bool>,
    from_running: Vec<bool>,
    started_at: Vec<Option<DateTime<Utc>>>,
    completed_at: Vec<Option<DateTime<Utc>>>,
    outputs: Vec<Option<JsonText<'a>>>,
    texts: [Vec<Option<&'a str>>; 2],
    bytes: Vec<i64>,
    now: Vec<DateTime<Utc>>,
    actors: Vec<&'a str>,
    actions: Vec<&'a str>,
    audits: Vec<JsonText<'a>>,
}

// Runs are locked in the order of their ids, so that batches of several processes cannot deadlock.
// A run that starts takes its job away. One that a worker is just claiming is left to the claim,
// which looks at the run again: waiting for it here, while it waits for the run there, would be a
// deadlock. The jobs of runs that end are closed by `run_jobs_close`.
const CHANGE_RUNS: &str = ") AS columns (id, to_status, from_pending, from_running, started_at, \
     completed_at, output, error, cancel_reason, bytes, now, actor, action, audit)\
     ), locked AS (\
     SELECT runs.id FROM workflow_runs AS runs JOIN input ON input.id = runs.id \
     WHERE (runs.status = 'pending' AND from_pending) \
     OR (runs.status = 'running' AND from_running) \
     ORDER BY runs.id FOR NO KEY UPDATE OF runs\
     ), changed AS (\
     UPDATE workflow_runs AS runs SET status = to_status, \
     started_at = coalesce(input.started_at, runs.started_at), \
     completed_at = input.completed_at, output = input.output, error = input.error, \
     cancel_reason = input.cancel_reason, record_bytes = record_bytes + input.bytes, \
     updated_at = input.now, row_version = row_version + 1 \
     FROM locked JOIN input ON input.id = locked.id WHERE runs.id = locked.id \
     RETURNING runs.*\
     ), closable AS (\
     SELECT jobs.id FROM jobs JOIN changed ON jobs.run_id = changed.id \
     WHERE changed.status = 'running' AND jobs.state <> 'leased' FOR UPDATE OF jobs SKIP LOCKED\
     ), closed AS (\
     DELETE FROM jobs USING closable WHERE jobs.id = closable.id\
     ), audited AS (\
     INSERT INTO workflow_audit (workflow_id, run_id, actor, action, at, metadata) \
     SELECT changed.workflow_id, input.id, actor, action, now, audit \
     FROM input JOIN changed ON changed.id = input.id\
     ) SELECT * FROM changed";

impl<'a> ChangeRuns<'a> {
    pub(super) fn new(transitions: &[&'a Transition]) -> Self {
        fn column<'a, T>(of: &[&'a Transition], part: impl Fn(&'a Transition) -> T) -> Vec<T> {
            of.iter().map(|transition| part(transition)).collect()
        }
        let at = |t: &Transition, when: bool| when.then(|| t.now.to_datetime());
        Self {
            ids: column(transitions, |t| t.id.as_uuid()),
            to: column(transitions, |t| t.to.as_str()),
            from_pending: column(transitions, Transition::leaves_pending),
            from_running: column(transitions, Transition::leaves_running),
            started_at: column(transitions, |t| at(t, !t.to.is_finished())),
            completed_at: column(transitions, |t| at(t, t.to.is_finished())),
            outputs: column(transitions, |t| t.output.as_ref().map(|o| JsonText(&o.text))),
            texts: [
                column(transitions, |t| t.error.as_deref()),
                column(transitions, |t| t.cancel_reason.as_deref()),
            ],
            bytes: column(transitions, Transition::bytes),
            now: column(transitions, |t| t.now.to_datetime()),
            actors: column(transitions, |t| t.actor.as_str()),
            actions: column(transitions, |t| t.action.as_str()),
            audits: column(transitions, |t| JsonText(&t.audit.text)),
        }
    }
}

/// Prepared once per connection, under this id.
impl QueryId for ChangeRuns<'_> {
    type QueryId = ChangeRuns<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for ChangeRuns<'_> {
    // All columns, in the order of the table, which is that of `RunRow`.
    type SqlType = SqlTypeOf<AsSelect<RunRow, Pg>>;
}

impl QueryFragment<Pg> for ChangeRuns<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<diesel::sql_types::Uuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.to)?;
        for from in [&self.from_pending, &self.from_running] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Bool>, _>(from)?;
        }
        for at in [&self.started_at, &self.completed_at] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(at)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Jsonb>>, _>(&self.outputs)?;
        for text in &self.texts {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.bytes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.now)?;
        for text in [&self.actors, &self.actions] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Jsonb>, _>(&self.audits)?;
        out.push_sql(CHANGE_RUNS);
        Ok(())
    }
}
