//! What becomes of jobs that wait for each other.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use store_core::queue::{Dependency, DependencyCondition, JobState, NewJob};
use store_core::{Error, JobId, Result};

use super::job::ReadyJob;

/// Refuses jobs of one batch that wait for each other in a cycle.
pub(crate) fn check_graph(jobs: &[NewJob]) -> Result<()> {
    let edges = jobs.iter().map(|job| (job.id, job.depends_on.as_slice()));
    order(edges).map(drop).map_err(in_a_cycle)
}

fn in_a_cycle(stuck: JobId) -> Error {
    Error::invalid("depends_on", format!("jobs wait for each other in a cycle, {stuck} among them"))
}

/// Orders jobs so that each comes after those of the batch it waits for (Kahn's algorithm); the
/// error is a job in a cycle, or one that waits for such a job.
fn order<'a>(
    jobs: impl Iterator<Item = (JobId, &'a [Dependency])> + Clone,
) -> std::result::Result<Vec<usize>, JobId> {
    let index: HashMap<JobId, usize> =
        jobs.clone().enumerate().map(|(i, (id, _))| (id, i)).collect();
    let mut waits_for = vec![0_usize; index.len()];
    let mut dependents = vec![Vec::new(); index.len()];
    for (i, (_, depends_on)) in jobs.clone().enumerate() {
        for parent in depends_on.iter().filter_map(|one| index.get(&one.job_id)) {
            waits_for[i] += 1;
            dependents[*parent].push(i);
        }
    }
    let mut ordered: Vec<usize> = (0..waits_for.len()).filter(|i| waits_for[*i] == 0).collect();
    let mut next = 0;
    while let Some(&done) = ordered.get(next) {
        next += 1;
        for &i in &dependents[done] {
            waits_for[i] -= 1;
            if waits_for[i] == 0 {
                ordered.push(i);
            }
        }
    }
    match jobs.enumerate().find(|(i, _)| waits_for[*i] > 0) {
        Some((_, (stuck, _))) => Err(stuck),
        None => Ok(ordered),
    }
}

/// A job that others of a batch wait for, and that is in the store already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    Unfinished,
    Finished(JobState),
}

/// What a job of a batch waits for, once its parents are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The parents that are not finished.
    pub(crate) edges: Vec<Dependency>,
    /// How many jobs of the batch wait for it.
    pub(crate) dependents: i32,
    /// Why it is cancelled at once.
    pub(crate) doomed: Option<String>,
}

/// Places the jobs of a batch among their parents. `existing` names the jobs that stand for some of
/// them, because those have their unique keys.
pub(crate) fn place(
    jobs: &[ReadyJob],
    existing: &HashMap<JobId, JobId>,
    parents: &HashMap<JobId, Parent>,
) -> Result<Vec<Placed>> {
    let index: HashMap<JobId, usize> =
        jobs.iter().enumerate().map(|(i, ready)| (ready.job.id, i)).collect();
    let waits: Vec<Vec<Dependency>> = jobs.iter().map(|ready| mapped(ready, existing)).collect();
    let edges = jobs.iter().zip(&waits).map(|(ready, waits)| (ready.job.id, waits.as_slice()));
    let mut placed = vec![Placed { edges: Vec::new(), dependents: 0, doomed: None }; jobs.len()];
    for i in order(edges).map_err(in_a_cycle)? {
        for dependency in &waits[i] {
            let parent = match index.get(&dependency.job_id) {
                Some(&parent) if placed[parent].doomed.is_some() => {
                    Parent::Finished(JobState::Cancelled)
                }
                Some(_) => Parent::Unfinished,
                None => *parents
                    .get(&dependency.job_id)
                    .ok_or_else(|| Error::not_found("job", dependency.job_id))?,
            };
            placed[i].add(*dependency, parent);
        }
        if placed[i].doomed.is_some() {
            placed[i].edges.clear();
        }
        for edge in placed[i].edges.clone() {
            if let Some(&parent) = index.get(&edge.job_id) {
                placed[parent].dependents += 1;
            }
        }
    }
    Ok(placed)
}

