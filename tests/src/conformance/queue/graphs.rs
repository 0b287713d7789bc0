//! Graphs of jobs: chains, diamonds, cascades, cycles.

use std::collections::{HashMap, HashSet};

use store_core::JobId;
use store_core::queue::{DependencyCondition, JobState, NewJob, Retry};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claimed, claimed_ids, claimed_up_to, dependent, enqueued, enqueued_all, fetched, job,
    queue_rows, state_of,
};

const SUCCESS: DependencyCondition = DependencyCondition::Success;
const FAILURE: DependencyCondition = DependencyCondition::Failure;
const ANY: DependencyCondition = DependencyCondition::Any;

/// Jobs each of which waits for the one before it.
fn chain(length: usize, on: DependencyCondition) -> Vec<NewJob> {
    let mut jobs = vec![job("first")];
    while let Some(last) = jobs.last().filter(|_| jobs.len() < length) {
        jobs.push(dependent(&[last.id], on));
    }
    jobs
}

async fn states(t: &Workflows, ids: &[JobId]) -> Vec<JobState> {
    let mut states = Vec::new();
    for id in ids {
        states.push(state_of(t, *id).await);
    }
    states
}

/// Claims the one job there is to claim, and completes it.
async fn complete_next(t: &Workflows) -> JobId {
    let mut claimed = claimed_up_to(t, "w", 10).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    let lease = claimed.remove(0).lease;
    t.store.complete_job(&lease, None).await.unwrap();
    lease.job_id
}

