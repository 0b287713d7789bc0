//! Values and files that are refused by name, and nothing is written.

use std::io::{Seek as _, SeekFrom, Write as _};

use crate::support::Place;

/// Expects that a value is named and that no table was made.
async fn refused(script: &str, (table, column, reason): (&str, &str, &str)) {
    let place = Place::with(script).await;
    place.there(&[]).named(table, column, reason);
    let count = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
    let tables: i64 = place.client().await.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(tables, 0);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_a_column_of_integers_is_named() {
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1), (2, 'x');";
    refused(script, ("t", "n", "is text")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integer_beyond_64_bits_is_named() {
    let script = "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (9223372036854775808);";
    refused(script, ("t", "n", "is a real")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_named() {
    let script = "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('ok'), (CAST(x'61ff' AS TEXT));";
    refused(script, ("t", "x", "not valid UTF-8 at byte 1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_text_is_named() {
    let script = "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('ok'), (CAST(x'610062' AS TEXT));";
    refused(script, ("t", "x", "has a NUL at byte 1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dirty_instant_is_named() {
    let script = "CREATE TABLE t (at TIMESTAMP); INSERT INTO t VALUES ('2024-05-31 12:00:00'), ('yesterday');";
    refused(script, ("t", "at", "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_jsonb_does_not_hold_is_named() {
    let script = r#"CREATE TABLE t (j JSON); INSERT INTO t VALUES ('{"a":1}'), ('"\u0000"');"#;
    refused(script, ("t", "j", "NUL")).await;
}

/// With `--on-error quarantine` the row is set aside, whole, and the others are moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_set_aside_with_what_was_stored() {
    let place = Place::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
         INSERT INTO t VALUES (1, 'ok'), (2, CAST(x'61ff' AS TEXT)), (3, 'fine');",
    )
    .await;
    let ended = place.there(&["--on-error", "quarantine"]).done();
    assert_eq!(ended.report["quarantined"], 1);
    let client = place.client().await;
    let sql = "SELECT source_table, key, column_name, raw FROM _migrate_quarantine";
    let row = client.query_one(sql, &[]).await.unwrap();
    let texts: Vec<String> = (0..3).map(|place| row.get(place)).collect();
    assert_eq!((texts[0].as_str(), texts[2].as_str()), ("t", "x"));
    assert!(texts[1].contains('2'), "{texts:?}");
    assert_eq!(row.get::<_, Vec<u8>>(3), [0x61, 0xff]);
    let moved: i64 = client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
    assert_eq!(moved, 2);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_refused() {
    let place = Place::with(
        "CREATE TABLE t (x TEXT);
         INSERT INTO t SELECT hex(randomblob(300)) FROM (WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL
             SELECT v + 1 FROM n WHERE v < 200) SELECT v FROM n);",
    )
    .await;
    let mut file = std::fs::OpenOptions::new().write(true).open(place.path("source.db")).unwrap();
    file.seek(SeekFrom::Start(5 * 4096)).unwrap();
    file.write_all(&[0xff; 200]).unwrap();
    drop(file);
    let ended = place.there(&[]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    assert!(
        ended.errors.contains("damaged") || ended.errors.contains("malformed"),
        "{}",
        ended.errors
    );
    place.finish().await;
}

/// What another connection has written and not committed is not moved.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_not_committed_are_left_out() {
    let place = Place::with(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('committed');",
    )
    .await;
    let writer = place.source();
    writer
        .execute_batch(
            "PRAGMA cache_size = 5; BEGIN IMMEDIATE;
             INSERT INTO t SELECT hex(randomblob(500)) FROM (WITH RECURSIVE n (v) AS (SELECT 1
                 UNION ALL SELECT v + 1 FROM n WHERE v < 500) SELECT v FROM n);",
        )
        .unwrap();
    place.there(&[]).done();
    let moved: i64 =
        place.client().await.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
    assert_eq!(moved, 1);
    drop(writer);
    place.finish().await;
}
