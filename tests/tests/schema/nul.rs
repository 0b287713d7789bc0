//! `NulPolicy::Escape`: NUL characters survive on both backends.

use serde_json::json;
use store_core::history::NewExecution;
use store_core::json::NulPolicy;
use store_core::{Backend, Databases, PageRequest, Settings};
use store_tests::samples::{execution, id, result, step};

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

/// A store opened with `NulPolicy::Escape` keeps NUL in values and keys, and what looks escaped.
async fn nul_in_values_and_keys_is_kept(t: &Bare) {
    let databases = Databases::new(settings(t)).with_nul_policy(NulPolicy::Escape);
    let store = store_history::open(&databases).await.unwrap();
    let value = json!({
        "\0": "a\0b", "key\0": ["\0\0", {"n": "\u{E000}0"}], "\u{E000}": "\u{E000}E", "plain": 1
    });
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

on_both! { bare: nul_in_values_and_keys_is_kept }
