//! There and back.

use rusqlite::Connection;

use crate::support::{Place, filled, run};

/// The blobs of a thread with their addresses.
fn blobs(conn: &Connection) -> Vec<(Vec<u8>, Vec<u8>)> {
    let sql = "SELECT address, bytes FROM graph_blobs ORDER BY thread_id, address";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_to_files_to_postgres_to_files_to_sqlite_is_the_same() {
    let place = Place::new("round_trip").await;
    let source = filled(&place, "app.db").await;

    let there = place.export(&place.sqlite("app.db"), "there");
    let root = there.report["root"].as_str().unwrap().to_owned();
    let loaded = place.import("there", &place.postgres()).done();
    assert_eq!(loaded.root(), root);
    assert_eq!(loaded.report["resumed"], false);

    let back = place.export(&place.postgres(), "back");
    assert_eq!(back.report["root"].as_str(), Some(root.as_str()));
    assert_ne!(back.report["archive"], there.report["archive"]);
    assert_eq!(place.import("back", &place.sqlite("back.db")).done().root(), root);

    let returned = Connection::open(place.path("back.db")).unwrap();
    assert!(blobs(&source) == blobs(&returned), "the blobs are not the same bytes");
    for conn in [&source, &returned] {
        // Rows 16 to 20 were deleted: their numbers are not given again.
        let counter = "SELECT seq FROM sqlite_sequence WHERE name = 'workflow_audit'";
        assert_eq!(conn.query_row(counter, [], |row| row.get::<_, i64>(0)).unwrap(), 20);
    }
    let found = "SELECT count(*) FROM chatkit_item_search WHERE chatkit_item_search MATCH 'hello'";
    let hits = returned.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(hits, 1, "the words of the items are cut anew");

    // Again compares, and the same files go into the same engine as well.
    let again = place.import("there", &place.postgres()).done();
    assert_eq!((again.root(), &again.report["rows"]), (root.clone(), &0.into()));
    assert_eq!(place.import("there", &place.sqlite("same.db")).done().root(), root);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_is_compared_with_the_files() {
    let place = Place::new("compared").await;
    filled(&place, "app.db").await;
    place.export(&place.sqlite("app.db"), "files");
    place.import("files", &place.postgres()).done();
    let client = place.client().await;
    let sql = "UPDATE history_steps SET payload = '{}' WHERE step_index = 7";
    assert_eq!(client.execute(sql, &[]).await.unwrap(), 1);

    let archive = format!("archive:{}", place.path("files").display());
    let ended = run(&["validate", "--from", &archive, "--to", &place.postgres()]);
    assert_eq!(ended.code, Some(4), "{}", ended.errors);
    let difference = &ended.report["differences"][0];
    assert_eq!(difference["table"], "history_steps");
    assert_eq!(difference["columns"], serde_json::json!(["payload"]));
    assert!(difference["key"].as_str().unwrap().contains("step_index=7"), "{difference}");
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_rows_is_refused_unless_they_are_to_be_replaced() {
    let place = Place::new("existing").await;
    filled(&place, "app.db").await;
    filled(&place, "full.db").await;
    place.export(&place.sqlite("app.db"), "files");
    let files = place.path("files");
    let args = ["import", "--in", files.to_str().unwrap(), "--to", &place.sqlite("full.db")];
    run(&args).refused("has rows already");
    run(&[&args[..], &["--replace"]].concat()).done();
    place.finish().await;
}

#[test]
fn the_help_has_examples() {
    for command in ["export", "import"] {
        let output = crate::support::command(&[command, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains(&format!("store-migrate {command} --")), "{help}");
    }
}
