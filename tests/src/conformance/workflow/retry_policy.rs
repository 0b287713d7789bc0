//! Retry policies as they are stored; what they do is in `retries`.

use store_core::WorkflowId;
use store_core::workflow::RetryPolicy;

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    actions_of, ada, assert_set_and_deleted, created, pending, runnable, runs_of,
};

/// Policies that are refused, with the field that is to blame.
fn refused() -> Vec<(&'static str, RetryPolicy)> {
    let good = RetryPolicy::default();
    let mut refused = vec![("retry.max_attempts", RetryPolicy { max_attempts: 0, ..good })];
    for number in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refused.extend([
            ("retry.initial_delay_seconds", RetryPolicy { initial_delay_seconds: number, ..good }),
            ("retry.backoff_factor", RetryPolicy { backoff_factor: number, ..good }),
            ("retry.max_delay_seconds", RetryPolicy { max_delay_seconds: Some(number), ..good }),
            ("retry.jitter_factor", RetryPolicy { jitter_factor: number, ..good }),
        ]);
    }
    refused.extend([
        ("retry.backoff_factor", RetryPolicy { backoff_factor: 0.999, ..good }),
        ("retry.jitter_factor", RetryPolicy { jitter_factor: 1.001, ..good }),
    ]);
    refused
}

behaviours! {
    emits workflow_retry_policy_tests from workflow::retry_policy;

    /// Policies come back as they were given, at their bounds too.
    async fn a_retry_policy_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let lowest = RetryPolicy {
            max_attempts: 1,
            initial_delay_seconds: 0.0,
            backoff_factor: 1.0,
            max_delay_seconds: Some(0.0),
            jitter_factor: 0.0,
        };
        let odd = RetryPolicy {
            max_attempts: 10_000,
            initial_delay_seconds: 0.1,
            backoff_factor: 1.000_000_1,
            max_delay_seconds: None,
            jitter_factor: 1.0,
        };
        let huge = RetryPolicy { initial_delay_seconds: 1e300, backoff_factor: 1e300, ..odd };
        for policy in [RetryPolicy::default(), lowest, odd, huge] {
            let set = t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
            assert_eq!(set, policy);
            assert_eq!(t.store.find_retry(workflow.id).await.unwrap(), Some(policy));
        }
    }

    /// What is no policy is `Invalid`, and the one that was set stays.
    async fn what_is_no_retry_policy_is_refused(t: &Workflows) {
        let workflow = created(t).await;
        let policy = RetryPolicy { max_attempts: 7, ..RetryPolicy::default() };
        t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
        let before = actions_of(t, workflow.id).await;
        for (field, policy) in refused() {
            let answer = t.store.configure_retry(&ada(), workflow.id, policy).await;
            assert!(answer.is_err(), "{policy:?}");
            assert_invalid(answer, field);
        }
        assert_eq!(t.store.find_retry(workflow.id).await.unwrap(), Some(policy));
        assert_eq!(actions_of(t, workflow.id).await, before);
    }

    /// A workflow without a policy has none; an absent one takes none and has none to delete.
    async fn a_retry_policy_of_an_absent_workflow_is_not_found(t: &Workflows) {
        let workflow = created(t).await;
        assert_eq!(t.store.find_retry(workflow.id).await.unwrap(), None);
        assert_not_found(t.store.delete_retry(&ada(), workflow.id).await);
        let id = WorkflowId::mint();
        assert_not_found(t.store.configure_retry(&ada(), id, RetryPolicy::default()).await);
        assert_not_found(t.store.delete_retry(&ada(), id).await);
        assert_eq!(t.store.find_retry(id).await.unwrap(), None);
    }

    /// After its policy was deleted, a failed run is not retried; attempts that exist stay.
    async fn a_deleted_retry_policy_retries_nothing(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.configure_retry(&ada(), workflow.id, RetryPolicy::default()).await.unwrap();
        let first = pending(t, workflow.id).await;
        let failed = t.store.fail_run(&ada(), first.id, "error").await.unwrap();
        let retry = failed.retry.unwrap();
        t.store.delete_retry(&ada(), workflow.id).await.unwrap();
        assert_eq!(t.store.find_retry(workflow.id).await.unwrap(), None);
        assert_not_found(t.store.delete_retry(&ada(), workflow.id).await);
        let failed = t.store.fail_run(&ada(), retry.run_id, "error").await.unwrap();
        assert_eq!(failed.retry, None);
        assert_eq!(runs_of(t, workflow.id).await.len(), 2);
    }

    /// Setting and deleting a policy is audited.
    async fn setting_and_deleting_a_retry_policy_is_audited(t: &Workflows) {
        let workflow = created(t).await;
        t.store.configure_retry(&ada(), workflow.id, RetryPolicy::default()).await.unwrap();
        t.store.delete_retry(&ada(), workflow.id).await.unwrap();
        assert_set_and_deleted(t, workflow.id, "retry").await;
    }
}
