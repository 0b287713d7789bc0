//! Queries on runs: creating, reading and deleting them.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::sqlite::{db_error, json_contains};
use store_core::workflow::{AuditAction, Run, RunFilter};
use store_core::{Error, Listing, Order, Page, Result, RunId, Timestamp, WorkflowId};

use super::queue::retention::run_jobs_forget;
use super::rows::{NewAuditRow, NewJobRow, NewRunRow, Reader, RunRow};
use super::schema::workflow_runs::{self, dsl};
use super::schema::{jobs, workflow_audit, workflow_versions, workflows};
use super::workflows::workflow_refusal;
use crate::rules::run::{ReadyRun, ReadyRunFilter, StoredRun, VersionConfig};
use crate::rules::{Context, RunKey};
use store_core::sqlite::within_budget;

type Filtered = workflow_runs::BoxedQuery<'static, Sqlite>;

// parity: PostgreSQL binds a column of runs as one value.
/// The runs of one statement: their columns stay below the 32,766 values that SQLite binds.
const CHUNK: usize = 500;

/// Creates a run with its job and its audit, or returns the one that is there under its key; the
/// inner error says why the workflow runs nothing, which is itself audited.
pub(super) fn run_create(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Result<Run>> {
    let mut created = run_create_many(conn, cx, std::slice::from_ref(ready))?;
    created.pop().ok_or_else(|| db_error("run_create")(diesel::result::Error::NotFound))
}

/// Creates runs and answers for each; in a transaction that is open.
pub(super) fn run_create_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &[ReadyRun],
) -> Result<Vec<Result<Run>>> {
    let alone = |ready: &ReadyRun| ready.idempotency_key.is_some();
    if ready.len() < 2 || ready.iter().any(alone) {
        return ready.iter().map(|ready| run_create_one(conn, cx, ready)).collect();
    }
    let versions = run_versions(conn, cx, ready)?;
    let (mut answers, mut fresh) = (Vec::with_capacity(ready.len()), Vec::new());
    for (ready, version) in ready.iter().zip(versions) {
        let merged = match version {
            Some(version) => ready.merge(cx, version),
            None => Err(run_refusal(conn, cx, ready)?),
        };
        answers.push(merged.map(|stored| {
            let run = stored.run.clone();
            fresh.push(stored);
            run
        }));
    }
    run_insert_many(conn, &fresh)?;
    Ok(answers)
}

