//! Queries on events that jobs wait for.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use store_core::json::Admitted;
use store_core::queue::{AssignmentOutcome, Delivery, JobLease, JobState};
use store_core::sqlite::db_error;
use store_core::{JobId, Result, Timestamp};

use super::dependencies::job_unblock;
use super::endings::{Ended, job_stop, lease_hold};
use super::moves::{Requeue, job_requeue_many};
use crate::rules::Context;
use crate::rules::queue::ending::Ending;
use crate::rules::queue::job::ReadyJob;
use crate::sqlite::rows::Reader;
use crate::sqlite::schema::job_events::{self, dsl};
use crate::sqlite::schema::jobs;
use store_core::sqlite::{Bind, Statement};

/// Lets new jobs wait for their events; answers what those brought that were delivered already.
pub(super) fn event_wait_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    jobs: &[&ReadyJob],
) -> Result<HashMap<JobId, Option<Admitted>>> {
    let waiting: Vec<(JobId, &str)> = jobs
        .iter()
        .filter_map(|ready| Some((ready.job.id, ready.job.event_token.as_deref()?)))
        .collect();
    let mut tokens = HashSet::new();
    if let Some((_, twice)) = waiting.iter().find(|(_, token)| !tokens.insert(*token)) {
        return Err(ReadyJob::event_taken(twice));
    }
    let mut brought = event_take(conn, cx, &waiting, cx.clock.now())?;
    waiting
        .into_iter()
        .map(|(job, token)| match brought.remove(token) {
            Some(event) => Ok((job, event)),
            None => Err(ReadyJob::event_taken(token)),
        })
        .collect()
}

// parity: the query builder's upsert would be prepared at each call.
const TAKE: &str = "INSERT INTO job_events (token, job_id, created_at) VALUES (?, ?, ?) \
     ON CONFLICT (token) DO UPDATE SET job_id = excluded.job_id \
     WHERE job_events.job_id IS NULL OR job_events.job_id = excluded.job_id \
     RETURNING payload";

/// Takes tokens for jobs; answers for each that no other job has what its event brought.
fn event_take(
    conn: &mut SqliteConnection,
    cx: &Context,
    waiting: &[(JobId, &str)],
    now: Timestamp,
) -> Result<HashMap<String, Option<Admitted>>> {
    enum TakeEvent {}
    let mut brought = HashMap::new();
    for (job, token) in waiting {
        let binds =
            vec![Bind::Text(token), Bind::String(job.to_string()), Bind::String(now.to_string())];
        let payload: Option<Option<String>> =
            Statement::<TakeEvent, Nullable<Text>>::new(TAKE, binds)
                .get_result(conn)
                .optional()
                .map_err(db_error("event_take"))?;
        let Some(payload) = payload else { continue };
        let read = Reader { table: "job_events", id: token, json: &cx.json };
        let admitted = |text: String| {
            read.json("payload", &text).map(|value| Admitted { value, text: text.clone() })
        };
        brought.insert((*token).to_owned(), payload.map(admitted).transpose()?);
    }
    Ok(brought)
}

/// Lets a job that a worker holds wait for an event.
pub(in crate::sqlite) fn event_wait(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &JobLease,
    token: &str,
) -> Result<Ended> {
    let now = cx.clock.now();
    let held = lease_hold(conn, lease)?;
    if let Some(ended) = job_stop(conn, cx, &held, &Ending::Release, now)? {
        return Ok(ended);
    }
    let mut brought = event_take(conn, cx, &[(lease.job_id, token)], now)?;
    let Some(event) = brought.remove(token) else { return Err(ReadyJob::event_taken(token)) };
    let state = if event.is_some() { JobState::Available } else { JobState::Blocked };
    let requeue = Requeue {
        run_at: held.row.held(&cx.json)?.run_at.min(now),
        attempt: held.row.attempt - 1,
        wait: Some((token, event.as_ref())),
        ..Requeue::new(&held.row, state, AssignmentOutcome::Waited)
    };
    job_requeue_many(conn, cx, &[requeue])?;
    Ok(Ended { state, woken: state == JobState::Available })
}

// parity: as above.
const DELIVER: &str = "INSERT INTO job_events (token, payload, created_at, delivered_at) \
     VALUES (?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET payload = excluded.payload, \
     delivered_at = excluded.delivered_at WHERE job_events.payload IS NULL RETURNING job_id";

/// Delivers an event. Returns what became of it, and whether a job can be claimed now.
pub(in crate::sqlite) fn event_deliver(
    conn: &mut SqliteConnection,
    cx: &Context,
    token: &str,
    payload: &Admitted,
) -> Result<(Delivery, bool)> {
    enum DeliverEvent {}
    let now = cx.clock.now();
    let binds = vec![
        Bind::Text(token),
        Bind::Text(&payload.text),
        Bind::String(now.to_string()),
        Bind::String(now.to_string()),
    ];
    let waiting: Option<Option<String>> =
        Statement::<DeliverEvent, Nullable<Text>>::new(DELIVER, binds)
            .get_result(conn)
            .optional()
            .map_err(db_error("event_deliver"))?;
    let Some(waiting) = waiting else { return Ok((Delivery::Duplicate, false)) };
    let Some(job) = waiting else { return Ok((Delivery::Kept, false)) };
    let reached = diesel::update(jobs::table.find(&job))
        .filter(jobs::state.eq("blocked"))
        .filter(jobs::event_token.eq(token))
        .set(jobs::event.eq(&payload.text))
        .execute(conn)
        .map_err(db_error("event_deliver"))?;
    if reached == 0 {
        return Ok((Delivery::Kept, false));
    }
    let read = Reader { table: "job_events", id: token, json: &cx.json };
    let job = read.parsed("job_id", &job)?;
    let woken = job_unblock(conn, &HashMap::from([(job, 1)]), now)?;
    Ok((Delivery::Reached(job), woken))
}

/// Forgets what a job waits for that waits no longer.
pub(super) fn event_forget(conn: &mut SqliteConnection, job: &str) -> Result<()> {
    diesel::delete(job_events::table)
        .filter(dsl::job_id.eq(job))
        .filter(dsl::delivered_at.is_null())
        .execute(conn)
        .map(drop)
        .map_err(db_error("event_forget"))
}
