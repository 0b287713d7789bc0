//! Enqueueing: fields, states, batches, ids.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::queue::{
    Dependency, DependencyCondition, EnqueueOutcome, Job, JobFilter, JobState, NewJob, UniqueKey,
    UniquePolicy,
};
use store_core::{JobId, PageRequest};

use super::{assert_conflict, assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    FINISHED, at, at_once, claimed_ids, dependent, enqueued, enqueued_all, everything, fetched,
    job, job_in, job_of, queue_rows, time,
};

/// What a job is that was enqueued at noon and that nobody touched since.
fn untouched(new: NewJob, state: JobState) -> Job {
    Job {
        id: new.id,
        queue: new.queue,
        kind: new.kind,
        payload: new.payload,
        run_id: None,
        priority: new.priority,
        state,
        attempt: 0,
        max_attempts: new.max_attempts,
        run_at: new.run_at.unwrap_or(noon()),
        unique_key: new.unique.map(|unique| unique.key),
        concurrency_key: new.concurrency_key,
        timeout: new.timeout,
        tags: new.tags,
        capabilities: new.capabilities,
        depends_on: new.depends_on,
        event_token: new.wait_for_event,
        event: None,
        progress: None,
        result: None,
        last_error: None,
        cancel_reason: None,
        lease: None,
        created_at: noon(),
        updated_at: noon(),
        finished_at: None,
    }
}

/// A job with every field that can be given.
fn full(parent: JobId) -> NewJob {
    NewJob {
        id: JobId::mint(),
        queue: "späße 🎉".into(),
        kind: "it's \"quoted\"".into(),
        payload: everything(),
        priority: 7,
        max_attempts: 3,
        run_at: Some(at("2026-03-02T12:34:56.654321Z")),
        unique: Some(UniqueKey::new("the key", UniquePolicy::Reject)),
        concurrency_key: Some("customer 日本語".into()),
        timeout: Some(Duration::from_millis(90_001)),
        tags: vec!["red".into(), "grün".into(), "it's".into(), String::new(), "red".into()],
        capabilities: vec!["gpu".into(), "späße".into()],
        depends_on: vec![Dependency { job_id: parent, on: DependencyCondition::Any }],
        wait_for_event: Some("order 🎉 paid".into()),
    }
}

