//! Unique keys: what happens while an unfinished job has one.

use serde_json::json;
use store_core::queue::{EnqueueOutcome, JobState, NewJob, UniqueKey, UniquePolicy};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    FINISHED, UNFINISHED, at_once, claimed, enqueued, fetched, job_in, job_of, pass, queue_rows,
    time, unique_job,
};

/// A job of a queue with the key `k`.
fn keyed_in(queue: &str, policy: UniquePolicy) -> NewJob {
    NewJob { queue: queue.to_owned(), ..unique_job("k", policy) }
}

behaviours! {
    emits queue_unique_tests from queue::unique;

    /// With `ignore` the job that is there stays as it is and is returned.
    async fn ignore_returns_the_job_that_is_there(t: &Workflows) {
        let first = enqueued(t, unique_job("k", UniquePolicy::Ignore)).await;
        pass(t, 1);
        let before = queue_rows(t).await;
        let again = NewJob { priority: 1, ..unique_job("k", UniquePolicy::Ignore) };
        let answer = t.store.enqueue(again).await.unwrap();
        assert_eq!((answer.outcome, &answer.job), (EnqueueOutcome::Existing, &first));
        assert_eq!(queue_rows(t).await, before);
    }

    /// With `reject` the second job is a conflict that changes nothing.
    async fn reject_refuses_the_second_job(t: &Workflows) {
        enqueued(t, unique_job("k", UniquePolicy::Reject)).await;
        let before = queue_rows(t).await;
        assert_conflict(t.store.enqueue(unique_job("k", UniquePolicy::Reject)).await);
        assert_eq!(queue_rows(t).await, before);
    }

    /// With `replace` the job that is there keeps its id and takes over everything else.
    async fn replace_keeps_the_id_and_changes_everything_else(t: &Workflows) {
        let first = enqueued(t, unique_job("k", UniquePolicy::Reject)).await;
        pass(t, 1);
        let new = NewJob {
            kind: "another".into(),
            payload: json!({"new": true}),
            priority: 3,
            max_attempts: 2,
            run_at: Some(time("15:00:00")),
            concurrency_key: Some("c".into()),
            timeout: Some(std::time::Duration::from_secs(9)),
            tags: vec!["t".into()],
            capabilities: vec!["gpu".into()],
            ..unique_job("k", UniquePolicy::Replace)
        };
        let answer = t.store.enqueue(new.clone()).await.unwrap();
        assert_eq!(answer.outcome, EnqueueOutcome::Replaced);
        let job = fetched(t, first.id).await;
        assert_eq!(answer.job, job);
        assert_eq!((job.kind, job.payload), (new.kind, new.payload));
        assert_eq!((job.priority, job.max_attempts), (3, 2));
        assert_eq!((job.state, job.run_at), (JobState::Scheduled, time("15:00:00")));
        assert_eq!((job.concurrency_key, job.timeout), (new.concurrency_key, new.timeout));
        assert_eq!((job.tags, job.capabilities), (new.tags, new.capabilities));
        assert_eq!((job.updated_at, job.unique_key.as_deref()), (time("12:00:01"), Some("k")));
        assert_eq!(t.store.find_job(new.id).await.unwrap(), None);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// A job that was tried before and is replaced begins anew.
    async fn a_replaced_job_begins_its_attempts_anew(t: &Workflows) {
        let first = enqueued(t, unique_job("k", UniquePolicy::Reject)).await;
        let lease = claimed(t, "w").await.lease;
        let later = store_core::queue::Retry::At(time("13:00:00"));
        t.store.report_progress(&lease, json!(50)).await.unwrap();
        t.store.fail_job(&lease, "boom", later).await.unwrap();
        t.store.enqueue(unique_job("k", UniquePolicy::Replace)).await.unwrap();
        let job = fetched(t, first.id).await;
        assert_eq!((job.attempt, job.last_error, job.progress), (0, None, None));
        assert_eq!(job.state, JobState::Available);
        let again = claimed(t, "w").await;
        assert_eq!((again.job.id, again.job.attempt), (first.id, 1));
        assert!(again.lease.epoch > lease.epoch, "a fencing token is never given twice");
    }

    /// A job that a worker holds cannot be replaced.
    async fn a_leased_job_is_not_replaced(t: &Workflows) {
        job_in(t, unique_job("k", UniquePolicy::Reject), JobState::Leased).await;
        let before = queue_rows(t).await;
        assert_conflict(t.store.enqueue(unique_job("k", UniquePolicy::Replace)).await);
        assert_eq!(queue_rows(t).await, before);
    }

    /// A key is held in every state that is not finished.
    async fn a_key_is_held_while_its_job_is_unfinished(t: &Workflows) {
        for state in UNFINISHED {
            let queue = state.as_str();
            let held = job_in(t, keyed_in(queue, UniquePolicy::Reject), state).await;
            assert_conflict(t.store.enqueue(keyed_in(queue, UniquePolicy::Reject)).await);
            let answer = t.store.enqueue(keyed_in(queue, UniquePolicy::Ignore)).await.unwrap();
            assert_eq!((answer.outcome, answer.job), (EnqueueOutcome::Existing, held));
        }
    }

    /// A key is free again when its job is finished, however.
    async fn a_key_is_free_when_its_job_is_finished(t: &Workflows) {
        for state in FINISHED {
            for policy in UniquePolicy::ALL {
                let queue = format!("{state} {policy}");
                let ended = job_in(t, keyed_in(&queue, *policy), state).await;
                let next = enqueued(t, keyed_in(&queue, *policy)).await;
                assert_ne!(next.id, ended.id);
                assert_eq!(fetched(t, ended.id).await, ended);
            }
        }
    }

    /// The same key in another queue, and another key, are other jobs.
    async fn a_key_is_of_one_queue(t: &Workflows) {
        enqueued(t, keyed_in("a", UniquePolicy::Reject)).await;
        enqueued(t, keyed_in("b", UniquePolicy::Reject)).await;
        let unique = |key: &str| Some(UniqueKey::new(key, UniquePolicy::Reject));
        for key in ["K", "k ", "kk"] {
            enqueued(t, NewJob { unique: unique(key), ..job_of("a", "k") }).await;
        }
    }

    /// Of two jobs in one batch with the same key the second finds the first.
    async fn of_two_in_a_batch_the_second_finds_the_first(t: &Workflows) {
        let policy = UniquePolicy::Ignore;
        let (first, second) = (unique_job("k", policy), unique_job("k", policy));
        let answers = t.store.enqueue_many(vec![first.clone(), second]).await.unwrap();
        let outcomes: Vec<_> = answers.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [EnqueueOutcome::Created, EnqueueOutcome::Existing]);
        assert!(answers.iter().all(|one| one.job.id == first.id));
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// Of two jobs in one batch with the same key the second can replace the first.
    async fn of_two_in_a_batch_the_second_replaces_the_first(t: &Workflows) {
        let first = unique_job("k", UniquePolicy::Ignore);
        let second = NewJob { priority: 9, ..unique_job("k", UniquePolicy::Replace) };
        let answers = t.store.enqueue_many(vec![first.clone(), second]).await.unwrap();
        let outcomes: Vec<_> = answers.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [EnqueueOutcome::Created, EnqueueOutcome::Replaced]);
        let job = fetched(t, first.id).await;
        assert_eq!((job.priority, &answers[1].job), (9, &job));
    }

    /// Of two jobs in one batch with the same key the second can refuse the batch.
    async fn of_two_in_a_batch_the_second_rejects_both(t: &Workflows) {
        let policy = UniquePolicy::Reject;
        let batch = vec![unique_job("k", policy), unique_job("k", policy)];
        assert_conflict(t.store.enqueue_many(batch).await);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// Of 50 that enqueue one key at once from two handles, one creates the job.
    async fn of_concurrent_jobs_with_one_key_one_is_created(t: &Workflows) {
        let answers = at_once(t, 50, |_, store| async move {
            store.enqueue(unique_job("k", UniquePolicy::Ignore)).await.unwrap()
        })
        .await;
        let created = |outcome| answers.iter().filter(|one| one.outcome == outcome).count();
        assert_eq!(created(EnqueueOutcome::Created), 1);
        assert_eq!(created(EnqueueOutcome::Existing), 49);
        assert!(answers.iter().all(|one| one.job.id == answers[0].job.id));
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// Of 50 that insist on one key at once from two handles, one succeeds.
    async fn of_concurrent_jobs_that_reject_one_succeeds(t: &Workflows) {
        let answers = at_once(t, 50, |_, store| async move {
            store.enqueue(unique_job("k", UniquePolicy::Reject)).await
        })
        .await;
        let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(created.len(), 1);
        refused.into_iter().for_each(assert_conflict);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// Concurrent replacements leave one job, with what the last one of them asked for.
    async fn concurrent_replacements_leave_one_job(t: &Workflows) {
        let answers = at_once(t, 30, |number, store| async move {
            let payload = json!(number);
            let new = NewJob { payload, ..unique_job("k", UniquePolicy::Replace) };
            store.enqueue(new).await.unwrap()
        })
        .await;
        let id = answers[0].job.id;
        assert!(answers.iter().all(|one| one.job.id == id));
        let payload = fetched(t, id).await.payload;
        assert!((0..30).any(|number| payload == json!(number)), "{payload}");
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }
}
