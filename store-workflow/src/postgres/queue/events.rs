//! Queries on events that jobs wait for.

use std::collections::{HashMap, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::Bool;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use store_core::json::Admitted;
use store_core::postgres::db_error;
use store_core::queue::{AssignmentOutcome, Delivery, JobLease, JobState};
use store_core::{JobId, Result, Timestamp};
use uuid::Uuid;

use super::dependencies::job_unblock;
use super::endings::{Ended, job_stop, lease_hold};
use super::moves::{Requeue, job_requeue_many};
use crate::postgres::rows::JsonText;
use crate::postgres::schema::job_events::{self, dsl};
use crate::postgres::schema::jobs;
use crate::rules::Context;
use crate::rules::queue::ending::Ending;
use crate::rules::queue::job::ReadyJob;

/// Lets new jobs wait for their events; answers what those brought that were delivered already.
pub(super) async fn event_wait_many(
    conn: &mut AsyncPgConnection,
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
    let mut brought = event_take(conn, cx, &waiting, cx.clock.now()).await?;
    waiting
        .into_iter()
        .map(|(job, token)| match brought.remove(token) {
            Some(event) => Ok((job, event)),
            None => Err(ReadyJob::event_taken(token)),
        })
        .collect()
}

/// Takes tokens for jobs; answers for each that no other job has what its event brought.
async fn event_take(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    waiting: &[(JobId, &str)],
    now: Timestamp,
) -> Result<HashMap<String, Option<Admitted>>> {
    if waiting.is_empty() {
        return Ok(HashMap::new());
    }
    // In the order of the tokens, so that processes cannot deadlock.
    let mut waiting = waiting.to_vec();
    waiting.sort_unstable_by_key(|(_, token)| *token);
    let rows: Vec<_> = waiting
        .iter()
        .map(|(job, token)| {
            (
                dsl::token.eq(*token),
                dsl::job_id.eq(job.as_uuid()),
                dsl::created_at.eq(now.to_datetime()),
            )
        })
        .collect();
    let upsert = diesel::insert_into(job_events::table)
        .values(rows)
        .on_conflict(dsl::token)
        .do_update()
        .set(dsl::job_id.eq(excluded(dsl::job_id)));
    let free = sql::<Bool>("job_events.job_id IS NULL OR job_events.job_id = excluded.job_id");
    let taken: Vec<(String, Option<Value>)> = FilterDsl::filter(upsert, free)
        .returning((dsl::token, dsl::payload))
        .load(conn)
        .await
        .map_err(db_error("event_take"))?;
    let admitted =
        |stored: Value| Admitted { text: stored.to_string(), value: cx.json.restore(stored) };
    Ok(taken.into_iter().map(|(token, payload)| (token, payload.map(admitted))).collect())
}

/// Lets a job that a worker holds wait for an event.
pub(in crate::postgres) async fn event_wait(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &JobLease,
    token: &str,
) -> Result<Ended> {
    let now = cx.clock.now();
    let held = lease_hold(conn, lease).await?;
    if let Some(ended) = job_stop(conn, cx, &held, &Ending::Release, now).await? {
        return Ok(ended);
    }
    let mut brought = event_take(conn, cx, &[(lease.job_id, token)], now).await?;
    let Some(event) = brought.remove(token) else { return Err(ReadyJob::event_taken(token)) };
    let state = if event.is_some() { JobState::Available } else { JobState::Blocked };
    let requeue = Requeue {
        run_at: held.row.held(&cx.json)?.run_at.min(now),
        attempt: held.row.attempt - 1,
        wait: Some((token, event.as_ref())),
        ..Requeue::new(&held.row, state, AssignmentOutcome::Waited)
    };
    job_requeue_many(conn, cx, &[requeue]).await?;
    Ok(Ended { state, woken: state == JobState::Available })
}

/// Delivers an event. Returns what became of it, and whether a job can be claimed now.
pub(in crate::postgres) async fn event_deliver(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    token: &str,
    payload: &Admitted,
) -> Result<(Delivery, bool)> {
    let now = cx.clock.now();
    let upsert = diesel::insert_into(job_events::table)
        .values((
            dsl::token.eq(token),
            dsl::payload.eq(JsonText(&payload.text)),
            dsl::created_at.eq(now.to_datetime()),
            dsl::delivered_at.eq(now.to_datetime()),
        ))
        .on_conflict(dsl::token)
        .do_update()
        .set((
            dsl::payload.eq(excluded(dsl::payload)),
            dsl::delivered_at.eq(excluded(dsl::delivered_at)),
        ));
    let waiting: Option<Option<Uuid>> = FilterDsl::filter(upsert, dsl::payload.is_null())
        .returning(dsl::job_id)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("event_deliver"))?;
    let Some(waiting) = waiting else { return Ok((Delivery::Duplicate, false)) };
    let Some(job) = waiting else { return Ok((Delivery::Kept, false)) };
    let reached = diesel::update(jobs::table.find(job))
        .filter(jobs::state.eq("blocked"))
        .filter(jobs::event_token.eq(token))
        .set(jobs::event.eq(JsonText(&payload.text)))
        .execute(conn)
        .await
        .map_err(db_error("event_deliver"))?;
    if reached == 0 {
        return Ok((Delivery::Kept, false));
    }
    let job = job.into();
    let woken = job_unblock(conn, &HashMap::from([(job, 1)]), now).await?;
    Ok((Delivery::Reached(job), woken))
}

/// Forgets what jobs wait for that wait no longer.
pub(super) async fn event_forget(conn: &mut AsyncPgConnection, jobs: &[Uuid]) -> Result<()> {
    diesel::delete(job_events::table)
        .filter(dsl::job_id.assume_not_null().eq_any(jobs))
        .filter(dsl::delivered_at.is_null())
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("event_forget"))
}
