//! Queries that claim jobs.

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::sql_types::{SmallInt, Text};
use diesel::sqlite::Sqlite;
use store_core::queue::ClaimedJob;
use store_core::sqlite::db_error;
use store_core::workflow::AuditAction;
use store_core::{Error, Message, Result};

use super::endings::{HeldJob, job_stop, lease_hold, run_goes_on};
use super::limited::job_choose_limited;
use crate::rules::Context;
use crate::rules::queue::claim::ReadyClaim;
use crate::rules::queue::ending::Ending;
use crate::sqlite::rows::{JobRow, NewAuditRow, Reader};
use crate::sqlite::schema::job_queues::{self, dsl};
use crate::sqlite::schema::workflow_audit;
use store_core::sqlite::{Bind, Statement};

const PROMOTE: &str = "UPDATE jobs SET state = 'available' WHERE id IN (\
     SELECT id FROM jobs WHERE state = 'scheduled' AND queue = ? AND run_at <= ? \
     ORDER BY run_at, id LIMIT 1000)";

/// Makes jobs available whose time has come; those above the limit come with the next claim.
pub(super) fn job_promote(
    conn: &mut SqliteConnection,
    cx: &Context,
    queues: &[String],
) -> Result<()> {
    enum PromoteJobs {}
    let now = cx.clock.now().to_string();
    for queue in queues {
        Statement::<PromoteJobs, ()>::new(PROMOTE, vec![Bind::Text(queue), Bind::Text(&now)])
            .execute(conn)
            .map_err(db_error("job_promote"))?;
    }
    Ok(())
}

// parity: PostgreSQL leases in the statement that chooses.
/// Leases chosen jobs, whose ids are the last value.
const LEASE: &str = "UPDATE jobs SET state = 'leased', attempt = attempt + 1, lease_owner = ?, \
     lease_epoch = lease_epoch + 1, leased_at = ?, lease_expires_at = ?, updated_at = ? \
     WHERE id IN (SELECT value FROM json_each(?)) RETURNING *";

// parity: belongs to LEASE.
/// Leases chosen jobs, and starts their runs. Returns each with whether its run goes on.
fn lease_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    claim: &ReadyClaim,
    chosen: &[String],
) -> Result<Vec<Leased>> {
    enum LeaseJobs {}
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let now = cx.clock.now();
    let binds = vec![
        Bind::Text(&claim.worker),
        Bind::String(now.to_string()),
        Bind::String(now.plus(claim.lease)?.to_string()),
        Bind::String(now.to_string()),
        Bind::String(serde_json::Value::from(chosen.to_vec()).to_string()),
    ];
    let rows: Vec<JobRow> = Statement::<LeaseJobs, JobColumns>::new(LEASE, binds)
        .load(conn)
        .map_err(db_error("lease_many"))?;
    rows.into_iter()
        .map(|row| {
            let goes_on = match row.run_id.clone() {
                None => true,
                // Before the first claim it was started by other means.
                Some(run) => {
                    run_start(conn, cx, claim, &run)?
                        || (row.lease_epoch > 1 && run_goes_on(conn, &run)?)
                }
            };
            Ok((row, goes_on))
        })
        .collect()
}

/// What leasing a job answers: the job, and whether its run goes on.
pub(super) type Leased = (JobRow, bool);
// parity: belongs to LEASE.
type JobColumns = SqlTypeOf<AsSelect<JobRow, Sqlite>>;

// parity: PostgreSQL starts runs in the statement that leases their jobs.
const START: &str = "UPDATE workflow_runs SET status = 'running', started_at = ?, \
     updated_at = ?, row_version = row_version + 1 WHERE id = ? AND status = 'pending' \
     RETURNING workflow_id";

// parity: belongs to START.
/// Starts the run of a job that was claimed; tells whether it was pending.
fn run_start(
    conn: &mut SqliteConnection,
    cx: &Context,
    claim: &ReadyClaim,
    run: &str,
) -> Result<bool> {
    enum StartRun {}
    let now = claim.now.to_string();
    let binds = vec![Bind::Text(&now), Bind::Text(&now), Bind::Text(run)];
    let workflow: Option<String> = Statement::<StartRun, Text>::new(START, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("run_start"))?;
    let Some(workflow) = workflow else { return Ok(false) };
    let read = Reader { table: "workflow_runs", id: run, json: &cx.json };
    let (workflow, id) = (read.parsed("workflow_id", &workflow)?, read.parsed("id", run)?);
    let actor = claim.worker.parse()?;
    let started = (&actor, AuditAction::RunStarted, claim.now);
    diesel::insert_into(workflow_audit::table)
        .values(NewAuditRow::new(workflow, Some(id), started, "{}"))
        .execute(conn)
        .map_err(db_error("run_start"))?;
    Ok(true)
}

