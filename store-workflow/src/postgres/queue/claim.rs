//! Queries that claim jobs.

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::ClaimedJob;
use store_core::{Error, Message, Result, Timestamp};

use super::endings::{HeldJob, job_stop, lease_hold};
use super::fronts::{Fronts, Look, Place};
use crate::postgres::listener_leases::interval;
use crate::postgres::rows::{JobRow, JsonText};
use crate::postgres::schema::job_queues::{self, dsl};
use crate::rules::Context;
use crate::rules::queue::claim::ReadyClaim;
use crate::rules::queue::ending::Ending;
use store_core::postgres::{Bind, Statement};

// A worker takes what has come due in the statement after this one. Those that another worker is
// just taking are left to it, and those above the limit come with the next claim. The clock is
// asked in a query of its own: a volatile function bounds no index.
const PROMOTE: &str = "WITH asked AS MATERIALIZED (SELECT ?::text[] AS names) \
     UPDATE jobs SET state = 'available' WHERE id = ANY (ARRAY(\
     SELECT due.id FROM asked CROSS JOIN unnest(names) AS queues (name) CROSS JOIN LATERAL (\
     SELECT id FROM jobs WHERE state = 'scheduled' AND queue = name \
     AND run_at <= (SELECT coalesce(?, clock_timestamp())) \
     ORDER BY run_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED) AS due))";

/// Makes jobs available whose time has come, and counts them.
pub(super) async fn job_promote(
    mut conn: &AsyncPgConnection,
    cx: &Context,
    queues: &[String],
) -> Result<usize> {
    enum PromoteJobs {}
    let binds = vec![
        Bind::Texts(queues.iter().map(String::as_str).collect()),
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
    ];
    Statement::<PromoteJobs, ()>::new(PROMOTE, binds)
        .execute(&mut conn)
        .await
        .map_err(db_error("job_promote"))
}

// parity: SQLite runs single statements without a round trip.
/// Begins a statement that leases jobs: its first values are the worker, the clock, the time to
/// live, and when runs start.
macro_rules! lease_input {
    () => {
        "WITH input AS (SELECT ?::text, ?::timestamptz, ?::interval, ?::timestamptz), "
    };
}
pub(super) use lease_input;

// parity: belongs to lease_input.
/// Ends a statement that leases the jobs `chosen`, and starts their runs. The ids are arrays, so that
/// they are looked up by their keys, however many the planner expects. The last column tells
/// whether the run goes on: it does not when somebody else has ended it, or has started it before
/// the first claim.
macro_rules! lease_chosen {
    () => {
        ", claimed AS (\
         UPDATE jobs SET state = 'leased', attempt = attempt + 1, lease_owner = $1, \
         lease_epoch = lease_epoch + 1, leased_at = coalesce($2, clock_timestamp()), \
         lease_expires_at = coalesce($2, clock_timestamp()) + $3, \
         updated_at = coalesce($2, clock_timestamp()) \
         WHERE id = ANY (ARRAY(SELECT id FROM chosen)) RETURNING jobs.*\
         ), started AS (\
         UPDATE workflow_runs AS runs SET status = 'running', started_at = $4, updated_at = $4, \
         row_version = row_version + 1 \
         WHERE runs.id = ANY (ARRAY(SELECT run_id FROM claimed WHERE run_id IS NOT NULL)) \
         AND runs.status = 'pending' RETURNING runs.id, runs.workflow_id\
         ), audited AS (\
         INSERT INTO workflow_audit (workflow_id, run_id, actor, action, at, metadata) \
         SELECT workflow_id, id, $1, 'run_started', $4, '{}' FROM started\
         ) SELECT claimed.*, claimed.run_id IS NULL \
         OR EXISTS (SELECT 1 FROM started WHERE started.id = claimed.run_id) \
         OR (claimed.lease_epoch > 1 AND (SELECT runs.status FROM workflow_runs AS runs \
         WHERE runs.id = claimed.run_id) = 'running') FROM claimed"
    };
}
pub(super) use lease_chosen;

