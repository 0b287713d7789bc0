//! `NulPolicy::Escape`: NUL characters survive on both backends.

use serde_json::{Value, json};
use store_core::history::NewExecution;
use store_core::json::NulPolicy;
use store_core::workflow::{NewRun, NewVersion, NewWorkflow};
use store_core::{Backend, Databases, Error, PageRequest, Settings};
use store_tests::samples::{ada, config, execution, id, new_run, result, step};

use crate::bare::Bare;

fn settings(t: &Bare) -> Settings {
    let builder = Settings::builder().sqlite_path("unused.sqlite");
    match t {
        #[cfg(feature = "sqlite")]
        Bare::Sqlite(place) => builder.backend(Backend::Sqlite).sqlite_path(place.db.path()),
        #[cfg(feature = "postgres")]
        Bare::Postgres(place) => builder
            .backend(Backend::Postgres)
            .postgres_dsn(&store_tests::fixture::postgres::url())
            .postgres_schema(&place.schemas[0]),
    }
    .build()
    .unwrap()
}

/// NUL in values and keys, and what looks like its escaped form.
fn value() -> Value {
    json!({
        "\0": "a\0b", "key\0": ["\0\0", {"n": "\u{E000}0"}], "\u{E000}": "\u{E000}E", "plain": 1
    })
}

/// A store opened with `NulPolicy::Escape` keeps NUL in values and keys, and what looks escaped.
async fn nul_in_values_and_keys_is_kept(t: &Bare) {
    let databases = Databases::new(settings(t)).with_nul_policy(NulPolicy::Escape);
    let store = store_history::open(&databases).await.unwrap();
    let value = value();
    let new =
        NewExecution { inputs: value.clone(), metadata: Some(value.clone()), ..execution("e") };
    assert_eq!(store.start(new).await.unwrap().inputs, value);
    assert_eq!(store.append_step(&id("e"), step(value.clone())).await.unwrap().payload, value);
    store.put_result(result("e", "t", "k", value.clone())).await.unwrap();
    databases.close().await;

    let databases = Databases::new(settings(t)).with_nul_policy(NulPolicy::Escape);
    let store = store_history::open(&databases).await.unwrap();
    let read = store.fetch_with_steps(&id("e")).await.unwrap();
    assert_eq!((&read.execution.inputs, &read.execution.metadata), (&value, &value));
    assert_eq!(read.steps[0].payload, value);
    let results = store.results(&id("e"), None, &PageRequest::default()).await.unwrap();
    assert_eq!(results.items[0].value, value);
    databases.close().await;
}

/// So does a repository of workflows, in graphs, configurations, input and output.
async fn nul_in_graphs_and_runs_is_kept(t: &Bare) {
    let databases = Databases::new(settings(t)).with_nul_policy(NulPolicy::Escape);
    let store = store_workflow::open_with(&databases, None).await.unwrap();
    let workflow = store.create_workflow(&ada(), NewWorkflow::named("w")).await.unwrap();
    let settings_of_run = config(json!({"configurable": value(), "metadata": value()}));
    let new = NewVersion {
        metadata: value(),
        runnable_config: Some(settings_of_run.clone()),
        ..NewVersion::new(workflow.id, value())
    };
    let version = store.create_version(&ada(), new).await.unwrap();
    let run = NewRun { input: value(), ..new_run(workflow.id) };
    let run = store.create_run(&ada(), run).await.unwrap();
    assert_eq!((&run.input, &run.metadata), (&value(), &value()));
    store.start_run(&ada(), run.id).await.unwrap();
    let done = store.succeed_run(&ada(), run.id, Some(value())).await.unwrap();
    assert_eq!(done.output, Some(value()));
    databases.close().await;

    let databases = Databases::new(settings(t)).with_nul_policy(NulPolicy::Escape);
    let store = store_workflow::open_with(&databases, None).await.unwrap();
    let read = store.fetch_version(version.id).await.unwrap();
    assert_eq!((&read.graph, &read.metadata), (&value(), &value()));
    assert_eq!(read.runnable_config.unwrap(), settings_of_run);
    store.verify_version(version.id).await.unwrap();
    assert_eq!(store.fetch_run(run.id).await.unwrap(), done);
    // Text is not escaped: it cannot hold NUL.
    let error = store.create_workflow(&ada(), NewWorkflow::named("a\0")).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { field, .. } if field == "name"), "{error}");
    databases.close().await;
}

on_both! { bare: nul_in_values_and_keys_is_kept, nul_in_graphs_and_runs_is_kept }