// parity: belongs to LEASE.
const CHOOSE: &str = "SELECT priority, run_at, id FROM jobs \
     WHERE state = 'available' AND queue = ? \
     AND NOT EXISTS (SELECT 1 FROM json_each(capabilities) AS needed \
     WHERE needed.value NOT IN (SELECT value FROM json_each(?))) \
     ORDER BY priority, run_at, id LIMIT ?";

// parity: belongs to LEASE.
/// Chooses jobs of queues that have no limits: each queue is read in the order of its index.
fn job_choose(
    conn: &mut SqliteConnection,
    claim: &ReadyClaim,
    queues: &[&str],
) -> Result<Vec<String>> {
    enum Choose {}
    type Candidate = (i16, String, String);
    let mut candidates: Vec<Candidate> = Vec::new();
    for queue in queues {
        let binds = vec![
            Bind::Text(queue),
            Bind::Text(&claim.capabilities.text),
            Bind::BigInt(claim.limit),
        ];
        let found: Vec<Candidate> = Statement::<Choose, (SmallInt, Text, Text)>::new(CHOOSE, binds)
            .load(conn)
            .map_err(db_error("job_choose"))?;
        candidates.extend(found);
    }
    candidates.sort_unstable();
    candidates.truncate(usize::try_from(claim.limit).unwrap_or(usize::MAX));
    Ok(candidates.into_iter().map(|(_, _, id)| id).collect())
}

/// Claims jobs.
pub(in crate::sqlite) fn job_claim(
    conn: &mut SqliteConnection,
    cx: &Context,
    claim: &ReadyClaim,
) -> Result<Vec<Leased>> {
    job_promote(conn, cx, &claim.queues)?;
    let set: Vec<(String, bool, bool)> = job_queues::table
        .filter(dsl::queue.eq_any(&claim.queues))
        .select((
            dsl::queue,
            dsl::paused,
            dsl::max_leased
                .is_not_null()
                .or(dsl::per_key.is_not_null())
                .or(dsl::rate_count.is_not_null()),
        ))
        .load(conn)
        .map_err(db_error("job_claim"))?;
    let chosen = if set.iter().any(|(_, _, limited)| *limited) {
        job_choose_limited(conn, cx, claim)?
    } else {
        let paused = |queue: &&str| set.iter().any(|(name, paused, _)| *paused && name == queue);
        let queues = claim.queues.iter().map(String::as_str);
        job_choose(conn, claim, &queues.filter(|queue| !paused(queue)).collect::<Vec<_>>())?
    };
    lease_many(conn, cx, claim, &chosen)
}

/// Returns the jobs that were claimed, in order, and apart from them those whose runs were ended, or
/// started by other means, meanwhile.
pub(in crate::sqlite) fn claimed_records(
    cx: &Context,
    leased: Vec<Leased>,
) -> Result<(Vec<ClaimedJob>, Vec<ClaimedJob>)> {
    let mut claimed = Vec::with_capacity(leased.len());
    let mut orphaned = Vec::new();
    for (row, goes_on) in leased {
        let id = row.id.clone();
        let job = row.into_record(&cx.json)?;
        let missing = || Error::corrupt("jobs", "lease_owner", &id, Message("is missing".into()));
        let lease = job.lease.clone().ok_or_else(missing)?;
        if goes_on { &mut claimed } else { &mut orphaned }.push(ClaimedJob { job, lease });
    }
    claimed.sort_by_key(|one| (one.job.priority, one.job.run_at, one.job.id));
    Ok((claimed, orphaned))
}

/// Ends a job whose run was ended, or started by other means, while the job was claimed.
pub(in crate::sqlite) fn job_drop_orphan(
    conn: &mut SqliteConnection,
    cx: &Context,
    orphan: &ClaimedJob,
) -> Result<()> {
    let held = HeldJob { run_goes_on: Some(false), ..lease_hold(conn, &orphan.lease)? };
    job_stop(conn, cx, &held, &Ending::Release, cx.clock.now()).map(drop)
}
