//! Taking back leases that have run out.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::{JobState, Reaped};
use store_core::{Result, Timestamp};
use uuid::Uuid;

use super::endings::{HeldJob, job_end_held};
use super::moves::{Requeue, job_requeue_many};
use crate::postgres::rows::JobRow;
use crate::postgres::schema::jobs::{self, dsl};
use crate::postgres::schema::workflow_runs;
use crate::rules::Context;
use crate::rules::queue::ending::{Ending, Next};
use store_core::postgres::{Bind, Statement};

// parity: the server's clock measures leases, and the query builder cannot name it.
const EXPIRED: &str = "SELECT id, run_id FROM jobs WHERE state = 'leased' \
     AND lease_expires_at <= (SELECT coalesce(?, clock_timestamp())) \
     ORDER BY lease_expires_at, id LIMIT ? FOR UPDATE SKIP LOCKED";

/// Takes back leases that have run out; in a transaction that is open. Tells as well whether a job
/// can be claimed now.
pub(in crate::postgres) async fn job_reap(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    limit: i64,
) -> Result<(Reaped, bool)> {
    enum ExpiredJobs {}
    let binds = vec![
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
        Bind::BigInt(limit),
    ];
    let expired: Vec<(Uuid, Option<Uuid>)> =
        Statement::<ExpiredJobs, (SqlUuid, Nullable<SqlUuid>)>::new(EXPIRED, binds)
            .load(conn)
            .await
            .map_err(db_error("job_reap"))?;
    let held = expired_hold(conn, expired).await?;
    let now = cx.clock.now();
    let (mut reaped, mut woken) = (Reaped::default(), false);
    let (mut back, mut others) = (Vec::new(), Vec::new());
    for held in held {
        let next = match held.run_goes_on {
            Some(false) => None,
            _ => Some(Ending::Expire.decide(&held.row.held(&cx.json)?, now, 0.5)),
        };
        match next {
            Some(next @ Next::Requeue { .. }) => back.push((held, next)),
            _ => others.push(held),
        }
    }
    let requeued: Vec<Requeue<'_>> = back.iter().filter_map(|(h, next)| requeue(h, next)).collect();
    woken |= requeued.iter().any(|one| one.state == JobState::Available);
    reaped.requeued = u32::try_from(requeued.len()).unwrap_or(u32::MAX);
    job_requeue_many(conn, cx, &requeued).await?;
    for held in others {
        let ended = job_end_held(conn, cx, &held, &Ending::Expire).await?;
        woken |= ended.woken;
        match ended.state {
            JobState::Dead => reaped.dead += 1,
            _ => reaped.cancelled += 1,
        }
    }
    Ok((reaped, woken))
}

fn requeue<'a>(held: &'a HeldJob, next: &'a Next) -> Option<Requeue<'a>> {
    match next {
        Next::Requeue { state, run_at, attempt, outcome, error } => Some(Requeue {
            run_at: *run_at,
            attempt: *attempt,
            error: error.as_deref(),
            ..Requeue::new(&held.row, *state, *outcome)
        }),
        Next::Finish { .. } => None,
    }
}

// parity: SQLite has no locks to take: expired_find.
/// Loads the jobs whose leases ran out, and their runs' locks. A run that somebody is just ending
/// is left, with its job, to the next time: whoever ends it may be waiting for the job.
async fn expired_hold(
    conn: &mut AsyncPgConnection,
    expired: Vec<(Uuid, Option<Uuid>)>,
) -> Result<Vec<HeldJob>> {
    let runs: Vec<Uuid> = expired.iter().filter_map(|(_, run)| *run).collect();
    let locked: Vec<(Uuid, String)> = match runs.is_empty() {
        true => Vec::new(),
        false => workflow_runs::table
            .filter(workflow_runs::id.eq_any(runs))
            .select((workflow_runs::id, workflow_runs::status))
            .for_no_key_update()
            .skip_locked()
            .load(conn)
            .await
            .map_err(db_error("expired_hold"))?,
    };
    let goes_on = |run: Option<Uuid>| match run {
        None => Some(None),
        Some(run) => locked
            .iter()
            .find(|(id, _)| *id == run)
            .map(|(_, status)| Some(matches!(status.as_str(), "pending" | "running"))),
    };
    let ids: Vec<Uuid> = expired.iter().map(|(id, _)| *id).collect();
    let rows: Vec<JobRow> = jobs::table
        .filter(dsl::id.eq_any(ids))
        .order((dsl::lease_expires_at, dsl::id))
        .select(JobRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("expired_hold"))?;
    let held = |row: JobRow| Some(HeldJob { run_goes_on: goes_on(row.run_id)?, row });
    Ok(rows.into_iter().filter_map(held).collect())
}
