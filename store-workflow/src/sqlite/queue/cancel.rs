//! Cancelling jobs.

use diesel::prelude::*;
use store_core::queue::JobState;
use store_core::sqlite::db_error;
use store_core::{Error, JobId, Result};

use super::endings::{Ended, HeldJob, job_leave, run_hold};
use super::events::event_forget;
use super::jobs::job_find_finished;
use super::moves::Finish;
use crate::rules::Context;
use crate::sqlite::rows::JobRow;
use crate::sqlite::schema::jobs::{self, dsl};

/// Cancels a job, or asks its worker to stop.
pub(in crate::sqlite) fn job_cancel(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: JobId,
    reason: &str,
) -> Result<Ended> {
    let now = cx.clock.now();
    let run_goes_on = run_hold(conn, id)?;
    let row: Option<JobRow> = jobs::table
        .find(id.to_string())
        .select(JobRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("job_cancel"))?;
    let Some(row) = row else { return job_cancel_finished(conn, cx, id) };
    if row.lease_owner.is_some() {
        diesel::update(jobs::table.find(id.to_string()))
            .filter(dsl::cancel_reason.is_null())
            .set((dsl::cancel_reason.eq(reason), dsl::updated_at.eq(now.to_string())))
            .execute(conn)
            .map_err(db_error("job_cancel"))?;
        return Ok(Ended { state: JobState::Leased, woken: false });
    }
    event_forget(conn, &row.id)?;
    let job = row.id.clone();
    let finish = Finish {
        id: &job,
        state: JobState::Cancelled,
        outcome: None,
        result: None,
        error: None,
        cancel_reason: Some(reason),
    };
    job_leave(conn, cx, &HeldJob { row, run_goes_on }, &finish, now)
}

/// Answers for a job that is finished.
fn job_cancel_finished(conn: &mut SqliteConnection, cx: &Context, id: JobId) -> Result<Ended> {
    match job_find_finished(conn, cx, id)?.map(|job| job.state) {
        None => Err(Error::not_found("job", id)),
        Some(state @ JobState::Cancelled) => Ok(Ended { state, woken: false }),
        Some(state) => Err(Error::invalid_state("job", id, state, JobState::Cancelled)),
    }
}
