//! Backup, vacuum, checkpoints, and the private database.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use store_core::history::{PruneRequest, Retention, RunHistoryStore};
use store_core::sqlite::Database;
use store_core::{Databases, Error, PageRequest, Settings, Subsystem};
use store_tests::fixture::{noon, sqlite};
use store_tests::samples::{execution, id, step};
use tokio::task::JoinSet;

use crate::notes::{Notes, place, until};

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn log_of(db: &Database) -> std::path::PathBuf {
    let mut log = db.path().as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Appends `each` steps of `bytes` bytes from each of `tasks` tasks.
fn appending(
    store: &Arc<dyn RunHistoryStore>,
    tasks: usize,
    each: usize,
    bytes: usize,
) -> JoinSet<()> {
    let payload = json!({"text": "x".repeat(bytes)});
    let mut appending = JoinSet::new();
    for _ in 0..tasks {
        let (store, payload) = (Arc::clone(store), payload.clone());
        appending.spawn(async move {
            for _ in 0..each {
                store.append_step(&id("e"), step(payload.clone())).await.unwrap();
            }
        });
    }
    appending
}

#[test]
fn a_backup_under_writes_is_a_store_of_one_moment() {
    store_tests::run(async {
        let t = sqlite::history("").await;
        t.store.start(execution("e")).await.unwrap();
        let writers = appending(&t.store, 8, 60, 500);
        let store = Arc::clone(&t.store);
        while store.fetch(&id("e")).await.unwrap().step_count < 50 {
            tokio::task::yield_now().await;
        }
        let copy = place(&t).directory.path().join("copy.sqlite");
        place(&t).db.backup(&copy).await.unwrap();
        writers.join_all().await;

        let db = sqlite::open(copy).await;
        let copied = sqlite::store(&db, &t.clock).fetch_with_steps(&id("e")).await.unwrap();
        let count = usize::try_from(copied.execution.step_count).unwrap();
        assert!((50..=480).contains(&count), "{count}");
        assert_eq!(copied.steps.len(), count);
        let original = t.store.fetch_with_steps(&id("e")).await.unwrap();
        assert_eq!(copied.steps, original.steps[..count]);
        db.close().await;
        t.finish().await;
    });
}

#[test]
fn a_backup_onto_a_file_is_a_conflict_and_leaves_it_alone() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let target = notes.directory.path().join("precious");
        fs::write(&target, "precious").unwrap();
        let error = notes.db.backup(&target).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    });
}

#[test]
fn pruning_gives_the_space_back() {
    store_tests::run(async {
        let t = sqlite::history("").await;
        let db = place(&t).db.clone();
        t.store.start(execution("e")).await.unwrap();
        appending(&t.store, 4, 50, 16_000).join_all().await;
        t.store.succeed(&id("e")).await.unwrap();
        db.checkpoint().await.unwrap();
        let before = size(db.path());
        assert!(before > 3_000_000, "{before}");
        let all = Retention::OlderThan(noon().plus(std::time::Duration::from_secs(1)).unwrap());
        assert_eq!(t.store.prune(&PruneRequest::new(all)).await.unwrap().steps, 200);
        let after = size(db.path());
        assert!(after < before / 5, "{after} of {before} bytes are left");
        t.finish().await;
    });
}

#[test]
fn a_vacuum_step_is_bounded_and_shrinks_the_file() {
    store_tests::run(async {
        let t = sqlite::history("").await;
        let db = place(&t).db.clone();
        t.store.start(execution("e")).await.unwrap();
        appending(&t.store, 4, 25, 16_000).join_all().await;
        t.store.delete(&id("e")).await.unwrap();
        db.checkpoint().await.unwrap();
        let before = size(db.path());
        let first = db.vacuum_step(10).await.unwrap();
        assert!(first > 0, "ten pages are not all");
        assert_eq!(db.vacuum_step(10).await.unwrap(), first - 10);
        assert_eq!(db.vacuum_step(100_000).await.unwrap(), 0);
        db.checkpoint().await.unwrap();
        let after = size(db.path());
        assert!(after < before / 3, "{after} of {before} bytes are left");
        t.finish().await;
    });
}

#[test]
fn a_checkpoint_empties_the_log() {
    store_tests::run(async {
        let notes = Notes::new().await;
        notes.add(1).await.unwrap();
        let log = log_of(&notes.db);
        assert!(size(&log) > 0);
        let checkpoint = notes.db.checkpoint().await.unwrap();
        assert_eq!(checkpoint.busy, 0);
        assert_eq!(size(&log), 0);
        assert_eq!(notes.ids(), [1]);
    });
}

#[test]
fn the_log_stays_bounded_under_load() {
    const LIMIT: u64 = 80 * 1024 * 1024;
    store_tests::run(async {
        let t = sqlite::history("").await;
        t.store.start(execution("e")).await.unwrap();
        let log = log_of(&place(&t).db);
        let mut largest = 0;
        let mut writers = appending(&t.store, 100, 200, 4096);
        let watch = async {
            loop {
                largest = largest.max(size(&log));
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = watch => {}
            () = async { while writers.join_next().await.transpose().unwrap().is_some() {} } => {}
        }
        assert!(largest > 0 && largest < LIMIT, "{largest}");
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 20_000);
        t.finish().await;
    });
}

#[test]
fn optimize_can_run_at_any_time() {
    store_tests::run(async {
        let t = sqlite::history("").await;
        t.store.start(execution("e")).await.unwrap();
        let writers = appending(&t.store, 4, 20, 10);
        place(&t).db.optimize().await.unwrap();
        writers.join_all().await;
        place(&t).db.optimize().await.unwrap();
        let page = t.store.steps(&id("e"), &PageRequest::first(100)).await.unwrap();
        assert_eq!(page.items.len(), 80);
        t.finish().await;
    });
}

#[test]
fn a_private_database_is_gone_with_its_last_handle() {
    store_tests::run(async {
        let databases = Databases::new(Settings::memory());
        let store = store_history::open(&databases).await.unwrap();
        store.start(execution("e")).await.unwrap();
        store.append_step(&id("e"), step(json!(1))).await.unwrap();
        let path = databases.sqlite(Subsystem::History).await.unwrap().path().to_path_buf();
        assert!(path.exists());
        let other = Databases::new(Settings::memory());
        let none = store_history::open(&other).await.unwrap().find(&id("e")).await.unwrap();
        assert!(none.is_none(), "private means private");
        databases.close().await;
        drop(databases);
        assert!(path.exists(), "a store is left that may read");
        drop(store);
        let directory = path.parent().unwrap();
        until("the file is gone", || !directory.exists()).await;
    });
}
