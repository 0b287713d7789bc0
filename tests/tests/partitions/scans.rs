//! What the stores' own statements read, as the server counts it: one partition.

use std::collections::BTreeMap;

use serde_json::json;
use store_core::history::{ExecutionFilter, RunHistoryStore as _};
use store_core::postgres::{Database, Options};
use store_core::{Backend, Order, PageRequest, Settings};
use store_history::postgres::PostgresRunHistoryStore;
use store_tests::fixture::postgres::url;
use store_tests::run;
use store_tests::samples::{at, execution, id, keyed};

use crate::support::{Partitions, store, until};

/// More often than the server needs to take a generic plan, which knows no values.
const OFTEN: usize = 8;

/// How often each partition and each of its indexes was scanned.
async fn scans(t: &Partitions) -> BTreeMap<String, i64> {
    let rows = t
        .place
        .rows(
            "SELECT relname, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables \
             WHERE schemaname = current_schema() AND relname LIKE 'history_steps%'",
        )
        .await;
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

/// Runs something on connections of its own. The server has counted when they are closed.
async fn counted<F>(t: &Partitions, what: F)
where
    F: AsyncFnOnce(PostgresRunHistoryStore),
{
    let name = &t.place.schemas[0];
    let sign = if url().contains('?') { '&' } else { '?' };
    let settings = Settings::builder()
        .backend(Backend::Postgres)
        .sqlite_path("unused.sqlite")
        .postgres_dsn(&format!("{}{sign}application_name={name}", url()))
        .postgres_schema(name);
    let options = Options::from_settings(&settings.build().unwrap()).unwrap();
    let db = Database::open(options).await.unwrap();
    what(store(&db, &t.clock)).await;
    drop(db);
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    until("its connections are closed", || async { t.number(&open).await == 0 }).await;
}

/// Asserts that nothing but the partition of April is scanned.
async fn assert_only_april<F>(t: &Partitions, what: F)
where
    F: AsyncFnOnce(PostgresRunHistoryStore),
{
    let before = scans(t).await;
    counted(t, what).await;
    let (mut after, april) = (scans(t).await, "history_steps_2026_04");
    assert!(after[april] > before[april], "{after:?}");
    after.insert(april.to_owned(), before[april]);
    assert_eq!(after, before);
}

async fn two_months() -> Partitions {
    let t = Partitions::partitioned().await;
    counted(&t, async |store| {
        for (name, instant) in
            [("march", "2026-03-05T00:00:00Z"), ("april", "2026-04-05T00:00:00Z")]
        {
            t.clock.set(at(instant));
            store.start(execution(name)).await.unwrap();
            let steps = (0..20).map(|n| keyed(&n.to_string(), json!(n))).collect();
            store.append_steps(&id(name), steps).await.unwrap();
        }
    })
    .await;
    t
}

#[test]
fn a_page_of_steps_of_one_execution_scans_only_its_months_partition() {
    run(async {
        let t = two_months().await;
        assert_only_april(&t, async |store| {
            for order in [Order::Asc, Order::Desc] {
                for _ in 0..OFTEN {
                    let page = PageRequest { order: Some(order), ..PageRequest::first(5) };
                    let first = store.steps(&id("april"), &page).await.unwrap();
                    let next = page.after(first.next.unwrap());
                    assert_eq!(store.steps(&id("april"), &next).await.unwrap().items.len(), 5);
                }
            }
        })
        .await;
        t.finish().await;
    });
}

#[test]
fn an_execution_with_its_steps_scans_only_its_months_partition() {
    run(async {
        let t = two_months().await;
        assert_only_april(&t, async |store| {
            let filter = ExecutionFilter {
                started_from: Some("2026-04-01T00:00:00Z".parse().unwrap()),
                ..ExecutionFilter::default()
            };
            for _ in 0..OFTEN {
                assert_eq!(store.fetch_with_steps(&id("april")).await.unwrap().steps.len(), 20);
                let page = store.list_with_steps(&filter, &PageRequest::default()).await.unwrap();
                assert_eq!(page.items[0].steps.len(), 20);
            }
        })
        .await;
        t.finish().await;
    });
}

#[test]
fn an_append_under_a_key_scans_only_its_months_partition() {
    run(async {
        let t = two_months().await;
        assert_only_april(&t, async |store| {
            for number in 0..OFTEN {
                let again = store.append_step(&id("april"), keyed("7", json!(0))).await.unwrap();
                assert_eq!(again.index, 7);
                let new = format!("new {number}");
                store.append_step(&id("april"), keyed(&new, json!(0))).await.unwrap();
                let batch = vec![keyed(&new, json!(0)), keyed(&format!("more {number}"), json!(0))];
                store.append_steps(&id("april"), batch).await.unwrap();
            }
        })
        .await;
        t.finish().await;
    });
}

#[test]
fn deleting_an_execution_scans_only_its_months_partition() {
    run(async {
        let t = two_months().await;
        counted(&t, async |store| {
            for number in 0..OFTEN {
                let name = format!("gone {number}");
                store.start(execution(&name)).await.unwrap();
                store.append_step(&id(&name), keyed("k", json!(0))).await.unwrap();
            }
        })
        .await;
        assert_only_april(&t, async |store| {
            for number in 0..OFTEN {
                store.delete(&id(&format!("gone {number}"))).await.unwrap();
            }
        })
        .await;
        t.finish().await;
    });
}
