//! Unique keys in a batch whose jobs wait for each other.

use store_core::queue::{
    DependencyCondition, EnqueueOutcome, JobState, NewJob, UniqueKey, UniquePolicy,
};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    claimed, claimed_ids, dependent, enqueued, job, job_in, state_of, unique_job,
};

const SUCCESS: DependencyCondition = DependencyCondition::Success;

/// The key `k`, for whom it does not matter who has it.
fn shared(new: NewJob) -> NewJob {
    NewJob { unique: Some(UniqueKey::new("k", UniquePolicy::Ignore)), ..new }
}

/// Completes the one job there is to claim, and returns it.
async fn complete_next(t: &Workflows) -> store_core::JobId {
    let lease = claimed(t, "w").await.lease;
    assert!(claimed_ids(t).await.is_empty());
    t.store.complete_job(&lease, None).await.unwrap();
    lease.job_id
}

behaviours! {
    emits queue_graph_keys_tests from queue::graph_keys;

    /// Who waits for a job of the batch that another one stands for waits for that other one.
    async fn a_dependency_follows_a_unique_key(t: &Workflows) {
        let there = enqueued(t, unique_job("k", UniquePolicy::Ignore)).await.id;
        let second = unique_job("k", UniquePolicy::Ignore);
        let child = dependent(&[second.id], SUCCESS);
        let answers = t.store.enqueue_many(vec![child.clone(), second]).await.unwrap();
        assert_eq!(answers[1].outcome, EnqueueOutcome::Existing);
        assert_eq!(answers[1].job.id, there);
        assert_eq!(state_of(t, child.id).await, JobState::Blocked);
        assert_eq!(complete_next(t).await, there);
        assert_eq!(complete_next(t).await, child.id);
    }

    /// Who waits for a job and for one that it stands for waits for it once.
    async fn two_dependencies_on_one_job_are_one(t: &Workflows) {
        let there = enqueued(t, unique_job("k", UniquePolicy::Ignore)).await.id;
        let second = shared(job("second"));
        let child = dependent(&[there, second.id], SUCCESS);
        t.store.enqueue_many(vec![second, child.clone()]).await.unwrap();
        assert_eq!(complete_next(t).await, there);
        assert_eq!(complete_next(t).await, child.id);
    }

    /// Who waits for two jobs of a batch with the same key waits for the first of them.
    async fn two_jobs_with_one_key_are_waited_for_as_one(t: &Workflows) {
        let (first, second) = (shared(job("first")), shared(job("second")));
        let child = dependent(&[first.id, second.id], SUCCESS);
        let batch = vec![child.clone(), first.clone(), second];
        t.store.enqueue_many(batch).await.unwrap();
        assert_eq!(complete_next(t).await, first.id);
        assert_eq!(complete_next(t).await, child.id);
    }

    /// A job that waits for itself because it stands for another one is `Invalid`.
    async fn a_job_that_waits_for_its_namesake_is_invalid(t: &Workflows) {
        let second = shared(job("second"));
        let first = shared(dependent(&[second.id], SUCCESS));
        assert_invalid(t.store.enqueue_many(vec![first, second]).await, "depends_on");
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// Jobs that wait for each other because one stands for another one are `Invalid`.
    async fn a_cycle_through_a_key_is_invalid(t: &Workflows) {
        let second = shared(job("second"));
        let middle = dependent(&[second.id], SUCCESS);
        let first = shared(dependent(&[middle.id], SUCCESS));
        let answer = t.store.enqueue_many(vec![first, middle, second]).await;
        assert_invalid(answer, "depends_on");
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A job that is cancelled at once has no key: the second one with it is enqueued.
    async fn a_job_that_is_cancelled_at_once_has_no_key(t: &Workflows) {
        let dead = job_in(t, job("dead"), JobState::Dead).await.id;
        let first = shared(dependent(&[dead], SUCCESS));
        let second = shared(job("second"));
        let child = dependent(&[second.id], SUCCESS);
        let batch = vec![first.clone(), second.clone(), child.clone()];
        let answers = t.store.enqueue_many(batch).await.unwrap();
        assert!(answers.iter().all(|one| one.outcome == EnqueueOutcome::Created));
        assert_eq!(state_of(t, first.id).await, JobState::Cancelled);
        assert_eq!(complete_next(t).await, second.id);
        assert_eq!(complete_next(t).await, child.id);
    }

    /// A job that waits cannot replace another one.
    async fn a_job_that_waits_cannot_replace(t: &Workflows) {
        let there = enqueued(t, unique_job("k", UniquePolicy::Ignore)).await;
        let parent = enqueued(t, job("parent")).await.id;
        let unique = Some(UniqueKey::new("k", UniquePolicy::Replace));
        let refused = [
            NewJob { unique: unique.clone(), ..dependent(&[parent], SUCCESS) },
            NewJob { unique, ..crate::samples::waiting_job("e") },
        ];
        for new in refused {
            assert_invalid(t.store.enqueue(new).await, "unique");
        }
        assert_eq!(crate::samples::fetched(t, there.id).await, there);
    }

    /// A blocked job that is replaced waits no longer, neither for its parents nor for its event.
    async fn a_replaced_job_waits_no_longer(t: &Workflows) {
        let parent = crate::samples::leased(t, job("parent")).await.lease;
        let first = NewJob {
            wait_for_event: Some("e".into()), ..shared(dependent(&[parent.job_id], SUCCESS))
        };
        let first = enqueued(t, first).await;
        assert_eq!(first.state, JobState::Blocked);
        t.store.enqueue(unique_job("k", UniquePolicy::Replace)).await.unwrap();
        let read = crate::samples::fetched(t, first.id).await;
        assert_eq!((read.state, read.event_token), (JobState::Available, None));
        assert!(read.depends_on.is_empty());
        t.store.complete_job(&parent, None).await.unwrap();
        assert_eq!(claimed_ids(t).await, [first.id]);
        enqueued(t, crate::samples::waiting_job("e")).await;
    }

    /// Those that wait for a job that is replaced wait for what it is now.
    async fn those_that_wait_for_a_replaced_job_wait_on(t: &Workflows) {
        let first = enqueued(t, unique_job("k", UniquePolicy::Ignore)).await.id;
        let child = enqueued(t, dependent(&[first], SUCCESS)).await.id;
        t.store.enqueue(unique_job("k", UniquePolicy::Replace)).await.unwrap();
        assert_eq!(state_of(t, child).await, JobState::Blocked);
        assert_eq!(complete_next(t).await, first);
        assert_eq!(complete_next(t).await, child);
    }
}
