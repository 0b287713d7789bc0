//! Queries on schedules.

use std::collections::HashSet;

use diesel::dsl::{InnerJoin, IntoBoxed, exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use serde_json::{Value, json};
use store_core::sqlite::db_error;
use store_core::workflow::{AuditAction, CronConfig, CronTrigger, Run};
use store_core::{Actor, Error, Result, RunId, Timestamp, WorkflowId};

use super::audit::audit_insert;
use super::rows::{CronRow, Reader, StoredCronRow, stored};
use super::runs::run_create_many;
use super::schema::workflow_cron_triggers::{self, dsl};
use super::schema::{workflow_cron_occurrences, workflow_runs, workflows};
use super::workflows::workflow_lock;
use crate::rules::Context;
use crate::rules::cron::{self, Objections, Plan, Schedule};

type Due = IntoBoxed<'static, InnerJoin<workflow_cron_triggers::table, workflows::table>, Sqlite>;

/// Sets the schedule of a workflow; the same again changes nothing.
pub(super) fn cron_configure(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    (config, schedule): (&CronConfig, &Schedule),
) -> Result<CronTrigger> {
    workflow_lock(conn, cx, workflow_id)?;
    if let Some(before) = cron_find(conn, cx, workflow_id)?.filter(|one| one.config == *config) {
        return Ok(before);
    }
    let now = cx.clock.now();
    let row = StoredCronRow::new(workflow_id, config, schedule.first_from(now), now);
    let row: CronRow = diesel::insert_into(workflow_cron_triggers::table)
        .values((&row, dsl::created_at.eq(now.to_string())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(CronRow::as_returning())
        .get_result(conn)
        .map_err(db_error("cron_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "cron"}))?;
    row.into_record(&cx.json)
}

/// Finds the schedule of a workflow.
pub(super) fn cron_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<CronTrigger>> {
    workflow_cron_triggers::table
        .find(workflow_id.to_string())
        .select(CronRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("cron_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Deletes the schedule of a workflow.
pub(super) fn cron_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id)?;
    let deleted = diesel::delete(workflow_cron_triggers::table.find(workflow_id.to_string()))
        .execute(conn)
        .map_err(db_error("cron_delete"))?;
    if deleted == 0 {
        return Err(Error::not_found("cron", workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "cron"}))
}

/// Lists schedules that may be dispatched.
pub(super) fn cron_list_due(
    conn: &mut SqliteConnection,
    cx: &Context,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<CronTrigger>> {
    let rows: Vec<CronRow> = cron_due(now)
        .limit(limit)
        .select(CronRow::as_select())
        .load(conn)
        .map_err(db_error("cron_list_due"))?;
    rows.into_iter().map(|row| row.into_record(&cx.json)).collect()
}

/// Lists the workflows whose schedules may be dispatched.
pub(super) fn cron_list_workflows(
    conn: &mut SqliteConnection,
    cx: &Context,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<WorkflowId>> {
    let ids: Vec<String> = cron_due(now)
        .limit(limit)
        .select(dsl::workflow_id)
        .load(conn)
        .map_err(db_error("cron_list_workflows"))?;
    let table = "workflow_cron_triggers";
    let parsed = |id: &String| Reader { table, id, json: &cx.json }.parsed("workflow_id", id);
    ids.iter().map(parsed).collect()
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
        .filter(dsl::look_at.le(now.to_string()))
        .filter(workflows::is_archived.eq(false))
        .filter(dsl::allow_overlapping.or(not(exists(runs))))
        .order((dsl::look_at.asc(), dsl::workflow_id.asc()))
        .into_boxed()
}

/// Starts the runs of the schedules that are asked about and moves these on.
///
/// The schedules are locked before anything is decided, and whoever finds them locked leaves them
/// alone. When the lock is free again they have moved on, and a run they started is in sight.
pub(super) fn cron_dispatch(
    conn: &mut SqliteConnection,
    cx: &Context,
    objections: &Objections,
    now: Timestamp,
) -> Result<Vec<Run>> {
    let due = cron_lock(conn, cx, objections, now)?;
    let mut plans = cron::plans(cx, due, objections, now)?;
    let claimed = occurrence_claim(conn, &plans)?;
    let ready = cron::claimed_runs(&mut plans, &claimed);
    let answers = run_create_many(conn, cx, &ready)?;
    let answers = ready.into_iter().zip(answers);
    let (created, refused) = cron::settle(cx, &mut plans, answers, now)?;
    occurrence_release(conn, &plans, &refused)?;
    cron_advance(conn, &plans)?;
    Ok(created)
}

/// Locks schedules and returns those that are still due, with their number of versions.
fn cron_lock(
    conn: &mut SqliteConnection,
    cx: &Context,
    objections: &Objections,
    now: Timestamp,
) -> Result<Vec<(CronTrigger, i32)>> {
    // The transaction of the writer is the lock.
    let ids: Vec<String> = objections.keys().map(ToString::to_string).collect();
    let rows: Vec<(CronRow, i32)> = cron_due(now)
        .filter(dsl::workflow_id.eq_any(ids))
        .select((CronRow::as_select(), workflows::version_count))
        .load(conn)
        .map_err(db_error("cron_lock"))?;
    rows.into_iter().map(|(row, versions)| Ok((row.into_record(&cx.json)?, versions))).collect()
}

// parity: PostgreSQL unnests arrays where this reads JSON.
const CLAIM: &str = "INSERT INTO workflow_cron_occurrences (workflow_id, scheduled_for, run_id) \
     SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') \
     FROM json_each(?) WHERE TRUE ON CONFLICT DO NOTHING RETURNING run_id";

// parity: belongs to CLAIM.
#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = Text)]
    run_id: String,
}

/// Claims the occurrences that are to fire; returns the runs of those that had not fired before.
fn occurrence_claim(conn: &mut SqliteConnection, plans: &[Plan]) -> Result<HashSet<RunId>> {
    let runs = plans.iter().flat_map(|plan| &plan.runs);
    let rows = runs.map(|run| json!([run.workflow_id, stored(run.scheduled_for), run.id]));
    let claimed: Vec<Claimed> = diesel::sql_query(CLAIM)
        .bind::<Text, _>(Value::from_iter(rows).to_string())
        .load(conn)
        .map_err(db_error("occurrence_claim"))?;
    claimed.iter().map(|claimed| claimed.run_id.parse()).collect()
}

/// Gives back the occurrences whose runs were refused.
fn occurrence_release(
    conn: &mut SqliteConnection,
    plans: &[Plan],
    refused: &[RunId],
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let workflow_ids = plans.iter().map(|plan| plan.trigger.workflow_id.to_string());
    let run_ids = refused.iter().map(ToString::to_string);
    diesel::delete(workflow_cron_occurrences::table)
        .filter(workflow_cron_occurrences::workflow_id.eq_any(workflow_ids))
        .filter(workflow_cron_occurrences::run_id.eq_any(run_ids))
        .execute(conn)
        .map(drop)
        .map_err(db_error("occurrence_release"))
}

// parity: PostgreSQL unnests arrays where this reads JSON.
const ADVANCE: &str = "UPDATE workflow_cron_triggers SET next_at = plan.next_at, \
     look_at = plan.look_at, last_dispatched_at = plan.last_dispatched_at, \
     last_skip_reason = plan.last_skip_reason FROM (\
     SELECT json_extract(value, '$[0]') AS workflow_id, json_extract(value, '$[1]') AS next_at, \
     json_extract(value, '$[2]') AS look_at, json_extract(value, '$[3]') AS last_dispatched_at, \
     json_extract(value, '$[4]') AS last_skip_reason FROM json_each(?)) AS plan \
     WHERE workflow_cron_triggers.workflow_id = plan.workflow_id";

/// Moves schedules on.
fn cron_advance(conn: &mut SqliteConnection, plans: &[Plan]) -> Result<()> {
    let rows = plans.iter().map(|Plan { trigger, look_at, .. }| {
        json!([
            trigger.workflow_id,
            stored(trigger.next_at),
            stored(*look_at),
            stored(trigger.last_dispatched_at),
            trigger.last_skip_reason,
        ])
    });
    diesel::sql_query(ADVANCE)
        .bind::<Text, _>(Value::from_iter(rows).to_string())
        .execute(conn)
        .map(drop)
        .map_err(db_error("cron_advance"))
}
