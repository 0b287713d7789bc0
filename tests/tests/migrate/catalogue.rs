//! The plan of the layout `stores` beside both catalogues: what a migration of a store adds later
//! cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;
use store_migrate::Control;
use store_migrate::model::{Kind, PgType, Plan, SqliteOrder};
use tokio_postgres::Client;

use super::homes::{ALL, Home};
use super::support::{Schema, job, open};

/// Columns of SQLite only: the key of a chat item's words, which each file gives anew.
const OF_SQLITE_ONLY: [(&str, &str); 1] = [("chatkit_items", "item_key")];

/// Tables as (name, columns with their types).
type Tables = BTreeMap<String, Vec<(String, String)>>;

async fn both() -> (tempfile::TempDir, Schema) {
    let (directory, schema) = (tempfile::tempdir().unwrap(), Schema::fresh().await);
    for crates in ALL {
        Home::File(directory.path().join("all.sqlite")).place(crates).await;
        Home::Schema(schema.name.clone()).place(crates).await;
    }
    (directory, schema)
}

async fn planned(file: &Path, schema: &Schema) -> Plan {
    let from = Home::File(file.to_owned()).url();
    let report = store_migrate::plan(&job(&from, &schema.url()), &Control::default()).await;
    report.unwrap().plan
}

fn rows<T, R>(conn: &Connection, sql: &str, read: R) -> Vec<T>
where
    R: FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
{
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
}

fn is_ours(table: &str) -> bool {
    let journal = table.starts_with("store_") && table.ends_with("_migrations");
    !journal && !table.starts_with("sqlite_") && !table.starts_with("chatkit_item_search")
}

fn of_sqlite(conn: &Connection) -> Tables {
    let tables =
        rows(conn, "SELECT name FROM sqlite_schema WHERE type = 'table'", |row| row.get(0));
    let tables = tables.into_iter().filter(|table: &String| is_ours(table));
    tables
        .map(|table| {
            let sql =
                format!("SELECT name, type FROM pragma_table_xinfo('{table}') WHERE hidden = 0");
            let columns = rows(conn, &sql, |row| Ok((row.get(0)?, row.get(1)?)));
            (table, columns)
        })
        .collect()
}

async fn of_postgres(client: &Client) -> Tables {
    let sql = "SELECT c.relname::text, a.attname::text, t.typname::text FROM pg_class c \
        JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid \
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY c.relname, a.attnum";
    let mut tables = Tables::new();
    for row in client.query(sql, &[]).await.unwrap() {
        let table: String = row.get(0);
        if is_ours(&table) {
            tables.entry(table).or_default().push((row.get(1), row.get(2)));
        }
    }
    tables
}

/// What SQLite declares a column of a kind as.
const fn declared(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Boolean => &["INTEGER", "BOOLEAN"],
        Kind::Integer => &["INTEGER", "BIGINT", "SMALLINT"],
        Kind::Real => &["REAL", "DOUBLE"],
        Kind::Blob => &["BLOB", "BINARY"],
        _ => &["TEXT", "TIMESTAMP"],
    }
}

#[test]
fn every_table_and_column_of_both_engines_is_planned() {
    store_tests::run(async {
        let (directory, schema) = both().await;
        let file = directory.path().join("all.sqlite");
        let plan = planned(&file, &schema).await;
        let (sqlite, postgres) =
            (of_sqlite(&open(&file)), of_postgres(&schema.connect().await).await);
        let names: BTreeSet<_> = plan.tables.iter().map(|table| &table.sqlite).collect();
        assert_eq!(names, sqlite.keys().collect());
        assert_eq!(names, postgres.keys().collect());
        assert_eq!(names.len(), plan.tables.len(), "no table is planned twice");
        for table in &plan.tables {
            assert_eq!(table.sqlite, table.postgres);
            let mut on_sqlite = sqlite[&table.sqlite].clone();
            on_sqlite.retain(|(name, _)| !OF_SQLITE_ONLY.contains(&(&table.sqlite, name)));
            let mut planned: Vec<_> = table.columns.iter().collect();
            let mut on_postgres = postgres[&table.postgres].clone();
            planned.sort_by(|one, other| one.sqlite.cmp(&other.sqlite));
            on_sqlite.sort();
            on_postgres.sort();
            let name = &table.sqlite;
            let columns: Vec<_> = planned.iter().map(|column| column.sqlite.clone()).collect();
            let theirs = |columns: &[(String, String)]| -> Vec<String> {
                columns.iter().map(|(name, _)| name.clone()).collect()
            };
            assert_eq!(columns, theirs(&on_sqlite), "{name}");
            assert_eq!(columns, theirs(&on_postgres), "{name}");
            for ((column, (_, stored)), (_, pg_type)) in
                planned.iter().zip(&on_sqlite).zip(&on_postgres)
            {
                assert_eq!(column.sqlite, column.postgres);
                assert_eq!(
                    PgType::from_name(pg_type),
                    Some(column.pg_type),
                    "{name}.{}",
                    column.sqlite
                );
                assert_eq!(column.kind, column.pg_type.kind(), "{name}.{}", column.sqlite);
                let expected = declared(column.kind);
                assert!(expected.contains(&&**stored), "{name}.{}: {stored}", column.sqlite);
            }
        }
        schema.drop().await;
    });
}

