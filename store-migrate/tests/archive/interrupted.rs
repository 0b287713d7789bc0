//! Killed in the middle, and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Place, add_bulk, command, filled};

/// Kills a process as soon as something is there.
async fn kill_when(mut child: Child, mut there: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !there().await {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(began.elapsed() < Duration::from_secs(120), "it does not come so far");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

/// Returns the last file of rows of the table that has most of them.
fn last_of_bulk(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".rows.zst"));
    let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
    let largest = names.iter().max_by_key(|name| size(name)).unwrap()[..4].to_owned();
    names.retain(|name| name.starts_with(&largest));
    folder.join(names.iter().max().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_killed_begins_anew() {
    let place = Place::new("killed_export").await;
    add_bulk(&filled(&place, "app.db").await, 400);
    let (from, folder) = (place.sqlite("app.db"), place.path("files"));
    let args = ["export", "--from", &from, "--out", folder.to_str().unwrap()];
    let some = async || fs::read_dir(&folder).is_ok_and(|files| files.count() > 8);
    kill_when(command(&args).spawn().unwrap(), some).await;
    place.import("files", &place.postgres()).refused("was not finished");

    let again = place.export(&from, "files");
    assert!(again.errors.contains("begins anew"), "{}", again.errors);
    let root = place.import("files", &place.sqlite("loaded.db")).done().root();
    assert_eq!(again.report["root"].as_str(), Some(root.as_str()));
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_postgres_that_was_killed_goes_on() {
    let place = Place::new("killed_postgres").await;
    let conn = filled(&place, "app.db").await;
    add_bulk(&conn, 400);
    let root = place.export(&place.sqlite("app.db"), "files").report["root"].clone();
    conn.execute("DELETE FROM workflow_audit", []).unwrap();
    place.export(&place.sqlite("app.db"), "others");

    let (folder, client) = (place.path("files"), place.client().await);
    let bulk = "SELECT count(*) >= $1 FROM _migrate_batches WHERE table_name = 'graph_blobs'";
    let there = "SELECT to_regclass('_migrate_batches') IS NOT NULL";
    for batches in [1_i64, 3] {
        let to = place.postgres();
        let args = ["import", "--in", folder.to_str().unwrap(), "--to", &to];
        let some = async || {
            let there: bool = client.query_one(there, &[]).await.unwrap().get(0);
            there && client.query_one(bulk, &[&batches]).await.unwrap().get::<_, bool>(0)
        };
        kill_when(command(&args).spawn().unwrap(), some).await;
        place.import("others", &place.postgres()).refused("unfinished migration");
    }

    // Damage behind what was loaded is found as well, and changes nothing.
    let copied = "SELECT coalesce(sum(row_count), 0)::int8 FROM _migrate_batches";
    let before: i64 = client.query_one(copied, &[]).await.unwrap().get(0);
    let last = last_of_bulk(&folder);
    let whole = fs::read(&last).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&last, flipped).unwrap();
    place.import("files", &place.postgres()).refused("was changed or damaged");
    fs::write(&last, whole).unwrap();
    let after: i64 = client.query_one(copied, &[]).await.unwrap().get(0);
    assert!(after >= before);

    let ended = place.import("files", &place.postgres()).done();
    assert_eq!((ended.root().into(), &ended.report["resumed"]), (root, &true.into()));
    let rows: i64 = client.query_one(copied, &[]).await.unwrap().get(0);
    let loaded = ended.report["rows"].as_i64().unwrap();
    assert!(0 < loaded && loaded < rows, "{loaded} of {rows}");
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_sqlite_that_was_killed_goes_on() {
    let place = Place::new("killed_sqlite").await;
    add_bulk(&filled(&place, "app.db").await, 400);
    let root = place.export(&place.sqlite("app.db"), "files").report["root"].clone();
    let (folder, to) = (place.path("files"), place.sqlite("loaded.db"));
    let args = ["import", "--in", folder.to_str().unwrap(), "--to", &to];
    for batches in [1_i64, 3] {
        let some = async || {
            let sql = "SELECT count(*) FROM _migrate_batches WHERE table_name = 'graph_blobs'";
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
            Connection::open_with_flags(place.path("loaded.db"), flags)
                .and_then(|conn| conn.query_row(sql, [], |row| row.get::<_, i64>(0)))
                .is_ok_and(|count| count >= batches)
        };
        kill_when(command(&args).spawn().unwrap(), some).await;
    }
    let ended = place.import("files", &to).done();
    assert_eq!((ended.root().into(), &ended.report["resumed"]), (root, &true.into()));
    place.finish().await;
}
