//! The states of runs: each transition that is allowed, and each that is not.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::queue::ClaimRequest;
use store_core::workflow::{Run, RunStatus};
use store_core::{Clock as _, Error, PageRequest, Result, RunId};

use super::assert_invalid_state;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{actor, ada, everything, pending, run_in, runnable};

const TO: [RunStatus; 4] =
    [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];

/// Whether a run may go from one status to another.
fn allowed(from: RunStatus, to: RunStatus) -> bool {
    use RunStatus::{Cancelled, Failed, Pending, Running, Succeeded};
    matches!(
        (from, to),
        (Pending, Running) | (Running, Succeeded) | (Pending | Running, Failed | Cancelled)
    )
}

/// Asks for a status.
async fn ask(t: &Workflows, id: RunId, to: RunStatus) -> Result<Run> {
    match to {
        RunStatus::Running => t.store.start_run(&ada(), id).await,
        RunStatus::Succeeded => t.store.succeed_run(&ada(), id, Some(json!({"a": 1}))).await,
        RunStatus::Failed => Ok(t.store.fail_run(&ada(), id, "boom").await?.run),
        RunStatus::Cancelled => t.store.cancel_run(&ada(), id, Some("why")).await,
        RunStatus::Pending => panic!("nothing leads to pending"),
    }
}

/// How many jobs a run has.
async fn jobs(t: &Workflows, id: RunId) -> i64 {
    t.count(&format!("SELECT count(*) FROM jobs WHERE run_id = '{id}'")).await
}

/// The audit of a run, as (action, metadata).
async fn audit(t: &Workflows, id: RunId) -> Vec<(&'static str, Value)> {
    let page = t.store.list_run_audit(id, &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|entry| (entry.action.as_str(), entry.metadata)).collect()
}

