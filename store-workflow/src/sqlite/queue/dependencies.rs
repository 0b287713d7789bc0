//! Queries on who waits for whom.

use std::collections::{HashMap, HashSet};

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Text;
use store_core::queue::{Dependency, JobState};
use store_core::sqlite::db_error;
use store_core::{JobId, Result, Timestamp};

use crate::rules::Context;
use crate::rules::queue::graph::{Parent, of_a_run, unmet};
use crate::sqlite::rows::Reader;
use crate::sqlite::schema::jobs::{self, dsl};
use crate::sqlite::schema::{job_dependencies, job_history};

// parity: PostgreSQL binds a list as one value.
/// The values of one statement: SQLite binds at most 32,766.
const CHUNK: usize = 500;

/// Finds the jobs that others are to wait for.
pub(super) fn parents_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    ids: &[JobId],
) -> Result<HashMap<JobId, Parent>> {
    let mut parents = HashMap::new();
    if ids.is_empty() {
        return Ok(parents);
    }
    let ids: Vec<String> = ids.iter().map(JobId::to_string).collect();
    for chunk in ids.chunks(CHUNK) {
        let unfinished: Vec<(String, Option<String>)> = jobs::table
            .filter(dsl::id.eq_any(chunk))
            .select((dsl::id, dsl::run_id))
            .load(conn)
            .map_err(db_error("parents_find"))?;
        for (id, run_id) in unfinished {
            if run_id.is_some() {
                return Err(of_a_run(&id));
            }
            parents.insert(id.parse()?, Parent::Unfinished);
        }
        let finished: Vec<(String, String, Option<String>)> = job_history::table
            .filter(job_history::id.eq_any(chunk))
            .select((job_history::id, job_history::state, job_history::run_id))
            .load(conn)
            .map_err(db_error("parents_find"))?;
        for (id, state, run_id) in finished {
            if run_id.is_some() {
                return Err(of_a_run(&id));
            }
            let read = Reader { table: "job_history", id: &id, json: &cx.json };
            let state = read.parsed("state", &state)?;
            parents.insert(read.parsed("id", &id)?, Parent::Finished(state));
        }
    }
    Ok(parents)
}

/// Inserts who waits for whom, and counts it at those who are waited for.
pub(super) fn edges_insert(
    conn: &mut SqliteConnection,
    edges: &[(JobId, Dependency)],
) -> Result<()> {
    if edges.is_empty() {
        return Ok(());
    }
    for chunk in edges.chunks(CHUNK) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|(job, edge)| {
                (
                    job_dependencies::job_id.eq(job.to_string()),
                    job_dependencies::depends_on.eq(edge.job_id.to_string()),
                    job_dependencies::condition.eq(edge.on.as_str()),
                )
            })
            .collect();
        diesel::insert_into(job_dependencies::table)
            .values(rows)
            .execute(conn)
            .map_err(db_error("edges_insert"))?;
    }
    let parents: HashSet<String> = edges.iter().map(|(_, edge)| edge.job_id.to_string()).collect();
    let parents: Vec<String> = parents.into_iter().collect();
    for chunk in parents.chunks(CHUNK) {
        // One more than none is all that matters: such a job ends by itself, not in a batch.
        diesel::update(jobs::table.filter(dsl::id.eq_any(chunk)).filter(dsl::dependents.eq(0)))
            .set(dsl::dependents.eq(1))
            .execute(conn)
            .map_err(db_error("edges_insert"))?;
    }
    Ok(())
}

/// Tells those who wait for jobs that these ended. Returns the jobs that have to be cancelled for
/// it, with the reasons, and whether others can be claimed now.
pub(super) fn dependents_release(
    conn: &mut SqliteConnection,
    cx: &Context,
    ended: Vec<(JobId, JobState)>,
    now: Timestamp,
) -> Result<(Vec<(JobId, String)>, bool)> {
    let (mut doomed, mut woken) = (Vec::new(), false);
    let mut ended: HashMap<JobId, JobState> = ended.into_iter().collect();
    while !ended.is_empty() {
        let edges = edges_take(conn, ended.keys())?;
        let (mut met, mut next) = (HashMap::<JobId, i32>::new(), HashMap::new());
        for (job, parent, condition) in edges {
            let read = Reader { table: "job_dependencies", id: &job, json: &cx.json };
            let on = read.parsed("condition", &condition)?;
            let (id, parent): (JobId, JobId) = (job.parse()?, parent.parse()?);
            let state = ended.get(&parent).copied().unwrap_or(JobState::Cancelled);
            let dependency = Dependency { job_id: parent, on };
            if on.is_met_by(state) {
                *met.entry(id).or_default() += 1;
            } else if next.insert(id, JobState::Cancelled).is_none() {
                doomed.push((id, unmet(parent, state, dependency)));
            }
        }
        met.retain(|job, _| !next.contains_key(job));
        woken |= job_unblock(conn, &met, now)?;
        ended = next;
    }
    Ok((doomed, woken))
}

// parity: belongs to edges_take.
type Edge = (String, String, String);

// parity: belongs to CHUNK; PostgreSQL locks those who wait as well.
/// Removes who waits for jobs, and returns it.
fn edges_take<'a>(
    conn: &mut SqliteConnection,
    parents: impl Iterator<Item = &'a JobId>,
) -> Result<Vec<Edge>> {
    let parents: Vec<String> = parents.map(JobId::to_string).collect();
    let mut edges = Vec::new();
    for chunk in parents.chunks(CHUNK) {
        let taken: Vec<Edge> = diesel::delete(job_dependencies::table)
            .filter(job_dependencies::depends_on.eq_any(chunk))
            .returning((
                job_dependencies::job_id,
                job_dependencies::depends_on,
                job_dependencies::condition,
            ))
            .load(conn)
            .map_err(db_error("edges_take"))?;
        edges.extend(taken);
    }
    Ok(edges)
}

/// Counts down what jobs wait for; one that waits for nothing more can be claimed in its time.
/// Returns whether one can be claimed now.
pub(super) fn job_unblock(
    conn: &mut SqliteConnection,
    met: &HashMap<JobId, i32>,
    now: Timestamp,
) -> Result<bool> {
    let mut by_count: HashMap<i32, Vec<String>> = HashMap::new();
    for (job, count) in met {
        by_count.entry(*count).or_default().push(job.to_string());
    }
    let mut woken = false;
    let chunks =
        by_count.iter().flat_map(|(count, jobs)| jobs.chunks(CHUNK).map(move |c| (*count, c)));
    for (count, jobs) in chunks {
        let text = |state: JobState| state.as_str().into_sql::<Text>();
        let ready = case_when(dsl::waits_for.gt(count), text(JobState::Blocked))
            .when(dsl::run_at.gt(now.to_string()), text(JobState::Scheduled))
            .otherwise(text(JobState::Available));
        let states: Vec<String> = diesel::update(jobs::table.filter(dsl::id.eq_any(jobs)))
            .filter(dsl::state.eq("blocked"))
            .set((
                dsl::state.eq(ready),
                dsl::waits_for.eq(dsl::waits_for - count),
                dsl::updated_at.eq(now.to_string()),
            ))
            .returning(dsl::state)
            .load(conn)
            .map_err(db_error("job_unblock"))?;
        woken |= states.iter().any(|state| state == "available");
    }
    Ok(woken)
}
