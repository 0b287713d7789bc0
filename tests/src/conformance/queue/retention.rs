//! Deleting and pruning finished jobs.

use serde_json::json;
use store_core::queue::{
    Delivery, DependencyCondition, JobFilter, JobState, NewJob, Retry, UniquePolicy,
};
use store_core::{JobId, PageRequest, Timestamp};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    FINISHED, UNFINISHED, at_once, claimed, dependent, enqueued, fetched, history_of, job, job_in,
    job_of, later, leased, pass, queue_rows, time, unique_job, waiting_job,
};

async fn prune(t: &Workflows, before: Timestamp, states: &[JobState], batch: u32) -> u32 {
    t.store.prune_jobs(before, states, batch).await.unwrap()
}

/// The finished jobs that are there, by id.
async fn left(t: &Workflows) -> Vec<JobId> {
    let filter = JobFilter { states: FINISHED.to_vec(), ..JobFilter::default() };
    let page = t.store.list_jobs(&filter, &PageRequest::first(1000)).await.unwrap();
    page.items.into_iter().map(|job| job.id).collect()
}

/// How many rows there are of finished jobs and of assignments.
async fn rows(t: &Workflows) -> (i64, i64) {
    let history = t.count("SELECT count(*) FROM job_history").await;
    (history, t.count("SELECT count(*) FROM job_assignments").await)
}

/// A job that was tried twice and succeeded.
async fn tried_twice(t: &Workflows) -> JobId {
    let first = leased(t, job("k")).await.lease;
    t.store.fail_job(&first, "boom", Retry::At(time("12:00:00"))).await.unwrap();
    let second = claimed(t, "w").await.lease;
    assert_eq!(second.job_id, first.job_id);
    t.store.complete_job(&second, None).await.unwrap();
    first.job_id
}