/// What a statement that leases jobs answers: the job, and whether its run goes on.
pub(super) type Leased = (JobRow, bool);
// parity: belongs to lease_input.
pub(super) type LeasedColumns = (SqlTypeOf<AsSelect<JobRow, Pg>>, Bool);

// parity: belongs to lease_input.
/// The values of `lease_input`; without `now` it is the server's clock.
pub(super) fn lease_binds(claim: &ReadyClaim, now: Option<Timestamp>) -> Vec<Bind<'_>> {
    vec![
        Bind::Text(&claim.worker),
        Bind::Instant(now.map(Timestamp::to_datetime)),
        Bind::Span(interval(claim.lease)),
        Bind::Instant(Some(claim.now.to_datetime())),
    ]
}

// parity: belongs to lease_input.
// Each queue is read in the order of its index, from the front on. A claim that names a queue with
// limits takes nothing here: limits need the lock of the queue's settings.
//
// What the planner could make use of is hidden from it in `asked`: it would plan each claim anew,
// which takes longer than the claim. For its sake there is a limit of 1000, too, which no claim
// exceeds; the one behind it ends the search.
const CLAIM: &str = concat!(
    lease_input!(),
    "asked AS MATERIALIZED (\
     SELECT ?::jsonb AS able, ?::bigint AS most, ?::text[] AS names, ?::smallint[] AS priorities, \
     ?::timestamptz[] AS instants, ?::uuid[] AS ids, ?::smallint[] AS lasts\
     ), stretches AS (\
     SELECT named.* FROM asked CROSS JOIN unnest(names, priorities, instants, ids, lasts) \
     AS named (name, from_priority, from_run_at, from_id, to_priority) \
     WHERE NOT EXISTS (SELECT 1 FROM job_queues WHERE queue = name AND paused) \
     AND NOT EXISTS (SELECT 1 FROM job_queues \
     WHERE queue = ANY ((SELECT names FROM asked)::text[]) AND (\
     max_leased IS NOT NULL OR per_key IS NOT NULL OR rate_count IS NOT NULL))\
     ), candidates AS (\
     SELECT jobs.* FROM stretches CROSS JOIN LATERAL (\
     SELECT * FROM (\
     SELECT id, priority, run_at FROM jobs WHERE state = 'available' AND queue = name \
     AND (priority, run_at, id) >= (from_priority, from_run_at, from_id) \
     AND priority <= to_priority \
     AND (capabilities = '[]' OR capabilities <@ (SELECT able FROM asked)) \
     ORDER BY priority, run_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED\
     ) AS locked LIMIT (SELECT most FROM asked)) AS jobs\
     ), chosen AS (\
     SELECT id FROM candidates ORDER BY priority, run_at, id LIMIT (SELECT most FROM asked))",
    lease_chosen!()
);

// parity: belongs to lease_input.
/// Claims jobs of queues that have no limits, where it is to look for them.
pub(super) async fn job_claim_unlimited(
    mut conn: &AsyncPgConnection,
    cx: &Context,
    claim: &ReadyClaim,
    look: &Look,
) -> Result<Vec<Leased>> {
    enum ClaimJobs {}
    let mut binds = lease_binds(claim, cx.clock.database_override());
    binds.push(Bind::Json(JsonText(&claim.capabilities.text)));
    binds.push(Bind::BigInt(claim.limit));
    binds.extend(look.binds());
    Statement::<ClaimJobs, LeasedColumns>::new(CLAIM, binds)
        .load(&mut conn)
        .await
        .map_err(db_error("job_claim_unlimited"))
}

// parity: asked beside the claim; SQLite reads the settings before it chooses.
/// Tells whether one of the queues has limits.
async fn queues_are_limited(mut conn: &AsyncPgConnection, queues: &[String]) -> Result<bool> {
    let limited = job_queues::table.filter(dsl::queue.eq_any(queues)).filter(
        dsl::max_leased
            .is_not_null()
            .or(dsl::per_key.is_not_null())
            .or(dsl::rate_count.is_not_null()),
    );
    diesel::select(diesel::dsl::exists(limited))
        .get_result(&mut conn)
        .await
        .map_err(db_error("queues_are_limited"))
}

