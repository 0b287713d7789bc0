//! Queries that put jobs into their queues.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use store_core::json::Admitted;
use store_core::queue::{EnqueueOutcome, Enqueued, Job, JobState, UniquePolicy};
use store_core::sqlite::db_error;
use store_core::{Error, Failure, JobId, Result};

use super::dependencies::{edges_insert, parents_find};
use super::endings::job_cancel_unleased;
use super::events::event_wait_many;
use super::jobs::{job_fetch, job_find};
use crate::rules::Context;
use crate::rules::queue::graph::{Placed, outside, place};
use crate::rules::queue::job::ReadyJob;
use crate::sqlite::schema::jobs::{self, dsl};
use crate::sqlite::schema::{job_dependencies, job_events};
use store_core::sqlite::{Bind, Statement};

/// A job as it is inserted.
#[derive(Debug)]
pub(super) struct StoredJob<'a> {
    pub(super) ready: &'a ReadyJob,
    pub(super) job: Job,
    pub(super) waits_for: i32,
    pub(super) dependents: i32,
    /// What its event brought already.
    pub(super) event: Option<Admitted>,
}

impl<'a> StoredJob<'a> {
    /// A job among those it waits for, and what its event brought already.
    fn new(ready: &'a ReadyJob, placed: &Placed, event: Option<Admitted>) -> Self {
        let mut job = ready.job.clone();
        job.event = event.as_ref().map(|event| event.value.clone());
        let waits_for_event = job.event_token.is_some() && event.is_none();
        let waits = placed.edges.len() + usize::from(waits_for_event && placed.doomed.is_none());
        if waits > 0 {
            job.state = JobState::Blocked;
        }
        let waits_for = i32::try_from(waits).unwrap_or(i32::MAX);
        Self { ready, job, waits_for, dependents: placed.dependents, event }
    }
}

const INSERT: &str = "INSERT INTO jobs (id, queue, kind, payload, priority, state, max_attempts, \
     run_at, unique_key, concurrency_key, timeout_ms, tags, capabilities, depends_on, waits_for, \
     dependents, event_token, event, created_at, updated_at) \
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? \
     WHERE NOT EXISTS (SELECT 1 FROM job_history WHERE id = ?) ON CONFLICT DO NOTHING";

/// Inserts jobs, and returns which: not those whose id or unique key is taken.
fn job_insert_many(conn: &mut SqliteConnection, stored: &[StoredJob<'_>]) -> Result<Vec<JobId>> {
    enum Insert {}
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let mut inserted = Vec::with_capacity(stored.len());
    for one in stored {
        let (job, ready) = (&one.job, one.ready);
        let (id, now) = (job.id.to_string(), job.created_at.to_string());
        let binds = vec![
            Bind::Text(&id),
            Bind::Text(&job.queue),
            Bind::Text(&job.kind),
            Bind::Text(&ready.payload.text),
            Bind::SmallInt(i16::from(job.priority)),
            Bind::Text(job.state.as_str()),
            Bind::Int(int(job.max_attempts)),
            Bind::String(job.run_at.to_string()),
            Bind::MaybeText(job.unique_key.as_deref()),
            Bind::MaybeText(job.concurrency_key.as_deref()),
            Bind::MaybeBigInt(ready.timeout_ms()),
            Bind::Text(&ready.tags.text),
            Bind::Text(&ready.capabilities.text),
            Bind::Text(&ready.depends_on.text),
            Bind::Int(one.waits_for),
            Bind::Int(one.dependents),
            Bind::MaybeText(job.event_token.as_deref()),
            Bind::MaybeText(one.event.as_ref().map(|event| event.text.as_str())),
            Bind::Text(&now),
            Bind::Text(&now),
            Bind::Text(&id),
        ];
        let count = Statement::<Insert, ()>::new(INSERT, binds)
            .execute(conn)
            .map_err(db_error("job_insert_many"))?;
        if count > 0 {
            inserted.push(job.id);
        }
    }
    Ok(inserted)
}

/// Puts jobs into their queues, all or none; in a transaction that is open.
pub(in crate::sqlite) fn job_enqueue_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    jobs: &[ReadyJob],
) -> Result<Vec<Enqueued>> {
    let (taken, placed) = job_place_many(conn, cx, jobs)?;
    let fresh: Vec<&ReadyJob> =
        jobs.iter().filter(|ready| !taken.contains_key(&ready.job.id)).collect();
    let events = event_wait_many(conn, cx, &fresh)?;
    let (mut stored, mut dropped, mut doomed) = (Vec::new(), Vec::new(), Vec::new());
    let mut edges = Vec::new();
    for (ready, placed) in jobs.iter().zip(placed) {
        if taken.contains_key(&ready.job.id) {
            continue;
        }
        let event = events.get(&ready.job.id).cloned().flatten();
        let one = StoredJob::new(ready, &placed, event);
        let id = ready.job.id;
        if let Some(reason) = placed.doomed {
            doomed.push((id, reason));
            dropped.push(one);
        } else {
            edges.extend(placed.edges.into_iter().map(|edge| (id, edge)));
            stored.push(one);
        }
    }
    // First those that are cancelled at once: their keys are free for the others.
    job_insert_all(conn, cx, &dropped)?;
    job_cancel_unleased(conn, cx, &doomed)?;
    job_insert_all(conn, cx, &stored)?;
    edges_insert(conn, &edges)?;
    let created = stored.into_iter().map(|one| (one.job.id, one.job)).collect();
    job_answers(conn, cx, jobs, &taken, created, &doomed)
}

