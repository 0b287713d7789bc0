//! Transitions of runs: one statement that names the states it leads from.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Batch, Database, db_error};
use store_core::workflow::{AuditAction, FailedRun, RetryDecision, Run};
use store_core::{Error, Result, RunId};

use super::queue::moves::run_jobs_close;
use super::retries::retry_policy_of_run;
use super::rows::{NewAuditRow, NewJobRow, RunRow};
use super::run_transition::ChangeRuns;
use super::runs::run_find;
use super::schema::workflow_runs::{self, dsl};
use super::schema::{jobs, workflow_audit, workflows};
use crate::rules::Context;
use crate::rules::run::{NextAttempt, Transition, job_state};

/// Carries out a transition, closes the job of the run and audits it.
pub(super) async fn run_transition(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<Run> {
    let row: Option<RunRow> = ChangeRuns::new(&[transition])
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("run_transition"))?;
    let Some(row) = row else {
        return Err(run_transition_refusal(conn, cx, transition).await?);
    };
    if row.completed_at.is_some() {
        run_jobs_close(conn, vec![row.id]).await?;
    }
    row.into_record(&cx.json)
}

// parity: SQLite's writer shares a transaction where this shares a statement.
/// Carries out transitions of any number of runs and answers for each. Of several transitions of
/// one run the first goes with the others, the rest after them.
async fn run_transition_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    transitions: &[Transition],
) -> Result<Vec<Result<Run>>> {
    let mut seen = HashSet::new();
    let first: Vec<_> = transitions.iter().filter(|one| seen.insert(one.id)).collect();
    let rows: Vec<RunRow> =
        ChangeRuns::new(&first).load(conn).await.map_err(db_error("run_transition_many"))?;
    let ended = rows.iter().filter(|row| row.completed_at.is_some()).map(|row| row.id);
    if let Err(error) = run_jobs_close(conn, ended.collect()).await {
        // The runs have ended all the same: whoever claims or ends their jobs looks at them.
        tracing::warn!(%error, "the jobs of runs that ended were not closed");
    }
    let mut changed: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut answers = Vec::with_capacity(transitions.len());
    let mut answered = HashSet::new();
    for transition in transitions {
        let row = changed.remove(&transition.id.as_uuid());
        // From here on an error is the answer of one run: others have changed already.
        answers.push(match row {
            Some(row) if answered.insert(transition.id) => row.into_record(&cx.json),
            _ if answered.insert(transition.id) => {
                run_transition_refusal(conn, cx, transition).await.and_then(Err)
            }
            _ => run_transition(conn, cx, transition).await,
        });
    }
    Ok(answers)
}

/// Says why a run could not change: it is not there, or it is in another state.
async fn run_transition_refusal(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<Error> {
    let id = transition.id;
    Ok(match run_find(conn, cx, id).await? {
        None => Error::not_found("run", id),
        Some(run) => Error::invalid_state("run", id, run.status, transition.to),
    })
}

/// Fails a run and creates the next attempt, if the policy of its workflow has one left.
pub(super) async fn run_fail(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    transition: &Transition,
) -> Result<FailedRun> {
    let policy = retry_policy_of_run(conn, transition.id).await?;
    let run = run_transition(conn, cx, transition).await?;
    let next = match &policy {
        Some(policy) => NextAttempt::decide(cx, policy, run.id, run.attempt, transition.now)?,
        None => None,
    };
    let retry = match next {
        Some(next) => run_retry(conn, &run, &next, transition).await?,
        None => None,
    };
    Ok(FailedRun { run, retry })
}

/// Creates the next attempt with its job and its audit, unless the workflow is archived.
async fn run_retry(
    conn: &mut AsyncPgConnection,
    run: &Run,
    next: &NextAttempt,
    transition: &Transition,
) -> Result<Option<RetryDecision>> {
    if run_copy(conn, run.id, next, transition).await? == 0 {
        return Ok(None);
    }
    let at = (next.scheduled_for, transition.now);
    diesel::insert_into(jobs::table)
        .values(NewJobRow::of(next.job_id, next.id, job_state(at.0, at.1), at))
        .execute(conn)
        .await
        .map_err(db_error("run_retry"))?;
    let created = (&transition.actor, AuditAction::RunCreated, transition.now);
    diesel::insert_into(workflow_audit::table)
        .values(NewAuditRow::new(run.workflow_id, Some(next.id), created, &next.audit.text))
        .execute(conn)
        .await
        .map_err(db_error("run_retry"))?;
    Ok(Some(RetryDecision {
        run_id: next.id,
        retry_number: next.attempt - 1,
        scheduled_for: next.scheduled_for,
        delay_seconds: next.delay_seconds,
    }))
}

/// Copies what a run was created with into the run of its next attempt.
async fn run_copy(
    conn: &mut AsyncPgConnection,
    of: RunId,
    next: &NextAttempt,
    transition: &Transition,
) -> Result<usize> {
    let now = transition.now.to_datetime();
    workflow_runs::table
        .inner_join(workflows::table.on(workflows::id.eq(dsl::workflow_id)))
        .filter(dsl::id.eq(of.as_uuid()))
        .filter(workflows::is_archived.eq(false))
        .select((
            next.id.as_uuid().into_sql::<diesel::sql_types::Uuid>(),
            (dsl::workflow_id, dsl::workflow_version_id),
            "pending".into_sql::<Text>(),
            (dsl::triggered_by, dsl::input, dsl::runnable_config, dsl::tags, dsl::callbacks),
            (dsl::metadata, dsl::run_name),
            next.attempt.into_sql::<Integer>(),
            Some(of.as_uuid()).into_sql::<Nullable<diesel::sql_types::Uuid>>(),
            Some(next.scheduled_for.to_datetime()).into_sql::<Nullable<Timestamptz>>(),
            // What failing added to the row is not copied.
            dsl::record_bytes - transition.bytes(),
            now.into_sql::<Timestamptz>(),
            now.into_sql::<Timestamptz>(),
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
        .await
        .map_err(db_error("run_copy"))
}

// parity: SQLite's writer groups commits by itself.
/// The statement that waiting transitions share.
#[derive(Debug)]
pub(super) struct TransitionBatch {
    pub(super) db: Database,
    pub(super) context: Context,
}

// parity: belongs to TransitionBatch.
#[async_trait]
impl Batch for TransitionBatch {
    type Request = Transition;
    type Response = Run;

    const OPERATION: &'static str = "run_transition";

    async fn run(&self, requests: &[Transition]) -> Result<Vec<Result<Run>>> {
        if let [transition] = requests {
            let one = self.db.write(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                run_transition(&mut conn, &self.context, transition).await
            });
            return Ok(vec![one.await]);
        }
        // Not repeated as a whole: after a failure each request is run, and repeated, alone.
        let mut conn = self.db.conn(Self::OPERATION).await?;
        run_transition_many(&mut conn, &self.context, requests).await
    }
}
