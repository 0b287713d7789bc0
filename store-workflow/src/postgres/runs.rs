//! Queries on runs: creating, reading and deleting them.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Batch, Database, db_error};
use store_core::workflow::{AuditAction, Run, RunFilter};
use store_core::{Error, Listing, Order, Page, Result, RunId, Timestamp};
use uuid::Uuid;

use super::queue::retention::run_jobs_forget;
use super::rows::{Reader, RunRow};
use super::run_creation::{InsertRuns, LookUp, LookedUp};
use super::schema::workflow_audit;
use super::schema::workflow_runs::{self, dsl};
use super::workflows::workflow_refusal;
use crate::rules::run::{ReadyRun, ReadyRunFilter, StoredRun, VersionConfig};
use crate::rules::{Context, RunKey};
use store_core::postgres::{WithinBudget, split};

type Filtered = workflow_runs::BoxedQuery<'static, Pg>;

/// Creates a run with its job and its audit, or returns the one that is there under its key; the
/// inner error says why the workflow runs nothing, which is itself audited.
pub(super) async fn run_create(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Result<Run>> {
    let mut created = run_create_many(conn, cx, std::slice::from_ref(ready)).await?;
    created.pop().ok_or_else(|| db_error("run_create")(diesel::result::Error::NotFound))
}

/// Creates runs and answers for each; in a transaction that is open.
pub(super) async fn run_create_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &[ReadyRun],
) -> Result<Vec<Result<Run>>> {
    let plans = run_plan_many(conn, cx, ready).await?;
    let there: Vec<Uuid> = plans.iter().filter_map(Plan::there).collect();
    let there = run_load(conn, cx, &there).await?;
    let fresh: Vec<StoredRun> = plans.iter().filter_map(Plan::fresh).cloned().collect();
    let inserted = run_insert(conn, &fresh).await?;
    let mut answers = Vec::with_capacity(ready.len());
    for (ready, plan) in ready.iter().zip(plans) {
        answers.push(match plan {
            Plan::Insert(stored) if inserted.contains(&stored.run.id) => Ok(stored.run),
            Plan::Insert(_) => run_lost(conn, cx, ready).await?,
            Plan::There(id) => there.get(&id).cloned().ok_or_else(|| Error::not_found("run", id)),
            Plan::Invalid(error) => Err(error),
            Plan::Missing => Err(run_refusal(conn, cx, ready).await?),
        });
    }
    Ok(answers)
}

// parity: SQLite decides run by run, under the writer's lock.
/// What becomes of a run that is to be created.
enum Plan {
    /// It is inserted.
    Insert(Box<StoredRun>),
    /// One is there under its key.
    There(Uuid),
    /// Its configuration breaks a rule once it is merged.
    Invalid(Error),
    /// Its workflow has no such version, or is archived.
    Missing,
}

// parity: belongs to Plan.
impl Plan {
    fn fresh(&self) -> Option<&StoredRun> {
        if let Self::Insert(stored) = self { Some(stored) } else { None }
    }

    fn there(&self) -> Option<Uuid> {
        if let Self::There(id) = self { Some(*id) } else { None }
    }
}

// parity: belongs to Plan.
/// Finds the versions that are to be run and the runs that are there: one statement.
async fn run_plan_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &[ReadyRun],
) -> Result<Vec<Plan>> {
    let rows: Vec<LookedUp> =
        LookUp::new(ready).load(conn).await.map_err(db_error("run_plan_many"))?;
    let plan = |(ready, (_, version, config, there)): (&ReadyRun, LookedUp)| {
        if let Some(id) = there {
            return Ok(Plan::There(id));
        }
        let Some(id) = version else { return Ok(Plan::Missing) };
        let read = Reader { table: "workflow_versions", id: &id, json: &cx.json };
        let config = config.map(|config| read.config("runnable_config", config)).transpose()?;
        Ok(match ready.merge(cx, VersionConfig { id: id.into(), config }) {
            Ok(stored) => Plan::Insert(Box::new(stored)),
            Err(invalid) => Plan::Invalid(invalid),
        })
    };
    ready.iter().zip(rows).map(plan).collect()
}