#[test]
fn keys_orders_and_counters_are_those_of_the_catalogues() {
    store_tests::run(async {
        let (directory, schema) = both().await;
        let file = directory.path().join("all.sqlite");
        let plan = planned(&file, &schema).await;
        let (conn, client) = (open(&file), schema.connect().await);
        for table in &plan.tables {
            let name = &table.sqlite;
            let key: Vec<_> =
                table.key.iter().map(|place| table.columns[*place].postgres.clone()).collect();
            let sql = "SELECT a.attname::text FROM pg_index i \
                CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) \
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                WHERE i.indisprimary AND i.indrelid = $1::text::regclass ORDER BY k.place";
            let found = client.query(sql, &[name]).await.unwrap();
            let found: Vec<String> = found.iter().map(|row| row.get(0)).collect();
            assert_eq!(key, found, "the key of {name} on PostgreSQL");
            let sql =
                format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk");
            let found: Vec<String> = rows(&conn, &sql, |row| row.get(0));
            if !OF_SQLITE_ONLY.iter().any(|(of, column)| of == name && found == [*column]) {
                assert_eq!(key, found, "the key of {name} on SQLite");
            }
            let sql = format!("SELECT wr FROM pragma_table_list('{name}')");
            let without_rowid = rows(&conn, &sql, |row| row.get::<_, bool>(0))[0];
            assert_eq!(table.order == SqliteOrder::Key, without_rowid, "{name}");
            assert!(!matches!(table.order, SqliteOrder::None), "{name}");
        }
        let counters: Vec<_> = plan
            .sequences
            .iter()
            .map(|sequence| {
                let table = &plan.tables[sequence.table];
                (table.sqlite.clone(), table.columns[sequence.column].sqlite.clone())
            })
            .collect();
        let identities = client
            .query(
                "SELECT c.relname::text, a.attname::text FROM pg_class c \
                 JOIN pg_attribute a ON a.attrelid = c.oid \
                 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
                 AND a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR \
                 pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL) ORDER BY 1, 2",
                &[],
            )
            .await
            .unwrap();
        let identities: Vec<(String, String)> =
            identities.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(counters, identities);
        let sql = "SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY 1";
        let automatic: Vec<String> = rows(&conn, sql, |row| row.get(0));
        assert_eq!(automatic, counters.into_iter().map(|(table, _)| table).collect::<Vec<_>>());
        schema.drop().await;
    });
}

#[test]
fn referenced_tables_are_loaded_first() {
    store_tests::run(async {
        let (directory, schema) = both().await;
        let file = directory.path().join("all.sqlite");
        let plan = planned(&file, &schema).await;
        let place = |name: &str| plan.tables.iter().position(|table| table.sqlite == name).unwrap();
        let sql = "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint \
            WHERE contype = 'f' AND connamespace = current_schema()::regnamespace";
        let of_postgres = schema.connect().await.query(sql, &[]).await.unwrap();
        let of_postgres = of_postgres.iter().map(|row| (row.get(0), row.get(1)));
        let sql = "SELECT s.name, f.\"table\" FROM sqlite_schema s, pragma_foreign_key_list(s.name) f \
            WHERE s.type = 'table'";
        let of_sqlite = rows(&open(&file), sql, |row| Ok((row.get(0)?, row.get(1)?)));
        let references: BTreeSet<(String, String)> = of_postgres.chain(of_sqlite).collect();
        assert!(references.len() > 10, "{references:?}");
        for (child, parent) in references {
            let ordered = child == parent || place(&parent) < place(&child);
            assert!(ordered, "{child} is loaded before {parent}, to which it refers");
        }
        schema.drop().await;
    });
}
