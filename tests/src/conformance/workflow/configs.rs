//! The configuration of runs: its rules, and how a run's is merged into its version's.

use serde_json::{Value, json};
use store_core::workflow::{NewRun, NewVersion, Run, RunnableConfig, Workflow};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, config, created, graph, new_run};

/// What the version says in the merge table below.
fn base() -> Value {
    json!({
        "configurable": {"a": 1, "b": {"x": 1, "y": 2}},
        "tags": ["one", "two"],
        "metadata": {"m": "base", "n": 1},
        "callbacks": [{"name": "base"}],
        "run_name": "base",
        "recursion_limit": 25,
        "max_concurrency": 4,
        "prompts": {"p": {"template": "base", "x": 1}, "q": "base"},
    })
}

/// Creates a workflow with a version that has a configuration.
async fn configured(t: &Workflows, config: Option<RunnableConfig>) -> Workflow {
    let workflow = created(t).await;
    let version = NewVersion { runnable_config: config, ..NewVersion::new(workflow.id, graph()) };
    t.store.create_version(&ada(), version).await.unwrap();
    workflow
}

/// Creates a run that overrides something, and reads it.
async fn run_with(t: &Workflows, workflow: &Workflow, over: Value) -> Run {
    let new = NewRun { runnable_config: config(over), ..new_run(workflow.id) };
    let run = t.store.create_run(&ada(), new).await.unwrap();
    assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
    run
}

/// A configuration as JSON; an empty map and none are the same there.
fn shown(config: &RunnableConfig) -> Value {
    let mut shown = serde_json::to_value(config).unwrap();
    shown.as_object_mut().unwrap().retain(|_, value| *value != json!({}));
    shown
}

/// Configurations that break a rule.
fn bad() -> Vec<RunnableConfig> {
    vec![
        config(json!({"recursion_limit": 0})),
        config(json!({"recursion_limit": 251})),
        config(json!({"max_concurrency": 0})),
        config(json!({"max_concurrency": 33})),
        config(json!({"tags": ["x".repeat(256)]})),
        config(json!({"run_name": "x".repeat(256)})),
        config(json!({"configurable": {"a": "b\0"}})),
        config(json!({"metadata": {"a\0": 1}})),
        config(json!({"callbacks": ["\0"]})),
        config(json!({"prompts": {"p": "\0"}})),
        config(json!({"run_name": "a\0b"})),
    ]
}