behaviours! {
    emits queue_graphs_tests from queue::graphs;

    /// A chain is worked off one by one, in its order.
    async fn a_chain_is_worked_off_in_its_order(t: &Workflows) {
        let jobs = chain(10, SUCCESS);
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        // In the batch, the last one comes first.
        enqueued_all(t, jobs.into_iter().rev().collect()).await;
        for id in ids {
            assert_eq!(complete_next(t).await, id);
        }
        assert!(claimed_ids(t).await.is_empty());
    }

    /// In a diamond both sides are available together, and the bottom after both.
    async fn in_a_diamond_both_sides_are_available_together(t: &Workflows) {
        let top = job("top");
        let sides = [dependent(&[top.id], SUCCESS), dependent(&[top.id], SUCCESS)];
        let side_ids = sides.each_ref().map(|side| side.id);
        let bottom = dependent(&side_ids, SUCCESS);
        let (top_id, bottom_id) = (top.id, bottom.id);
        let [left, right] = sides;
        enqueued_all(t, vec![bottom, right, top, left]).await;
        assert_eq!(complete_next(t).await, top_id);
        let both = claimed_up_to(t, "w", 10).await;
        assert_eq!(both.len(), 2);
        t.store.complete_job(&both[1].lease, None).await.unwrap();
        assert!(claimed_ids(t).await.is_empty());
        t.store.complete_job(&both[0].lease, None).await.unwrap();
        assert_eq!(complete_next(t).await, bottom_id);
    }

    /// When a job dies, all that wait for its success are cancelled, and all that wait for theirs.
    async fn a_failure_cancels_the_whole_chain_behind_it(t: &Workflows) {
        let jobs = chain(30, SUCCESS);
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        enqueued_all(t, jobs).await;
        let lease = claimed(t, "w").await.lease;
        t.store.fail_job(&lease, "boom", Retry::Never).await.unwrap();
        assert_eq!(states(t, &ids[..1]).await, [JobState::Dead]);
        for pair in ids.windows(2) {
            let child = fetched(t, pair[1]).await;
            assert_eq!(child.state, JobState::Cancelled);
            // Each one names the job right before it.
            let reason = child.cancel_reason.unwrap();
            assert!(reason.contains(&pair[0].to_string()), "{reason}");
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        assert_eq!(t.count("SELECT count(*) FROM job_dependencies").await, 0);
    }

    /// A job behind a cancelled one can wait for its failure, or for any end.
    async fn a_cascade_ends_at_jobs_that_wait_for_a_failure(t: &Workflows) {
        let first = job("first");
        let second = dependent(&[first.id], SUCCESS);
        let cleanup = dependent(&[second.id], FAILURE);
        let always = dependent(&[second.id], ANY);
        let never = dependent(&[cleanup.id], FAILURE);
        let ids = [first.id, second.id, cleanup.id, always.id, never.id];
        enqueued_all(t, vec![first, second, cleanup, always, never]).await;
        let lease = claimed(t, "w").await.lease;
        t.store.fail_job(&lease, "boom", Retry::Never).await.unwrap();
        let expected = [
            JobState::Dead, JobState::Cancelled, JobState::Available, JobState::Available,
            JobState::Blocked,
        ];
        assert_eq!(states(t, &ids).await, expected);
        for one in claimed_up_to(t, "w", 10).await {
            t.store.complete_job(&one.lease, None).await.unwrap();
        }
        assert_eq!(state_of(t, ids[4]).await, JobState::Cancelled);
    }

    /// A job that is cancelled because of one parent is waited for by no other.
    async fn a_diamond_is_cancelled_once(t: &Workflows) {
        let top = job("top");
        let sides: Vec<NewJob> = (0..20).map(|_| dependent(&[top.id], SUCCESS)).collect();
        let side_ids: Vec<JobId> = sides.iter().map(|side| side.id).collect();
        let bottom = dependent(&side_ids, SUCCESS);
        let last = dependent(&[bottom.id], SUCCESS);
        let (bottom_id, last_id) = (bottom.id, last.id);
        let jobs = [top].into_iter().chain(sides).chain([bottom, last]).collect();
        enqueued_all(t, jobs).await;
        let lease = claimed(t, "w").await.lease;
        t.store.fail_job(&lease, "boom", Retry::Never).await.unwrap();
        assert_eq!(states(t, &[bottom_id, last_id]).await, [JobState::Cancelled; 2]);
        assert_eq!(t.count("SELECT count(*) FROM job_history").await, 23);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A chain of a thousand is cancelled in one go.
    async fn a_chain_of_a_thousand_is_cancelled_at_once(t: &Workflows) {
        let jobs = chain(1000, SUCCESS);
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        enqueued_all(t, jobs).await;
        assert_eq!(t.store.cancel_job(ids[0], "stop").await.unwrap(), JobState::Cancelled);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        let cancelled = "SELECT count(*) FROM job_history WHERE state = 'cancelled'";
        assert_eq!(t.count(cancelled).await, 1000);
    }

    /// A batch with a job that is doomed from the start is cancelled as far as that reaches.
    async fn a_doomed_job_of_a_batch_dooms_those_behind_it(t: &Workflows) {
        let dead = crate::samples::job_in(t, job("dead"), JobState::Dead).await.id;
        let doomed = dependent(&[dead], SUCCESS);
        let behind = dependent(&[doomed.id], SUCCESS);
        let cleanup = dependent(&[behind.id], FAILURE);
        let free = job("free");
        let both = dependent(&[doomed.id, free.id], SUCCESS);
        let ids = [doomed.id, behind.id, cleanup.id, free.id, both.id];
        let answers = enqueued_all(t, vec![both, cleanup, behind, free, doomed]).await;
        let expected = [
            JobState::Cancelled, JobState::Cancelled, JobState::Available, JobState::Available,
            JobState::Cancelled,
        ];
        assert_eq!(states(t, &ids).await, expected);
        for job in answers {
            assert_eq!(fetched(t, job.id).await, job);
        }
    }

    /// Jobs of a batch that wait for each other in a cycle are `Invalid`, and none is enqueued.
    async fn a_cycle_is_invalid(t: &Workflows) {
        for length in [2, 3, 10, 1000] {
            let mut jobs = chain(length, SUCCESS);
            let last = jobs[length - 1].id;
            jobs[0].depends_on = dependent(&[last], ANY).depends_on;
            assert_invalid(t.store.enqueue_many(jobs.clone()).await, "depends_on");
            if length < 1000 {
                let others = [job("a"), job("b")].into_iter().chain(jobs).collect();
                assert_invalid(t.store.enqueue_many(others).await, "depends_on");
            }
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A batch may depend on jobs in the queue and on its own; one that is unknown refuses it.
    async fn a_batch_may_depend_on_jobs_in_the_queue(t: &Workflows) {
        let there = enqueued(t, job("there")).await.id;
        let mine = job("mine");
        let child = dependent(&[there, mine.id], SUCCESS);
        let (mine_id, child_id) = (mine.id, child.id);
        let unknown = dependent(&[there, JobId::mint()], SUCCESS);
        let before = queue_rows(t).await;
        let batch = vec![child.clone(), mine.clone(), unknown];
        assert_not_found(t.store.enqueue_many(batch).await);
        assert_eq!(queue_rows(t).await, before);
        enqueued_all(t, vec![child, mine]).await;
        let both = claimed_up_to(t, "w", 10).await;
        assert_eq!(crate::samples::ids_of(&both), [there, mine_id]);
        for one in both {
            t.store.complete_job(&one.lease, None).await.unwrap();
        }
        assert_eq!(complete_next(t).await, child_id);
    }

    /// A graph of a thousand jobs in one batch is worked off so that each comes after its parents.
    async fn a_graph_of_a_thousand_is_worked_off_in_topological_order(t: &Workflows) {
        let mut jobs: Vec<NewJob> = Vec::new();
        for number in 0..1000_usize {
            // Up to three parents, spread over those before.
            let parents: HashSet<usize> = (1..=number % 4)
                .filter_map(|step| number.checked_sub(step * step * 7 + number % 5 + 1))
                .collect();
            let parents: Vec<JobId> = parents.into_iter().map(|index| jobs[index].id).collect();
            jobs.push(dependent(&parents, if number.is_multiple_of(2) { SUCCESS } else { ANY }));
        }
        let parents: HashMap<JobId, Vec<JobId>> = jobs
            .iter()
            .map(|job| (job.id, job.depends_on.iter().map(|one| one.job_id).collect()))
            .collect();
        assert!(parents.values().map(Vec::len).sum::<usize>() > 1000);
        jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
        enqueued_all(t, jobs).await;
        let mut done = HashSet::new();
        loop {
            let claimed = claimed_up_to(t, "w", 1000).await;
            if claimed.is_empty() {
                break;
            }
            for one in &claimed {
                assert!(parents[&one.job.id].iter().all(|parent| done.contains(parent)));
            }
            let (first, rest) = claimed.split_first().unwrap();
            t.store.complete_job(&first.lease, None).await.unwrap();
            let completion = |one: &store_core::queue::ClaimedJob| {
                store_core::queue::Completion { lease: one.lease.clone(), result: None }
            };
            if !rest.is_empty() {
                let rest = rest.iter().map(completion).collect();
                let answers = t.store.complete_jobs(rest).await.unwrap();
                assert!(answers.iter().all(Result::is_ok));
            }
            done.extend(claimed.into_iter().map(|one| one.job.id));
        }
        assert_eq!(done.len(), 1000);
        assert_eq!(t.count("SELECT count(*) FROM job_dependencies").await, 0);
    }

    /// Workers on two handles work a graph off together: every job once, none left behind.
    async fn concurrent_workers_work_a_graph_off(t: &Workflows) {
        let mut jobs = vec![job("root")];
        for number in 1..120_usize {
            let parents = [jobs[number / 2].id, jobs[number / 3].id, jobs[number - 1].id];
            let parents: HashSet<JobId> = parents[..1 + number % 2].iter().copied().collect();
            let parents: Vec<JobId> = parents.into_iter().collect();
            jobs.push(dependent(&parents, SUCCESS));
        }
        enqueued_all(t, jobs).await;
        let done = at_once(t, 8, |number, store| async move {
            let request = store_core::queue::ClaimRequest::new(format!("w{number}")).limit(5);
            let (mut done, mut misses) = (0, 0);
            while misses < 40 {
                let claimed = store.claim_jobs(&request).await.unwrap();
                misses = if claimed.is_empty() { misses + 1 } else { 0 };
                for one in claimed {
                    store.complete_job(&one.lease, None).await.unwrap();
                    done += 1;
                }
            }
            done
        });
        let done: usize = done.await.into_iter().sum();
        let rest = loop_rest(t).await;
        assert_eq!(done + rest, 120);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }
}

/// Works off what is left, and counts it.
async fn loop_rest(t: &Workflows) -> usize {
    let mut done = 0;
    loop {
        let claimed = claimed_up_to(t, "rest", 1000).await;
        if claimed.is_empty() {
            return done;
        }
        for one in claimed {
            t.store.complete_job(&one.lease, None).await.unwrap();
            done += 1;
        }
    }
}
