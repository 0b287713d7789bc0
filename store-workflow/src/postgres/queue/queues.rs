//! Queries on queues: what is set for them, and how they are doing.

use chrono::{DateTime, Utc};
use diesel::dsl::{case_when, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Interval, Nullable, Text, Timestamptz};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::QueueStats;
use store_core::{Error, Result};

use crate::postgres::listener_leases::interval;
use crate::postgres::rows::{CountRow, QueueRow, stored};
use crate::postgres::schema::job_history;
use crate::postgres::schema::job_queues::{self, dsl};
use crate::rules::Context;
use crate::rules::queue::limits::{QueueSettings, StoredLimits};
use crate::rules::queue::stats::{self, Counted};

/// Stops claims from a queue.
pub(in crate::postgres) async fn queue_pause(
    conn: &mut AsyncPgConnection,
    queue: &str,
) -> Result<()> {
    diesel::insert_into(job_queues::table)
        .values((dsl::queue.eq(queue), dsl::paused.eq(true)))
        .on_conflict(dsl::queue)
        .do_update()
        .set(dsl::paused.eq(true))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("queue_pause"))
}

/// Allows claims from a queue again.
pub(in crate::postgres) async fn queue_resume(
    conn: &mut AsyncPgConnection,
    queue: &str,
) -> Result<()> {
    diesel::update(job_queues::table.find(queue))
        .set(dsl::paused.eq(false))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("queue_resume"))
}

/// Sets what a queue allows. Another rate begins with a window of its own.
pub(in crate::postgres) async fn queue_set_limits(
    conn: &mut AsyncPgConnection,
    queue: &str,
    limits: StoredLimits,
) -> Result<()> {
    let allowed = (
        dsl::max_leased.eq(limits.max_leased),
        dsl::per_key.eq(limits.per_key),
        dsl::rate_count.eq(limits.rate_count),
        dsl::rate_per_us.eq(limits.rate_per_us),
    );
    let same_rate = || {
        dsl::rate_count
            .is_not_distinct_from(excluded(dsl::rate_count))
            .and(dsl::rate_per_us.is_not_distinct_from(excluded(dsl::rate_per_us)))
    };
    let no_window = None::<DateTime<Utc>>;
    let window = (
        dsl::window_started_at
            .eq(case_when(same_rate(), dsl::window_started_at).otherwise(no_window)),
        dsl::window_claims.eq(case_when(same_rate(), dsl::window_claims).otherwise(0)),
    );
    diesel::insert_into(job_queues::table)
        .values((dsl::queue.eq(queue), allowed))
        .on_conflict(dsl::queue)
        .do_update()
        .set((allowed, window))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("queue_set_limits"))
}

/// Counts the jobs of one queue or of all, and adds what is set for them: three statements.
pub(in crate::postgres) async fn queue_stats(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    queue: Option<&str>,
) -> Result<Vec<QueueStats>> {
    let unfinished = unfinished_count(conn, cx, queue).await?;
    let finished = finished_count(conn, cx, queue).await?;
    let settings = queue_settings(conn, queue).await?;
    stats::assembled(queue, unfinished.into_iter().chain(finished), settings)
}

// Literals and one part for each state, because only these are answered by the partial indexes. The
// clock is read once, so that each scheduled job is on one side of it.
const UNFINISHED: &str = "WITH clock AS MATERIALIZED \
     (SELECT coalesce($1, clock_timestamp()) AS now) \
     SELECT queue, 'blocked' AS state, COUNT(*) AS jobs, NULL::timestamptz AS oldest \
     FROM jobs WHERE state = 'blocked' {of_queue} GROUP BY queue \
     UNION ALL SELECT queue, 'scheduled', COUNT(*), NULL FROM jobs \
     WHERE state = 'scheduled' AND run_at > (SELECT now FROM clock) {of_queue} GROUP BY queue \
     UNION ALL SELECT queue, 'available', COUNT(*), MIN(run_at) FROM jobs \
     WHERE state = 'scheduled' AND run_at <= (SELECT now FROM clock) {of_queue} GROUP BY queue \
     UNION ALL SELECT queue, 'available', COUNT(*), MIN(run_at) \
     FROM jobs WHERE state = 'available' {of_queue} GROUP BY queue \
     UNION ALL SELECT queue, 'leased', COUNT(*), NULL \
     FROM jobs WHERE state = 'leased' {of_queue} GROUP BY queue";

/// Counts unfinished jobs by state; a scheduled one whose time has come is available.
async fn unfinished_count(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    queue: Option<&str>,
) -> Result<Vec<Result<Counted>>> {
    let of_queue = queue.map_or("", |_| "AND queue = $2");
    let mut query = diesel::sql_query(UNFINISHED.replace("{of_queue}", of_queue))
        .into_boxed::<Pg>()
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()));
    if let Some(queue) = queue {
        query = query.bind::<Text, _>(queue);
    }
    let rows: Vec<CountRow> = query.load(conn).await.map_err(db_error("unfinished_count"))?;
    Ok(rows.into_iter().map(|row| row.into_record(&cx.json)).collect())
}

/// Counts the jobs that finished in the last minute by how they ended.
async fn finished_count(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    queue: Option<&str>,
) -> Result<Vec<Result<Counted>>> {
    let since = sql::<Timestamptz>("(SELECT coalesce(")
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .sql(", clock_timestamp()) - ")
        .bind::<Interval, _>(interval(stats::LAST))
        .sql(")");
    let mut query = job_history::table
        .group_by((job_history::queue, job_history::state))
        .select((job_history::queue, job_history::state, diesel::dsl::count_star()))
        .filter(job_history::finished_at.gt(since))
        .into_boxed();
    if let Some(queue) = queue {
        query = query.filter(job_history::queue.eq(queue));
    }
    let rows: Vec<(String, String, i64)> =
        query.load(conn).await.map_err(db_error("finished_count"))?;
    let counted = |(queue, state, jobs): (String, String, i64)| {
        let corrupt = |cause: Error| Error::corrupt("job_history", "state", &queue, cause);
        let state = state.parse().map_err(corrupt)?;
        Ok(Counted { queue, state, jobs: stats::counted(jobs), oldest: None })
    };
    Ok(rows.into_iter().map(counted).collect())
}

/// Reads what is set for one queue, or for all for which something is.
async fn queue_settings(
    conn: &mut AsyncPgConnection,
    queue: Option<&str>,
) -> Result<Vec<Result<QueueSettings>>> {
    let something = dsl::paused
        .or(dsl::max_leased.is_not_null())
        .or(dsl::per_key.is_not_null())
        .or(dsl::rate_count.is_not_null());
    let mut query = job_queues::table.filter(something).into_boxed();
    if let Some(queue) = queue {
        query = query.filter(dsl::queue.eq(queue));
    }
    let rows: Vec<QueueRow> =
        query.select(QueueRow::as_select()).load(conn).await.map_err(db_error("queue_settings"))?;
    Ok(rows.into_iter().map(QueueRow::into_record).collect())
}
