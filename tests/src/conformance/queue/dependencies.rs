//! Jobs that wait for other jobs.

use store_core::Clock as _;
use store_core::queue::{Dependency, DependencyCondition, Job, JobState, NewJob, Retry};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    FINISHED, at_once, claimed, claimed_ids, dependent, enqueued, fetched, job, job_in, job_of,
    job_of_run, leased, pass, pending, queue_rows, runnable, state_of, time,
};

const SUCCESS: DependencyCondition = DependencyCondition::Success;
const FAILURE: DependencyCondition = DependencyCondition::Failure;
const ANY: DependencyCondition = DependencyCondition::Any;

/// Brings a job that is leased to an end.
async fn end(t: &Workflows, lease: &store_core::queue::JobLease, state: JobState) {
    match state {
        JobState::Succeeded => t.store.complete_job(lease, None).await.unwrap(),
        JobState::Dead => t.store.fail_job(lease, "boom", Retry::Never).await.unwrap(),
        _ => {
            t.store.cancel_job(lease.job_id, "not needed").await.unwrap();
            t.store.release_job(lease).await.unwrap()
        }
    };
    assert_eq!(state_of(t, lease.job_id).await, state);
}

/// Says which ends of a parent fulfil which condition.
fn met(on: DependencyCondition, end: JobState) -> bool {
    match on {
        SUCCESS => end == JobState::Succeeded,
        FAILURE => end != JobState::Succeeded,
        ANY => true,
    }
}

