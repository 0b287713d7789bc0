//! Databases that are moved exactly, and back.

use crate::support::Place;

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_of_every_type_come_back() {
    Place::with(
        "CREATE TABLE edges (i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC);
         INSERT INTO edges VALUES
            (9223372036854775807, 1.7976931348623157e308, '', x'', 0.1),
            (-9223372036854775808, 5e-324, 'it''s \"x\" \\ é 漢 😀', x'00ff', 12345678901234567),
            (0, -0.0, char(1, 9, 10, 13, 127), zeroblob(70000), -1.5),
            (NULL, 9e999, NULL, NULL, NULL), (1, -9e999, ' padded ', x'27', 1e300);",
    )
    .await
    .exact()
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_columns_come_back() {
    let columns: Vec<_> = (0..500).map(|number| format!("c{number} INTEGER")).collect();
    let values: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    let script = format!(
        "CREATE TABLE wide ({}); INSERT INTO wide VALUES ({});",
        columns.join(", "),
        values.join(", ")
    );
    Place::with(&script).await.exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_unicode_and_long_names_come_back() {
    let long = "x".repeat(80);
    let script = format!(
        "CREATE TABLE \"select\" (\"order\" INTEGER PRIMARY KEY, \"ünï\" TEXT, \"we\"\"ird\" TEXT,
             \"{long}1\" TEXT, \"{long}2\" TEXT, ctid TEXT);
         CREATE TABLE \"Tab\" (a INTEGER); CREATE TABLE \"a b.c'd\" (\"x y\" TEXT);
         INSERT INTO \"select\" VALUES (1, 'a', 'b', 'c', 'd', 'e');
         INSERT INTO \"Tab\" VALUES (1); INSERT INTO \"a b.c'd\" VALUES ('v');"
    );
    Place::with(&script).await.exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_columns_strict_and_without_rowid_tables_come_back() {
    Place::with(
        "CREATE TABLE made (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2) STORED,
             c TEXT AS (hex(a)) VIRTUAL, d TEXT);
         INSERT INTO made (a, d) VALUES (1, 'x'), (2, 'y');
         CREATE TABLE pair (k TEXT, n INTEGER, v TEXT, PRIMARY KEY (n, k)) WITHOUT ROWID;
         INSERT INTO pair VALUES ('b', 1, 'x'), ('a', 2, 'y'), ('a', 1, NULL);
         CREATE TABLE firm (i INT, r REAL, t TEXT, b BLOB) STRICT;
         INSERT INTO firm VALUES (1, 2.5, 'x', x'01');",
    )
    .await
    .exact()
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_equal_are_counted() {
    Place::with(
        "CREATE TABLE bag (a INTEGER, b TEXT);
         INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL);
         CREATE TABLE empty (a INTEGER PRIMARY KEY);",
    )
    .await
    .exact()
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_in_circles_come_back() {
    Place::with(
        "CREATE TABLE hen (id INTEGER PRIMARY KEY, egg INTEGER REFERENCES egg (id));
         CREATE TABLE egg (id INTEGER PRIMARY KEY, hen INTEGER REFERENCES hen (id));
         CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree (id));
         INSERT INTO hen VALUES (1, 1); INSERT INTO egg VALUES (1, 1);
         INSERT INTO tree VALUES (1, 2), (2, NULL), (3, 3);",
    )
    .await
    .exact()
    .await;
}

/// What the constraints and indexes of the source say holds on PostgreSQL as well.
#[tokio::test(flavor = "multi_thread")]
async fn constraints_indexes_and_counters_hold_on_the_target() {
    let place = Place::with(
        "CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE COLLATE NOCASE,
             price REAL CHECK (price >= 0), state TEXT NOT NULL DEFAULT 'new');
         CREATE UNIQUE INDEX only_one_open ON item (state) WHERE state = 'open';
         CREATE INDEX by_price ON item (price DESC, lower(name));
         INSERT INTO item (name, price, state) VALUES ('Ab', 1.5, 'open'), ('cd', 2, 'new');
         INSERT INTO item (id, name) VALUES (50, 'gone'); DELETE FROM item WHERE id = 50;",
    )
    .await;
    place.there(&[]).done();
    let client = place.client().await;
    for broken in [
        "INSERT INTO item (name) VALUES ('AB')",
        "INSERT INTO item (name, price) VALUES ('x', -1)",
        "INSERT INTO item (name, state) VALUES ('x', 'open')",
        "INSERT INTO item (name, state) VALUES ('x', NULL)",
    ] {
        client.batch_execute(broken).await.unwrap_err();
    }
    let added = "INSERT INTO item (name) VALUES ('next') RETURNING id, state";
    let row = client.query_one(added, &[]).await.unwrap();
    // Behind every id that was ever given, and not only behind those that are there.
    assert!(row.get::<_, i64>(0) > 50);
    assert_eq!(row.get::<_, String>(1), "new");
    place.finish().await;
}

/// Types that have another form on SQLite come back equal in value, in one form.
#[tokio::test(flavor = "multi_thread")]
async fn declared_types_become_those_of_postgresql() {
    let place = Place::with(
        "CREATE TABLE typed (id INTEGER PRIMARY KEY, flag BOOLEAN, day DATE, at TIMESTAMP,
             meta JSON, cost DECIMAL(10, 2));
         INSERT INTO typed VALUES
            (1, 1, '2024-05-31', '2024-05-31 12:00:00', '{\"a\": 1e400, \"a\": 2}', 9.99),
            (2, 0, NULL, '2024-05-31T12:00:00.000001', '[18446744073709551616]', NULL);",
    )
    .await;
    let there = place.there(&[]).done();
    let client = place.client().await;
    let sql = "SELECT flag, day::text, at::text, meta::text, cost::text FROM typed ORDER BY id";
    let rows = client.query(sql, &[]).await.unwrap();
    assert!(rows[0].get::<_, bool>(0));
    let texts: Vec<String> = (1..5).map(|place| rows[0].get(place)).collect();
    assert_eq!(texts, ["2024-05-31", "2024-05-31 12:00:00", "{\"a\": 2}", "9.99"]);
    assert_eq!(rows[1].get::<_, String>(3), "[18446744073709551616]");
    let back = place.back().done();
    let root = |report: &serde_json::Value| report["validation"]["source_root"].clone();
    assert_eq!(root(&there.report), root(&back.report));
    place.finish().await;
}