behaviours! {
    emits workflow_configs_tests from workflow::configs;

    /// What a run does not override is the version's; what it does is merged by the kind of field.
    async fn a_run_is_merged_into_its_version_field_by_field(t: &Workflows) {
        let workflow = configured(t, Some(config(base()))).await;
        // What the run overrides, and what that changes in the version's configuration.
        let table = [
            (json!({}), json!({})),
            (json!({"configurable": {"b": {"z": 3}, "c": [1]}}),
             json!({"configurable": {"a": 1, "b": {"z": 3}, "c": [1]}})),
            (json!({"configurable": {"a": null}}),
             json!({"configurable": {"a": null, "b": {"x": 1, "y": 2}}})),
            (json!({"configurable": {}}), json!({"configurable": null})),
            (json!({"metadata": {"m": "run"}}), json!({"metadata": {"m": "run", "n": 1}})),
            (json!({"metadata": {}}), json!({"metadata": null})),
            (json!({"prompts": {"p": "run", "r": 1}}),
             json!({"prompts": {"p": "run", "q": "base", "r": 1}})),
            (json!({"tags": ["three"]}), json!({"tags": ["three"]})),
            (json!({"tags": []}), json!({"tags": []})),
            (json!({"callbacks": [{"name": "run"}, 1]}),
             json!({"callbacks": [{"name": "run"}, 1]})),
            (json!({"callbacks": []}), json!({"callbacks": []})),
            (json!({"run_name": " run "}), json!({"run_name": "run"})),
            (json!({"recursion_limit": 250}), json!({"recursion_limit": 250})),
            (json!({"max_concurrency": 1}), json!({"max_concurrency": 1})),
        ];
        for (over, change) in table {
            let run = run_with(t, &workflow, over.clone()).await;
            let mut expected = base();
            for (field, value) in change.as_object().unwrap() {
                expected[field] = value.clone();
            }
            expected.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            assert_eq!(shown(&run.runnable_config), expected, "{over}");
        }
    }

    /// Tags, callbacks, metadata and name of a run are copied out of the merged configuration.
    async fn tags_callbacks_metadata_and_name_are_copied(t: &Workflows) {
        let workflow = configured(t, Some(config(base()))).await;
        let run = run_with(t, &workflow, json!({"metadata": {"o": 2}, "tags": ["x"]})).await;
        assert_eq!(run.tags, ["x"]);
        assert_eq!(run.callbacks, [json!({"name": "base"})]);
        assert_eq!(run.metadata, json!({"m": "base", "n": 1, "o": 2}));
        assert_eq!(run.run_name.as_deref(), Some("base"));
        let run = run_with(t, &workflow, json!({"metadata": {}, "tags": []})).await;
        assert_eq!((run.tags, run.metadata), (vec![], json!({})));
    }

    /// Without any configuration a run has empty copies.
    async fn a_run_without_configuration_has_empty_copies(t: &Workflows) {
        let workflow = configured(t, None).await;
        let run = run_with(t, &workflow, json!({})).await;
        assert_eq!(run.runnable_config, RunnableConfig::default());
        assert_eq!((run.tags, run.callbacks), (vec![], vec![]));
        assert_eq!((run.metadata, run.run_name), (json!({}), None));
    }

    /// A version without a configuration leaves the run's as it is.
    async fn a_version_without_configuration_leaves_the_runs(t: &Workflows) {
        let workflow = configured(t, None).await;
        let run = run_with(t, &workflow, base()).await;
        assert_eq!(shown(&run.runnable_config), base());
    }

    /// Tags are trimmed and kept once in any case, the first as it was written.
    async fn tags_of_a_configuration_are_kept_once_in_any_case(t: &Workflows) {
        let given = json!({"tags": [" Red ", "red", "", "Blue", "RED", "ÄRGER", "ärger"]});
        let expected = ["Red", "Blue", "ÄRGER"];
        let workflow = configured(t, Some(config(given.clone()))).await;
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        assert_eq!(version.runnable_config.unwrap().tags.unwrap(), expected);
        let run = run_with(t, &workflow, given).await;
        assert_eq!(run.tags, expected);
        assert_eq!(run.runnable_config.tags.unwrap(), expected);
    }

    /// A run's name is trimmed; an empty one is none.
    async fn an_empty_run_name_is_none(t: &Workflows) {
        let workflow = configured(t, None).await;
        assert_eq!(run_with(t, &workflow, json!({"run_name": "  "})).await.run_name, None);
        let run = run_with(t, &workflow, json!({"run_name": " name "})).await;
        assert_eq!(run.run_name.as_deref(), Some("name"));
    }

    /// A run keeps the configuration it was created with.
    async fn a_run_keeps_its_configuration(t: &Workflows) {
        let workflow = configured(t, Some(config(base()))).await;
        let run = run_with(t, &workflow, json!({})).await;
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        let other = config(json!({"tags": ["other"]}));
        t.store.update_runnable_config(&ada(), version.id, Some(other)).await.unwrap();
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
        assert_eq!(run_with(t, &workflow, json!({})).await.tags, ["other"]);
    }

    /// The configuration of the version that is run counts, not that of the latest.
    async fn the_configuration_of_the_version_that_is_run_counts(t: &Workflows) {
        let workflow = configured(t, Some(config(json!({"tags": ["first"]})))).await;
        let first = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        let second = NewVersion {
            runnable_config: Some(config(json!({"tags": ["second"]}))),
            ..NewVersion::new(workflow.id, graph())
        };
        t.store.create_version(&ada(), second).await.unwrap();
        let new = NewRun { workflow_version_id: Some(first.id), ..new_run(workflow.id) };
        assert_eq!(t.store.create_run(&ada(), new).await.unwrap().tags, ["first"]);
        assert_eq!(run_with(t, &workflow, json!({})).await.tags, ["second"]);
    }

    /// The largest values a configuration may have round trip.
    async fn the_limits_of_a_configuration_round_trip(t: &Workflows) {
        for limits in [(1, 1), (250, 32)] {
            let given = json!({"recursion_limit": limits.0, "max_concurrency": limits.1});
            let workflow = configured(t, Some(config(given.clone()))).await;
            let run = run_with(t, &workflow, json!({})).await;
            assert_eq!(shown(&run.runnable_config), given);
        }
    }

    /// A configuration that is no object, has unknown fields or wrong types is `Invalid`.
    async fn unknown_fields_of_a_configuration_are_invalid(_t: &Workflows) {
        let bad = [
            json!([]), json!("x"), json!({"unknown": 1}), json!({"tags": "x"}),
            json!({"tags": [1]}), json!({"configurable": []}), json!({"recursion_limit": -1}),
            json!({"recursion_limit": 1.5}), json!({"prompts": "x"}), json!({"callbacks": {}}),
        ];
        for bad in bad {
            assert_invalid(RunnableConfig::from_value(bad), "runnable_config");
        }
    }

    /// A bad configuration creates no version and changes none.
    async fn a_bad_configuration_is_refused_for_versions(t: &Workflows) {
        let workflow = configured(t, None).await;
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        for bad in bad() {
            let new = NewVersion {
                runnable_config: Some(bad.clone()),
                ..NewVersion::new(workflow.id, graph())
            };
            assert_invalid(t.store.create_version(&ada(), new).await, "runnable_config");
            let answer = t.store.update_runnable_config(&ada(), version.id, Some(bad)).await;
            assert_invalid(answer, "runnable_config");
        }
        let latest = t.store.latest_version(workflow.id).await.unwrap();
        assert_eq!(latest, Some(version));
    }

    /// A bad configuration creates no run.
    async fn a_bad_configuration_is_refused_for_runs(t: &Workflows) {
        let workflow = configured(t, None).await;
        for bad in bad() {
            let new = NewRun { runnable_config: bad, ..new_run(workflow.id) };
            assert_invalid(t.store.create_run(&ada(), new).await, "runnable_config");
        }
        assert_eq!(t.count("SELECT count(*) FROM workflow_runs").await, 0);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }
}