behaviours! {
    emits queue_dependencies_tests from queue::dependencies;

    /// A job becomes available when the last job it waits for ends as wanted.
    async fn a_job_waits_for_the_last_of_its_parents(t: &Workflows) {
        let leases =
            [leased(t, job("a")).await.lease, leased(t, job("b")).await.lease];
        let child = enqueued(t, dependent(&[leases[0].job_id, leases[1].job_id], SUCCESS)).await;
        assert_eq!(child.state, JobState::Blocked);
        end(t, &leases[1], JobState::Succeeded).await;
        assert_eq!(state_of(t, child.id).await, JobState::Blocked);
        pass(t, 5);
        end(t, &leases[0], JobState::Succeeded).await;
        let read = fetched(t, child.id).await;
        let expected = Job {
            state: JobState::Available, updated_at: t.clock.now(), run_at: read.run_at, ..child
        };
        assert_eq!(read, expected);
        assert_eq!(claimed_ids(t).await, [read.id]);
    }

    /// Each end of a parent fulfils the conditions that name it, and cancels the others.
    async fn each_end_fulfils_the_conditions_that_name_it(t: &Workflows) {
        for state in FINISHED {
            for on in DependencyCondition::ALL {
                let queue = format!("{state} {on}");
                let parent = leased(t, job_of(&queue, "parent")).await.lease;
                let child = enqueued(t, dependent(&[parent.job_id], *on)).await.id;
                end(t, &parent, state).await;
                let read = fetched(t, child).await;
                if met(*on, state) {
                    assert_eq!(read.state, JobState::Available, "{queue}");
                    assert_eq!(read.cancel_reason, None);
                } else {
                    assert_eq!(read.state, JobState::Cancelled, "{queue}");
                    let reason = read.cancel_reason.unwrap();
                    assert!(reason.contains(&parent.job_id.to_string()), "{reason}");
                    assert!(reason.contains(state.as_str()), "{reason}");
                    assert_eq!(read.finished_at, Some(t.clock.now()));
                }
            }
        }
    }

    /// A parent that ended before is treated like one that ends: met or cancelled at once.
    async fn a_parent_that_ended_before_counts_at_once(t: &Workflows) {
        for state in FINISHED {
            let parent = job_in(t, job_of(state.as_str(), "parent"), state).await.id;
            for on in DependencyCondition::ALL {
                let child = enqueued(t, dependent(&[parent], *on)).await;
                assert_eq!(fetched(t, child.id).await, child);
                if met(*on, state) {
                    assert_eq!(child.state, JobState::Available);
                } else {
                    assert_eq!(child.state, JobState::Cancelled);
                    let reason = child.cancel_reason.unwrap();
                    assert!(reason.contains(&parent.to_string()), "{reason}");
                    assert_eq!(child.finished_at, Some(t.clock.now()));
                }
                assert_eq!(child.depends_on, [Dependency { job_id: parent, on: *on }]);
            }
        }
    }

    /// Of parents that ended before and parents that did not, only the latter are waited for.
    async fn only_unfinished_parents_are_waited_for(t: &Workflows) {
        let done = job_in(t, job("done"), JobState::Succeeded).await.id;
        let open = leased(t, job("open")).await.lease;
        let child = enqueued(t, dependent(&[done, open.job_id], SUCCESS)).await;
        assert_eq!(child.state, JobState::Blocked);
        end(t, &open, JobState::Succeeded).await;
        assert_eq!(claimed_ids(t).await, [child.id]);
    }

    /// A parent that can no longer end as wanted cancels the child though others are open.
    async fn one_unmet_parent_is_enough(t: &Workflows) {
        let first = leased(t, job("a")).await.lease;
        let second = leased(t, job("b")).await.lease;
        let child = enqueued(t, dependent(&[first.job_id, second.job_id], SUCCESS)).await.id;
        end(t, &second, JobState::Dead).await;
        assert_eq!(state_of(t, child).await, JobState::Cancelled);
        let cancelled = fetched(t, child).await;
        end(t, &first, JobState::Succeeded).await;
        assert_eq!(fetched(t, child).await, cancelled);
    }

    /// A parent that fails and is tried again has not ended.
    async fn a_parent_that_is_tried_again_has_not_ended(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        let mut children = Vec::new();
        for on in DependencyCondition::ALL {
            children.push(enqueued(t, dependent(&[parent.job_id], *on)).await.id);
        }
        let again = Retry::At(time("12:00:00"));
        t.store.fail_job(&parent, "boom", again).await.unwrap();
        let second = claimed(t, "w").await.lease;
        t.store.release_job(&second).await.unwrap();
        for child in &children {
            assert_eq!(state_of(t, *child).await, JobState::Blocked);
        }
        let third = claimed(t, "w").await.lease;
        end(t, &third, JobState::Succeeded).await;
        let states = [state_of(t, children[0]).await, state_of(t, children[1]).await,
            state_of(t, children[2]).await];
        assert_eq!(states, [JobState::Available, JobState::Cancelled, JobState::Available]);
    }

    /// A job whose time is ahead is scheduled when the jobs it waits for are done.
    async fn a_job_whose_time_is_ahead_is_scheduled_when_released(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        let run_at = Some(time("12:30:00"));
        let new = NewJob { run_at, ..dependent(&[parent.job_id], SUCCESS) };
        let child = enqueued(t, new).await.id;
        end(t, &parent, JobState::Succeeded).await;
        let read = fetched(t, child).await;
        assert_eq!((read.state, read.run_at), (JobState::Scheduled, time("12:30:00")));
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(time("12:30:00"));
        assert_eq!(claimed_ids(t).await, [child]);
    }

    /// A parent of another queue is waited for too.
    async fn a_parent_may_be_in_another_queue(t: &Workflows) {
        let parent = leased(t, job_of("other", "parent")).await.lease;
        let child = enqueued(t, dependent(&[parent.job_id], SUCCESS)).await.id;
        end(t, &parent, JobState::Succeeded).await;
        assert_eq!(claimed_ids(t).await, [child]);
    }

    /// A job that waits for itself is `Invalid`, and so is a parent that is named twice.
    async fn a_job_cannot_wait_for_itself_or_twice(t: &Workflows) {
        let parent = enqueued(t, job("parent")).await.id;
        let before = queue_rows(t).await;
        let id = store_core::JobId::mint();
        let of_itself = NewJob { id, ..dependent(&[id], SUCCESS) };
        let twice = dependent(&[parent, parent], SUCCESS);
        let mut both_ways = dependent(&[parent, parent], SUCCESS);
        both_ways.depends_on[1].on = FAILURE;
        for new in [of_itself, twice, both_ways] {
            assert_invalid(t.store.enqueue(new.clone()).await, "depends_on");
            assert_invalid(t.store.enqueue_many(vec![job("k"), new]).await, "depends_on");
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// A parent that was deleted or pruned is unknown.
    async fn a_parent_that_is_gone_is_not_found(t: &Workflows) {
        let deleted = job_in(t, job("a"), JobState::Succeeded).await.id;
        let pruned = job_in(t, job("b"), JobState::Succeeded).await.id;
        t.store.delete_job(deleted).await.unwrap();
        t.store.prune_jobs(time("13:00:00"), &FINISHED, 10).await.unwrap();
        for gone in [deleted, pruned] {
            assert_not_found(t.store.enqueue(dependent(&[gone], ANY)).await);
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// The job of a run cannot be waited for.
    async fn the_job_of_a_run_cannot_be_waited_for(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        let job = job_of_run(t, run.id).await.id;
        let before = queue_rows(t).await;
        assert_invalid(t.store.enqueue(dependent(&[job], ANY)).await, "depends_on");
        assert_eq!(queue_rows(t).await, before);
        t.store.cancel_run(&crate::samples::ada(), run.id, None).await.unwrap();
        assert_invalid(t.store.enqueue(dependent(&[job], ANY)).await, "depends_on");
    }

    /// Two parents that are completed at once by two handles release the child once.
    async fn parents_that_end_at_once_release_the_child_once(t: &Workflows) {
        for _ in 0..10 {
            let leases: Vec<_> =
                [leased(t, job("a")).await.lease, leased(t, job("b")).await.lease].into();
            let parents = [leases[0].job_id, leases[1].job_id];
            let child = enqueued(t, dependent(&parents, SUCCESS)).await.id;
            at_once(t, 2, |number, store| {
                let lease = leases[number].clone();
                async move { store.complete_job(&lease, None).await.unwrap() }
            })
            .await;
            let claimed = claimed(t, "w").await;
            assert_eq!((claimed.job.id, claimed.job.attempt), (child, 1));
            assert!(claimed_ids(t).await.is_empty());
            t.store.complete_job(&claimed.lease, None).await.unwrap();
        }
    }

    /// A child that is enqueued while its parent ends is released or finds it ended.
    async fn a_child_enqueued_while_its_parent_ends_is_not_forgotten(t: &Workflows) {
        for _ in 0..10 {
            let parent = leased(t, job("parent")).await.lease;
            let children: Vec<NewJob> =
                (0..6).map(|_| dependent(&[parent.job_id], SUCCESS)).collect();
            at_once(t, 7, |number, store| {
                let (parent, child) = (parent.clone(), children.get(number).cloned());
                async move {
                    match child {
                        Some(child) => drop(store.enqueue(child).await.unwrap()),
                        None => drop(store.complete_job(&parent, None).await.unwrap()),
                    }
                }
            })
            .await;
            assert_eq!(claimed_ids(t).await.len(), 6);
            assert_eq!(t.count("SELECT count(*) FROM job_dependencies").await, 0);
        }
    }
}
