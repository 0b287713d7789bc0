//! Rows that do not parse are reported with table, column and key, and never made up.

use rusqlite::Connection;
use serde_json::json;
use store_core::history::ExecutionFilter;
use store_core::{Error, PageRequest};
use store_tests::fixture::{History, sqlite};
use store_tests::samples::{execution, id, result, step};

use crate::notes::place;

async fn filled() -> History {
    let t = sqlite::history("").await;
    t.store.start(execution("e")).await.unwrap();
    t.store.append_step(&id("e"), step(json!({"n": 0}))).await.unwrap();
    t.store.put_result(result("e", "t", "k", json!(1))).await.unwrap();
    t
}

/// Changes rows in a way that the store's constraints forbid.
fn spoil(t: &History, sql: &str) {
    let conn = Connection::open(place(t).db.path()).unwrap();
    conn.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    assert_eq!(conn.execute(sql, []).unwrap(), 1);
}

#[track_caller]
fn assert_corrupt(error: &Error, expected: (&str, &str, &str)) {
    match error {
        Error::Corrupt { table, column, id, .. } => {
            assert_eq!((*table, *column, id.as_str()), expected);
            assert!(!error.to_string().contains("garbage"), "no values in messages: {error}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_execution_that_does_not_parse_is_corrupt() {
    let columns = [
        ("status", "garbage"),
        ("started_at", "garbage"),
        ("updated_at", "garbage"),
        ("trace_started_at", "garbage"),
        ("inputs", "{garbage"),
        ("metadata", "{garbage"),
        ("tags", "[1]"),
        ("callbacks", "{}"),
    ];
    for (column, value) in columns {
        store_tests::run(async {
            let t = filled().await;
            spoil(&t, &format!("UPDATE history_executions SET {column} = '{value}'"));
            let expected = ("history_executions", column, "e");
            assert_corrupt(&t.store.fetch(&id("e")).await.unwrap_err(), expected);
            let list = t.store.list(&ExecutionFilter::default(), &PageRequest::default()).await;
            assert_corrupt(&list.unwrap_err(), expected);
            t.finish().await;
        });
    }
}

#[test]
fn a_step_that_does_not_parse_is_corrupt() {
    for (column, value) in [("payload", "{garbage"), ("at", "garbage")] {
        store_tests::run(async {
            let t = filled().await;
            spoil(&t, &format!("UPDATE history_steps SET {column} = '{value}'"));
            let expected = ("history_steps", column, "e/0");
            let steps = t.store.steps(&id("e"), &PageRequest::default()).await;
            assert_corrupt(&steps.unwrap_err(), expected);
            assert_corrupt(&t.store.fetch_with_steps(&id("e")).await.unwrap_err(), expected);
            t.finish().await;
        });
    }
}

#[test]
fn a_result_that_does_not_parse_is_corrupt() {
    store_tests::run(async {
        let t = filled().await;
        spoil(&t, "UPDATE history_results SET value = '{garbage'");
        let results = t.store.results(&id("e"), None, &PageRequest::default()).await;
        assert_corrupt(&results.unwrap_err(), ("history_results", "value", "e/t/k"));
        t.finish().await;
    });
}
