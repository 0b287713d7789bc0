//! Queries for those who wait for work.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::{Result, Timestamp};

use crate::rules::Context;
use crate::waiting::Work;
use store_core::postgres::{Bind, Statement};

// parity: one round trip, and the server's clock.
const WORK: &str = "WITH named AS (SELECT coalesce(?, clock_timestamp()) AS now), queues AS (\
     SELECT name FROM unnest(?) AS queues (name) \
     WHERE NOT EXISTS (SELECT 1 FROM job_queues WHERE queue = name AND paused)\
     ), due AS (\
     SELECT min(next.run_at) AS run_at FROM queues CROSS JOIN LATERAL (\
     SELECT run_at FROM jobs WHERE state = 'scheduled' AND queue = name \
     ORDER BY run_at, id LIMIT 1) AS next\
     ) SELECT EXISTS (SELECT 1 FROM queues CROSS JOIN LATERAL (\
     SELECT 1 FROM jobs WHERE state = 'available' AND queue = name LIMIT 1) AS one) \
     OR coalesce(due.run_at <= named.now, FALSE), \
     (extract(epoch FROM due.run_at - named.now) * 1000000)::bigint FROM named, due";

/// Tells whether there is work, and when there will be.
pub(in crate::postgres) async fn work_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    queues: &[String],
) -> Result<Work> {
    enum FindWork {}
    let binds = vec![
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
        Bind::Texts(queues.iter().map(String::as_str).collect()),
    ];
    let (now, due_in): (bool, Option<i64>) =
        Statement::<FindWork, (Bool, Nullable<BigInt>)>::new(WORK, binds)
            .get_result(conn)
            .await
            .map_err(db_error("work_find"))?;
    let due_in = due_in.map(|us| Duration::from_micros(u64::try_from(us).unwrap_or(0)));
    Ok(Work { now, due_in })
}
