//! Dead jobs that are given back to their queues.

use serde_json::json;
use store_core::JobId;
use store_core::queue::{
    AssignmentOutcome, DependencyCondition, Job, JobFilter, JobState, NewJob, Retry, UniquePolicy,
};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claim_of, claimed, claimed_ids, dependent, enqueued, fetched, history_of, ids_of, job,
    job_in, job_of, job_of_run, leased, pass, pending, queue_rows, runnable, state_of, time,
    unique_job,
};

fn all() -> JobFilter {
    JobFilter::default()
}

async fn redrive(t: &Workflows, filter: JobFilter, limit: u32) -> u32 {
    t.store.redrive_jobs(&filter, limit).await.unwrap()
}

/// A job that died.
async fn dead(t: &Workflows, new: NewJob) -> JobId {
    job_in(t, new, JobState::Dead).await.id
}

behaviours! {
    emits queue_redrive_tests from queue::redrive;

    /// A dead job is available again, and its attempts begin anew.
    async fn a_dead_job_is_available_again(t: &Workflows) {
        let new = NewJob { max_attempts: 2, ..job("k") };
        let first = leased(t, new).await.lease;
        t.store.report_progress(&first, json!(50)).await.unwrap();
        t.store.fail_job(&first, "first", Retry::At(time("12:00:00"))).await.unwrap();
        let second = claimed(t, "w").await.lease;
        t.store.fail_job(&second, "second", Retry::ByPolicy).await.unwrap();
        let before = fetched(t, first.job_id).await;
        assert_eq!((before.state, before.attempt), (JobState::Dead, 2));
        pass(t, 60);
        assert_eq!(redrive(t, all(), 10).await, 1);
        let read = fetched(t, before.id).await;
        let expected = Job {
            state: JobState::Available,
            attempt: 0,
            finished_at: None,
            updated_at: time("12:01:00"),
            run_at: read.run_at,
            last_error: read.last_error.clone(),
            progress: read.progress.clone(),
            ..before
        };
        assert_eq!(read, expected);
        assert!(read.run_at <= time("12:01:00"));
        assert_eq!(t.count("SELECT count(*) FROM job_history").await, 0);
        assert_eq!(redrive(t, all(), 10).await, 0);
    }

    /// The epoch of a job that was given back goes on increasing.
    async fn the_epoch_goes_on_increasing(t: &Workflows) {
        let new = NewJob { max_attempts: 1, ..job("k") };
        let mut last = leased(t, new).await.lease;
        for _ in 0..3 {
            t.store.fail_job(&last, "boom", Retry::Never).await.unwrap();
            assert_eq!(redrive(t, all(), 10).await, 1);
            super::assert_lost(t.store.complete_job(&last, None).await);
            let next = claimed(t, &last.owner).await;
            assert_eq!(next.job.attempt, 1);
            assert!(next.lease.epoch > last.epoch);
            last = next.lease;
        }
    }

    /// The history keeps the assignments before.
    async fn the_history_keeps_the_assignments_before(t: &Workflows) {
        let id = dead(t, job("k")).await;
        pass(t, 60);
        redrive(t, all(), 10).await;
        let before = history_of(t, id).await;
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].outcome, Some(AssignmentOutcome::Failed));
        assert_eq!(before[0].error.as_deref(), Some("boom"));
        let lease = claimed(t, "second").await.lease;
        t.store.complete_job(&lease, None).await.unwrap();
        let after = history_of(t, id).await;
        assert_eq!(after.len(), 2);
        assert_eq!(after[0], before[0]);
        assert_eq!(after[1].worker, "second");
        assert_eq!(after[1].outcome, Some(AssignmentOutcome::Succeeded));
    }

    /// Only dead jobs are given back.
    async fn only_dead_jobs_are_given_back(t: &Workflows) {
        for state in JobState::ALL.iter().filter(|state| **state != JobState::Dead) {
            job_in(t, job_of(state.as_str(), "k"), *state).await;
        }
        let before = queue_rows(t).await;
        assert_eq!(redrive(t, all(), 1000).await, 0);
        assert_eq!(queue_rows(t).await, before);
    }

    /// Dead jobs are given back by queue, by kind, by tag, and by all of these together.
    async fn dead_jobs_are_given_back_by_filter(t: &Workflows) {
        let new = |queue: &str, kind: &str, tag: &str| NewJob {
            tags: vec!["all".into(), tag.into()], ..job_of(queue, kind)
        };
        let mut ids = Vec::new();
        for (queue, kind, tag) in
            [("p", "x", "it's"), ("q", "x", "red"), ("p", "y", "red"), ("q", "y", "it's")]
        {
            ids.push(dead(t, new(queue, kind, tag)).await);
        }
        let filter = |queue: Option<&str>, kind: Option<&str>, tag: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            JobFilter { queue: owned(queue), kind: owned(kind), tag: owned(tag), ..all() }
        };
        for none in [
            filter(Some("P"), None, None), filter(None, Some("run"), None),
            filter(None, None, Some("al")), filter(Some("p"), Some("x"), Some("red")),
        ] {
            assert_eq!(redrive(t, none, 10).await, 0);
        }
        let last = &ids[3..];
        let steps = [
            (filter(Some("p"), Some("x"), Some("it's")), &ids[..1]),
            (filter(Some("p"), None, None), &ids[2..3]),
            (filter(None, None, Some("red")), &ids[1..2]),
            (JobFilter { states: vec![JobState::Dead], ..filter(None, Some("y"), None) }, last),
        ];
        for (filter, expected) in steps {
            assert_eq!(redrive(t, filter, 10).await, 1);
            for id in expected {
                assert_eq!(state_of(t, *id).await, JobState::Available);
            }
        }
    }

    /// The oldest dead jobs are given back first, up to the limit.
    async fn the_oldest_are_given_back_first(t: &Workflows) {
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(dead(t, job("k")).await);
            pass(t, 1);
        }
        for (count, expected) in [(2, &ids[..2]), (2, &ids[2..4]), (1, &ids[4..])] {
            assert_eq!(redrive(t, all(), 2).await, count);
            assert_eq!(claimed_ids(t).await, expected);
        }
        assert_eq!(redrive(t, all(), 2).await, 0);
    }

    /// A job whose unique key another one took stays dead, until that one is finished.
    async fn a_job_whose_key_was_taken_stays(t: &Workflows) {
        let keyed = dead(t, unique_job("k", UniquePolicy::Reject)).await;
        let plain = dead(t, job_of("q", "k")).await;
        let taker = leased(t, unique_job("k", UniquePolicy::Reject)).await.lease;
        assert_eq!(redrive(t, all(), 10).await, 1);
        assert_eq!(state_of(t, keyed).await, JobState::Dead);
        assert_eq!(state_of(t, plain).await, JobState::Available);
        t.store.complete_job(&taker, None).await.unwrap();
        assert_eq!(redrive(t, all(), 10).await, 1);
        assert_eq!(claimed_ids(t).await, [keyed]);
    }

    /// Of two dead jobs with the same unique key the older one is given back.
    async fn of_two_with_one_key_the_older_is_given_back(t: &Workflows) {
        let first = dead(t, unique_job("k", UniquePolicy::Reject)).await;
        let second = dead(t, unique_job("k", UniquePolicy::Reject)).await;
        assert_eq!(redrive(t, all(), 10).await, 1);
        assert_eq!(claimed_ids(t).await, [first]);
        assert_eq!(state_of(t, second).await, JobState::Dead);
    }

    /// Jobs that stay dead because of their keys do not hide those behind them from the limit.
    async fn those_that_stay_do_not_hide_those_behind_them(t: &Workflows) {
        for number in 0..5 {
            dead(t, unique_job(&number.to_string(), UniquePolicy::Reject)).await;
            pass(t, 1);
        }
        for number in 0..5 {
            enqueued(t, unique_job(&number.to_string(), UniquePolicy::Reject)).await;
        }
        let free = dead(t, job_of("q", "k")).await;
        assert_eq!(redrive(t, all(), 2).await, 1, "fewer than the limit: none is left");
        assert_eq!(state_of(t, free).await, JobState::Available);
    }

    /// The job of a run stays dead: a run is retried by its workflow's policy.
    async fn the_job_of_a_run_stays(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        let lease = claimed(t, "w").await.lease;
        t.store.fail_job(&lease, "boom", Retry::Never).await.unwrap();
        let other = dead(t, job_of("q", "k")).await;
        let before = t.store.fetch_run(run.id).await.unwrap();
        assert_eq!(redrive(t, JobFilter { run_id: Some(run.id), ..all() }, 10).await, 0);
        assert_eq!(redrive(t, all(), 10).await, 1);
        assert_eq!(state_of(t, other).await, JobState::Available);
        assert_eq!(job_of_run(t, run.id).await.state, JobState::Dead);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), before);
    }

    /// The jobs that were cancelled because of a dead one are not revived with it.
    async fn those_that_waited_are_not_revived(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        let child = dependent(&[parent.job_id], DependencyCondition::Success);
        let child = enqueued(t, child).await.id;
        t.store.fail_job(&parent, "boom", Retry::Never).await.unwrap();
        let cancelled = fetched(t, child).await;
        assert_eq!(redrive(t, all(), 10).await, 1);
        let again = claimed(t, "w").await;
        assert_eq!(again.job.id, parent.job_id);
        t.store.complete_job(&again.lease, None).await.unwrap();
        assert_eq!(fetched(t, child).await, cancelled);
    }

    /// A job that waited for others before it died waits for nobody when it is given back.
    async fn a_job_with_parents_waits_for_nobody_again(t: &Workflows) {
        let parent = job_in(t, job("parent"), JobState::Succeeded).await.id;
        let new = dependent(&[parent], DependencyCondition::Success);
        let depends_on = new.depends_on.clone();
        let id = dead(t, new).await;
        assert_eq!(redrive(t, all(), 10).await, 1);
        let read = fetched(t, id).await;
        assert_eq!((read.state, read.depends_on), (JobState::Available, depends_on));
    }

    /// Many that redrive at once give each job back once.
    async fn concurrent_redrives_give_each_job_back_once(t: &Workflows) {
        for _ in 0..40 {
            dead(t, job("k")).await;
        }
        let counts = at_once(t, 8, |_, store| async move {
            let mut given = 0;
            for _ in 0..3 {
                given += store.redrive_jobs(&all(), 3).await.unwrap();
            }
            given
        });
        let mut given: u32 = counts.await.into_iter().sum();
        given += redrive(t, all(), 1000).await;
        assert_eq!(given, 40);
        let claimed = t.store.claim_jobs(&claim_of("default", "w", 1000)).await.unwrap();
        assert_eq!(ids_of(&claimed).len(), 40);
    }

    /// Of two dead jobs with one key, the one that stays hides no other job from the limit.
    async fn a_namesake_hides_no_other_job(t: &Workflows) {
        for _ in 0..3 {
            dead(t, unique_job("k", UniquePolicy::Reject)).await;
            pass(t, 1);
        }
        let free = dead(t, job("k")).await;
        assert_eq!(redrive(t, all(), 2).await, 2);
        assert_eq!(state_of(t, free).await, JobState::Available);
    }
}
