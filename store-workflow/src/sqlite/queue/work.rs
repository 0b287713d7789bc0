//! Queries for those who wait for work.

use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use store_core::sqlite::db_error;
use store_core::{Result, Timestamp};

use crate::rules::Context;
use crate::sqlite::rows::Reader;
use crate::sqlite::schema::job_queues;
use crate::sqlite::schema::jobs::{self, dsl};
use crate::waiting::Work;

/// Tells whether there is work, and when there will be.
pub(in crate::sqlite) fn work_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    queues: &[String],
) -> Result<Work> {
    let now = cx.clock.now();
    let paused: Vec<String> = job_queues::table
        .filter(job_queues::queue.eq_any(queues))
        .filter(job_queues::paused)
        .select(job_queues::queue)
        .load(conn)
        .map_err(db_error("work_find"))?;
    let mut due: Option<Timestamp> = None;
    for queue in queues.iter().filter(|queue| !paused.contains(queue)) {
        // In the words of the indexes.
        let available =
            jobs::table.filter(sql::<Bool>("state = 'available'")).filter(dsl::queue.eq(queue));
        let there: bool =
            diesel::select(exists(available)).get_result(conn).map_err(db_error("work_find"))?;
        if there {
            return Ok(Work { now: true, due_in: None });
        }
        let next: Option<String> = jobs::table
            .filter(sql::<Bool>("state = 'scheduled'"))
            .filter(dsl::queue.eq(queue))
            .order((dsl::run_at, dsl::id))
            .select(dsl::run_at)
            .first(conn)
            .optional()
            .map_err(db_error("work_find"))?;
        if let Some(next) = next {
            let next =
                Reader { table: "jobs", id: queue, json: &cx.json }.parsed("run_at", &next)?;
            due = Some(due.map_or(next, |due| due.min(next)));
        }
    }
    let due_in = due.map(|due| due.since(now));
    Ok(Work { now: due.is_some_and(|due| due <= now), due_in })
}
