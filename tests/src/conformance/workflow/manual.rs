//! Starting workflows by hand: batches, labels, versions and inputs.

use std::fmt::Debug;

use serde_json::json;
use store_core::workflow::{ManualDispatch, ManualPolicy, ManualRun, NewVersion, RunStatus};
use store_core::{Error, PageRequest, Result, WorkflowId, WorkflowVersionId};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    actor, ada, archived, audit_of, config, created, graph, runnable, runs_of, versioned,
};

/// A dispatch of that many runs with nothing else.
pub(super) fn batch(workflow_id: WorkflowId, runs: usize) -> ManualDispatch {
    let runs = vec![ManualRun::default(); runs];
    ManualDispatch { workflow_id, runs, label: None, comment: None }
}

/// Creates a workflow that can run, with a policy.
pub(super) async fn with_policy(t: &Workflows, policy: ManualPolicy) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_manual(&ada(), workflow.id, policy).await.unwrap();
    workflow.id
}

/// Asserts that an answer is `Invalid`, whatever the field.
#[track_caller]
pub(super) fn assert_refused<T: Debug>(answer: Result<T>, label: &str) {
    let error = answer.expect_err(label);
    assert!(matches!(error, Error::Invalid { .. }), "{label}: {error}");
}

behaviours! {
    emits workflow_manual_tests from workflow::manual;

    /// A dispatch starts a pending run of the latest version, with its job.
    async fn a_dispatch_starts_a_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let latest = versioned(t, workflow.id).await;
        let runs = t.store.dispatch_manual(&ada(), batch(workflow.id, 1)).await.unwrap();
        let [run] = &runs[..] else { panic!("one run instead of {runs:?}") };
        assert_eq!(run.workflow_version_id, latest.id);
        assert_eq!((run.status, run.triggered_by.as_str()), (RunStatus::Pending, "manual"));
        assert_eq!(run.input, json!({}));
        assert_eq!(runs_of(t, workflow.id).await, runs);
        let jobs = t.rows("SELECT kind, state FROM jobs WHERE run_id IS NOT NULL").await;
        assert_eq!(jobs, [["run", "available"]]);
    }

    /// The audit of each run says who started it, and why.
    async fn the_audit_of_each_run_has_actor_and_comment(t: &Workflows) {
        let workflow = runnable(t).await;
        let comment = Some("späße 🎉".to_owned());
        let dispatch = ManualDispatch { comment, ..batch(workflow.id, 2) };
        for run in t.store.dispatch_manual(&actor("bob"), dispatch).await.unwrap() {
            let page = PageRequest::default();
            let audit = t.store.list_run_audit(run.id, &page).await.unwrap().items;
            assert_eq!(audit.len(), 1);
            assert_eq!((audit[0].actor.as_str(), audit[0].action.as_str()), ("bob", "run_created"));
            assert_eq!(audit[0].metadata["comment"], "späße 🎉");
        }
    }

    /// Runs are triggered by `manual`, or `manual_batch` when there are several.
    async fn several_runs_are_a_batch(t: &Workflows) {
        let workflow = runnable(t).await;
        for (count, expected) in [(1, "manual"), (2, "manual_batch"), (5, "manual_batch")] {
            let runs = t.store.dispatch_manual(&ada(), batch(workflow.id, count)).await.unwrap();
            assert_eq!(runs.len(), count);
            assert!(runs.iter().all(|run| run.triggered_by == expected), "{runs:?}");
        }
    }

    /// The label of the dispatch says what triggers the runs, before that of the policy.
    async fn a_label_says_what_triggers_the_runs(t: &Workflows) {
        let policy = ManualPolicy { label: Some("by policy".into()), ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        for (label, expected) in [(None, "by policy"), (Some("rerun"), "rerun")] {
            for count in [1, 2] {
                let label = label.map(str::to_owned);
                let dispatch = ManualDispatch { label, ..batch(id, count) };
                let runs = t.store.dispatch_manual(&ada(), dispatch).await.unwrap();
                assert!(runs.iter().all(|run| run.triggered_by == expected), "{runs:?}");
            }
        }
    }

    /// Runs come back in the order given, each with its input and its version.
    async fn runs_come_back_in_the_order_given(t: &Workflows) {
        let workflow = runnable(t).await;
        let first = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        let second = versioned(t, workflow.id).await;
        let runs = (0..100).map(|number| ManualRun {
            workflow_version_id: [None, Some(first.id), Some(second.id)][number % 3],
            input: Some(json!({ "number": number })),
        });
        let dispatch = ManualDispatch { runs: runs.collect(), ..batch(workflow.id, 0) };
        let runs = t.store.dispatch_manual(&ada(), dispatch).await.unwrap();
        assert_eq!(runs.len(), 100);
        for (number, run) in runs.iter().enumerate() {
            assert_eq!(run.input, json!({ "number": number }));
            let expected = [second.id, first.id, second.id][number % 3];
            assert_eq!(run.workflow_version_id, expected, "{number}");
            assert_eq!(t.store.fetch_run(run.id).await.unwrap(), *run);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 100);
    }

    /// A dispatch has 1 to 100 runs.
    async fn a_dispatch_has_one_to_a_hundred_runs(t: &Workflows) {
        let workflow = runnable(t).await;
        for count in [0, 101] {
            let answer = t.store.dispatch_manual(&ada(), batch(workflow.id, count)).await;
            assert_refused(answer, &format!("{count} runs"));
        }
        assert_eq!(runs_of(t, workflow.id).await, []);
    }

    /// One version that is not there, or of another workflow, keeps all runs from starting.
    async fn one_bad_version_keeps_all_runs_from_starting(t: &Workflows) {
        let policy = ManualPolicy { cooldown_seconds: 60, ..ManualPolicy::default() };
        let id = with_policy(t, policy).await;
        let foreign = runnable(t).await;
        let foreign = t.store.latest_version(foreign.id).await.unwrap().unwrap();
        for bad in [WorkflowVersionId::mint(), foreign.id] {
            let mut dispatch = batch(id, 3);
            dispatch.runs[2].workflow_version_id = Some(bad);
            assert_not_found(t.store.dispatch_manual(&ada(), dispatch).await);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_runs").await, 0);
        assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 0);
        assert_eq!(t.store.find_manual(id).await.unwrap().unwrap().last_dispatched_at, None);
        assert_eq!(t.store.dispatch_manual(&ada(), batch(id, 1)).await.unwrap().len(), 1);
    }

    /// An absent workflow, and one without versions, has nothing to start.
    async fn nothing_to_start_is_not_found(t: &Workflows) {
        let bare = created(t).await;
        for id in [WorkflowId::mint(), bare.id] {
            assert_not_found(t.store.dispatch_manual(&ada(), batch(id, 1)).await);
        }
        assert_eq!(runs_of(t, bare.id).await, []);
    }

    /// One input that is refused keeps all runs from starting.
    async fn what_is_refused_in_a_dispatch_starts_nothing(t: &Workflows) {
        let id = runnable(t).await.id;
        let long = |length| Some("x".repeat(length));
        let mut nul = batch(id, 2);
        nul.runs[1].input = Some(json!({"a": "\0"}));
        let refused = [
            nul,
            ManualDispatch { label: long(0), ..batch(id, 1) },
            ManualDispatch { label: long(256), ..batch(id, 1) },
            ManualDispatch { label: Some("a\0b".into()), ..batch(id, 1) },
            ManualDispatch { comment: long(1025), ..batch(id, 1) },
            ManualDispatch { comment: Some("a\0b".into()), ..batch(id, 1) },
        ];
        for dispatch in refused {
            let label = format!("{dispatch:?}");
            assert_refused(t.store.dispatch_manual(&ada(), dispatch).await, &label);
        }
        assert_eq!(runs_of(t, id).await, []);
        let comment = Some("ü".repeat(1024));
        let longest = ManualDispatch { label: long(255), comment, ..batch(id, 1) };
        t.store.dispatch_manual(&ada(), longest).await.unwrap();
    }

    /// A run begins with the configuration of its version.
    async fn a_run_by_hand_has_the_configuration_of_its_version(t: &Workflows) {
        let workflow = runnable(t).await;
        let settings = config(json!({"tags": ["a"], "recursion_limit": 7}));
        let new = NewVersion {
            runnable_config: Some(settings.clone()),
            ..NewVersion::new(workflow.id, graph())
        };
        t.store.create_version(&ada(), new).await.unwrap();
        let run = t.store.dispatch_manual(&ada(), batch(workflow.id, 1)).await.unwrap().remove(0);
        assert_eq!((run.runnable_config, run.tags), (settings, vec!["a".to_owned()]));
    }

    /// An archived workflow is not started, and that is audited.
    async fn an_archived_workflow_is_not_started_by_hand(t: &Workflows) {
        let workflow = archived(t).await;
        assert_invalid_state(t.store.dispatch_manual(&ada(), batch(workflow.id, 2)).await);
        let (action, by, metadata) = audit_of(t, workflow.id).await.pop().unwrap();
        assert_eq!((action.as_str(), by.as_str()), ("run_refused", "ada"));
        assert_eq!(metadata, json!({"triggered_by": "manual_batch"}));
        assert_eq!(runs_of(t, workflow.id).await, []);
    }
}
