//! Queries on leases that go on.

use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde_json::{Value, json};
use store_core::json::Admitted;
use store_core::queue::{Heartbeat, JobLease};
use store_core::sqlite::db_error;
use store_core::{Result, Timestamp};

use crate::rules::Context;
use crate::rules::queue::ending::lost;
use crate::sqlite::schema::jobs::{self, dsl};
use store_core::sqlite::{Bind, Statement};

const HEARTBEAT: &str = "UPDATE jobs SET lease_expires_at = ? \
     WHERE (id, lease_owner, lease_epoch) IN (SELECT value ->> 0, value ->> 1, value ->> 2 \
     FROM json_each(?)) RETURNING id, lease_owner, lease_epoch, cancel_reason";

/// Extends leases, and answers for each.
pub(in crate::sqlite) fn job_heartbeat(
    conn: &mut SqliteConnection,
    cx: &Context,
    leases: &[JobLease],
    ttl: Duration,
) -> Result<Vec<Heartbeat>> {
    enum HeartbeatJobs {}
    let expires_at = cx.clock.now().plus(ttl)?;
    let named = leases.iter().map(|lease| json!([lease.job_id, lease.owner, lease.epoch]));
    let binds = vec![
        Bind::String(expires_at.to_string()),
        Bind::String(Value::Array(named.collect()).to_string()),
    ];
    type Row = (String, Option<String>, i64, Option<String>);
    type Columns = (Text, Nullable<Text>, BigInt, Nullable<Text>);
    let rows: Vec<Row> = Statement::<HeartbeatJobs, Columns>::new(HEARTBEAT, binds)
        .load(conn)
        .map_err(db_error("job_heartbeat"))?;
    let extended: HashMap<(String, String, i64), Option<String>> = rows
        .into_iter()
        .filter_map(|(id, owner, epoch, reason)| Some(((id, owner?, epoch), reason)))
        .collect();
    let of = |lease: &JobLease| {
        extended.get(&(lease.job_id.to_string(), lease.owner.clone(), lease.epoch))
    };
    Ok(leases.iter().map(|lease| answer(lease, expires_at, of(lease))).collect())
}

/// Answers for a lease.
fn answer(lease: &JobLease, expires_at: Timestamp, extended: Option<&Option<String>>) -> Heartbeat {
    let Some(reason) = extended else { return Heartbeat::Lost(lease.job_id) };
    let lease = JobLease { expires_at, ..lease.clone() };
    match reason {
        Some(reason) => Heartbeat::CancelRequested { lease, reason: reason.clone() },
        None => Heartbeat::Extended(lease),
    }
}

/// Saves how far a job is.
pub(in crate::sqlite) fn job_report(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &JobLease,
    progress: &Admitted,
) -> Result<()> {
    let saved = diesel::update(jobs::table.find(lease.job_id.to_string()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::progress.eq(&progress.text), dsl::updated_at.eq(cx.clock.now().to_string())))
        .execute(conn)
        .map_err(db_error("job_report"))?;
    if saved == 0 { Err(lost(lease)) } else { Ok(()) }
}
