//! Migrations that cannot run in a transaction: they run alone, in their place.

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use store_core::migrations::Schema;
use store_core::postgres::Database;
use store_tests::fixture::postgres::{Place, connect, options, unique_schema};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/schema/migrations/alone");
const NAMES: [&str; 3] = [
    "2026-11-21-000010_create_table",
    "2026-11-21-000020_index_concurrently",
    "2026-11-21-000030_add_column",
];

static ALONE: Schema = Schema {
    crate_name: "store-alone",
    journal: "store_alone_migrations",
    backend: "postgres",
    migrations: MIGRATIONS,
    checksums: "postgres/2026-11-21-000010_create_table 0\n\
                postgres/2026-11-21-000020_index_concurrently 0\n\
                postgres/2026-11-21-000030_add_column 0",
};

/// Opens an empty schema.
async fn empty() -> (Place, String) {
    let schema = unique_schema();
    let db = Database::open(options(&schema)).await.unwrap();
    (Place { schemas: vec![schema.clone()], db }, schema)
}

/// Tells whether the index is there and usable.
async fn index_is_valid(schema: &str) -> bool {
    let query = "SELECT indisvalid FROM pg_index WHERE indexrelid = $1::text::regclass";
    let index = format!("{schema}.idx_alone_word");
    connect().await.query_one(query, &[&index]).await.unwrap().get(0)
}

#[test]
fn a_migration_that_runs_alone_is_applied_in_its_place() {
    store_tests::run(async {
        let (place, schema) = empty().await;
        assert_eq!(place.db.migrate(&ALONE).await.unwrap(), NAMES);
        assert!(index_is_valid(&schema).await);
        assert_eq!(place.db.migrate(&ALONE).await.unwrap(), [""; 0]);
        place.finish().await;
    });
}

#[test]
fn an_index_that_was_left_invalid_is_rebuilt() {
    store_tests::run(async {
        let (place, schema) = empty().await;
        place.db.migrate(&ALONE).await.unwrap();
        // What an interrupted CREATE INDEX CONCURRENTLY leaves behind.
        let interrupted = format!(
            "UPDATE pg_index SET indisvalid = false \
             WHERE indexrelid = '{schema}.idx_alone_word'::regclass; \
             DELETE FROM {schema}.store_alone_migrations WHERE name LIKE '%concurrently';"
        );
        connect().await.batch_execute(&interrupted).await.unwrap();
        assert!(!index_is_valid(&schema).await);
        assert_eq!(place.db.migrate(&ALONE).await.unwrap(), [NAMES[1]]);
        assert!(index_is_valid(&schema).await);
        place.finish().await;
    });
}

#[test]
fn many_that_migrate_at_once_apply_each_migration_once() {
    store_tests::run(async {
        let (place, schema) = empty().await;
        let mut starts = Vec::new();
        for _ in 0..8 {
            let db = Database::open(options(&schema)).await.unwrap();
            starts.push(tokio::spawn(async move { db.migrate(&ALONE).await.unwrap() }));
        }
        let mut applied = Vec::new();
        for start in starts {
            applied.extend(start.await.unwrap());
        }
        applied.sort();
        assert_eq!(applied, NAMES);
        place.finish().await;
    });
}
