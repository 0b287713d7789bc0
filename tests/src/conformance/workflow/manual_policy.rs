//! The manual policy of workflows: who may start one by hand, how, and how often.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::workflow::{ManualDispatch, ManualPolicy, ManualTrigger, Run};
use store_core::{Denial, Error, Result, WorkflowId, WorkflowVersionId};

use super::manual::{assert_refused, batch, with_policy};
use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{actions_of, actor, ada, assert_set_and_deleted, created, runs_of, time};

#[track_caller]
fn assert_denied(answer: Result<Vec<Run>>, expected: Denial) {
    let error = answer.unwrap_err();
    assert!(matches!(&error, Error::Denied { reason } if *reason == expected), "{error}");
}

behaviours! {
    emits workflow_manual_policy_tests from workflow::manual_policy;

    /// Every field of a policy comes back as it was given.
    async fn every_field_of_a_policy_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let policy = ManualPolicy {
            label: Some("späße".into()),
            allowed_actors: vec![actor("ada"), actor("bob")],
            require_comment: true,
            default_payload: Some(json!({"a": [1, null, "🎉"]})),
            cooldown_seconds: u32::MAX,
        };
        let set = t.store.configure_manual(&ada(), workflow.id, policy.clone()).await.unwrap();
        let expected = ManualTrigger {
            workflow_id: workflow.id,
            policy,
            last_dispatched_at: None,
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(set, expected);
        assert_eq!(t.store.find_manual(workflow.id).await.unwrap(), Some(expected));
        t.clock.set(time("13:00:00"));
        let again = ManualPolicy::default();
        let again = t.store.configure_manual(&ada(), workflow.id, again).await.unwrap();
        assert_eq!(again.policy, ManualPolicy::default());
        assert_eq!((again.created_at, again.updated_at), (noon(), time("13:00:00")));
        assert_eq!(t.store.find_manual(workflow.id).await.unwrap(), Some(again));
    }

    /// A default payload of null is told from none.
    async fn a_default_payload_of_null_is_told_from_none(t: &Workflows) {
        let policy = ManualPolicy { default_payload: Some(Value::Null), ..ManualPolicy::default() };
        let id = with_policy(t, policy.clone()).await;
        assert_eq!(t.store.find_manual(id).await.unwrap().unwrap().policy, policy);
        let run = t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap().remove(0);
        assert_eq!(run.input, Value::Null);
    }

    /// What is no policy is `Invalid`, and the one that was set stays.
    async fn what_is_no_policy_is_refused(t: &Workflows) {
        let policy = ManualPolicy { require_comment: true, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        let before = (t.store.find_manual(id).await.unwrap(), actions_of(t, id).await);
        let label =
            |label: &str| ManualPolicy { label: Some(label.into()), ..ManualPolicy::default() };
        let payload = Some(json!({"a": "\0"}));
        let payload = ManualPolicy { default_payload: payload, ..ManualPolicy::default() };
        for policy in [label(""), label(&"x".repeat(256)), label("a\0b"), payload] {
            let text = format!("{policy:?}");
            assert_refused(t.store.configure_manual(&ada(), id, policy).await, &text);
        }
        assert_eq!((t.store.find_manual(id).await.unwrap(), actions_of(t, id).await), before);
    }

    /// An absent workflow takes no policy and has none to delete.
    async fn a_policy_of_an_absent_workflow_is_not_found(t: &Workflows) {
        let id = WorkflowId::mint();
        assert_not_found(t.store.configure_manual(&ada(), id, ManualPolicy::default()).await);
        assert_not_found(t.store.delete_manual(&ada(), id).await);
        assert_eq!(t.store.find_manual(id).await.unwrap(), None);
    }

    /// Only actors who are named may, and everybody when nobody is named.
    async fn only_named_actors_may(t: &Workflows) {
        let bob = || actor("bob");
        let policy = ManualPolicy { allowed_actors: vec![bob()], ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        for other in [ada(), actor("Bob"), actor("bo")] {
            let answer = t.store.dispatch_manual(&other, batch(id, 1)).await;
            assert_denied(answer, Denial::Forbidden);
        }
        assert_eq!(runs_of(t, id).await, []);
        t.store.dispatch_manual(&bob(), batch(id, 1)).await.unwrap();
        t.store.configure_manual(&ada(), id, ManualPolicy::default()).await.unwrap();
        t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap();
    }

    /// When the policy wants a comment, nothing starts without one.
    async fn a_comment_can_be_required(t: &Workflows) {
        let policy = ManualPolicy { require_comment: true, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        assert_refused(t.store.dispatch_manual(&ada(), batch(id, 1)).await, "no comment");
        let empty = ManualDispatch { comment: Some(String::new()), ..batch(id, 1) };
        assert_refused(t.store.dispatch_manual(&ada(), empty).await, "an empty comment");
        assert_eq!(runs_of(t, id).await, []);
        let dispatch = ManualDispatch { comment: Some("because".into()), ..batch(id, 1) };
        t.store.dispatch_manual(&ada(), dispatch).await.unwrap();
    }

    /// The default payload is the input of runs that are given none.
    async fn the_default_payload_is_for_runs_without_input(t: &Workflows) {
        let default_payload = Some(json!({"by": "default"}));
        let id = with_policy(t, ManualPolicy { default_payload, ..ManualPolicy::default() }).await;
        let mut dispatch = batch(id, 2);
        dispatch.runs[0].input = Some(json!([1]));
        let runs = t.store.dispatch_manual(&ada(), dispatch).await.unwrap();
        assert_eq!([&runs[0].input, &runs[1].input], [&json!([1]), &json!({"by": "default"})]);
    }

    /// Between two dispatches the cooldown passes; a refused one does not begin it again.
    async fn a_cooldown_passes_between_two_dispatches(t: &Workflows) {
        let policy = ManualPolicy { cooldown_seconds: 60, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        t.store.dispatch_manual(&ada(), batch(id, 3)).await.unwrap();
        let trigger = t.store.find_manual(id).await.unwrap().unwrap();
        assert_eq!((trigger.last_dispatched_at, trigger.updated_at), (Some(noon()), noon()));
        for now in ["12:00:00", "12:00:30", "12:00:59"] {
            t.clock.set(time(now));
            let answer = t.store.dispatch_manual(&actor("bob"), batch(id, 1)).await;
            assert_denied(answer, Denial::RateLimited);
        }
        t.clock.set(time("12:01:00"));
        t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap();
        assert_eq!(runs_of(t, id).await.len(), 4);
    }

    /// Who may not dispatch begins no cooldown.
    async fn a_refused_dispatch_begins_no_cooldown(t: &Workflows) {
        let policy = ManualPolicy {
            allowed_actors: vec![ada()],
            require_comment: true,
            cooldown_seconds: 60,
            ..ManualPolicy::default()
        };
        let id = with_policy(t, policy).await;
        let commented = || ManualDispatch { comment: Some("why".into()), ..batch(id, 1) };
        assert_denied(t.store.dispatch_manual(&actor("bob"), commented()).await, Denial::Forbidden);
        assert_refused(t.store.dispatch_manual(&ada(), batch(id, 1)).await, "no comment");
        let mut missing = commented();
        missing.runs[0].workflow_version_id = Some(WorkflowVersionId::mint());
        assert_not_found(t.store.dispatch_manual(&ada(), missing).await);
        t.store.dispatch_manual(&ada(), commented()).await.unwrap();
    }

    /// Of 10 dispatches at once on two handles one passes while the cooldown lasts.
    async fn the_cooldown_holds_under_concurrent_dispatches(t: &Workflows) {
        let policy = ManualPolicy { cooldown_seconds: 60, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..10 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.dispatch_manual(&ada(), batch(id, 2)).await
            }));
        }
        let mut started = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(runs) => started.push(runs),
                denied => assert_denied(denied, Denial::RateLimited),
            }
        }
        assert_eq!(started.len(), 1);
        assert_eq!(runs_of(t, id).await, started[0]);
    }

    /// What an archived workflow refuses begins no cooldown.
    async fn an_archived_workflow_begins_no_cooldown(t: &Workflows) {
        let policy = ManualPolicy { cooldown_seconds: 60, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        t.store.archive_workflow(&ada(), id).await.unwrap();
        assert_invalid_state(t.store.dispatch_manual(&ada(), batch(id, 1)).await);
        t.store.unarchive_workflow(&ada(), id).await.unwrap();
        t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap();
    }

    /// A deleted policy is gone, and then everybody may.
    async fn without_a_policy_everybody_may(t: &Workflows) {
        let policy = ManualPolicy { allowed_actors: vec![ada()], ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        t.store.delete_manual(&ada(), id).await.unwrap();
        assert_eq!(t.store.find_manual(id).await.unwrap(), None);
        assert_not_found(t.store.delete_manual(&ada(), id).await);
        t.store.dispatch_manual(&actor("bob"), batch(id, 1)).await.unwrap();
        assert_set_and_deleted(t, id, "manual").await;
    }

    /// A cooldown ends after its seconds, to the millisecond.
    async fn a_cooldown_ends_after_its_seconds(t: &Workflows) {
        let policy = ManualPolicy { cooldown_seconds: 1, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        for _ in 0..3 {
            t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap();
            t.clock.advance(Duration::from_millis(999)).unwrap();
            let answer = t.store.dispatch_manual(&ada(), batch(id, 1)).await;
            assert_denied(answer, Denial::RateLimited);
            t.clock.advance(Duration::from_millis(1)).unwrap();
        }
        assert_eq!(runs_of(t, id).await.len(), 3);
    }
}
