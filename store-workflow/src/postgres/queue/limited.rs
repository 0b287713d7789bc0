//! Claims from queues that have limits, under the locks of the queues' settings.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::{QueueLimits, Rate};
use store_core::{Result, Timestamp};
use uuid::Uuid;

use super::claim::{Leased, LeasedColumns, job_promote, lease_binds, lease_chosen, lease_input};
use crate::postgres::rows::{JsonText, Reader};
use crate::postgres::schema::{job_queues, jobs};
use crate::rules::Context;
use crate::rules::queue::claim::{ReadyClaim, Room, Rooms};
use store_core::postgres::{Bind, Statement};

// parity: chooses under the locks of the queues' settings, and leases.
/// Claims jobs of queues some of which have limits; in a transaction that is open.
pub(in crate::postgres) async fn job_claim_limited(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    claim: &ReadyClaim,
) -> Result<Vec<Leased>> {
    job_promote(conn, cx, &claim.queues).await?;
    let (mut rooms, now) = rooms_find(conn, cx, claim).await?;
    let mut chosen: Vec<Uuid> = Vec::new();
    loop {
        let left = claim.limit - i64::try_from(chosen.len()).unwrap_or(i64::MAX);
        let candidates = candidates(conn, claim, &rooms, &chosen, left).await?;
        let last = i64::try_from(candidates.len()).is_ok_and(|count| count < left);
        for (id, queue, key) in candidates {
            if rooms.take(&queue, key.as_deref()) {
                chosen.push(id);
            }
        }
        // Whatever did not fit filled a queue or a key: the next look leaves that out.
        if last || i64::try_from(chosen.len()).is_ok_and(|count| count >= claim.limit) {
            break;
        }
    }
    windows_save(conn, &rooms).await?;
    lease_many(conn, claim, chosen, now).await
}

/// Locks the settings of queues in the order of their names, and returns what is left of those that
/// are not paused, and when that was.
async fn rooms_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    claim: &ReadyClaim,
) -> Result<(Rooms, Timestamp)> {
    type Settings = (
        (String, bool, Option<i32>, Option<i32>),
        (Option<i32>, Option<i64>, Option<DateTime<Utc>>, i32),
    );
    use job_queues::dsl;
    let settings: Vec<Settings> = job_queues::table
        .filter(dsl::queue.eq_any(&claim.queues))
        .order(dsl::queue)
        .select((
            (dsl::queue, dsl::paused, dsl::max_leased, dsl::per_key),
            (dsl::rate_count, dsl::rate_per_us, dsl::window_started_at, dsl::window_claims),
        ))
        .for_no_key_update()
        .load(conn)
        .await
        .map_err(db_error("rooms_find"))?;
    // After the locks: windows are measured by one clock, the server's.
    let now = server_now(conn, cx).await?;
    let mut rooms: HashMap<String, Room> =
        claim.queues.iter().map(|queue| (queue.clone(), Room::default())).collect();
    for ((queue, paused, max_leased, per_key), (count, per_us, started, claims)) in settings {
        if paused {
            rooms.remove(&queue);
            continue;
        }
        let read = Reader { table: "job_queues", id: &queue, json: &cx.json };
        let max = |column, max: Option<i32>| max.map(|max| read.number(column, max)).transpose();
        let rate = match (max("rate_count", count)?, per_us) {
            (Some(count), Some(per)) => {
                Some(Rate { count, per: Duration::from_micros(read.number("rate_per_us", per)?) })
            }
            _ => None,
        };
        let limits = QueueLimits {
            max_leased: max("max_leased", max_leased)?,
            per_key: max("per_key", per_key)?,
            rate,
        };
        let started = read.optional("window_started_at", started)?;
        let room = Room::new(limits, started, read.number("window_claims", claims)?);
        rooms.insert(queue, room.at(now)?);
    }
    let leased: Vec<(String, Option<String>, i64)> = jobs::table
        .filter(jobs::state.eq("leased"))
        .filter(jobs::queue.eq_any(&claim.queues))
        .group_by((jobs::queue, jobs::concurrency_key))
        .select((jobs::queue, jobs::concurrency_key, diesel::dsl::count_star()))
        .load(conn)
        .await
        .map_err(db_error("rooms_find"))?;
    for (queue, key, leased) in leased {
        if let Some(room) = rooms.get_mut(&queue) {
            room.count(key, u32::try_from(leased).unwrap_or(u32::MAX));
        }
    }
    Ok((Rooms(rooms), now))
}

