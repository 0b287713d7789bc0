//! Creating runs: fields, versions, jobs, idempotency keys.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::workflow::{NewRun, Run, RunStatus};
use store_core::{Clock as _, Error, PageRequest, RunId, WorkflowId, WorkflowVersionId};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    actor, ada, archived, at, config, created, everything, keyed_run, new_run, pending, runnable,
    versioned,
};

/// The states of the jobs of a run.
async fn jobs(t: &Workflows, run: RunId) -> Vec<String> {
    let rows = t.rows(&format!("SELECT state FROM jobs WHERE run_id = '{run}'")).await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// How many runs, jobs and audit entries of runs there are.
async fn counts(t: &Workflows) -> [i64; 3] {
    [
        t.count("SELECT count(*) FROM workflow_runs").await,
        t.count("SELECT count(*) FROM jobs").await,
        t.count("SELECT count(*) FROM workflow_audit WHERE run_id IS NOT NULL").await,
    ]
}

behaviours! {
    emits workflow_runs_tests from workflow::runs;

    /// Every field of a run comes back as it was given.
    async fn every_field_of_a_run_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let version = versioned(t, workflow.id).await;
        let later = at("2026-03-02T18:00:00.000001Z");
        let given = json!({"tags": ["a"], "callbacks": [1], "metadata": {"m": 1}, "run_name": "n"});
        let new = NewRun {
            workflow_id: workflow.id,
            workflow_version_id: Some(version.id),
            triggered_by: "späße 🎉".into(),
            input: everything(),
            runnable_config: config(given.clone()),
            idempotency_key: Some("key 🎉".into()),
            scheduled_for: Some(later),
        };
        let run = t.store.create_run(&actor("bob"), new).await.unwrap();
        let expected = Run {
            id: run.id,
            workflow_id: workflow.id,
            workflow_version_id: version.id,
            status: RunStatus::Pending,
            triggered_by: "späße 🎉".into(),
            input: everything(),
            runnable_config: config(given),
            tags: vec!["a".into()],
            callbacks: vec![json!(1)],
            metadata: json!({"m": 1}),
            run_name: Some("n".into()),
            output: None,
            error: None,
            cancel_reason: None,
            attempt: 1,
            retry_of: None,
            idempotency_key: Some("key 🎉".into()),
            scheduled_for: Some(later),
            created_at: noon(),
            started_at: None,
            completed_at: None,
            updated_at: noon(),
            row_version: 1,
        };
        assert_eq!(run, expected);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), expected);
        assert_eq!(t.store.find_run(run.id).await.unwrap(), Some(expected));
    }

    /// The input may be any JSON value.
    async fn an_input_may_be_any_json(t: &Workflows) {
        let workflow = runnable(t).await;
        for input in [json!(null), json!(1.5), json!("text"), json!([]), json!([1, {"a": 2}])] {
            let new = NewRun { input: input.clone(), ..new_run(workflow.id) };
            let run = t.store.create_run(&ada(), new).await.unwrap();
            assert_eq!(t.store.fetch_run(run.id).await.unwrap().input, input);
        }
    }

    /// An absent run is nothing to `find`, `NotFound` to everything else, and has no audit.
    async fn an_absent_run_is_not_found(t: &Workflows) {
        let (store, ada, id) = (&t.store, ada(), RunId::mint());
        assert_eq!(store.find_run(id).await.unwrap(), None);
        let error = store.fetch_run(id).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "run", id: text }
            if *text == id.to_string()), "{error}");
        assert_not_found(store.start_run(&ada, id).await);
        assert_not_found(store.succeed_run(&ada, id, None).await);
        assert_not_found(store.fail_run(&ada, id, "error").await);
        assert_not_found(store.cancel_run(&ada, id, None).await);
        let page = store.list_run_audit(id, &PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty());
    }

    /// Without a version a run is of the latest.
    async fn a_run_is_of_the_latest_version(t: &Workflows) {
        let workflow = runnable(t).await;
        let latest = versioned(t, workflow.id).await;
        assert_eq!(pending(t, workflow.id).await.workflow_version_id, latest.id);
    }

    /// A run of an unknown workflow, without version, or with an unknown one is `NotFound`.
    async fn a_run_needs_a_workflow_and_a_version(t: &Workflows) {
        let (bare, workflow) = (created(t).await, runnable(t).await);
        let unknown = NewRun {
            workflow_version_id: Some(WorkflowVersionId::mint()),
            ..new_run(workflow.id)
        };
        assert_not_found(t.store.create_run(&ada(), new_run(WorkflowId::mint())).await);
        assert_not_found(t.store.create_run(&ada(), new_run(bare.id)).await);
        assert_not_found(t.store.create_run(&ada(), unknown).await);
        assert_eq!(counts(t).await, [0; 3]);
    }

    /// A version of another workflow is `NotFound`.
    async fn a_version_of_another_workflow_is_not_found(t: &Workflows) {
        let (first, second) = (runnable(t).await, runnable(t).await);
        let theirs = t.store.latest_version(second.id).await.unwrap().unwrap();
        let new = NewRun { workflow_version_id: Some(theirs.id), ..new_run(first.id) };
        assert_not_found(t.store.create_run(&ada(), new).await);
        assert_eq!(counts(t).await, [0; 3]);
    }

    /// A run of an archived workflow is `InvalidState`, and neither run nor job is there.
    async fn an_archived_workflow_starts_no_run(t: &Workflows) {
        let workflow = archived(t).await;
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        assert_invalid_state(t.store.create_run(&ada(), new_run(workflow.id)).await);
        let new = NewRun { workflow_version_id: Some(version.id), ..keyed_run(workflow.id, "k") };
        assert_invalid_state(t.store.create_run(&ada(), new).await);
        assert_eq!(counts(t).await, [0; 3]);
    }

    /// A run is created with its job and its audit.
    async fn a_run_is_created_with_its_job_and_its_audit(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = t.store.create_run(&actor("bob"), new_run(workflow.id)).await.unwrap();
        assert_eq!(jobs(t, run.id).await, ["available"]);
        assert_eq!(counts(t).await, [1; 3]);
        let audit = t.store.list_run_audit(run.id, &PageRequest::default()).await.unwrap().items;
        assert_eq!(audit[0].action.as_str(), "run_created");
        assert_eq!((audit[0].workflow_id, audit[0].run_id), (workflow.id, Some(run.id)));
        assert_eq!((&audit[0].actor, audit[0].at), (&actor("bob"), noon()));
    }

    /// The job of a run for later waits until then.
    async fn the_job_of_a_run_for_later_is_scheduled(t: &Workflows) {
        let workflow = runnable(t).await;
        let cases = [
            ("2026-03-02T12:00:00.000001Z", "scheduled"),
            ("2026-03-02T12:00:00Z", "available"),
            ("2026-03-02T11:00:00Z", "available"),
        ];
        for (instant, state) in cases {
            let instant = at(instant);
            let new = NewRun { scheduled_for: Some(instant), ..new_run(workflow.id) };
            let run = t.store.create_run(&ada(), new).await.unwrap();
            assert_eq!(jobs(t, run.id).await, [state]);
            let due = format!("SELECT count(*) FROM jobs WHERE run_at = '{instant}'");
            if state == "scheduled" {
                assert_eq!(t.count(&due).await, 1);
            }
        }
    }

    /// Creating again under a key returns the first run, whatever else is given.
    async fn a_repeated_key_returns_the_first_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let first = t.store.create_run(&ada(), keyed_run(workflow.id, "k")).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        versioned(t, workflow.id).await;
        let other = NewRun { input: json!({"other": 1}), ..keyed_run(workflow.id, "k") };
        assert_eq!(t.store.create_run(&actor("bob"), other).await.unwrap(), first);
        assert_eq!(counts(t).await, [1; 3]);
    }

    /// A repeated key returns the run as it is by now, finished ones too.
    async fn a_repeated_key_is_answered_after_the_run_ended(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = t.store.create_run(&ada(), keyed_run(workflow.id, "k")).await.unwrap();
        t.store.start_run(&ada(), run.id).await.unwrap();
        let done = t.store.succeed_run(&ada(), run.id, Some(json!(1))).await.unwrap();
        let again = t.store.create_run(&ada(), keyed_run(workflow.id, "k")).await.unwrap();
        assert_eq!(again, done);
        assert_eq!(counts(t).await[..2], [1, 0]);
    }

    /// The same key in two workflows is two runs; keys are compared exactly.
    async fn keys_of_different_workflows_are_apart(t: &Workflows) {
        let (first, second) = (runnable(t).await, runnable(t).await);
        let mut ids = BTreeSet::new();
        for (workflow, key) in [(&first, "k"), (&second, "k"), (&first, "K"), (&first, "k ")] {
            ids.insert(t.store.create_run(&ada(), keyed_run(workflow.id, key)).await.unwrap().id);
        }
        assert_eq!(ids.len(), 4);
    }

    /// Of many that create under one key at once, one creates and all get the same run.
    async fn concurrent_creates_under_one_key_make_one_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            let new = NewRun { input: json!(number), ..keyed_run(workflow.id, "k") };
            tasks.push(tokio::spawn(async move { store.create_run(&ada(), new).await.unwrap() }));
        }
        let mut runs = Vec::new();
        for task in tasks {
            runs.push(task.await.unwrap());
        }
        assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
        assert_eq!(counts(t).await, [1; 3]);
    }

    /// Many runs that are created at once are all there, each with its job and audit.
    async fn concurrent_creates_are_all_there(t: &Workflows) {
        let (first, second) = (runnable(t).await, runnable(t).await);
        let mut tasks = Vec::new();
        for number in 0..100 {
            let store = t.store.clone();
            let id = if number % 2 == 0 { first.id } else { second.id };
            let new = NewRun { input: json!(number), ..new_run(id) };
            tasks.push(tokio::spawn(async move { store.create_run(&ada(), new).await.unwrap() }));
        }
        for (number, task) in tasks.into_iter().enumerate() {
            let run = task.await.unwrap();
            assert_eq!(run.input, json!(number));
            assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
        }
        assert_eq!(counts(t).await, [100; 3]);
    }

    /// What is refused among concurrent creates fails alone.
    async fn a_refused_run_does_not_fail_its_neighbours(t: &Workflows) {
        let (good, gone, bare) = (runnable(t).await, archived(t).await, created(t).await);
        let mut tasks = Vec::new();
        for number in 0..60 {
            let store = t.store.clone();
            let id = [good.id, gone.id, bare.id][number % 3];
            tasks.push(tokio::spawn(async move { store.create_run(&ada(), new_run(id)).await }));
        }
        for (number, task) in tasks.into_iter().enumerate() {
            let answer = task.await.unwrap();
            match number % 3 {
                0 => drop(answer.unwrap()),
                1 => assert_invalid_state(answer),
                _ => assert_not_found(answer),
            }
        }
        assert_eq!(counts(t).await, [20; 3]);
    }

    /// A run is created even if its caller goes away, and never without its job.
    async fn a_run_outlives_its_caller(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..20 {
            let store = t.store.clone();
            let caller = tokio::spawn(async move {
                store.create_run(&ada(), new_run(workflow.id)).await
            });
            tokio::task::yield_now().await;
            caller.abort();
        }
        pending(t, workflow.id).await;
        let lonely = "SELECT count(*) FROM workflow_runs r WHERE NOT EXISTS \
                      (SELECT 1 FROM jobs j WHERE j.run_id = r.id)";
        assert_eq!(t.count(lonely).await, 0);
    }

    /// Two databases have nothing to do with each other.
    async fn two_repositories_do_not_see_each_others_runs(t: &Workflows) {
        let other = t.other().await;
        let workflow = runnable(t).await;
        let run = pending(t, workflow.id).await;
        assert_not_found(other.fetch_run(run.id).await);
        assert_not_found(other.start_run(&ada(), run.id).await);
        let runs = other.list_runs(&Default::default(), &PageRequest::default()).await.unwrap();
        assert!(runs.items.is_empty());
        assert_eq!(t.clock.now(), run.created_at);
    }
}
