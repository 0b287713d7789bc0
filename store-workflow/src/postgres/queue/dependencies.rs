//! Queries on who waits for whom.

use std::collections::{HashMap, HashSet};

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::{Dependency, JobState};
use store_core::{JobId, Result, Timestamp};
use uuid::Uuid;

use crate::postgres::rows::Reader;
use crate::postgres::schema::jobs::{self, dsl};
use crate::postgres::schema::{job_dependencies, job_history};
use crate::rules::Context;
use crate::rules::queue::graph::{Parent, of_a_run, unmet};

/// Finds the jobs that others are to wait for, and holds those that are not finished.
pub(super) async fn parents_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ids: &[JobId],
) -> Result<HashMap<JobId, Parent>> {
    let mut parents = HashMap::new();
    if ids.is_empty() {
        return Ok(parents);
    }
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    // In the order of their ids, so that processes cannot deadlock.
    let unfinished: Vec<(Uuid, Option<Uuid>)> = jobs::table
        .filter(dsl::id.eq_any(&uuids))
        .order(dsl::id)
        .select((dsl::id, dsl::run_id))
        .for_no_key_update()
        .load(conn)
        .await
        .map_err(db_error("parents_find"))?;
    for (id, run_id) in unfinished {
        if run_id.is_some() {
            return Err(of_a_run(&id));
        }
        parents.insert(JobId::from(id), Parent::Unfinished);
    }
    let finished: Vec<(Uuid, String, Option<Uuid>)> = job_history::table
        .filter(job_history::id.eq_any(&uuids))
        .select((job_history::id, job_history::state, job_history::run_id))
        .load(conn)
        .await
        .map_err(db_error("parents_find"))?;
    for (id, state, run_id) in finished {
        if run_id.is_some() {
            return Err(of_a_run(&id));
        }
        let read = Reader { table: "job_history", id: &id, json: &cx.json };
        let state = read.parsed("state", &state)?;
        parents.insert(id.into(), Parent::Finished(state));
    }
    Ok(parents)
}

/// Inserts who waits for whom, and counts it at those who are waited for.
pub(super) async fn edges_insert(
    conn: &mut AsyncPgConnection,
    edges: &[(JobId, Dependency)],
) -> Result<()> {
    if edges.is_empty() {
        return Ok(());
    }
    // A statement binds at most 65,535 values.
    for chunk in edges.chunks(10_000) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|(job, edge)| {
                (
                    job_dependencies::job_id.eq(job.as_uuid()),
                    job_dependencies::depends_on.eq(edge.job_id.as_uuid()),
                    job_dependencies::condition.eq(edge.on.as_str()),
                )
            })
            .collect();
        diesel::insert_into(job_dependencies::table)
            .values(rows)
            .execute(conn)
            .await
            .map_err(db_error("edges_insert"))?;
    }
    let parents: HashSet<Uuid> = edges.iter().map(|(_, edge)| edge.job_id.as_uuid()).collect();
    let parents: Vec<Uuid> = parents.into_iter().collect();
    // One more than none is all that matters: such a job ends by itself, not in a batch.
    diesel::update(jobs::table.filter(dsl::id.eq_any(parents)).filter(dsl::dependents.eq(0)))
        .set(dsl::dependents.eq(1))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("edges_insert"))
}

/// Tells those who wait for jobs that these ended. Returns the jobs that have to be cancelled for
/// it, with the reasons, and whether others can be claimed now.
pub(super) async fn dependents_release(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ended: Vec<(JobId, JobState)>,
    now: Timestamp,
) -> Result<(Vec<(JobId, String)>, bool)> {
    let (mut doomed, mut woken) = (Vec::new(), false);
    let mut ended: HashMap<JobId, JobState> = ended.into_iter().collect();
    while !ended.is_empty() {
        let ids: Vec<Uuid> = ended.keys().map(|id| id.as_uuid()).collect();
        let waiting: Vec<Uuid> = job_dependencies::table
            .filter(job_dependencies::depends_on.eq_any(&ids))
            .select(job_dependencies::job_id)
            .load(conn)
            .await
            .map_err(db_error("dependents_release"))?;
        if waiting.is_empty() {
            break;
        }
        // In the order of their ids: parents that end at the same time cannot deadlock.
        let held: Vec<Uuid> = jobs::table
            .filter(dsl::id.eq_any(waiting))
            .order(dsl::id)
            .select(dsl::id)
            .for_update()
            .load(conn)
            .await
            .map_err(db_error("dependents_release"))?;
        let edges: Vec<(Uuid, Uuid, String)> = diesel::delete(job_dependencies::table)
            .filter(job_dependencies::depends_on.eq_any(&ids))
            .filter(job_dependencies::job_id.eq_any(&held))
            .returning((
                job_dependencies::job_id,
                job_dependencies::depends_on,
                job_dependencies::condition,
            ))
            .load(conn)
            .await
            .map_err(db_error("dependents_release"))?;
        let (mut met, mut next) = (HashMap::<JobId, i32>::new(), HashMap::new());
        for (job, parent, condition) in edges {
            let read = Reader { table: "job_dependencies", id: &job, json: &cx.json };
            let on = read.parsed("condition", &condition)?;
            let parent = JobId::from(parent);
            let state = ended.get(&parent).copied().unwrap_or(JobState::Cancelled);
            let dependency = Dependency { job_id: parent, on };
            if on.is_met_by(state) {
                *met.entry(job.into()).or_default() += 1;
            } else if next.insert(JobId::from(job), JobState::Cancelled).is_none() {
                doomed.push((JobId::from(job), unmet(parent, state, dependency)));
            }
        }
        met.retain(|job, _| !next.contains_key(job));
        woken |= job_unblock(conn, &met, now).await?;
        ended = next;
    }
    Ok((doomed, woken))
}

/// Counts down what jobs wait for; one that waits for nothing more can be claimed in its time.
/// Returns whether one can be claimed now.
pub(super) async fn job_unblock(
    conn: &mut AsyncPgConnection,
    met: &HashMap<JobId, i32>,
    now: Timestamp,
) -> Result<bool> {
    let mut by_count: HashMap<i32, Vec<Uuid>> = HashMap::new();
    for (job, count) in met {
        by_count.entry(*count).or_default().push(job.as_uuid());
    }
    let mut woken = false;
    for (count, jobs) in by_count {
        let text = |state: JobState| state.as_str().into_sql::<Text>();
        let ready = case_when(dsl::waits_for.gt(count), text(JobState::Blocked))
            .when(dsl::run_at.gt(now.to_datetime()), text(JobState::Scheduled))
            .otherwise(text(JobState::Available));
        let states: Vec<String> = diesel::update(jobs::table.filter(dsl::id.eq_any(jobs)))
            .filter(dsl::state.eq("blocked"))
            .set((
                dsl::state.eq(ready),
                dsl::waits_for.eq(dsl::waits_for - count),
                dsl::updated_at.eq(now.to_datetime()),
            ))
            .returning(dsl::state)
            .load(conn)
            .await
            .map_err(db_error("job_unblock"))?;
        woken |= states.iter().any(|state| state == "available");
    }
    Ok(woken)
}
