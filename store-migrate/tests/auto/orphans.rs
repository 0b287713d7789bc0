//! Rows that refer to rows which are not there.

use crate::support::Place;

const SCRIPT: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
     CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id));
     INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1), (2, NULL), (3, 9);";

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_named() {
    let place = Place::with(SCRIPT).await;
    place.there(&[]).named("child", "parent", "refers to a row of parent that is not there");
    place.finish().await;
}

/// The foreign key is there all the same, and holds for what is written from then on.
#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_kept_when_asked() {
    let place = Place::with(SCRIPT).await;
    let ended = place.there(&["--keep-orphans"]).done();
    assert_eq!(ended.report["not_valid"].as_array().unwrap().len(), 1);
    let client = place.client().await;
    let moved: i64 = client.query_one("SELECT count(*) FROM child", &[]).await.unwrap().get(0);
    assert_eq!(moved, 3);
    client.batch_execute("INSERT INTO child VALUES (4, 9)").await.unwrap_err();
    client.batch_execute("INSERT INTO child VALUES (4, 1)").await.unwrap();
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_set_aside_when_asked() {
    let place = Place::with(SCRIPT).await;
    let ended = place.there(&["--on-error", "quarantine"]).done();
    assert_eq!(ended.report["quarantined"], 1);
    let client = place.client().await;
    let moved: i64 = client.query_one("SELECT count(*) FROM child", &[]).await.unwrap().get(0);
    assert_eq!(moved, 2);
    place.finish().await;
}
