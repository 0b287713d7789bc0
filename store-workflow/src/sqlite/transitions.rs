//! Transitions of runs: one statement that names the states it leads from.

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use store_core::sqlite::db_error;
use store_core::workflow::{AuditAction, FailedRun, RetryDecision, Run};
use store_core::{Error, Result, RunId};

use super::queue::moves::run_jobs_close;
use super::retries::retry_policy_of_run;
use super::rows::{NewAuditRow, NewJobRow, RunRow};
use super::runs::run_find;
use super::schema::workflow_runs::{self, dsl};
use super::schema::{jobs, workflow_audit, workflows};
use crate::rules::Context;
use crate::rules::run::{NextAttempt, Transition, job_state};

/// Carries out a transition, closes the job of the run and audits it.
pub(super) fn run_transition(
    conn: &mut SqliteConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<Run> {
    let row: Option<RunRow> =
        Change::new(transition).get_result(conn).optional().map_err(db_error("run_transition"))?;
    let Some(row) = row else { return Err(run_transition_refusal(conn, cx, transition)?) };
    let run = row.into_record(&cx.json)?;
    run_jobs_close(conn, &run)?;
    let done = (&transition.actor, transition.action, transition.now);
    let audit = NewAuditRow::new(run.workflow_id, Some(run.id), done, &transition.audit.text);
    diesel::insert_into(workflow_audit::table)
        .values(audit)
        .execute(conn)
        .map_err(db_error("run_transition"))?;
    Ok(run)
}

/// Says why a run could not change: it is not there, or it is in another state.
fn run_transition_refusal(
    conn: &mut SqliteConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<Error> {
    let id = transition.id;
    Ok(match run_find(conn, cx, id)? {
        None => Error::not_found("run", id),
        Some(run) => Error::invalid_state("run", id, run.status, transition.to),
    })
}

/// Fails a run and creates the next attempt, if the policy of its workflow has one left.
pub(super) fn run_fail(
    conn: &mut SqliteConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<FailedRun> {
    let policy = retry_policy_of_run(conn, transition.id)?;
    let run = run_transition(conn, cx, transition)?;
    let next = match &policy {
        Some(policy) => NextAttempt::decide(cx, policy, run.id, run.attempt, transition.now)?,
        None => None,
    };
    let retry = match next {
        Some(next) => run_retry(conn, &run, &next, transition)?,
        None => None,
    };
    Ok(FailedRun { run, retry })
}

/// Creates the next attempt with its job and its audit, unless the workflow is archived.
fn run_retry(
    conn: &mut SqliteConnection,
    run: &Run,
    next: &NextAttempt,
    transition: &Transition,
) -> Result<Option<RetryDecision>> {
    if run_copy(conn, run.id, next, transition)? == 0 {
        return Ok(None);
    }
    let at = (next.scheduled_for, transition.now);
    diesel::insert_into(jobs::table)
        .values(NewJobRow::of(next.job_id, next.id, job_state(at.0, at.1), at))
        .execute(conn)
        .map_err(db_error("run_retry"))?;
    let created = (&transition.actor, AuditAction::RunCreated, transition.now);
    diesel::insert_into(workflow_audit::table)
        .values(NewAuditRow::new(run.workflow_id, Some(next.id), created, &next.audit.text))
        .execute(conn)
        .map_err(db_error("run_retry"))?;
    Ok(Some(RetryDecision {
        run_id: next.id,
        retry_number: next.attempt - 1,
        scheduled_for: next.scheduled_for,
        delay_seconds: next.delay_seconds,
    }))
}

/// Copies what a run was created with into the run of its next attempt.
fn run_copy(
    conn: &mut SqliteConnection,
    of: RunId,
    next: &NextAttempt,
    transition: &Transition,
) -> Result<usize> {
    let now = transition.now.to_string();
    workflow_runs::table
        .inner_join(workflows::table.on(workflows::id.eq(dsl::workflow_id)))
        .filter(dsl::id.eq(of.to_string()))
        .filter(workflows::is_archived.eq(false))
        .select((
            next.id.to_string().into_sql::<Text>(),
            (dsl::workflow_id, dsl::workflow_version_id),
            "pending".into_sql::<Text>(),
            (dsl::triggered_by, dsl::input, dsl::runnable_config, dsl::tags, dsl::callbacks),
            (dsl::metadata, dsl::run_name),
            next.attempt.into_sql::<Integer>(),
            Some(of.to_string()).into_sql::<Nullable<Text>>(),
            Some(next.scheduled_for.to_string()).into_sql::<Nullable<Text>>(),
            // What failing added to the row is not copied.
            dsl::record_bytes - transition.bytes(),
            now.clone().into_sql::<Text>(),
            now.into_sql::<Text>(),
        ))
        .insert_into(workflow_runs::table)
        .into_columns((
            dsl::id,
            (dsl::workflow_id, dsl::workflow_version_id),
            dsl::status,
            (dsl::triggered_by, dsl::input, dsl::runnable_config, dsl::tags, dsl::callbacks),
            (dsl::metadata, dsl::run_name),
            dsl::attempt,
            dsl::retry_of,
            dsl::scheduled_for,
            dsl::record_bytes,
            dsl::created_at,
            dsl::updated_at,
        ))
        .execute(conn)
        .map_err(db_error("run_copy"))
}

// parity: PostgreSQL's is in a file of its own.
/// The statement of `run_transition`. The query builder's UPDATE would be prepared at each call.
#[derive(Debug)]
struct Change<'a> {
    transition: &'a Transition,
    id: String,
    started_at: Option<String>,
    completed_at: Option<String>,
    output: Option<&'a str>,
    bytes: i64,
    now: String,
    from: (bool, bool),
}

// parity: belongs to Change.
impl<'a> Change<'a> {
    fn new(transition: &'a Transition) -> Self {
        let now = transition.now.to_string();
        let finished = transition.to.is_finished();
        Self {
            transition,
            id: transition.id.to_string(),
            started_at: (!finished).then(|| now.clone()),
            completed_at: finished.then(|| now.clone()),
            output: transition.output.as_ref().map(|output| output.text.as_str()),
            bytes: transition.bytes(),
            now,
            from: (transition.leaves_pending(), transition.leaves_running()),
        }
    }
}

// parity: belongs to Change: prepared once per connection, under this id.
impl QueryId for Change<'_> {
    type QueryId = Change<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to Change.
impl Query for Change<'_> {
    type SqlType = SqlTypeOf<AsSelect<RunRow, Sqlite>>;
}

// parity: belongs to Change.
impl RunQueryDsl<SqliteConnection> for Change<'_> {}

// parity: belongs to Change.
impl QueryFragment<Sqlite> for Change<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE workflow_runs SET status = ");
        out.push_bind_param::<Text, _>(self.transition.to.as_str())?;
        out.push_sql(", started_at = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.started_at)?;
        out.push_sql(", started_at), completed_at = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.completed_at)?;
        out.push_sql(", output = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.output)?;
        out.push_sql(", error = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.transition.error)?;
        out.push_sql(", cancel_reason = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.transition.cancel_reason)?;
        out.push_sql(", record_bytes = record_bytes + ");
        out.push_bind_param::<BigInt, _>(&self.bytes)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<Text, _>(&self.now)?;
        out.push_sql(", row_version = row_version + 1 WHERE id = ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql(" AND ((status = 'pending' AND ");
        out.push_bind_param::<Bool, _>(&self.from.0)?;
        out.push_sql(") OR (status = 'running' AND ");
        out.push_bind_param::<Bool, _>(&self.from.1)?;
        // All columns, in the order of the table, which is that of `RunRow`.
        out.push_sql(")) RETURNING *");
        Ok(())
    }
}