/// Says why a run cannot be created.
async fn run_refusal(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Error> {
    let refused = (&ready.actor, AuditAction::RunRefused, ready.now);
    let id = ready.workflow_id;
    Ok(match workflow_refusal(conn, cx, id, refused, ready.refusal()).await? {
        // The workflow is there and in use: it is the version that is not.
        Error::Conflict { .. } => match ready.workflow_version_id {
            Some(version) => Error::not_found("workflow_version", version),
            None => Error::not_found("workflow_version", format!("{id}/latest")),
        },
        refused => refused,
    })
}

/// Inserts runs with their jobs and their audit, and returns which.
async fn run_insert(conn: &mut AsyncPgConnection, stored: &[StoredRun]) -> Result<Vec<RunId>> {
    if stored.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> =
        InsertRuns::new(stored).load(conn).await.map_err(db_error("run_insert"))?;
    Ok(ids.into_iter().map(RunId::from).collect())
}

// parity: on SQLite nobody can come between.
/// Answers for a run that was not inserted: another one took its key, or the workflow was archived
/// meanwhile.
async fn run_lost(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Result<Run>> {
    match run_find_by_key(conn, cx, ready).await? {
        Some(run) => Ok(Ok(run)),
        None => run_refusal(conn, cx, ready).await.map(Err),
    }
}

/// Finds the run that was created under a key.
async fn run_find_by_key(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Option<Run>> {
    let Some(key) = &ready.idempotency_key else { return Ok(None) };
    workflow_runs::table
        .filter(dsl::workflow_id.eq(ready.workflow_id.as_uuid()))
        .filter(dsl::idempotency_key.eq(key))
        .select(RunRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("run_find_by_key"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

// parity: belongs to Plan.
/// Loads runs by their ids, in one statement.
async fn run_load(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Run>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<RunRow> = workflow_runs::table
        .filter(dsl::id.eq_any(ids))
        .select(RunRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("run_load"))?;
    rows.into_iter().map(|row| Ok((row.id, row.into_record(&cx.json)?))).collect()
}

/// Finds a run.
pub(super) async fn run_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: RunId,
) -> Result<Option<Run>> {
    workflow_runs::table
        .find(id.as_uuid())
        .select(RunRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("run_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Fetches a run.
pub(super) async fn run_fetch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: RunId,
) -> Result<Run> {
    run_find(conn, cx, id).await?.ok_or_else(|| Error::not_found("run", id))
}

/// Lists runs by creation.
pub(super) async fn run_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    filter: &ReadyRunFilter,
    listing: &Listing<RunKey>,
) -> Result<Page<Run>> {
    let mut query = run_filtered(filter);
    if let Some((created_at, id)) = &listing.after {
        let (at, id) = (created_at.to_datetime(), id.as_uuid());
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at))
                .filter(dsl::created_at.gt(at).or(dsl::id.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at))
                .filter(dsl::created_at.lt(at).or(dsl::id.lt(id))),
        };
    }
    let (query, order) = match listing.order() {
        Order::Asc => {
            (query.order((dsl::created_at.asc(), dsl::id.asc())), "created_at ASC, id ASC")
        }
        Order::Desc => {
            (query.order((dsl::created_at.desc(), dsl::id.desc())), "created_at DESC, id DESC")
        }
    };
    let page = WithinBudget {
        inner: query.select(RunRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("run_list"))?;
    let (rows, more): (Vec<RunRow>, bool) = split(rows);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}

fn run_filtered(ready: &ReadyRunFilter) -> Filtered {
    let RunFilter { workflow_id, status, triggered_by, created_from, created_before, .. } =
        ready.filter.clone();
    let mut query = workflow_runs::table.into_boxed();
    if let Some(workflow_id) = workflow_id {
        query = query.filter(dsl::workflow_id.eq(workflow_id.as_uuid()));
    }
    if let Some(status) = status {
        query = query.filter(dsl::status.eq(status.as_str()));
    }
    if let Some(triggered_by) = triggered_by {
        query = query.filter(dsl::triggered_by.eq(triggered_by));
    }
    if let Some(from) = created_from {
        query = query.filter(dsl::created_at.ge(from.to_datetime()));
    }
    if let Some(before) = created_before {
        query = query.filter(dsl::created_at.lt(before.to_datetime()));
    }
    if let Some(tag) = &ready.tags_contain {
        query = query.filter(dsl::tags.contains(tag.stored()));
    }
    query
}

/// Deletes the oldest runs that ended before an instant, with their audit, and counts them.
pub(super) async fn run_delete_before(
    conn: &mut AsyncPgConnection,
    cutoff: Timestamp,
    statuses: &[&'static str],
    limit: i64,
) -> Result<u64> {
    // Runs that another process is deleting are left to it.
    let ids: Vec<Uuid> = workflow_runs::table
        .filter(dsl::completed_at.lt(cutoff.to_datetime()))
        .filter(dsl::status.eq_any(statuses))
        .order((dsl::completed_at.asc(), dsl::id.asc()))
        .limit(limit)
        .select(dsl::id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await
        .map_err(db_error("run_delete_before"))?;
    run_jobs_forget(conn, &ids).await?;
    diesel::delete(workflow_audit::table)
        .filter(workflow_audit::run_id.eq_any(&ids))
        .execute(conn)
        .await
        .map_err(db_error("run_delete_before"))?;
    diesel::delete(workflow_runs::table)
        .filter(dsl::id.eq_any(&ids))
        .execute(conn)
        .await
        .map(|deleted| deleted as u64)
        .map_err(db_error("run_delete_before"))
}

// parity: SQLite's writer groups commits by itself.
/// The statements that waiting creations share.
#[derive(Debug)]
pub(super) struct CreateBatch {
    pub(super) db: Database,
    pub(super) context: Context,
}

// parity: belongs to CreateBatch.
#[async_trait]
impl Batch for CreateBatch {
    type Request = ReadyRun;
    type Response = Run;

    const OPERATION: &'static str = "run_create";

    async fn run(&self, requests: &[ReadyRun]) -> Result<Vec<Result<Run>>> {
        // Each of the statements is atomic by itself, and only one of them writes runs.
        let create = || async {
            let mut conn = self.db.conn(Self::OPERATION).await?;
            run_create_many(&mut conn, &self.context, requests).await
        };
        match requests {
            [_] => self.db.write(Self::OPERATION, create).await,
            // Not repeated as a whole: after a failure each request is run, and repeated, alone.
            _ => create().await,
        }
    }
}
