//! Queries on leases that go on.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::json::Admitted;
use store_core::postgres::db_error;
use store_core::queue::{Heartbeat, JobLease};
use store_core::{Error, Result, Timestamp};
use uuid::Uuid;

use crate::postgres::listener_leases::interval;
use crate::postgres::rows::JsonText;
use crate::postgres::schema::jobs::{self, dsl};
use crate::rules::Context;
use crate::rules::queue::ending::lost;
use store_core::postgres::{Bind, Statement};

// In the order of their ids, so that heartbeats cannot deadlock with each other.
const HEARTBEAT: &str = "WITH held AS (\
     SELECT jobs.id FROM jobs JOIN unnest(?, ?, ?) AS leases (id, owner, epoch) \
     ON jobs.id = leases.id AND lease_owner = owner AND lease_epoch = epoch \
     ORDER BY jobs.id FOR NO KEY UPDATE OF jobs\
     ) UPDATE jobs SET lease_expires_at = coalesce(?, clock_timestamp()) + ? \
     FROM held WHERE jobs.id = held.id RETURNING jobs.id, lease_owner, lease_epoch, lease_expires_at, cancel_reason";

// parity: SQLite computes when a lease ends before the statement.
/// When a lease ends now, and why its job is to stop.
type Extended = (DateTime<Utc>, Option<String>);

/// Extends leases, and answers for each.
pub(in crate::postgres) async fn job_heartbeat(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    leases: &[JobLease],
    ttl: Duration,
) -> Result<Vec<Heartbeat>> {
    enum HeartbeatJobs {}
    let binds = vec![
        Bind::Uuids(leases.iter().map(|lease| lease.job_id.as_uuid()).collect()),
        Bind::Texts(leases.iter().map(|lease| lease.owner.as_str()).collect()),
        Bind::BigInts(leases.iter().map(|lease| lease.epoch).collect()),
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
        Bind::Span(interval(ttl)),
    ];
    type Row = (Uuid, Option<String>, i64, Option<DateTime<Utc>>, Option<String>);
    type Columns = (SqlUuid, Nullable<Text>, BigInt, Nullable<Timestamptz>, Nullable<Text>);
    let rows: Vec<Row> = Statement::<HeartbeatJobs, Columns>::new(HEARTBEAT, binds)
        .load(conn)
        .await
        .map_err(db_error("job_heartbeat"))?;
    let extended: HashMap<(Uuid, String, i64), Extended> = rows
        .into_iter()
        .filter_map(|(id, owner, epoch, at, reason)| Some(((id, owner?, epoch), (at?, reason))))
        .collect();
    let of = |lease: &JobLease| {
        extended.get(&(lease.job_id.as_uuid(), lease.owner.clone(), lease.epoch))
    };
    leases.iter().map(|lease| answer(lease, of(lease))).collect()
}

/// Answers for a lease.
fn answer(lease: &JobLease, extended: Option<&Extended>) -> Result<Heartbeat> {
    let Some((expires_at, reason)) = extended else {
        return Ok(Heartbeat::Lost(lease.job_id));
    };
    let corrupt = |cause| Error::corrupt("jobs", "lease_expires_at", lease.job_id, cause);
    let expires_at = Timestamp::try_from(*expires_at).map_err(corrupt)?;
    let lease = JobLease { expires_at, ..lease.clone() };
    Ok(match reason {
        Some(reason) => Heartbeat::CancelRequested { lease, reason: reason.clone() },
        None => Heartbeat::Extended(lease),
    })
}

/// Saves how far a job is.
pub(in crate::postgres) async fn job_report(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &JobLease,
    progress: &Admitted,
) -> Result<()> {
    let saved = diesel::update(jobs::table.find(lease.job_id.as_uuid()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((
            dsl::progress.eq(JsonText(&progress.text)),
            dsl::updated_at.eq(cx.clock.now().to_datetime()),
        ))
        .execute(conn)
        .await
        .map_err(db_error("job_report"))?;
    if saved == 0 { Err(lost(lease)) } else { Ok(()) }
}