behaviours! {
    emits queue_retention_tests from queue::retention;

    /// A finished job is deleted with its history; others keep theirs.
    async fn a_finished_job_is_deleted_with_its_history(t: &Workflows) {
        let (gone, kept) = (tried_twice(t).await, tried_twice(t).await);
        let history = history_of(t, kept).await;
        t.store.delete_job(gone).await.unwrap();
        assert_not_found(t.store.fetch_job(gone).await);
        assert_not_found(t.store.job_history(gone).await);
        assert_not_found(t.store.delete_job(gone).await);
        assert_not_found(t.store.cancel_job(gone, "r").await);
        assert_eq!(left(t).await, [kept]);
        assert_eq!(history_of(t, kept).await, history);
        assert_eq!(rows(t).await, (1, 1));
    }

    /// A job can be deleted however it ended.
    async fn a_job_is_deleted_however_it_ended(t: &Workflows) {
        for state in FINISHED {
            let id = job_in(t, job("k"), state).await.id;
            t.store.delete_job(id).await.unwrap();
            assert_eq!(t.store.find_job(id).await.unwrap(), None);
        }
        assert_eq!(rows(t).await, (0, 0));
    }

    /// A job that is not finished cannot be deleted.
    async fn a_job_that_is_not_finished_cannot_be_deleted(t: &Workflows) {
        for state in UNFINISHED {
            let job = job_in(t, job_of(state.as_str(), "k"), state).await;
            let before = queue_rows(t).await;
            assert_invalid_state(t.store.delete_job(job.id).await);
            assert_eq!(queue_rows(t).await, before);
        }
        assert_not_found(t.store.delete_job(JobId::mint()).await);
    }

    /// A parent that is deleted does not matter to those it released before.
    async fn a_parent_can_be_deleted_when_it_ended(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        let child = dependent(&[parent.job_id], DependencyCondition::Success);
        let depends_on = child.depends_on.clone();
        let child = enqueued(t, child).await.id;
        t.store.complete_job(&parent, None).await.unwrap();
        t.store.delete_job(parent.job_id).await.unwrap();
        assert_eq!(fetched(t, child).await.depends_on, depends_on);
        assert_eq!(claimed(t, "w").await.job.id, child);
    }

    /// Jobs that finished before an instant go, those that finished at it or later stay.
    async fn jobs_that_finished_before_an_instant_go(t: &Workflows) {
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(job_in(t, job("k"), JobState::Succeeded).await.id);
            pass(t, 10);
        }
        let cutoff = fetched(t, ids[2]).await.finished_at.unwrap();
        assert_eq!(prune(t, cutoff, &FINISHED, 1000).await, 2);
        assert_eq!(left(t).await, ids[2..]);
        assert_eq!(prune(t, cutoff, &FINISHED, 1000).await, 0);
        assert_not_found(t.store.fetch_job(ids[0]).await);
        assert_not_found(t.store.job_history(ids[1]).await);
    }

    /// When a job ended counts, not when it was enqueued.
    async fn the_end_of_a_job_counts_not_its_creation(t: &Workflows) {
        let first = enqueued(t, job_of("q", "first")).await.id;
        let second = job_in(t, job("second"), JobState::Succeeded).await.id;
        pass(t, 60);
        t.store.cancel_job(first, "r").await.unwrap();
        assert_eq!(prune(t, later(t, 0), &FINISHED, 10).await, 1);
        assert_eq!(left(t).await, [first]);
        assert_eq!(t.store.find_job(second).await.unwrap(), None);
    }

    /// Only jobs in the states that are named go, and never an unfinished one.
    async fn only_jobs_in_the_named_states_go(t: &Workflows) {
        let mut ids = Vec::new();
        for state in FINISHED {
            ids.push(job_in(t, job("k"), state).await.id);
        }
        for state in UNFINISHED {
            job_in(t, job_of(state.as_str(), "k"), state).await;
        }
        let after = time("20:00:00");
        assert_eq!(prune(t, after, &[JobState::Dead], 10).await, 1);
        assert_eq!(left(t).await, [ids[0], ids[2]]);
        assert_eq!(prune(t, after, &[JobState::Cancelled, JobState::Dead], 10).await, 1);
        assert_eq!(left(t).await, ids[..1]);
        assert_eq!(prune(t, after, &FINISHED, 10).await, 1);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 4);
    }

    /// A batch takes the jobs that finished first.
    async fn a_batch_takes_the_jobs_that_finished_first(t: &Workflows) {
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(enqueued(t, job("k")).await.id);
        }
        // They end in another order than they were enqueued in.
        let order = [3, 0, 4, 1, 2];
        for index in order {
            t.store.cancel_job(ids[index], "r").await.unwrap();
            pass(t, 1);
        }
        let after = time("20:00:00");
        for (count, gone) in [(2, 2), (2, 4), (1, 5), (0, 5)] {
            assert_eq!(prune(t, after, &FINISHED, 2).await, count);
            let mut expected: Vec<JobId> = order[gone..].iter().map(|index| ids[*index]).collect();
            expected.sort_unstable();
            assert_eq!(left(t).await, expected);
        }
    }

    /// With a job goes its history, and that of others stays.
    async fn with_a_job_goes_its_history(t: &Workflows) {
        tried_twice(t).await;
        pass(t, 60);
        let cutoff = later(t, 0);
        let kept = tried_twice(t).await;
        assert_eq!(rows(t).await, (2, 2));
        assert_eq!(prune(t, cutoff, &FINISHED, 10).await, 1);
        assert_eq!(rows(t).await, (1, 1));
        assert_eq!(history_of(t, kept).await.len(), 2);
    }

    /// Events that were delivered before the instant go, later ones stay, and so do awaited ones.
    async fn old_events_go(t: &Workflows) {
        for token in ["old", "old too"] {
            t.store.deliver_event(token, json!(1)).await.unwrap();
        }
        enqueued(t, waiting_job("awaited")).await;
        pass(t, 60);
        let cutoff = later(t, 0);
        t.store.deliver_event("new", json!(1)).await.unwrap();
        prune(t, cutoff, &FINISHED, 10).await;
        let tokens = t.rows("SELECT token FROM job_events ORDER BY token").await;
        assert_eq!(tokens, [["awaited"], ["new"]]);
        let delivery = t.store.deliver_event("new", json!(1)).await.unwrap();
        assert_eq!(delivery, Delivery::Duplicate);
        assert_eq!(t.store.deliver_event("old", json!(1)).await.unwrap(), Delivery::Kept);
    }

    /// A job keeps what its event brought when the event is pruned.
    async fn a_job_keeps_what_its_event_brought(t: &Workflows) {
        let id = enqueued(t, waiting_job("e")).await.id;
        t.store.deliver_event("e", json!("payload")).await.unwrap();
        pass(t, 60);
        prune(t, later(t, 0), &FINISHED, 10).await;
        let read = fetched(t, id).await;
        assert_eq!((read.event, read.state), (Some(json!("payload")), JobState::Available));
    }

    /// The id of a job that was pruned can be used again; nobody remembers it.
    async fn nobody_remembers_a_pruned_job(t: &Workflows) {
        let id = job_in(t, unique_job("k", UniquePolicy::Reject), JobState::Dead).await.id;
        pass(t, 60);
        assert_eq!(prune(t, later(t, 0), &FINISHED, 10).await, 1);
        let again = NewJob { id, ..unique_job("k", UniquePolicy::Reject) };
        let job = enqueued(t, again).await;
        assert_eq!((job.attempt, job.last_error), (0, None));
        assert!(history_of(t, id).await.is_empty());
    }

    /// Many that prune at once delete each job once.
    async fn concurrent_prunes_delete_each_job_once(t: &Workflows) {
        for _ in 0..40 {
            job_in(t, job("k"), JobState::Succeeded).await;
        }
        let after = time("20:00:00");
        let counts = at_once(t, 8, move |_, store| async move {
            let mut gone = 0;
            for _ in 0..3 {
                gone += store.prune_jobs(after, &FINISHED, 3).await.unwrap();
            }
            gone
        });
        let mut gone: u32 = counts.await.into_iter().sum();
        gone += prune(t, after, &FINISHED, 1000).await;
        assert_eq!(gone, 40);
        assert_eq!(rows(t).await, (0, 0));
    }

    /// When fewer jobs than the batch were left, no old event is left either.
    async fn all_old_events_go_in_the_end(t: &Workflows) {
        for number in 0..5 {
            t.store.deliver_event(&number.to_string(), json!(1)).await.unwrap();
        }
        pass(t, 60);
        while prune(t, later(t, 0), &FINISHED, 2).await == 2 {}
        assert_eq!(t.count("SELECT count(*) FROM job_events").await, 0);
    }
}