/// Returns what a job waits for, by the jobs that stand for others; nothing when another one
/// stands for it.
fn mapped(ready: &ReadyJob, existing: &HashMap<JobId, JobId>) -> Vec<Dependency> {
    if existing.contains_key(&ready.job.id) {
        return Vec::new();
    }
    let standing = |one: &Dependency| Dependency {
        job_id: *existing.get(&one.job_id).unwrap_or(&one.job_id),
        on: one.on,
    };
    ready.job.depends_on.iter().map(standing).collect()
}

impl Placed {
    /// Adds what the job waits for. Of two conditions on one parent both have to hold.
    fn add(&mut self, dependency: Dependency, parent: Parent) {
        let Dependency { job_id, on } = dependency;
        match parent {
            Parent::Finished(state) if on.is_met_by(state) => {}
            Parent::Finished(state) => self.doomed = Some(unmet(job_id, state, dependency)),
            Parent::Unfinished => match self.edges.iter_mut().find(|edge| edge.job_id == job_id) {
                None => self.edges.push(dependency),
                Some(edge) if edge.on == on || on == DependencyCondition::Any => {}
                Some(edge) if edge.on == DependencyCondition::Any => edge.on = on,
                Some(_) => {
                    self.doomed = Some(format!("job {job_id} cannot both succeed and fail"));
                }
            },
        }
    }
}

/// Says why a job is cancelled that waited for another one to end in another way.
pub(crate) fn unmet(parent: JobId, state: JobState, dependency: Dependency) -> String {
    format!("job {parent} is {state}, it was waited for on {}", dependency.on)
}

/// Refuses to wait for the job of a run, which its run ends by other means too.
pub(crate) fn of_a_run(parent: &dyn Display) -> Error {
    Error::invalid(
        "depends_on",
        format!("job {parent} belongs to a run: let its handler enqueue what follows"),
    )
}

/// Returns the jobs outside the batch that its jobs wait for.
pub(crate) fn outside(jobs: &[ReadyJob], existing: &HashMap<JobId, JobId>) -> Vec<JobId> {
    let inside: HashSet<JobId> = jobs.iter().map(|ready| ready.job.id).collect();
    let mut ids: Vec<JobId> = jobs
        .iter()
        .filter(|ready| !existing.contains_key(&ready.job.id))
        .flat_map(|ready| &ready.job.depends_on)
        .map(|one| *existing.get(&one.job_id).unwrap_or(&one.job_id))
        .filter(|id| !inside.contains(id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(parents: &[&NewJob]) -> NewJob {
        let on = DependencyCondition::Success;
        let depends_on =
            parents.iter().map(|parent| Dependency { job_id: parent.id, on }).collect();
        NewJob { depends_on, ..NewJob::new("k", json!(null)) }
    }

    #[test]
    fn a_diamond_is_no_cycle_whatever_its_order() {
        let top = after(&[]);
        let (left, right) = (after(&[&top]), after(&[&top]));
        let bottom = after(&[&left, &right]);
        check_graph(&[bottom.clone(), left.clone(), top.clone(), right.clone()]).unwrap();
        check_graph(&[top, right, left, bottom]).unwrap();
    }

    #[test]
    fn a_cycle_is_invalid_however_long() {
        for length in 2..20 {
            let mut jobs: Vec<NewJob> = (0..length).map(|_| after(&[])).collect();
            for i in 0..length {
                jobs[i].depends_on = after(&[&jobs[(i + 1) % length]]).depends_on;
            }
            let error = check_graph(&jobs).unwrap_err();
            assert!(matches!(error, Error::Invalid { field, .. } if field == "depends_on"));
            jobs[0].depends_on.clear();
            check_graph(&jobs).unwrap();
        }
    }
}
