//! Queries that put jobs into their queues.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::json::Admitted;
use store_core::postgres::{Batch, Database, db_error};
use store_core::queue::{EnqueueOutcome, Enqueued, Job, JobState, UniquePolicy};
use store_core::{Error, Failure, JobId, Result};
use uuid::Uuid;

use super::dependencies::{edges_insert, parents_find};
use super::endings::job_cancel_unleased;
use super::events::event_wait_many;
use super::jobs::{job_fetch, job_find};
use crate::postgres::rows::JsonText;
use crate::postgres::schema::jobs::{self, dsl};
use crate::postgres::schema::{job_dependencies, job_events};
use crate::rules::Context;
use crate::rules::queue::graph::{Placed, outside, place};
use crate::rules::queue::job::ReadyJob;
use store_core::postgres::{Bind, Statement};

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

    // parity: belongs to EnqueueBatch.
    /// A job that waits for nothing.
    fn plain(ready: &'a ReadyJob) -> Self {
        Self { ready, job: ready.job.clone(), waits_for: 0, dependents: 0, event: None }
    }
}

// Unique keys are locked in their order, so that batches of several processes cannot deadlock.
const INSERT: &str = "INSERT INTO jobs (id, queue, kind, payload, priority, state, max_attempts, \
     run_at, unique_key, concurrency_key, timeout_ms, tags, capabilities, depends_on, waits_for, \
     dependents, event_token, event, created_at, updated_at) \
     SELECT input.*, input.now FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     AS input (id, queue, kind, payload, priority, state, max_attempts, run_at, unique_key, \
     concurrency_key, timeout_ms, tags, capabilities, depends_on, waits_for, dependents, \
     event_token, event, now) \
     WHERE NOT EXISTS (SELECT 1 FROM job_history WHERE job_history.id = input.id) \
     ORDER BY queue, unique_key, id ON CONFLICT DO NOTHING RETURNING id";

/// Inserts jobs, and returns which: not those whose id or unique key is taken.
async fn job_insert_many(
    conn: &mut AsyncPgConnection,
    stored: &[StoredJob<'_>],
) -> Result<Vec<JobId>> {
    enum Insert {}
    fn column<'a, T>(stored: &'a [StoredJob<'a>], of: impl Fn(&'a StoredJob<'a>) -> T) -> Vec<T> {
        stored.iter().map(of).collect()
    }
    if stored.is_empty() {
        return Ok(Vec::new());
    }
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let binds = vec![
        Bind::Uuids(column(stored, |one| one.job.id.as_uuid())),
        Bind::Texts(column(stored, |one| one.job.queue.as_str())),
        Bind::Texts(column(stored, |one| one.job.kind.as_str())),
        Bind::Jsons(column(stored, |one| JsonText(&one.ready.payload.text))),
        Bind::SmallInts(column(stored, |one| i16::from(one.job.priority))),
        Bind::Texts(column(stored, |one| one.job.state.as_str())),
        Bind::Ints(column(stored, |one| int(one.job.max_attempts))),
        Bind::Instants(column(stored, |one| one.job.run_at.to_datetime())),
        Bind::MaybeTexts(column(stored, |one| one.job.unique_key.as_deref())),
        Bind::MaybeTexts(column(stored, |one| one.job.concurrency_key.as_deref())),
        Bind::MaybeBigInts(column(stored, |one| one.ready.timeout_ms())),
        Bind::Jsons(column(stored, |one| JsonText(&one.ready.tags.text))),
        Bind::Jsons(column(stored, |one| JsonText(&one.ready.capabilities.text))),
        Bind::Jsons(column(stored, |one| JsonText(&one.ready.depends_on.text))),
        Bind::Ints(column(stored, |one| one.waits_for)),
        Bind::Ints(column(stored, |one| one.dependents)),
        Bind::MaybeTexts(column(stored, |one| one.job.event_token.as_deref())),
        Bind::MaybeJsons(column(stored, |one| one.event.as_ref().map(|e| JsonText(&e.text)))),
        Bind::Instants(column(stored, |one| one.job.created_at.to_datetime())),
    ];
    let ids: Vec<Uuid> = Statement::<Insert, sql_types::Uuid>::new(INSERT, binds)
        .load(conn)
        .await
        .map_err(db_error("job_insert_many"))?;
    Ok(ids.into_iter().map(JobId::from).collect())
}

/// Puts jobs into their queues, all or none; in a transaction that is open.
pub(in crate::postgres) async fn job_enqueue_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    jobs: &[ReadyJob],
) -> Result<Vec<Enqueued>> {
    let (taken, placed) = job_place_many(conn, cx, jobs).await?;
    let fresh: Vec<&ReadyJob> =
        jobs.iter().filter(|ready| !taken.contains_key(&ready.job.id)).collect();
    let events = event_wait_many(conn, cx, &fresh).await?;
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
    job_insert_all(conn, cx, &dropped).await?;
    job_cancel_unleased(conn, cx, &doomed).await?;
    job_insert_all(conn, cx, &stored).await?;
    edges_insert(conn, &edges).await?;
    let created = stored.into_iter().map(|one| (one.job.id, one.job)).collect();
    job_answers(conn, cx, jobs, &taken, created, &doomed).await
}