/// Claims jobs: three statements in one round trip. None when a queue has limits. A claim that
/// began behind the fronts and found too few looks everywhere.
pub(in crate::postgres) async fn job_claim(
    conn: &AsyncPgConnection,
    cx: &Context,
    claim: &ReadyClaim,
    fronts: &Fronts,
) -> Result<Option<Vec<Leased>>> {
    let mut look = fronts.look(&claim.queues, &claim.capabilities.text);
    let (promoted, claimed, limited) = tokio::join!(
        job_promote(conn, cx, &claim.queues),
        job_claim_unlimited(conn, cx, claim, &look),
        queues_are_limited(conn, &claim.queues),
    );
    let mut claimed = claimed?;
    // Limits that were set between the statements hold from the next claim on.
    if unless_claimed(&claimed, limited)?.unwrap_or(false) && claimed.is_empty() {
        return Ok(None);
    }
    fronts.remember(&look, &places(&claimed));
    if unless_claimed(&claimed, promoted)?.is_some_and(|promoted| promoted > 0) {
        fronts.put_somewhere();
    }
    let left = claim.limit - i64::try_from(claimed.len()).unwrap_or(i64::MAX);
    if left > 0 && !look.is_complete() {
        look = fronts.look_again(&claim.queues, &claim.capabilities.text);
        if look.is_any_complete() {
            let rest = ReadyClaim { limit: left, ..claim.clone() };
            let found = job_claim_unlimited(conn, cx, &rest, &look).await;
            if let Some(found) = unless_claimed(&claimed, found)? {
                fronts.remember(&look, &places(&found));
                claimed.extend(found);
            }
        }
    }
    Ok(Some(claimed))
}

// parity: each statement is a transaction of its own.
/// Passes an error on, unless jobs were claimed before: nobody would know of them.
fn unless_claimed<T>(claimed: &[Leased], answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if claimed.is_empty() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "a part of a claim failed: what was claimed is handed out");
            Ok(None)
        }
    }
}

// parity: belongs to Fronts.
/// Where jobs were claimed.
fn places(claimed: &[Leased]) -> Vec<(&str, i16, Place)> {
    claimed
        .iter()
        .map(|(row, _)| (row.queue.as_str(), row.priority, (row.run_at, row.id)))
        .collect()
}

/// Returns the jobs that were claimed, in order, and apart from them those whose runs were ended, or
/// started by other means, meanwhile.
pub(in crate::postgres) fn claimed_records(
    cx: &Context,
    leased: Vec<Leased>,
) -> Result<(Vec<ClaimedJob>, Vec<ClaimedJob>)> {
    let mut claimed = Vec::with_capacity(leased.len());
    let mut orphaned = Vec::new();
    for (row, goes_on) in leased {
        let id = row.id;
        let job = row.into_record(&cx.json)?;
        let missing = || Error::corrupt("jobs", "lease_owner", id, Message("is missing".into()));
        let lease = job.lease.clone().ok_or_else(missing)?;
        if goes_on { &mut claimed } else { &mut orphaned }.push(ClaimedJob { job, lease });
    }
    claimed.sort_by_key(|one| (one.job.priority, one.job.run_at, one.job.id));
    Ok((claimed, orphaned))
}

/// Ends a job whose run was ended, or started by other means, while the job was claimed.
pub(in crate::postgres) async fn job_drop_orphan(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    orphan: &ClaimedJob,
) -> Result<()> {
    let held = HeldJob { run_goes_on: Some(false), ..lease_hold(conn, &orphan.lease).await? };
    job_stop(conn, cx, &held, &Ending::Release, cx.clock.now()).await.map(drop)
}
