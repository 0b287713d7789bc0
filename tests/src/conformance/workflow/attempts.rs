//! The attempts after a failed one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::workflow::{NewRun, RetryPolicy, Run, RunFilter, RunStatus};
use store_core::{Clock as _, PageRequest, RunId, WorkflowId};

use super::assert_invalid_state;
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{ada, config, new_run, pending, run_in, runnable};

/// Three attempts, 30 seconds apart.
const POLICY: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    initial_delay_seconds: 30.0,
    backoff_factor: 1.0,
    max_delay_seconds: None,
    jitter_factor: 0.0,
};

async fn with_policy(t: &Workflows, policy: RetryPolicy) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
    workflow.id
}

async fn all_runs(t: &Workflows) -> Vec<Run> {
    let page = PageRequest::first(1000);
    t.store.list_runs(&RunFilter::default(), &page).await.unwrap().items
}

/// The state of the job of a run.
async fn job(t: &Workflows, id: RunId) -> Option<String> {
    let mut rows = t.rows(&format!("SELECT state FROM jobs WHERE run_id = '{id}'")).await;
    rows.pop().map(|mut row| row.remove(0))
}

behaviours! {
    emits workflow_attempts_tests from workflow::attempts;

    /// The next attempt is the same run again: pending, for later, one attempt further.
    async fn the_next_attempt_is_the_same_run_again(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let new = NewRun {
            triggered_by: "nightly".into(),
            input: json!({"a": 1}),
            runnable_config: config(json!({"tags": ["t"], "metadata": {"m": 1}, "run_name": "n",
                "callbacks": [1], "recursion_limit": 9})),
            idempotency_key: Some("key".into()),
            ..new_run(id)
        };
        let run = t.store.create_run(&ada(), new).await.unwrap();
        t.clock.advance(Duration::from_secs(5)).unwrap();
        let failed = t.store.fail_run(&ada(), run.id, "boom").await.unwrap();
        let decision = failed.retry.unwrap();
        let next = t.store.fetch_run(decision.run_id).await.unwrap();
        let expected = Run {
            id: decision.run_id,
            attempt: 2,
            retry_of: Some(run.id),
            idempotency_key: None,
            scheduled_for: Some(t.clock.now().plus(Duration::from_secs(30)).unwrap()),
            created_at: t.clock.now(),
            updated_at: t.clock.now(),
            ..run.clone()
        };
        assert_eq!(next, expected);
        assert_eq!(Some(decision.scheduled_for), next.scheduled_for);
        assert_eq!((decision.retry_number, decision.delay_seconds), (1, 30.0));
        assert_eq!(failed.run.status, RunStatus::Failed);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), failed.run);
    }

    /// The next attempt has a job of its own, and an audit that begins with its creation.
    async fn the_next_attempt_has_its_own_job_and_audit(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let run = pending(t, id).await;
        let next = t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry.unwrap().run_id;
        assert_eq!(job(t, run.id).await, None);
        assert_eq!(job(t, next).await.as_deref(), Some("scheduled"));
        let audit = t.store.list_run_audit(next, &PageRequest::default()).await.unwrap().items;
        let actions: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["run_created"]);
    }

    /// Without a delay the next attempt can run at once.
    async fn without_delay_the_next_attempt_can_run_at_once(t: &Workflows) {
        let id = with_policy(t, RetryPolicy { initial_delay_seconds: 0.0, ..POLICY }).await;
        let run = pending(t, id).await;
        let retry = t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry.unwrap();
        assert_eq!((retry.scheduled_for, retry.delay_seconds), (noon(), 0.0));
        assert_eq!(job(t, retry.run_id).await.as_deref(), Some("available"));
    }

    /// Attempts follow each other until there are as many as the policy says.
    async fn attempts_follow_each_other_up_to_the_maximum(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let mut run = pending(t, id).await;
        for attempt in 2..=3 {
            t.store.start_run(&ada(), run.id).await.unwrap();
            let failed = t.store.fail_run(&ada(), run.id, "boom").await.unwrap();
            let retry = failed.retry.unwrap();
            assert_eq!(retry.retry_number, attempt - 1);
            let next = t.store.fetch_run(retry.run_id).await.unwrap();
            assert_eq!((next.attempt, next.retry_of), (attempt, Some(run.id)));
            run = next;
        }
        t.store.start_run(&ada(), run.id).await.unwrap();
        assert_eq!(t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry, None);
        assert_eq!(all_runs(t).await.len(), 3);
    }

    /// A policy of one attempt retries nothing.
    async fn a_policy_of_one_attempt_retries_nothing(t: &Workflows) {
        let id = with_policy(t, RetryPolicy { max_attempts: 1, ..POLICY }).await;
        let run = pending(t, id).await;
        assert_eq!(t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry, None);
        assert_eq!(all_runs(t).await.len(), 1);
    }

    /// Without a policy, or after it was deleted, nothing is retried.
    async fn without_a_policy_nothing_is_retried(t: &Workflows) {
        let bare = runnable(t).await.id;
        let deleted = with_policy(t, POLICY).await;
        t.store.delete_retry(&ada(), deleted).await.unwrap();
        // The policy of another workflow does not count.
        with_policy(t, POLICY).await;
        for id in [bare, deleted] {
            let run = pending(t, id).await;
            assert_eq!(t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry, None);
        }
        assert_eq!(all_runs(t).await.len(), 2);
    }

    /// A run of an archived workflow fails without a next attempt.
    async fn an_archived_workflow_is_not_retried(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let run = pending(t, id).await;
        t.store.archive_workflow(&ada(), id).await.unwrap();
        let failed = t.store.fail_run(&ada(), run.id, "boom").await.unwrap();
        assert_eq!((failed.run.status, failed.retry), (RunStatus::Failed, None));
        assert_eq!(all_runs(t).await.len(), 1);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// Only a failure is retried.
    async fn only_a_failure_is_retried(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        run_in(t, id, RunStatus::Succeeded).await;
        run_in(t, id, RunStatus::Cancelled).await;
        assert_eq!(all_runs(t).await.len(), 2);
    }

    /// The policy counts as it is when the run fails.
    async fn the_policy_counts_as_it_is_at_the_failure(t: &Workflows) {
        let id = runnable(t).await.id;
        let run = pending(t, id).await;
        t.store.configure_retry(&ada(), id, POLICY).await.unwrap();
        let next = t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry.unwrap();
        let fewer = RetryPolicy { max_attempts: 2, ..POLICY };
        t.store.configure_retry(&ada(), id, fewer).await.unwrap();
        assert_eq!(t.store.fail_run(&ada(), next.run_id, "boom").await.unwrap().retry, None);
    }

    /// The next attempt is of the version that failed, though there is a later one.
    async fn the_next_attempt_is_of_the_same_version(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let run = pending(t, id).await;
        crate::samples::versioned(t, id).await;
        let retry = t.store.fail_run(&ada(), run.id, "boom").await.unwrap().retry.unwrap();
        let next = t.store.fetch_run(retry.run_id).await.unwrap();
        assert_eq!(next.workflow_version_id, run.workflow_version_id);
    }

    /// Of many that fail a run at once one does, and there is one next attempt.
    async fn a_failure_has_one_next_attempt(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let run = run_in(t, id, RunStatus::Running).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move { store.fail_run(&ada(), run.id, "boom").await }));
        }
        let mut retries = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(failed) => retries.push(failed.retry.unwrap().run_id),
                lost => assert_invalid_state(lost),
            }
        }
        assert_eq!(retries.len(), 1);
        let ids: BTreeSet<RunId> = all_runs(t).await.iter().map(|run| run.id).collect();
        assert_eq!(ids, BTreeSet::from([run.id, retries[0]]));
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// Many runs that fail at once have a next attempt each.
    async fn many_failures_have_a_next_attempt_each(t: &Workflows) {
        let id = with_policy(t, POLICY).await;
        let bare = runnable(t).await.id;
        let mut tasks = Vec::new();
        for number in 0..40 {
            let run = pending(t, if number % 2 == 0 { id } else { bare }).await;
            let store = t.store.clone();
            tasks.push((run.id, tokio::spawn(async move {
                store.fail_run(&ada(), run.id, "boom").await.unwrap()
            })));
        }
        for (number, (id, task)) in tasks.into_iter().enumerate() {
            let failed = task.await.unwrap();
            assert_eq!(failed.run.id, id);
            assert_eq!(failed.retry.is_some(), number % 2 == 0);
            if let Some(retry) = failed.retry {
                let next = t.store.fetch_run(retry.run_id).await.unwrap();
                assert_eq!(next.retry_of, Some(id));
            }
        }
        assert_eq!(all_runs(t).await.len(), 60);
    }
}
