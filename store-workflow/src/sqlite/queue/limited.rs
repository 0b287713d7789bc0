//! Claims from queues that have limits.

use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde_json::Value;
use store_core::Result;
use store_core::queue::{QueueLimits, Rate};
use store_core::sqlite::db_error;

use crate::rules::Context;
use crate::rules::queue::claim::{ReadyClaim, Room, Rooms};
use crate::sqlite::rows::Reader;
use crate::sqlite::schema::{job_queues, jobs};
use store_core::sqlite::{Bind, Statement};

// parity: leasing is a statement of its own, in claim.
/// Chooses jobs of queues some of which have limits.
pub(super) fn job_choose_limited(
    conn: &mut SqliteConnection,
    cx: &Context,
    claim: &ReadyClaim,
) -> Result<Vec<String>> {
    let mut rooms = rooms_find(conn, cx, claim)?;
    let mut chosen: Vec<String> = Vec::new();
    loop {
        let left = claim.limit - i64::try_from(chosen.len()).unwrap_or(i64::MAX);
        let candidates = candidates(conn, claim, &rooms, &chosen, left)?;
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
    windows_save(conn, &rooms)?;
    Ok(chosen)
}

/// Returns what is left of the queues that are not paused.
fn rooms_find(conn: &mut SqliteConnection, cx: &Context, claim: &ReadyClaim) -> Result<Rooms> {
    type Settings =
        ((String, bool, Option<i32>, Option<i32>), (Option<i32>, Option<i64>, Option<String>, i32));
    use job_queues::dsl;
    let settings: Vec<Settings> = job_queues::table
        .filter(dsl::queue.eq_any(&claim.queues))
        .order(dsl::queue)
        .select((
            (dsl::queue, dsl::paused, dsl::max_leased, dsl::per_key),
            (dsl::rate_count, dsl::rate_per_us, dsl::window_started_at, dsl::window_claims),
        ))
        .load(conn)
        .map_err(db_error("rooms_find"))?;
    let now = cx.clock.now();
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
        let started = read.optional("window_started_at", started.as_deref())?;
        let room = Room::new(limits, started, read.number("window_claims", claims)?);
        rooms.insert(queue, room.at(now)?);
    }
    let leased: Vec<(String, Option<String>, i64)> = jobs::table
        .filter(jobs::state.eq("leased"))
        .filter(jobs::queue.eq_any(&claim.queues))
        .group_by((jobs::queue, jobs::concurrency_key))
        .select((jobs::queue, jobs::concurrency_key, diesel::dsl::count_star()))
        .load(conn)
        .map_err(db_error("rooms_find"))?;
    for (queue, key, leased) in leased {
        if let Some(room) = rooms.get_mut(&queue) {
            room.count(key, u32::try_from(leased).unwrap_or(u32::MAX));
        }
    }
    Ok(Rooms(rooms))
}

const CANDIDATES: &str = "SELECT id, queue, concurrency_key FROM jobs \
     WHERE state = 'available' AND queue IN (SELECT value FROM json_each(?)) \
     AND NOT EXISTS (SELECT 1 FROM json_each(capabilities) AS needed \
     WHERE needed.value NOT IN (SELECT value FROM json_each(?))) \
     AND id NOT IN (SELECT value FROM json_each(?)) AND (concurrency_key IS NULL \
     OR queue || char(31) || concurrency_key NOT IN (SELECT value FROM json_each(?))) \
     ORDER BY priority, run_at, id LIMIT ?";

type Candidate = (String, String, Option<String>);

/// Returns the next jobs of queues and keys that have room.
fn candidates(
    conn: &mut SqliteConnection,
    claim: &ReadyClaim,
    rooms: &Rooms,
    chosen: &[String],
    limit: i64,
) -> Result<Vec<Candidate>> {
    enum Candidates {}
    let json = |texts: Vec<String>| Bind::String(Value::from(texts).to_string());
    let binds = vec![
        json(rooms.open().into_iter().map(str::to_owned).collect()),
        Bind::Text(&claim.capabilities.text),
        json(chosen.to_vec()),
        json(rooms.full_keys()),
        Bind::BigInt(limit),
    ];
    Statement::<Candidates, (Text, Text, Nullable<Text>)>::new(CANDIDATES, binds)
        .load(conn)
        .map_err(db_error("candidates"))
}

/// Saves what a claim took of the windows of its queues.
fn windows_save(conn: &mut SqliteConnection, rooms: &Rooms) -> Result<()> {
    for (queue, started_at, claims) in rooms.windows() {
        diesel::update(job_queues::table.find(queue))
            .set((
                job_queues::window_started_at.eq(started_at.to_string()),
                job_queues::window_claims.eq(i32::try_from(claims).unwrap_or(i32::MAX)),
            ))
            .execute(conn)
            .map_err(db_error("windows_save"))?;
    }
    Ok(())
}
