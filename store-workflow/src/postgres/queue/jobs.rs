//! Queries on jobs, finished or not.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::{Assignment, AssignmentOutcome, Job};
use store_core::{Error, JobId, Listing, Order, Page, Result};

use crate::postgres::rows::{AssignmentRow, FinishedRow, JobRow, Reader};
use crate::postgres::schema::{job_assignments, job_history, jobs};
use crate::rules::Context;
use crate::rules::queue::filter::ReadyJobFilter;
use store_core::postgres::{WithinBudget, split};

/// Finds a job.
pub(in crate::postgres) async fn job_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Option<Job>> {
    if let Some(job) = job_find_unfinished(conn, cx, id).await? {
        return Ok(Some(job));
    }
    if let Some(job) = job_find_finished(conn, cx, id).await? {
        return Ok(Some(job));
    }
    // It may have been given back to its queue between the two looks.
    job_find_unfinished(conn, cx, id).await
}

async fn job_find_unfinished(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Option<Job>> {
    jobs::table
        .find(id.as_uuid())
        .select(JobRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("job_find_unfinished"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Finds a job that is finished.
pub(super) async fn job_find_finished(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Option<Job>> {
    job_history::table
        .find(id.as_uuid())
        .select(FinishedRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("job_find_finished"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Fetches a job.
pub(in crate::postgres) async fn job_fetch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Job> {
    job_find(conn, cx, id).await?.ok_or_else(|| Error::not_found("job", id))
}

/// Applies a filter to one of the two tables of jobs.
macro_rules! filtered {
    ($table:ident, $ready:expr) => {{
        let ready: &ReadyJobFilter = $ready;
        let mut query = $table::table
            .filter($table::state.eq_any(ready.states.clone()))
            .into_boxed::<diesel::pg::Pg>();
        if ready.finished && !ready.states.contains(&"succeeded") {
            // In the words of the index of those that did not succeed.
            let unsuccessful = diesel::dsl::sql::<diesel::sql_types::Bool>("state <> 'succeeded'");
            query = query.filter(unsuccessful);
        }
        if let Some(queue) = ready.filter.queue.clone() {
            query = query.filter($table::queue.eq(queue));
        }
        if let Some(kind) = ready.filter.kind.clone() {
            query = query.filter($table::kind.eq(kind));
        }
        if let Some(run_id) = ready.filter.run_id {
            query = query.filter($table::run_id.eq(run_id.as_uuid()));
        }
        if let Some(tag) = &ready.tags_contain {
            query = query.filter($table::tags.contains(tag.stored()));
        }
        query
    }};
}
pub(super) use filtered;

/// Lists jobs of one of the two tables.
macro_rules! listed {
    ($conn:ident, $cx:ident, $table:ident, $row:ty, $bytes:literal, $filter:ident, $listing:ident) => {{
        let mut query = filtered!($table, $filter);
        if let Some(id) = $listing.after {
            query = match $listing.order() {
                Order::Asc => query.filter($table::id.gt(id.as_uuid())),
                Order::Desc => query.filter($table::id.lt(id.as_uuid())),
            };
        }
        let (query, order) = match $listing.order() {
            Order::Asc => (query.order($table::id.asc()), "id ASC"),
            Order::Desc => (query.order($table::id.desc()), "id DESC"),
        };
        let page = WithinBudget {
            inner: query.select(<$row>::as_select()).limit($listing.limit + 1),
            order,
            bytes: $bytes,
            limit: $listing.limit,
        };
        let rows = page.load($conn).await.map_err(db_error("job_list"))?;
        let (rows, more): (Vec<$row>, bool) = split(rows);
        let items =
            rows.into_iter().map(|row| row.into_record(&$cx.json)).collect::<Result<Vec<Job>>>()?;
        $listing.page(items, more, |last| last.id)
    }};
}

/// Lists jobs by their ids.
pub(in crate::postgres) async fn job_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    filter: &ReadyJobFilter,
    listing: &Listing<JobId>,
) -> Result<Page<Job>> {
    if filter.finished {
        listed!(
            conn,
            cx,
            job_history,
            FinishedRow,
            "octet_length(payload::text) + coalesce(octet_length(result::text), 0)",
            filter,
            listing
        )
    } else {
        listed!(
            conn,
            cx,
            jobs,
            JobRow,
            "octet_length(payload::text) + coalesce(octet_length(progress::text), 0)",
            filter,
            listing
        )
    }
}

/// Lists who held a job, the oldest first.
pub(in crate::postgres) async fn job_assignments_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Vec<Assignment>> {
    let last = match assignment_current(conn, cx, id).await? {
        Some(current) => current,
        None => assignment_last(conn, cx, id).await?.ok_or_else(|| Error::not_found("job", id))?,
    };
    let rows: Vec<AssignmentRow> = job_assignments::table
        .filter(job_assignments::job_id.eq(id.as_uuid()))
        .order(job_assignments::epoch)
        .select(AssignmentRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("job_assignments_list"))?;
    let earlier: Result<Vec<Assignment>> =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect();
    let mut assignments = earlier?;
    // It may have ended between the two looks.
    assignments.retain(|one| last.as_ref().is_none_or(|last| one.epoch != last.epoch));
    assignments.extend(last);
    assignments.sort_by_key(|one| one.epoch);
    Ok(assignments)
}

/// Returns who holds a job that is not finished.
async fn assignment_current(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Option<Option<Assignment>>> {
    let row: Option<(Option<String>, i64, Option<DateTime<Utc>>)> = jobs::table
        .find(id.as_uuid())
        .select((jobs::lease_owner, jobs::lease_epoch, jobs::leased_at))
        .first(conn)
        .await
        .optional()
        .map_err(db_error("assignment_current"))?;
    let Some((owner, epoch, started_at)) = row else { return Ok(None) };
    let (Some(worker), Some(started_at)) = (owner, started_at) else { return Ok(Some(None)) };
    let read = Reader { table: "jobs", id: &id, json: &cx.json };
    Ok(Some(Some(Assignment {
        worker,
        epoch,
        started_at: read.instant("leased_at", started_at)?,
        ended_at: None,
        outcome: None,
        error: None,
    })))
}

/// Returns who last held a job that is finished.
async fn assignment_last(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Option<Option<Assignment>>> {
    type Last = (
        (Option<String>, i64, Option<DateTime<Utc>>),
        (Option<String>, Option<String>, DateTime<Utc>),
    );
    let row: Option<Last> = job_history::table
        .find(id.as_uuid())
        .select((
            (job_history::lease_owner, job_history::lease_epoch, job_history::leased_at),
            (job_history::outcome, job_history::assignment_error, job_history::finished_at),
        ))
        .first(conn)
        .await
        .optional()
        .map_err(db_error("assignment_last"))?;
    let Some(((owner, epoch, started_at), (outcome, error, ended_at))) = row else {
        return Ok(None);
    };
    let (Some(worker), Some(started_at), Some(outcome)) = (owner, started_at, outcome) else {
        return Ok(Some(None));
    };
    let read = Reader { table: "job_history", id: &id, json: &cx.json };
    let outcome: AssignmentOutcome = read.parsed("outcome", &outcome)?;
    Ok(Some(Some(Assignment {
        worker,
        epoch,
        started_at: read.instant("leased_at", started_at)?,
        ended_at: Some(read.instant("finished_at", ended_at)?),
        outcome: Some(outcome),
        error,
    })))
}
