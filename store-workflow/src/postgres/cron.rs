//! Queries on schedules.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::dsl::{InnerJoin, IntoBoxed, exists, not, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{self, Array, Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::postgres::db_error;
use store_core::workflow::{AuditAction, CronConfig, CronTrigger, Run};
use store_core::{Actor, Error, Result, RunId, Timestamp, WorkflowId};
use uuid::Uuid;

use super::audit::audit_insert;
use super::rows::{CronRow, StoredCronRow, stored};
use super::runs::run_create_many;
use super::schema::workflow_cron_triggers::{self, dsl};
use super::schema::{workflow_cron_occurrences, workflow_runs, workflows};
use super::workflows::workflow_lock;
use crate::rules::Context;
use crate::rules::cron::{self, Objections, Plan, Schedule};

type Due = IntoBoxed<'static, InnerJoin<workflow_cron_triggers::table, workflows::table>, Pg>;

/// Sets the schedule of a workflow; the same again changes nothing.
pub(super) async fn cron_configure(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    (config, schedule): (&CronConfig, &Schedule),
) -> Result<CronTrigger> {
    workflow_lock(conn, cx, workflow_id).await?;
    let before = cron_find(conn, cx, workflow_id).await?;
    if let Some(before) = before.filter(|one| one.config == *config) {
        return Ok(before);
    }
    let now = cx.clock.now();
    let row = StoredCronRow::new(workflow_id, config, schedule.first_from(now), now);
    let row: CronRow = diesel::insert_into(workflow_cron_triggers::table)
        .values((&row, dsl::created_at.eq(now.to_datetime())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(CronRow::as_returning())
        .get_result(conn)
        .await
        .map_err(db_error("cron_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "cron"})).await?;
    row.into_record(&cx.json)
}

/// Finds the schedule of a workflow.
pub(super) async fn cron_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<CronTrigger>> {
    workflow_cron_triggers::table
        .find(workflow_id.as_uuid())
        .select(CronRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("cron_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Deletes the schedule of a workflow.
pub(super) async fn cron_delete(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id).await?;
    let deleted = diesel::delete(workflow_cron_triggers::table.find(workflow_id.as_uuid()))
        .execute(conn)
        .await
        .map_err(db_error("cron_delete"))?;
    if deleted == 0 {
        return Err(Error::not_found("cron", workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "cron"})).await
}

/// Lists schedules that may be dispatched.
pub(super) async fn cron_list_due(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<CronTrigger>> {
    let rows: Vec<CronRow> = cron_due(now)
        .limit(limit)
        .select(CronRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("cron_list_due"))?;
    rows.into_iter().map(|row| row.into_record(&cx.json)).collect()
}

/// Lists the workflows whose schedules may be dispatched.
pub(super) async fn cron_list_workflows(
    conn: &mut AsyncPgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<WorkflowId>> {
    let ids: Vec<Uuid> = cron_due(now)
        .limit(limit)
        .select(dsl::workflow_id)
        .load(conn)
        .await
        .map_err(db_error("cron_list_workflows"))?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Selects the schedules that may be dispatched, the longest due first.
fn cron_due(now: Timestamp) -> Due {
    // Literals, because a partial index is not used for values that are bound.
    let active = sql::<Bool>(
        "workflow_runs.triggered_by = 'cron' AND workflow_runs.status IN ('pending', 'running')",
    );
    let runs =
        workflow_runs::table.filter(workflow_runs::workflow_id.eq(dsl::workflow_id)).filter(active);
    workflow_cron_triggers::table
        .inner_join(workflows::table)
        .filter(dsl::look_at.le(now.to_datetime()))
        .filter(workflows::is_archived.eq(false))
        .filter(dsl::allow_overlapping.or(not(exists(runs))))
        .order((dsl::look_at.asc(), dsl::workflow_id.asc()))
        .into_boxed()
}

/// Starts the runs of the schedules that are asked about and moves these on.
///
/// The schedules are locked before anything is decided, and whoever finds them locked leaves them
/// alone. When the lock is free again they have moved on, and a run they started is in sight.
pub(super) async fn cron_dispatch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    objections: &Objections,
    now: Timestamp,
) -> Result<Vec<Run>> {
    let due = cron_lock(conn, cx, objections, now).await?;
    let mut plans = cron::plans(cx, due, objections, now)?;
    let claimed = occurrence_claim(conn, &plans).await?;
    let ready = cron::claimed_runs(&mut plans, &claimed);
    let answers = run_create_many(conn, cx, &ready).await?;
    let answers = ready.into_iter().zip(answers);
    let (created, refused) = cron::settle(cx, &mut plans, answers, now)?;
    occurrence_release(conn, &plans, &refused).await?;
    cron_advance(conn, &plans).await?;
    Ok(created)
}

/// Locks schedules and returns those that are still due, with their number of versions.
async fn cron_lock(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    objections: &Objections,
    now: Timestamp,
) -> Result<Vec<(CronTrigger, i32)>> {
    let ids: Vec<Uuid> = objections.keys().map(|id| id.as_uuid()).collect();
    // Workflows before their schedules, as in `cron_configure`, so that nobody deadlocks.
    let ids: Vec<Uuid> = workflows::table
        .filter(workflows::id.eq_any(ids))
        .order(workflows::id.asc())
        .select(workflows::id)
        .for_share()
        .skip_locked()
        .load(conn)
        .await
        .map_err(db_error("cron_lock"))?;
    let ids: Vec<Uuid> = workflow_cron_triggers::table
        .filter(dsl::workflow_id.eq_any(ids))
        .order(dsl::workflow_id.asc())
        .select(dsl::workflow_id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await
        .map_err(db_error("cron_lock"))?;
    // A statement of its own: the one that locks does not see runs that were committed while it
    // went, and `catch_up` without overlap leaves a schedule due after a run has begun.
    let rows: Vec<(CronRow, i32)> = cron_due(now)
        .filter(dsl::workflow_id.eq_any(ids))
        .select((CronRow::as_select(), workflows::version_count))
        .load(conn)
        .await
        .map_err(db_error("cron_lock"))?;
    rows.into_iter().map(|(row, versions)| Ok((row.into_record(&cx.json)?, versions))).collect()
}

// parity: SQLite reads JSON where this unnests arrays.
const CLAIM: &str = "INSERT INTO workflow_cron_occurrences (workflow_id, scheduled_for, run_id) \
     SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING RETURNING run_id";

// parity: belongs to CLAIM.
#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = sql_types::Uuid)]
    run_id: Uuid,
}

/// Claims the occurrences that are to fire; returns the runs of those that had not fired before.
async fn occurrence_claim(conn: &mut AsyncPgConnection, plans: &[Plan]) -> Result<HashSet<RunId>> {
    let runs = || plans.iter().flat_map(|plan| &plan.runs);
    let workflow_ids: Vec<Uuid> = runs().map(|run| run.workflow_id.as_uuid()).collect();
    let scheduled_for: Vec<Option<DateTime<Utc>>> =
        runs().map(|run| stored(run.scheduled_for)).collect();
    let run_ids: Vec<Uuid> = runs().map(|run| run.id.as_uuid()).collect();
    let claimed: Vec<Claimed> = diesel::sql_query(CLAIM)
        .bind::<Array<sql_types::Uuid>, _>(workflow_ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(scheduled_for)
        .bind::<Array<sql_types::Uuid>, _>(run_ids)
        .load(conn)
        .await
        .map_err(db_error("occurrence_claim"))?;
    Ok(claimed.into_iter().map(|claimed| claimed.run_id.into()).collect())
}

/// Gives back the occurrences whose runs were refused.
async fn occurrence_release(
    conn: &mut AsyncPgConnection,
    plans: &[Plan],
    refused: &[RunId],
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let workflow_ids = plans.iter().map(|plan| plan.trigger.workflow_id.as_uuid());
    let run_ids = refused.iter().map(|id| id.as_uuid());
    diesel::delete(workflow_cron_occurrences::table)
        .filter(workflow_cron_occurrences::workflow_id.eq_any(workflow_ids))
        .filter(workflow_cron_occurrences::run_id.eq_any(run_ids))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("occurrence_release"))
}

// parity: SQLite reads JSON where this unnests arrays.
const ADVANCE: &str = "UPDATE workflow_cron_triggers AS t SET next_at = plan.next_at, \
     look_at = plan.look_at, last_dispatched_at = plan.last_dispatched_at, \
     last_skip_reason = plan.last_skip_reason FROM unnest($1, $2, $3, $4, $5) \
     AS plan (workflow_id, next_at, look_at, last_dispatched_at, last_skip_reason) \
     WHERE t.workflow_id = plan.workflow_id";

/// Moves schedules on.
async fn cron_advance(conn: &mut AsyncPgConnection, plans: &[Plan]) -> Result<()> {
    let instants = |of: fn(&Plan) -> Option<Timestamp>| -> Vec<Option<DateTime<Utc>>> {
        plans.iter().map(|plan| stored(of(plan))).collect()
    };
    let ids: Vec<Uuid> = plans.iter().map(|plan| plan.trigger.workflow_id.as_uuid()).collect();
    let reasons: Vec<_> = plans.iter().map(|plan| plan.trigger.last_skip_reason.clone()).collect();
    let last = instants(|plan| plan.trigger.last_dispatched_at);
    diesel::sql_query(ADVANCE)
        .bind::<Array<sql_types::Uuid>, _>(ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(instants(|plan| plan.trigger.next_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(instants(|plan| plan.look_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(last)
        .bind::<Array<Nullable<Text>>, _>(reasons)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("cron_advance"))
}
