//! A full disk in the middle of a batch: nobody is told a lie, and it works again afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use diesel::prelude::*;
use serde_json::json;
use store_core::history::{RunHistoryStore, Step};
use store_core::json::JsonPolicy;
use store_core::sqlite::{Database, Options, db_error};
use store_core::{Failure, PageRequest, Result, SystemClock};
use store_history::sqlite::{SCHEMA, SqliteRunHistoryStore};
use store_tests::samples::{execution, id, step};
use tokio::task::JoinSet;

use crate::notes::{Notes, pragma, queued, run};

/// A write that takes up about four pages.
fn large(conn: &mut SqliteConnection, id: i64) -> Result<()> {
    diesel::sql_query(format!("INSERT INTO blobs VALUES ({id}, zeroblob(16000))"))
        .execute(conn)
        .map(drop)
        .map_err(db_error("large"))
}

/// The file may grow by 64 pages, and 60 writes of four pages each wait for one batch. The limit
/// is one of the connection: it is gone when the writer opens a new one, and the disk has room.
#[test]
fn a_batch_that_fills_the_file_fails_as_a_whole_and_writing_goes_on() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let create = "CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB)";
        notes.db.write("create", move |conn| run(conn, create)).await.unwrap();
        let hold = notes.hold().await;
        let db = notes.db.clone();
        let limit = queued(async move {
            db.write("limit", |conn| {
                let pages: u32 = pragma(conn, "page_count")?.parse().unwrap();
                run(conn, &format!("PRAGMA max_page_count = {}", pages + 64))
            })
            .await
        })
        .await;
        let mut writes = Vec::new();
        for id in 0..60 {
            let db = notes.db.clone();
            let write = async move { db.write("large", move |conn| large(conn, id)).await };
            writes.push(queued(write).await);
        }
        // These two may be in the batch that fails, or in one before it.
        let _either = hold.release_into_batch().await;
        let _either = limit.await;
        let mut told = Vec::new();
        for write in writes {
            told.push(write.await.map_err(|error| error.failure()));
        }
        let full = Err(Some(Failure::DiskFull));
        assert!(told.iter().all(|told| told.is_ok() || *told == full), "{told:?}");
        let failed = told.iter().filter(|told| **told == full).count();
        assert!(failed > 1, "the neighbours in the batch are told so, too: {told:?}");
        let first = told.iter().position(|told| *told == full).unwrap();
        assert!(told[first..first + failed].iter().all(|told| *told == full), "one batch");

        let conn = rusqlite::Connection::open(notes.path()).unwrap();
        let mut ids = conn.prepare("SELECT id FROM blobs ORDER BY id").unwrap();
        let stored: Vec<u32> =
            ids.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let acknowledged: Vec<u32> = (0..60).filter(|&id| told[id as usize].is_ok()).collect();
        assert_eq!(stored, acknowledged, "what is stored is what was acknowledged");
        notes.db.write("large", |conn| large(conn, 1000)).await.unwrap();
    });
}

/// A file system of 4 MiB, which only root can mount.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(directory.path())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self { directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a connection may still be closing.
        drop(Command::new("umount").arg("-l").arg(self.directory.path()).status());
    }
}

async fn open(path: &Path) -> (Database, Arc<dyn RunHistoryStore>) {
    let db = Database::open(Options::new(path)).await.unwrap();
    db.migrate(&SCHEMA).await.unwrap();
    let store =
        SqliteRunHistoryStore::new(db.clone(), JsonPolicy::default(), Arc::new(SystemClock));
    (db, Arc::new(store))
}

/// Appends from 16 tasks until each is told that the disk is full; returns what was acknowledged.
async fn fill(store: &Arc<dyn RunHistoryStore>) -> Vec<Step> {
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0.. {
                let payload = json!([task, n, "x".repeat(8000)]);
                match store.append_step(&id("e"), step(payload)).await {
                    Ok(step) => acknowledged.push(step),
                    Err(error) => {
                        assert_eq!(error.failure(), Some(Failure::DiskFull), "{error}");
                        break;
                    }
                }
            }
            acknowledged
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

async fn all_steps(store: &Arc<dyn RunHistoryStore>) -> Vec<Step> {
    let page = store.steps(&id("e"), &PageRequest::first(1000)).await.unwrap();
    assert!(page.next.is_none(), "the disk is small");
    page.items
}

#[test]
fn nothing_acknowledged_is_lost_on_a_full_disk_and_it_works_again() {
    let Some(disk) = SmallDisk::mount() else {
        // The other test of this file needs no rights.
        eprintln!("not run: only root can mount a small file system");
        return;
    };
    store_tests::run(async {
        let ballast = disk.path("ballast");
        fs::write(&ballast, vec![0; 1024 * 1024]).unwrap();
        let (db, store) = open(&disk.path("small.sqlite")).await;
        store.start(execution("e")).await.unwrap();
        let mut acknowledged = fill(&store).await;
        assert!(acknowledged.len() > 20, "{} fitted in", acknowledged.len());
        acknowledged.sort_by_key(|step| step.index);
        assert_eq!(all_steps(&store).await, acknowledged, "exactly what was acknowledged");

        fs::remove_file(&ballast).unwrap();
        for _ in 0..10 {
            acknowledged.push(store.append_step(&id("e"), step(json!("again"))).await.unwrap());
        }
        db.close().await;
        drop((db, store));
        let (db, store) = open(&disk.path("small.sqlite")).await;
        assert_eq!(all_steps(&store).await, acknowledged);
        db.close().await;
    });
}