/// Finds what the jobs of a batch wait for, and which of them others stand for.
async fn job_place_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    jobs: &[ReadyJob],
) -> Result<(HashMap<JobId, JobId>, Vec<Placed>)> {
    let mut doomed = HashSet::new();
    loop {
        let taken = unique_taken(conn, jobs, &doomed).await?;
        let parents = parents_find(conn, cx, &outside(jobs, &taken)).await?;
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
async fn job_insert_all(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    stored: &[StoredJob<'_>],
) -> Result<()> {
    let inserted = job_insert_many(conn, stored).await?;
    if inserted.len() < stored.len() {
        return Err(job_insert_refusal(conn, cx, stored, &inserted).await?);
    }
    Ok(())
}

/// Answers for each job of a batch: new, there, or replaced.
async fn job_answers(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    jobs: &[ReadyJob],
    taken: &HashMap<JobId, JobId>,
    mut created: HashMap<JobId, Job>,
    doomed: &[(JobId, String)],
) -> Result<Vec<Enqueued>> {
    for (id, _) in doomed {
        created.insert(*id, job_fetch(conn, cx, *id).await?);
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
                job_replace(conn, ready, there).await?;
                EnqueueOutcome::Replaced
            }
            _ => EnqueueOutcome::Existing,
        };
        // It may have finished meanwhile: then the key is free, and everything is done again.
        let job = job_find(conn, cx, there).await?.filter(|job| !job.state.is_finished());
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
async fn unique_taken(
    conn: &mut AsyncPgConnection,
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
    let rows: Vec<(Uuid, String, String)> = jobs::table
        .filter(dsl::unique_key.is_not_null())
        .filter(dsl::queue.eq_any(keyed.iter().map(|(_, (queue, _))| *queue)))
        .filter(dsl::unique_key.eq_any(keyed.iter().map(|(_, (_, key))| *key)))
        .select((dsl::id, dsl::queue, dsl::unique_key.assume_not_null()))
        .load(conn)
        .await
        .map_err(db_error("unique_taken"))?;
    let mut holders: HashMap<(&str, &str), JobId> = HashMap::new();
    for (id, queue, key) in &rows {
        holders.insert((queue.as_str(), key.as_str()), (*id).into());
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
async fn job_insert_refusal(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    stored: &[StoredJob<'_>],
    inserted: &[JobId],
) -> Result<Error> {
    for one in stored.iter().filter(|one| !inserted.contains(&one.job.id)) {
        if job_find(conn, cx, one.job.id).await?.is_some() {
            return Ok(ReadyJob::id_taken(one.job.id));
        }
    }
    // Another process took a unique key.
    Ok(again())
}

/// Makes a job that no worker holds what another one was to be.
async fn job_replace(conn: &mut AsyncPgConnection, ready: &ReadyJob, there: JobId) -> Result<()> {
    let job = &ready.job;
    let replaced = diesel::update(jobs::table.find(there.as_uuid()))
        .filter(dsl::state.ne("leased"))
        .set((
            (dsl::kind.eq(&job.kind), dsl::payload.eq(JsonText(&ready.payload.text))),
            dsl::priority.eq(i16::from(job.priority)),
            dsl::state.eq(job.state.as_str()),
            (dsl::attempt.eq(0), dsl::last_error.eq(None::<&str>)),
            dsl::max_attempts.eq(i32::try_from(job.max_attempts).unwrap_or(i32::MAX)),
            dsl::run_at.eq(job.run_at.to_datetime()),
            dsl::concurrency_key.eq(&job.concurrency_key),
            dsl::timeout_ms.eq(ready.timeout_ms()),
            dsl::tags.eq(JsonText(&ready.tags.text)),
            dsl::capabilities.eq(JsonText(&ready.capabilities.text)),
            dsl::depends_on.eq(JsonText("[]")),
            (dsl::waits_for.eq(0), dsl::event_token.eq(None::<&str>)),
            (dsl::event.eq(None::<JsonText<'_>>), dsl::progress.eq(None::<JsonText<'_>>)),
            dsl::updated_at.eq(job.created_at.to_datetime()),
        ))
        .execute(conn)
        .await
        .map_err(db_error("job_replace"))?;
    if replaced == 0 {
        return Err(ReadyJob::leased(there));
    }
    diesel::delete(job_dependencies::table)
        .filter(job_dependencies::job_id.eq(there.as_uuid()))
        .execute(conn)
        .await
        .map_err(db_error("job_replace"))?;
    diesel::delete(job_events::table)
        .filter(job_events::job_id.eq(there.as_uuid()))
        .filter(job_events::delivered_at.is_null())
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("job_replace"))
}

// parity: belongs to EnqueueBatch.
/// Tells whether inserting a job is all there is to do.
pub(in crate::postgres) fn is_plain(ready: &ReadyJob) -> bool {
    ready.job.depends_on.is_empty() && ready.job.event_token.is_none()
}

// parity: SQLite's writer groups commits by itself.
/// The statement that waiting jobs share, which wait for nothing themselves.
#[derive(Debug)]
pub(in crate::postgres) struct EnqueueBatch {
    pub(in crate::postgres) db: Database,
    pub(in crate::postgres) context: Context,
}

// parity: belongs to EnqueueBatch.
#[async_trait]
impl Batch for EnqueueBatch {
    type Request = ReadyJob;
    type Response = Enqueued;

    const OPERATION: &'static str = "job_enqueue";

    async fn run(&self, requests: &[ReadyJob]) -> Result<Vec<Result<Enqueued>>> {
        let stored: Vec<_> = requests.iter().map(StoredJob::plain).collect();
        let inserted = self
            .db
            .write(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                job_insert_many(&mut conn, &stored).await
            })
            .await?;
        let mut answers = Vec::with_capacity(requests.len());
        for ready in requests {
            // From here on an error is the answer of one job: others were inserted already.
            answers.push(match inserted.contains(&ready.job.id) {
                true => Ok(Enqueued { job: ready.job.clone(), outcome: EnqueueOutcome::Created }),
                false => self.one(ready).await,
            });
        }
        Ok(answers)
    }
}

// parity: belongs to EnqueueBatch.
impl EnqueueBatch {
    async fn one(&self, ready: &ReadyJob) -> Result<Enqueued> {
        let jobs = std::slice::from_ref(ready);
        let mut answers =
            writing!(self, "job_enqueue", |conn, cx| job_enqueue_many(conn, cx, jobs))?;
        answers.pop().ok_or_else(|| Error::failed("job_enqueue", Failure::Other))
    }
}
