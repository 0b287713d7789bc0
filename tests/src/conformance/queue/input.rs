//! What a job may hold, and what is refused before anything changes.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::queue::{
    Dependency, DependencyCondition, JobFilter, JobState, NewJob, Retry, UniqueKey, UniquePolicy,
};
use store_core::{JobId, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{FINISHED, enqueued, fetched, job, leased, queue_rows, time};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn long() -> String {
    "x".repeat(255)
}

fn unique(key: &str) -> Option<UniqueKey> {
    Some(UniqueKey::new(key, UniquePolicy::Reject))
}

fn on_success(job_id: JobId) -> Dependency {
    Dependency { job_id, on: DependencyCondition::Success }
}

/// Texts that are no name: empty, too long, with control characters.
fn no_names() -> Vec<String> {
    vec![String::new(), "x".repeat(256), "ä".repeat(128), "a\0b".into(), "a\nb".into()]
}

/// Each a job that may not be enqueued, with the field that is wrong.
fn refused() -> Vec<(&'static str, NewJob)> {
    let base = || job("k");
    let millisecond = Duration::from_millis(1);
    let mut all = Vec::new();
    for text in no_names() {
        let text = || text.clone();
        all.push(("queue", NewJob { queue: text(), ..base() }));
        all.push(("kind", NewJob { kind: text(), ..base() }));
        all.push(("unique_key", NewJob { unique: unique(&text()), ..base() }));
        all.push(("concurrency_key", NewJob { concurrency_key: Some(text()), ..base() }));
        all.push(("capabilities", NewJob { capabilities: vec!["a".into(), text()], ..base() }));
        all.push(("wait_for_event", NewJob { wait_for_event: Some(text()), ..base() }));
    }
    let depends_on = (0..1001).map(|_| on_success(JobId::mint())).collect();
    let month = Duration::from_secs(30 * 86_400);
    all.extend([
        ("kind", job("run")),
        ("priority", NewJob { priority: 101, ..base() }),
        ("priority", NewJob { priority: 255, ..base() }),
        ("max_attempts", NewJob { max_attempts: 0, ..base() }),
        ("max_attempts", NewJob { max_attempts: 1001, ..base() }),
        ("max_attempts", NewJob { max_attempts: u32::MAX, ..base() }),
        ("timeout", NewJob { timeout: Some(Duration::ZERO), ..base() }),
        ("timeout", NewJob { timeout: Some(Duration::from_micros(999)), ..base() }),
        ("timeout", NewJob { timeout: Some(month + millisecond), ..base() }),
        ("timeout", NewJob { timeout: Some(Duration::MAX), ..base() }),
        ("tags", NewJob { tags: vec!["x".into(); 1001], ..base() }),
        ("tags", NewJob { tags: vec!["x".repeat(256)], ..base() }),
        ("tags", NewJob { tags: vec!["a\0b".into()], ..base() }),
        ("capabilities", NewJob { capabilities: vec!["x".into(); 65], ..base() }),
        ("depends_on", NewJob { depends_on, ..base() }),
        ("payload", NewJob { payload: json!({"a": ["\0"]}), ..base() }),
        ("payload", NewJob { payload: json!({"a\0": 1}), ..base() }),
        ("payload", NewJob { payload: nested(101), ..base() }),
    ]);
    all
}

behaviours! {
    emits queue_input_tests from queue::input;

    /// A job that breaks a rule is `Invalid`, names the field, and changes nothing.
    async fn a_job_that_breaks_a_rule_is_invalid(t: &Workflows) {
        enqueued(t, job("there")).await;
        let before = queue_rows(t).await;
        for (field, new) in refused() {
            assert_invalid(t.store.enqueue(new).await, field);
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// A batch with one job that breaks a rule is refused as a whole.
    async fn a_batch_with_a_job_that_breaks_a_rule_is_invalid(t: &Workflows) {
        for (field, new) in refused() {
            assert_invalid(t.store.enqueue_many(vec![job("a"), new, job("b")]).await, field);
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A batch has 1 to 1000 jobs, each with an id of its own.
    async fn a_batch_has_1_to_1000_jobs(t: &Workflows) {
        assert_invalid(t.store.enqueue_many(Vec::new()).await, "jobs");
        let many = (0..1001).map(|_| job("k")).collect();
        assert_invalid(t.store.enqueue_many(many).await, "jobs");
        let twice = job("twice");
        assert_invalid(t.store.enqueue_many(vec![twice.clone(), job("k"), twice]).await, "id");
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A job at the bounds of every rule is enqueued and comes back.
    async fn a_job_at_its_bounds_is_enqueued(t: &Workflows) {
        let largest = NewJob {
            queue: long(),
            kind: long(),
            priority: 100,
            max_attempts: 1000,
            unique: unique(&long()),
            concurrency_key: Some(long()),
            timeout: Some(Duration::from_secs(30 * 86_400)),
            tags: vec![long(); 1000],
            capabilities: vec![long(); 64],
            wait_for_event: Some(long()),
            payload: nested(100),
            ..job("k")
        };
        let smallest = NewJob {
            queue: "q".into(),
            kind: "k".into(),
            priority: 0,
            max_attempts: 1,
            unique: unique("u"),
            concurrency_key: Some("c".into()),
            timeout: Some(Duration::from_millis(1)),
            tags: vec![String::new()],
            capabilities: vec!["c".into()],
            wait_for_event: Some("e".into()),
            payload: json!(null),
            ..job("k")
        };
        for new in [largest, smallest] {
            let job = enqueued(t, new.clone()).await;
            assert_eq!(fetched(t, job.id).await, job);
            assert_eq!((job.priority, job.max_attempts), (new.priority, new.max_attempts));
            assert_eq!((job.timeout, job.tags), (new.timeout, new.tags));
            assert_eq!((job.capabilities, job.payload), (new.capabilities, new.payload));
        }
    }

    /// A job may depend on 1000 others.
    async fn a_job_may_depend_on_a_thousand(t: &Workflows) {
        let parents: Vec<NewJob> = (0..1000).map(|_| job("parent")).collect();
        let depends_on: Vec<_> = parents.iter().map(|one| on_success(one.id)).collect();
        t.store.enqueue_many(parents).await.unwrap();
        let child = enqueued(t, NewJob { depends_on: depends_on.clone(), ..job("child") }).await;
        assert_eq!((child.state, &child.depends_on), (JobState::Blocked, &depends_on));
        assert_eq!(fetched(t, child.id).await, child);
    }

    /// What a worker sends is checked, and what is refused changes nothing.
    async fn what_a_worker_sends_is_checked(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let before = queue_rows(t).await;
        let store = &t.store;
        for bad in [json!("a\0"), nested(101)] {
            assert_invalid(store.complete_job(&lease, Some(bad.clone())).await, "result");
            assert_invalid(store.report_progress(&lease, bad.clone()).await, "progress");
            assert_invalid(store.deliver_event("token", bad).await, "payload");
        }
        for bad in ["a\0b".to_owned(), "x".repeat(1024 * 1024 + 1)] {
            for retry in [Retry::ByPolicy, Retry::Never, Retry::At(time("13:00:00"))] {
                assert_invalid(store.fail_job(&lease, &bad, retry).await, "error");
            }
        }
        for bad in no_names() {
            assert_invalid(store.wait_for_event(&lease, &bad).await, "token");
            assert_invalid(store.deliver_event(&bad, json!(1)).await, "token");
        }
        for reason in [String::new(), "a\0b".into(), "x".repeat(1024 * 1024 + 1)] {
            assert_invalid(store.cancel_job(lease.job_id, &reason).await, "reason");
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// Limits and batches are 1 to 1000, states are those a method is about.
    async fn what_an_operator_sends_is_checked(t: &Workflows) {
        let store = &t.store;
        let (cutoff, filter) = (time("13:00:00"), JobFilter::default());
        for number in [0, 1001, u32::MAX] {
            assert_invalid(store.reap_jobs(number).await, "limit");
            assert_invalid(store.redrive_jobs(&filter, number).await, "limit");
            assert_invalid(store.prune_jobs(cutoff, &FINISHED, number).await, "batch");
            assert_invalid(store.list_jobs(&filter, &PageRequest::first(number)).await, "limit");
        }
        assert_invalid(store.prune_jobs(cutoff, &[], 10).await, "states");
        for state in crate::samples::UNFINISHED {
            let states = [JobState::Dead, state];
            assert_invalid(store.prune_jobs(cutoff, &states, 10).await, "states");
        }
        for state in JobState::ALL.iter().filter(|state| **state != JobState::Dead) {
            let filter = JobFilter { states: vec![JobState::Dead, *state], ..filter.clone() };
            assert_invalid(store.redrive_jobs(&filter, 10).await, "states");
        }
    }
}
