//! Cancelling jobs.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::JobState;
use store_core::{Error, JobId, Result};

use super::endings::{Ended, HeldJob, job_leave, run_hold};
use super::events::event_forget;
use super::jobs::job_find_finished;
use super::moves::Finish;
use crate::postgres::rows::JobRow;
use crate::postgres::schema::jobs::{self, dsl};
use crate::rules::Context;

/// Cancels a job, or asks its worker to stop.
pub(in crate::postgres) async fn job_cancel(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
    reason: &str,
) -> Result<Ended> {
    let now = cx.clock.now();
    let run_goes_on = run_hold(conn, id).await?;
    let row: Option<JobRow> = jobs::table
        .find(id.as_uuid())
        .select(JobRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("job_cancel"))?;
    let Some(row) = row else { return job_cancel_finished(conn, cx, id).await };
    if row.lease_owner.is_some() {
        diesel::update(jobs::table.find(id.as_uuid()))
            .filter(dsl::cancel_reason.is_null())
            .set((dsl::cancel_reason.eq(reason), dsl::updated_at.eq(now.to_datetime())))
            .execute(conn)
            .await
            .map_err(db_error("job_cancel"))?;
        return Ok(Ended { state: JobState::Leased, woken: false });
    }
    event_forget(conn, &[row.id]).await?;
    let finish = Finish {
        id: row.id,
        state: JobState::Cancelled,
        outcome: None,
        result: None,
        error: None,
        cancel_reason: Some(reason),
    };
    job_leave(conn, cx, &HeldJob { row, run_goes_on }, &finish, now).await
}

/// Answers for a job that is finished.
async fn job_cancel_finished(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<Ended> {
    match job_find_finished(conn, cx, id).await?.map(|job| job.state) {
        None => Err(Error::not_found("job", id)),
        Some(state @ JobState::Cancelled) => Ok(Ended { state, woken: false }),
        Some(state) => Err(Error::invalid_state("job", id, state, JobState::Cancelled)),
    }
}