/// Finds what the jobs of a batch wait for, and which of them others stand for.
fn job_place_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    jobs: &[ReadyJob],
) -> Result<(HashMap<JobId, JobId>, Vec<Placed>)> {
    let mut doomed = HashSet::new();
    loop {
        let taken = unique_taken(conn, jobs, &doomed)?;
        let parents = parents_find(conn, cx, &outside(jobs, &taken))?;
        let placed = place(jobs, &taken, &parents)?;
        let known = doomed.len();
        let with_jobs = jobs.iter().zip(&placed);
        doomed.extend(with_jobs.filter(|(_, p)| p.doomed.is_some()).map(|(r, _)| r.job.id));
        // A job that is cancelled at once stands for no other.
        if doomed.len() == known || !taken.values().any(|holder| doomed.contains(holder)) {
            return Ok((taken, placed));
        }
    }
}

/// Inserts jobs, all or none.
fn job_insert_all(
    conn: &mut SqliteConnection,
    cx: &Context,
    stored: &[StoredJob<'_>],
) -> Result<()> {
    let inserted = job_insert_many(conn, stored)?;
    if inserted.len() < stored.len() {
        return Err(job_insert_refusal(conn, cx, stored, &inserted)?);
    }
    Ok(())
}

/// Answers for each job of a batch: new, there, or replaced.
fn job_answers(
    conn: &mut SqliteConnection,
    cx: &Context,
    jobs: &[ReadyJob],
    taken: &HashMap<JobId, JobId>,
    mut created: HashMap<JobId, Job>,
    doomed: &[(JobId, String)],
) -> Result<Vec<Enqueued>> {
    for (id, _) in doomed {
        created.insert(*id, job_fetch(conn, cx, *id)?);
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for ready in jobs {
        let Some(&there) = taken.get(&ready.job.id) else {
            let job = created.remove(&ready.job.id).unwrap_or_else(|| ready.job.clone());
            answers.push(Enqueued { job, outcome: EnqueueOutcome::Created });
            continue;
        };
        let outcome = match ready.policy {
            Some(UniquePolicy::Reject) => return Err(ready.key_taken(there)),
            Some(UniquePolicy::Replace) => {
                job_replace(conn, ready, there)?;
                EnqueueOutcome::Replaced
            }
            _ => EnqueueOutcome::Existing,
        };
        // It may have finished meanwhile: then the key is free, and everything is done again.
        let job = job_find(conn, cx, there)?.filter(|job| !job.state.is_finished());
        answers.push(Enqueued { job: job.ok_or_else(again)?, outcome });
    }
    Ok(answers)
}

/// Says that something moved in between, and that all of it is to be done again.
fn again() -> Error {
    Error::failed("job_enqueue_many", Failure::Serialization)
}

/// Finds the jobs that have unique keys of a batch: those in the store, and of the batch itself the
/// first with a key that is not cancelled at once.
fn unique_taken(
    conn: &mut SqliteConnection,
    jobs: &[ReadyJob],
    doomed: &HashSet<JobId>,
) -> Result<HashMap<JobId, JobId>> {
    let keyed: Vec<(&ReadyJob, (&str, &str))> = jobs
        .iter()
        .filter_map(|ready| {
            let key = ready.job.unique_key.as_deref()?;
            Some((ready, (ready.job.queue.as_str(), key)))
        })
        .collect();
    if keyed.is_empty() {
        return Ok(HashMap::new());
    }
    let mut holders: HashMap<(&str, &str), JobId> = HashMap::new();
    for (_, key) in &keyed {
        let holder: Option<String> = jobs::table
            .filter(dsl::queue.eq(key.0))
            // In the words of the index.
            .filter(dsl::unique_key.is_not_null())
            .filter(dsl::unique_key.eq(key.1))
            .select(dsl::id)
            .first(conn)
            .optional()
            .map_err(db_error("unique_taken"))?;
        if let Some(holder) = holder {
            holders.insert(*key, holder.parse()?);
        }
    }
    let mut taken = HashMap::new();
    for (ready, key) in keyed {
        if let Some(holder) = holders.get(&key) {
            taken.insert(ready.job.id, *holder);
        } else if !doomed.contains(&ready.job.id) {
            holders.insert(key, ready.job.id);
        }
    }
    Ok(taken)
}

/// Says why a job was not inserted.
fn job_insert_refusal(
    conn: &mut SqliteConnection,
    cx: &Context,
    stored: &[StoredJob<'_>],
    inserted: &[JobId],
) -> Result<Error> {
    for one in stored.iter().filter(|one| !inserted.contains(&one.job.id)) {
        if job_find(conn, cx, one.job.id)?.is_some() {
            return Ok(ReadyJob::id_taken(one.job.id));
        }
    }
    // Another process took a unique key.
    Ok(again())
}

/// Makes a job that no worker holds what another one was to be.
fn job_replace(conn: &mut SqliteConnection, ready: &ReadyJob, there: JobId) -> Result<()> {
    let job = &ready.job;
    let replaced = diesel::update(jobs::table.find(there.to_string()))
        .filter(dsl::state.ne("leased"))
        .set((
            (dsl::kind.eq(&job.kind), dsl::payload.eq(&ready.payload.text)),
            dsl::priority.eq(i16::from(job.priority)),
            dsl::state.eq(job.state.as_str()),
            (dsl::attempt.eq(0), dsl::last_error.eq(None::<&str>)),
            dsl::max_attempts.eq(i32::try_from(job.max_attempts).unwrap_or(i32::MAX)),
            dsl::run_at.eq(job.run_at.to_string()),
            dsl::concurrency_key.eq(&job.concurrency_key),
            dsl::timeout_ms.eq(ready.timeout_ms()),
            dsl::tags.eq(&ready.tags.text),
            dsl::capabilities.eq(&ready.capabilities.text),
            dsl::depends_on.eq("[]"),
            (dsl::waits_for.eq(0), dsl::event_token.eq(None::<&str>)),
            (dsl::event.eq(None::<&str>), dsl::progress.eq(None::<&str>)),
            dsl::updated_at.eq(job.created_at.to_string()),
        ))
        .execute(conn)
        .map_err(db_error("job_replace"))?;
    if replaced == 0 {
        return Err(ReadyJob::leased(there));
    }
    diesel::delete(job_dependencies::table)
        .filter(job_dependencies::job_id.eq(there.to_string()))
        .execute(conn)
        .map_err(db_error("job_replace"))?;
    diesel::delete(job_events::table)
        .filter(job_events::job_id.eq(there.to_string()))
        .filter(job_events::delivered_at.is_null())
        .execute(conn)
        .map(drop)
        .map_err(db_error("job_replace"))
}
