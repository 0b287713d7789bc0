//! Taking back leases that have run out.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use store_core::Result;
use store_core::queue::{JobState, Reaped};
use store_core::sqlite::db_error;

use super::endings::{HeldJob, job_end_held, run_goes_on};
use super::moves::{Requeue, job_requeue_many};
use crate::rules::Context;
use crate::rules::queue::ending::{Ending, Next};
use crate::sqlite::rows::JobRow;
use crate::sqlite::schema::jobs::{self, dsl};

/// Takes back leases that have run out. Tells as well whether a job can be claimed
/// now.
pub(in crate::sqlite) fn job_reap(
    conn: &mut SqliteConnection,
    cx: &Context,
    limit: i64,
) -> Result<(Reaped, bool)> {
    let held = expired_find(conn, cx, limit)?;
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
    job_requeue_many(conn, cx, &requeued)?;
    for held in others {
        let ended = job_end_held(conn, cx, &held, &Ending::Expire)?;
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

// parity: PostgreSQL locks jobs, and then their runs.
/// Finds the jobs whose leases ran out, and whether their runs go on.
fn expired_find(conn: &mut SqliteConnection, cx: &Context, limit: i64) -> Result<Vec<HeldJob>> {
    let rows: Vec<JobRow> = jobs::table
        // In the words of the index.
        .filter(sql::<Bool>("state = 'leased'"))
        .filter(dsl::lease_expires_at.le(cx.clock.now().to_string()))
        .order((dsl::lease_expires_at, dsl::id))
        .limit(limit)
        .select(JobRow::as_select())
        .load(conn)
        .map_err(db_error("expired_find"))?;
    rows.into_iter()
        .map(|row| {
            let run_goes_on = match &row.run_id {
                None => None,
                Some(run) => Some(run_goes_on(conn, run)?),
            };
            Ok(HeldJob { row, run_goes_on })
        })
        .collect()
}