// parity: PostgreSQL plans one like many.
fn run_create_one(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Result<Run>> {
    if let Some(there) = run_find_by_key(conn, cx, ready)? {
        return Ok(Ok(there));
    }
    let version = match run_version(conn, cx, ready)? {
        Ok(version) => version,
        Err(refused) => return Ok(Err(refused)),
    };
    match ready.merge(cx, version) {
        Ok(stored) => run_insert(conn, &stored).map(|()| Ok(stored.run)),
        Err(invalid) => Ok(Err(invalid)),
    }
}

// parity: belongs to run_create_one.
/// Finds the version that is to be run, in a workflow that is not archived.
fn run_version(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Result<VersionConfig>> {
    let mut query = workflow_versions::table
        .inner_join(workflows::table)
        .filter(workflow_versions::workflow_id.eq(ready.workflow_id.to_string()))
        .filter(workflows::is_archived.eq(false))
        .into_boxed();
    if let Some(id) = ready.workflow_version_id {
        query = query.filter(workflow_versions::id.eq(id.to_string()));
    }
    let row: Option<(String, Option<String>)> = query
        .order(workflow_versions::version.desc())
        .select((workflow_versions::id, workflow_versions::runnable_config))
        .first(conn)
        .optional()
        .map_err(db_error("run_version"))?;
    let Some((id, config)) = row else { return run_refusal(conn, cx, ready).map(Err) };
    let read = Reader { table: "workflow_versions", id: &id, json: &cx.json };
    let config = config.map(|config| read.config("runnable_config", &config)).transpose()?;
    Ok(Ok(VersionConfig { id: read.parsed("id", &id)?, config }))
}

// parity: belongs to run_create_one.
/// Finds the versions that are to be run, in workflows that are not archived: a statement for
/// every 500 runs.
fn run_versions(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &[ReadyRun],
) -> Result<Vec<Option<VersionConfig>>> {
    let (mut latest, mut by_id) = (HashMap::new(), HashMap::new());
    for chunk in ready.chunks(CHUNK) {
        let workflow_ids = chunk.iter().map(|run| run.workflow_id.to_string());
        let ids = chunk.iter().filter_map(|run| run.workflow_version_id);
        let rows: Vec<(String, String, bool, Option<String>)> = workflow_versions::table
            .inner_join(workflows::table)
            .filter(workflow_versions::workflow_id.eq_any(workflow_ids))
            .filter(workflows::is_archived.eq(false))
            .filter(
                // Numbers have no gaps: the latest version has the number of the counter.
                workflow_versions::version
                    .eq(workflows::version_count)
                    .or(workflow_versions::id.eq_any(ids.map(|id| id.to_string()))),
            )
            .select((
                workflow_versions::workflow_id,
                workflow_versions::id,
                workflow_versions::version.eq(workflows::version_count),
                workflow_versions::runnable_config,
            ))
            .load(conn)
            .map_err(db_error("run_versions"))?;
        for (workflow_id, id, is_latest, config) in rows {
            let read = Reader { table: "workflow_versions", id: &id, json: &cx.json };
            let config =
                config.map(|config| read.config("runnable_config", &config)).transpose()?;
            let version = VersionConfig { id: read.parsed("id", &id)?, config };
            let workflow_id: WorkflowId = read.parsed("workflow_id", &workflow_id)?;
            if is_latest {
                latest.insert(workflow_id, version.clone());
            }
            by_id.insert((workflow_id, version.id), version);
        }
    }
    let version = |run: &ReadyRun| match run.workflow_version_id {
        Some(id) => by_id.get(&(run.workflow_id, id)).cloned(),
        None => latest.get(&run.workflow_id).cloned(),
    };
    Ok(ready.iter().map(version).collect())
}

/// Says why a run cannot be created.
fn run_refusal(conn: &mut SqliteConnection, cx: &Context, ready: &ReadyRun) -> Result<Error> {
    let refused = (&ready.actor, AuditAction::RunRefused, ready.now);
    let id = ready.workflow_id;
    Ok(match workflow_refusal(conn, cx, id, refused, ready.refusal())? {
        // The workflow is there and in use: it is the version that is not.
        Error::Conflict { .. } => match ready.workflow_version_id {
            Some(version) => Error::not_found("workflow_version", version),
            None => Error::not_found("workflow_version", format!("{id}/latest")),
        },
        refused => refused,
    })
}

/// Inserts a run with its job and its audit.
fn run_insert(conn: &mut SqliteConnection, stored: &StoredRun) -> Result<()> {
    let job = diesel::insert_into(jobs::table).values(NewJobRow::new(stored));
    let audit = diesel::insert_into(workflow_audit::table).values(NewAuditRow::of_run(stored));
    diesel::insert_into(workflow_runs::table)
        .values(NewRunRow::new(stored))
        .execute(conn)
        .and_then(|_one| job.execute(conn))
        .and_then(|_one| audit.execute(conn))
        .map(drop)
        .map_err(db_error("run_insert"))
}

// parity: belongs to run_create_one.
/// Inserts runs with their jobs and their audit: three statements for every 500.
fn run_insert_many(conn: &mut SqliteConnection, stored: &[StoredRun]) -> Result<()> {
    for chunk in stored.chunks(CHUNK) {
        let runs: Vec<_> = chunk.iter().map(NewRunRow::new).collect();
        let queued: Vec<_> = chunk.iter().map(NewJobRow::new).collect();
        let audit: Vec<_> = chunk.iter().map(NewAuditRow::of_run).collect();
        diesel::insert_into(workflow_runs::table)
            .values(&runs)
            .execute(conn)
            .and_then(|_many| diesel::insert_into(jobs::table).values(&queued).execute(conn))
            .and_then(|_many| {
                diesel::insert_into(workflow_audit::table).values(&audit).execute(conn)
            })
            .map_err(db_error("run_insert_many"))?;
    }
    Ok(())
}

/// Finds the run that was created under a key.
fn run_find_by_key(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &ReadyRun,
) -> Result<Option<Run>> {
    let Some(key) = &ready.idempotency_key else { return Ok(None) };
    workflow_runs::table
        .filter(dsl::workflow_id.eq(ready.workflow_id.to_string()))
        .filter(dsl::idempotency_key.eq(key))
        .select(RunRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("run_find_by_key"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Finds a run.
pub(super) fn run_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: RunId,
) -> Result<Option<Run>> {
    workflow_runs::table
        .find(id.to_string())
        .select(RunRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("run_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Fetches a run.
pub(super) fn run_fetch(conn: &mut SqliteConnection, cx: &Context, id: RunId) -> Result<Run> {
    run_find(conn, cx, id)?.ok_or_else(|| Error::not_found("run", id))
}

/// Lists runs by creation.
pub(super) fn run_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    filter: &ReadyRunFilter,
    listing: &Listing<RunKey>,
) -> Result<Page<Run>> {
    let mut query = run_filtered(filter);
    if let Some((created_at, id)) = &listing.after {
        let (at, id) = (created_at.to_string(), id.to_string());
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at.clone()))
                .filter(dsl::created_at.gt(at).or(dsl::id.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at.clone()))
                .filter(dsl::created_at.lt(at).or(dsl::id.lt(id))),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order((dsl::created_at.asc(), dsl::id.asc())),
        Order::Desc => query.order((dsl::created_at.desc(), dsl::id.desc())),
    };
    let rows = query
        .select(RunRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<RunRow, _>(conn)
        .map_err(db_error("run_list"))?;
    let bytes_of = |row: &RunRow| row.record_bytes;
    let (rows, more) = within_budget("run_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}

fn run_filtered(ready: &ReadyRunFilter) -> Filtered {
    let RunFilter { workflow_id, status, triggered_by, created_from, created_before, .. } =
        ready.filter.clone();
    let mut query = workflow_runs::table.into_boxed();
    if let Some(workflow_id) = workflow_id {
        query = query.filter(dsl::workflow_id.eq(workflow_id.to_string()));
    }
    if let Some(status) = status {
        query = query.filter(dsl::status.eq(status.as_str()));
    }
    if let Some(triggered_by) = triggered_by {
        query = query.filter(dsl::triggered_by.eq(triggered_by));
    }
    if let Some(from) = created_from {
        query = query.filter(dsl::created_at.ge(from.to_string()));
    }
    if let Some(before) = created_before {
        query = query.filter(dsl::created_at.lt(before.to_string()));
    }
    if let Some(tag) = &ready.tags_contain {
        query = query.filter(json_contains(dsl::tags, tag.text.clone()));
    }
    query
}

/// Deletes the oldest runs that ended before an instant, with their audit, and counts them.
pub(super) fn run_delete_before(
    conn: &mut SqliteConnection,
    cutoff: Timestamp,
    statuses: &[&'static str],
    limit: i64,
) -> Result<u64> {
    let ids: Vec<String> = workflow_runs::table
        .filter(dsl::completed_at.lt(cutoff.to_string()))
        .filter(dsl::status.eq_any(statuses))
        .order((dsl::completed_at.asc(), dsl::id.asc()))
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .map_err(db_error("run_delete_before"))?;
    run_jobs_forget(conn, &ids)?;
    diesel::delete(workflow_audit::table)
        .filter(workflow_audit::run_id.eq_any(&ids))
        .execute(conn)
        .map_err(db_error("run_delete_before"))?;
    diesel::delete(workflow_runs::table)
        .filter(dsl::id.eq_any(&ids))
        .execute(conn)
        .map(|deleted| deleted as u64)
        .map_err(db_error("run_delete_before"))
}