behaviours! {
    emits workflow_transitions_tests from workflow::transitions;

    /// A transition that is allowed sets status, instants and outcome, and nothing else.
    async fn an_allowed_transition_sets_what_it_should(t: &Workflows) {
        let workflow = runnable(t).await;
        for from in [RunStatus::Pending, RunStatus::Running] {
            for to in TO.into_iter().filter(|to| allowed(from, *to)) {
                let before = run_in(t, workflow.id, from).await;
                t.clock.advance(Duration::from_secs(1)).unwrap();
                let now = Some(t.clock.now());
                let after = ask(t, before.id, to).await.unwrap();
                let expected = Run {
                    status: to,
                    started_at: if to == RunStatus::Running { now } else { before.started_at },
                    completed_at: now.filter(|_| to.is_finished()),
                    output: (to == RunStatus::Succeeded).then(|| json!({"a": 1})),
                    error: (to == RunStatus::Failed).then(|| "boom".into()),
                    cancel_reason: (to == RunStatus::Cancelled).then(|| "why".into()),
                    updated_at: t.clock.now(),
                    row_version: before.row_version + 1,
                    ..before
                };
                assert_eq!(after, expected, "{from} to {to}");
                assert_eq!(t.store.fetch_run(expected.id).await.unwrap(), expected);
            }
        }
    }

    /// A transition that is not allowed is `InvalidState` with both states and changes nothing.
    async fn a_forbidden_transition_changes_nothing(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut refused = 0;
        for from in RunStatus::ALL.iter().copied() {
            for to in TO.into_iter().filter(|to| !allowed(from, *to)) {
                let before = run_in(t, workflow.id, from).await;
                let audited = audit(t, before.id).await;
                t.clock.advance(Duration::from_secs(1)).unwrap();
                let error = ask(t, before.id, to).await.unwrap_err();
                match error {
                    Error::InvalidState { entity: "run", id, from: is, to: wanted } => {
                        assert_eq!((id, is), (before.id.to_string(), from.to_string()));
                        assert_eq!(wanted, to.to_string());
                    }
                    other => panic!("{from} to {to}: {other}"),
                }
                assert_eq!(t.store.fetch_run(before.id).await.unwrap(), before);
                assert_eq!(audit(t, before.id).await, audited);
                refused += 1;
            }
        }
        assert_eq!(refused, 14);
    }

    /// Each transition is audited with what there is to say about it.
    async fn transitions_are_audited(t: &Workflows) {
        let workflow = runnable(t).await;
        let (store, bob) = (&t.store, actor("bob"));
        let run = pending(t, workflow.id).await;
        store.start_run(&bob, run.id).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        store.succeed_run(&bob, run.id, Some(json!("secret"))).await.unwrap();
        let page = store.list_run_audit(run.id, &PageRequest::default()).await.unwrap();
        let actions: Vec<_> = page.items.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["run_created", "run_started", "run_succeeded"]);
        assert!(page.items[1..].iter().all(|entry| entry.actor == bob));
        assert!(page.items.iter().all(|entry| entry.run_id == Some(run.id)));
        assert!(page.items.iter().all(|entry| entry.workflow_id == workflow.id));
        assert_eq!(page.items[2].at, t.clock.now());
        assert!(page.items.windows(2).all(|pair| pair[0].seq < pair[1].seq));

        let run = pending(t, workflow.id).await;
        store.fail_run(&bob, run.id, "boom").await.unwrap();
        assert_eq!(audit(t, run.id).await[1], ("run_failed", json!({"error": "boom"})));
        let run = pending(t, workflow.id).await;
        store.cancel_run(&bob, run.id, Some("why")).await.unwrap();
        assert_eq!(audit(t, run.id).await[1], ("run_cancelled", json!({"reason": "why"})));
        let run = pending(t, workflow.id).await;
        store.cancel_run(&bob, run.id, None).await.unwrap();
        assert_eq!(audit(t, run.id).await[1], ("run_cancelled", json!({})));
    }

    /// The output may be any JSON, and none.
    async fn an_output_may_be_any_json(t: &Workflows) {
        let workflow = runnable(t).await;
        for output in [None, Some(everything()), Some(json!([1])), Some(json!("text"))] {
            let run = run_in(t, workflow.id, RunStatus::Running).await;
            let done = t.store.succeed_run(&ada(), run.id, output.clone()).await.unwrap();
            assert_eq!(done.output, output);
            assert_eq!(t.store.fetch_run(run.id).await.unwrap(), done);
        }
    }

    /// An error may be empty, long and in any language; a reason too.
    async fn errors_and_reasons_round_trip(t: &Workflows) {
        let workflow = runnable(t).await;
        for text in ["", "späße 🎉\n\tat line 1", &"x".repeat(1024 * 1024)] {
            let run = pending(t, workflow.id).await;
            t.store.fail_run(&ada(), run.id, text).await.unwrap();
            let read = t.store.fetch_run(run.id).await.unwrap();
            assert_eq!(read.error.as_deref(), Some(text));
            let run = pending(t, workflow.id).await;
            t.store.cancel_run(&ada(), run.id, Some(text)).await.unwrap();
            let read = t.store.fetch_run(run.id).await.unwrap();
            assert_eq!(read.cancel_reason.as_deref(), Some(text));
        }
    }

    /// Each transition takes the job of the run out of the queue.
    async fn a_transition_takes_the_job_out_of_the_queue(t: &Workflows) {
        let workflow = runnable(t).await;
        for to in [RunStatus::Running, RunStatus::Failed, RunStatus::Cancelled] {
            let run = pending(t, workflow.id).await;
            assert_eq!(jobs(t, run.id).await, 1);
            ask(t, run.id, to).await.unwrap();
            assert_eq!(jobs(t, run.id).await, 0, "{to}");
        }
    }

    /// A job that a worker holds stays: it is the worker's to finish.
    async fn a_job_that_a_worker_holds_stays(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        t.store.claim_jobs(&ClaimRequest::new("worker")).await.unwrap();
        assert_eq!(jobs(t, run.id).await, 1);
        t.store.succeed_run(&ada(), run.id, None).await.unwrap();
        assert_eq!(jobs(t, run.id).await, 1);
    }

    /// Of 100 that start a run at once, through two processes, one succeeds.
    async fn of_a_hundred_concurrent_starts_one_succeeds(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..100 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.start_run(&actor(&format!("worker-{number}")), run.id).await
            }));
        }
        let mut started = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(run) => started.push(run),
                lost => assert_invalid_state(lost),
            }
        }
        assert_eq!(started.len(), 1);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), started[0]);
        assert_eq!(audit(t, run.id).await.len(), 2);
    }

    /// Of all that end a run at once, in whatever way, one succeeds.
    async fn of_concurrent_ends_one_succeeds(t: &Workflows) {
        let workflow = runnable(t).await;
        let other = t.reopened().await;
        for _ in 0..5 {
            let run = run_in(t, workflow.id, RunStatus::Running).await;
            let mut tasks = Vec::new();
            for number in 0..18 {
                let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
                tasks.push(tokio::spawn(async move {
                    match number % 3 {
                        0 => store.succeed_run(&ada(), run.id, None).await,
                        1 => Ok(store.fail_run(&ada(), run.id, "boom").await?.run),
                        _ => store.cancel_run(&ada(), run.id, None).await,
                    }
                }));
            }
            let mut ended = Vec::new();
            for task in tasks {
                match task.await.unwrap() {
                    Ok(run) => ended.push(run),
                    lost => assert_invalid_state(lost),
                }
            }
            assert_eq!(ended.len(), 1);
            assert_eq!(t.store.fetch_run(run.id).await.unwrap(), ended[0]);
            assert_eq!(audit(t, run.id).await.len(), 3);
        }
    }

    /// Transitions of many runs at once do not mix.
    async fn concurrent_transitions_of_many_runs_do_not_mix(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut tasks = Vec::new();
        for number in 0..60 {
            let run = pending(t, workflow.id).await;
            let store = t.store.clone();
            tasks.push((run.id, tokio::spawn(async move {
                store.start_run(&ada(), run.id).await.unwrap();
                match number % 3 {
                    0 => store.succeed_run(&ada(), run.id, Some(json!(number))).await.unwrap(),
                    1 => {
                        let error = number.to_string();
                        store.fail_run(&ada(), run.id, &error).await.unwrap().run
                    }
                    _ => {
                        let why = number.to_string();
                        store.cancel_run(&ada(), run.id, Some(&why)).await.unwrap()
                    }
                }
            })));
        }
        for (number, (id, task)) in tasks.into_iter().enumerate() {
            let run = task.await.unwrap();
            assert_eq!(run.id, id);
            assert_eq!(t.store.fetch_run(id).await.unwrap(), run);
            let text = Some(number.to_string());
            match number % 3 {
                0 => assert_eq!(run.output, Some(json!(number))),
                1 => assert_eq!(run.error, text),
                _ => assert_eq!(run.cancel_reason, text),
            }
        }
    }

    /// Runs of an archived workflow can still be brought to their end.
    async fn runs_of_an_archived_workflow_come_to_their_end(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.start_run(&ada(), run.id).await.unwrap();
        let done = t.store.succeed_run(&ada(), run.id, None).await.unwrap();
        assert_eq!(done.status, RunStatus::Succeeded);
    }
}