behaviours! {
    emits queue_enqueue_tests from queue::enqueue;

    /// A job comes back as it was enqueued, in each of its fields.
    async fn every_field_of_a_job_round_trips(t: &Workflows) {
        let parent = enqueued(t, job("parent")).await;
        let new = full(parent.id);
        let answer = t.store.enqueue(new.clone()).await.unwrap();
        assert_eq!(answer.outcome, EnqueueOutcome::Created);
        assert_eq!(answer.job, untouched(new, JobState::Blocked));
        assert_eq!(fetched(t, answer.job.id).await, answer.job);
        assert_eq!(t.reopened().await.fetch_job(answer.job.id).await.unwrap(), answer.job);
        let filter = JobFilter { queue: Some("späße 🎉".into()), ..JobFilter::default() };
        let page = t.store.list_jobs(&filter, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [answer.job]);
    }

    /// A job of a batch comes back as it was enqueued, in each of its fields.
    async fn every_field_of_a_job_of_a_batch_round_trips(t: &Workflows) {
        let parent = job("parent");
        let new = vec![full(parent.id), parent.clone()];
        let jobs = enqueued_all(t, new.clone()).await;
        assert_eq!(jobs[0], untouched(new[0].clone(), JobState::Blocked));
        assert_eq!(jobs[1], untouched(parent, JobState::Available));
        for job in jobs {
            assert_eq!(fetched(t, job.id).await, job);
        }
    }

    /// A job that says nothing else is available, in the middle of the queue `default`.
    async fn a_job_has_defaults(t: &Workflows) {
        let job = enqueued(t, NewJob::new("mail", json!([1]))).await;
        assert_eq!((job.queue.as_str(), job.kind.as_str()), ("default", "mail"));
        assert_eq!((job.priority, job.max_attempts, job.attempt), (50, 10, 0));
        assert_eq!((job.state, job.run_at), (JobState::Available, noon()));
        assert_eq!((job.timeout, job.unique_key.as_deref()), (None, None));
        assert!(job.tags.is_empty() && job.capabilities.is_empty() && job.depends_on.is_empty());
        assert_eq!(fetched(t, job.id).await, job);
    }

    /// A job is scheduled when its time is ahead, and available when it has come.
    async fn a_job_whose_time_is_ahead_is_scheduled(t: &Workflows) {
        let cases = [
            ("2026-03-02T12:00:00.000001Z", JobState::Scheduled),
            ("9999-12-31T23:59:59Z", JobState::Scheduled),
            ("2026-03-02T12:00:00Z", JobState::Available),
            ("1970-01-01T00:00:00Z", JobState::Available),
        ];
        for (instant, state) in cases {
            let new = NewJob { run_at: Some(at(instant)), ..job("timer") };
            let job = enqueued(t, new).await;
            assert_eq!((job.state, job.run_at), (state, at(instant)));
            assert_eq!(fetched(t, job.id).await, job);
        }
    }

    /// A job that waits for another one or for an event is blocked.
    async fn a_job_that_waits_is_blocked(t: &Workflows) {
        let parent = enqueued(t, job("parent")).await.id;
        let child = enqueued(t, dependent(&[parent], DependencyCondition::Any)).await;
        assert_eq!(child.state, JobState::Blocked);
        let new = NewJob { run_at: Some(time("13:00:00")), ..crate::samples::waiting_job("e") };
        let waiting = enqueued(t, new).await;
        assert_eq!((waiting.state, waiting.run_at), (JobState::Blocked, time("13:00:00")));
        assert_eq!(waiting.event_token.as_deref(), Some("e"));
    }

    /// A batch answers in the order it was given, whatever the ids.
    async fn a_batch_answers_in_its_order(t: &Workflows) {
        let mut new: Vec<NewJob> = (0..50).map(|number| job(&format!("k{number}"))).collect();
        new.reverse();
        new.swap(3, 40);
        let jobs = enqueued_all(t, new.clone()).await;
        let expected: Vec<Job> =
            new.into_iter().map(|new| untouched(new, JobState::Available)).collect();
        assert_eq!(jobs, expected);
    }

    /// A batch holds up to 1000 jobs, of different queues and states.
    async fn a_batch_holds_a_thousand_jobs(t: &Workflows) {
        let new = |number: usize| NewJob {
            run_at: (number.is_multiple_of(3)).then(|| time("13:00:00")),
            payload: json!({ "number": number }),
            ..job_of(&format!("q{}", number % 7), "bulk")
        };
        let jobs = enqueued_all(t, (0..1000).map(new).collect()).await;
        assert_eq!(jobs.len(), 1000);
        for number in [0, 1, 500, 999] {
            let job = &jobs[number];
            assert_eq!(fetched(t, job.id).await, *job);
            assert_eq!(job.payload, json!({ "number": number }));
            let scheduled = number.is_multiple_of(3);
            assert_eq!(job.state == JobState::Scheduled, scheduled, "{number}");
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1000);
    }

    /// When one job of a batch is refused, none of them is enqueued.
    async fn a_batch_is_enqueued_as_a_whole_or_not_at_all(t: &Workflows) {
        let held = enqueued(t, crate::samples::unique_job("k", UniquePolicy::Reject)).await;
        enqueued(t, crate::samples::waiting_job("taken")).await;
        let before = queue_rows(t).await;
        let good = || vec![job("a"), job("b")];
        let with = |last: NewJob| good().into_iter().chain([last]).collect::<Vec<_>>();
        let store = &t.store;
        let taken = NewJob { id: held.id, ..job("c") };
        assert_conflict(store.enqueue_many(with(taken)).await);
        let key = crate::samples::unique_job("k", UniquePolicy::Reject);
        assert_conflict(store.enqueue_many(with(key)).await);
        let event = crate::samples::waiting_job("taken");
        assert_conflict(store.enqueue_many(with(event)).await);
        let orphan = dependent(&[JobId::mint()], DependencyCondition::Any);
        assert_not_found(store.enqueue_many(with(orphan)).await);
        assert_invalid(store.enqueue_many(with(job(""))).await, "kind");
        assert_eq!(queue_rows(t).await, before);
    }

    /// An id that another job has, finished or not, is a conflict that changes nothing.
    async fn an_id_that_is_taken_conflicts(t: &Workflows) {
        let mut taken = vec![enqueued(t, job("first")).await];
        for state in FINISHED {
            taken.push(job_in(t, job_of(state.as_str(), "ended"), state).await);
        }
        let before = queue_rows(t).await;
        for job in taken {
            let again = NewJob { id: job.id, ..crate::samples::job("second") };
            assert_conflict(t.store.enqueue(again).await);
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// A job that depends on one that nobody knows is not enqueued.
    async fn a_job_cannot_depend_on_one_that_is_unknown(t: &Workflows) {
        let known = enqueued(t, job("parent")).await.id;
        let before = queue_rows(t).await;
        for on in DependencyCondition::ALL {
            assert_not_found(t.store.enqueue(dependent(&[known, JobId::mint()], *on)).await);
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// A job that is not there cannot be fetched, and finding it gives nothing.
    async fn a_job_that_is_not_there_is_not_found(t: &Workflows) {
        enqueued(t, job("another")).await;
        assert_not_found(t.store.fetch_job(JobId::mint()).await);
        assert_eq!(t.store.find_job(JobId::mint()).await.unwrap(), None);
    }

    /// A finished job is found as well as an unfinished one.
    async fn a_job_is_found_finished_or_not(t: &Workflows) {
        for state in JobState::ALL {
            let job = job_in(t, job_of(state.as_str(), "k"), *state).await;
            assert_eq!(t.store.find_job(job.id).await.unwrap(), Some(job));
        }
    }

    /// A queue needs no creation, and each one has its own jobs.
    async fn a_queue_needs_no_creation(t: &Workflows) {
        let here = enqueued(t, job("here")).await.id;
        let there = enqueued(t, job_of("Default", "there")).await.id;
        assert_eq!(claimed_ids(t).await, [here], "names are compared byte by byte");
        assert_eq!(fetched(t, there).await.state, JobState::Available);
    }

    /// Jobs of another database are not seen.
    async fn another_database_has_its_own_jobs(t: &Workflows) {
        let other = t.other().await;
        let mine = enqueued(t, job("mine")).await;
        assert_eq!(other.find_job(mine.id).await.unwrap(), None);
        other.enqueue(NewJob { id: mine.id, ..job("theirs") }).await.unwrap();
        assert_eq!(fetched(t, mine.id).await, mine);
    }

    /// Of concurrent batches from two handles no job is lost.
    async fn concurrent_batches_all_arrive(t: &Workflows) {
        let answers = at_once(t, 16, |_, store| async move {
            let jobs: Vec<NewJob> = (0..25).map(|number| job(&number.to_string())).collect();
            let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
            let answered = store.enqueue_many(jobs).await.unwrap();
            assert_eq!(answered.iter().map(|one| one.job.id).collect::<Vec<_>>(), ids);
            ids
        });
        let expected: BTreeSet<JobId> = answers.await.into_iter().flatten().collect();
        assert_eq!(expected.len(), 400);
        let claimed: BTreeSet<JobId> = claimed_ids(t).await.into_iter().collect();
        assert_eq!(claimed, expected);
    }
}
