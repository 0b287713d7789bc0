//! The delays that retry policies lead to.

use store_core::workflow::{RetryDecision, RetryPolicy};
use store_core::{Clock as _, WorkflowId};

use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{ada, pending, runnable};

/// A policy without jitter.
fn exact(initial: f64, factor: f64, max: Option<f64>) -> RetryPolicy {
    RetryPolicy {
        max_attempts: 6,
        initial_delay_seconds: initial,
        backoff_factor: factor,
        max_delay_seconds: max,
        jitter_factor: 0.0,
    }
}

/// Creates a workflow with a policy.
async fn with_policy(t: &Workflows, policy: RetryPolicy) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
    workflow.id
}

/// Fails a run and every attempt after it, and returns what was decided each time.
async fn fail_all(t: &Workflows, workflow: WorkflowId) -> Vec<RetryDecision> {
    let mut decisions = Vec::new();
    let mut next = Some(pending(t, workflow).await.id);
    while let Some(id) = next.take() {
        let failed = t.store.fail_run(&ada(), id, "boom").await.unwrap();
        next = failed.retry.map(|retry| retry.run_id);
        decisions.extend(failed.retry);
    }
    decisions
}

behaviours! {
    emits workflow_retries_tests from workflow::retries;

    /// Without jitter the delay before retry `i` is `initial * factor^i`, at most the maximum.
    async fn delays_grow_by_the_factor_up_to_the_maximum(t: &Workflows) {
        let cases = [
            (exact(30.0, 2.0, Some(300.0)), [30.0, 60.0, 120.0, 240.0, 300.0]),
            (exact(1.5, 1.0, None), [1.5; 5]),
            (exact(0.0, 2.0, Some(300.0)), [0.0; 5]),
            (exact(10.0, 3.0, Some(5.0)), [5.0; 5]),
            (exact(1.0, 10.0, None), [1.0, 10.0, 100.0, 1000.0, 10_000.0]),
        ];
        for (policy, expected) in cases {
            let id = with_policy(t, policy).await;
            let decisions = fail_all(t, id).await;
            let delays: Vec<f64> = decisions.iter().map(|one| one.delay_seconds).collect();
            assert_eq!(delays, expected, "{policy:?}");
            let numbers: Vec<i32> = decisions.iter().map(|one| one.retry_number).collect();
            assert_eq!(numbers, [1, 2, 3, 4, 5]);
        }
    }

    /// The next attempt is for as much later as the delay says.
    async fn the_next_attempt_is_for_as_much_later_as_the_delay(t: &Workflows) {
        let id = with_policy(t, RetryPolicy::default()).await;
        for decision in fail_all(t, id).await {
            let later = decision.scheduled_for.since(t.clock.now()).as_secs_f64();
            assert!((later - decision.delay_seconds).abs() < 2e-6, "{decision:?}");
            assert!(decision.scheduled_for > noon());
        }
    }

    /// Jitter spreads the delay in both directions, within its part and below the maximum.
    async fn jitter_spreads_the_delay_in_both_directions(t: &Workflows) {
        let policy = RetryPolicy {
            max_attempts: 61,
            jitter_factor: 1.0,
            ..exact(100.0, 1.0, Some(150.0))
        };
        let id = with_policy(t, policy).await;
        let delays: Vec<f64> =
            fail_all(t, id).await.iter().map(|one| one.delay_seconds).collect();
        assert_eq!(delays.len(), 60);
        assert!(delays.iter().all(|delay| (0.0..=150.0).contains(delay)), "{delays:?}");
        // Of 60 even draws from 0 to 200, all above 100 or all below is out of the question.
        assert!(delays.iter().any(|delay| *delay < 100.0), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay > 100.0), "{delays:?}");
    }

    /// A delay beyond the calendar is cut, not an error, and the run still fails.
    async fn a_delay_is_never_infinite(t: &Workflows) {
        let policy = RetryPolicy { max_attempts: 400, ..exact(1e6, 1e300, None) };
        let id = with_policy(t, policy).await;
        let decisions = fail_all(t, id).await;
        assert_eq!(decisions.len(), 399);
        assert!(decisions.iter().all(|one| one.delay_seconds.is_finite()));
        assert!(decisions.iter().all(|one| one.scheduled_for > noon()));
    }
}