// parity: windows are measured by one clock, the server's.
/// Returns the server's clock.
async fn server_now(conn: &mut AsyncPgConnection, cx: &Context) -> Result<Timestamp> {
    enum ServerNow {}
    if let Some(now) = cx.clock.database_override() {
        return Ok(now);
    }
    let now: DateTime<Utc> =
        Statement::<ServerNow, sql_types::Timestamptz>::new("SELECT clock_timestamp()", Vec::new())
            .get_result(conn)
            .await
            .map_err(db_error("server_now"))?;
    now.try_into()
}

const CANDIDATES: &str = "SELECT id, queue, concurrency_key FROM jobs \
     WHERE state = 'available' AND queue = ANY (?) AND capabilities <@ ? AND id <> ALL (?) \
     AND (concurrency_key IS NULL OR queue || chr(31) || concurrency_key <> ALL (?)) \
     ORDER BY priority, run_at, id LIMIT ? FOR UPDATE SKIP LOCKED";

type Candidate = (Uuid, String, Option<String>);

/// Returns the next jobs of queues and keys that have room, and locks them.
async fn candidates(
    conn: &mut AsyncPgConnection,
    claim: &ReadyClaim,
    rooms: &Rooms,
    chosen: &[Uuid],
    limit: i64,
) -> Result<Vec<Candidate>> {
    enum Candidates {}
    let full = rooms.full_keys();
    let binds = vec![
        Bind::Texts(rooms.open()),
        Bind::Json(JsonText(&claim.capabilities.text)),
        Bind::Uuids(chosen.to_vec()),
        Bind::Texts(full.iter().map(String::as_str).collect()),
        Bind::BigInt(limit),
    ];
    type Columns = (sql_types::Uuid, sql_types::Text, sql_types::Nullable<sql_types::Text>);
    Statement::<Candidates, Columns>::new(CANDIDATES, binds)
        .load(conn)
        .await
        .map_err(db_error("candidates"))
}

/// Saves what a claim took of the windows of its queues.
async fn windows_save(conn: &mut AsyncPgConnection, rooms: &Rooms) -> Result<()> {
    for (queue, started_at, claims) in rooms.windows() {
        diesel::update(job_queues::table.find(queue))
            .set((
                job_queues::window_started_at.eq(started_at.to_datetime()),
                job_queues::window_claims.eq(i32::try_from(claims).unwrap_or(i32::MAX)),
            ))
            .execute(conn)
            .await
            .map_err(db_error("windows_save"))?;
    }
    Ok(())
}

// parity: belongs to job_claim_limited.
const LEASE: &str =
    concat!(lease_input!(), "chosen AS (SELECT id FROM unnest(?) AS named (id))", lease_chosen!());

// parity: belongs to job_claim_limited.
/// Leases the jobs that were chosen, from the instant on that their windows were measured at.
async fn lease_many(
    conn: &mut AsyncPgConnection,
    claim: &ReadyClaim,
    chosen: Vec<Uuid>,
    now: Timestamp,
) -> Result<Vec<Leased>> {
    enum LeaseJobs {}
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = lease_binds(claim, Some(now));
    binds.push(Bind::Uuids(chosen));
    Statement::<LeaseJobs, LeasedColumns>::new(LEASE, binds)
        .load(conn)
        .await
        .map_err(db_error("lease_many"))
}
