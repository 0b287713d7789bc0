//! Migrations: up, down, up; edited, newer, pending and broken ones; neighbours.

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use sha2::{Digest as _, Sha256};
use store_core::migrations::Schema;
use store_core::{Error, MigrationError};

use crate::bare::Bare;
use crate::crates::{ALL, HISTORY};

const NEIGHBOURS: EmbeddedMigrations = embed_migrations!("tests/schema/migrations/neighbour");
const BROKEN: EmbeddedMigrations = embed_migrations!("tests/schema/migrations/broken");

static NEIGHBOUR_SQLITE: Schema = neighbour("sqlite");
static NEIGHBOUR_POSTGRES: Schema = neighbour("postgres");
static BROKEN_SQLITE: Schema = broken("sqlite");
static BROKEN_POSTGRES: Schema = broken("postgres");

/// Another crate, whose only migration has the version of ours.
const fn neighbour(backend: &'static str) -> Schema {
    Schema {
        crate_name: "store-neighbour",
        journal: "store_neighbour_migrations",
        backend,
        migrations: NEIGHBOURS,
        checksums: "sqlite/2026-11-21-000012_create_neighbour 0\n\
                    postgres/2026-11-21-000012_create_neighbour 0",
    }
}

/// A crate whose second migration fails half-way.
const fn broken(backend: &'static str) -> Schema {
    Schema {
        crate_name: "store-broken",
        journal: "store_broken_migrations",
        backend,
        migrations: BROKEN,
        checksums: "sqlite/2026-11-21-000010_create_first 0\nsqlite/2026-11-21-000020_break 0\n\
                    postgres/2026-11-21-000010_create_first 0\npostgres/2026-11-21-000020_break 0",
    }
}

fn reason(error: Error) -> MigrationError {
    match error {
        Error::Migration { reason, .. } => reason,
        other => panic!("not about migrations: {other}"),
    }
}

/// What goes up comes down without a trace, and goes up again to the same schema.
async fn up_down_up_gives_the_same_schema(t: &Bare) {
    for one in ALL {
        let schema = t.schema(one);
        let before = t.tables().await;
        assert_eq!(t.migrate(schema).await.unwrap(), one.migrations);
        let first = t.dump().await;
        assert!(one.tables.iter().all(|table| first.contains(table)), "{first}");
        assert_eq!(t.migrate(schema).await.unwrap(), [""; 0], "nothing is pending any more");
        let mut down = one.migrations.to_vec();
        down.reverse();
        assert_eq!(t.revert_all(schema).await.unwrap(), down);
        assert_eq!(t.tables().await, before);
        let left = t.dump().await;
        // Names of constraints and indexes; tables of other crates may end like ours.
        for table in one.tables {
            let marks = ["ck", "fk", "idx", "uq"].map(|kind| format!("{kind}_{table}_"));
            assert!(marks.iter().all(|mark| !left.contains(mark)), "{table} in {left}");
        }
        assert_eq!(t.migrate(schema).await.unwrap(), one.migrations);
        assert_eq!(t.dump().await, first);
    }
}

/// A migration that was edited after it was applied is refused, by `verify` too.
async fn an_edited_migration_is_refused(t: &Bare) {
    for one in ALL {
        let (schema, journal) = (t.schema(one), one.journal());
        t.migrate(schema).await.unwrap();
        t.rows(&format!("UPDATE {journal} SET checksum = '0'")).await;
        let name = one.migrations[0].to_owned();
        let expected = MigrationError::ChecksumMismatch { name };
        assert_eq!(reason(t.migrate(schema).await.unwrap_err()), expected);
        assert_eq!(reason(t.verify(schema).await.unwrap_err()), expected);
        assert_eq!(reason(t.revert_all(schema).await.unwrap_err()), expected);
        assert!(t.tables().await.contains(&one.tables[0].to_owned()));
    }
}

/// A database of a newer release is refused.
async fn a_newer_schema_is_refused(t: &Bare) {
    for one in ALL {
        let (schema, journal) = (t.schema(one), one.journal());
        t.migrate(schema).await.unwrap();
        let insert = format!(
            "INSERT INTO {journal} SELECT '99991231000012', '9999-12-31-000012_later', \
             checksum, applied_at FROM {journal} LIMIT 1"
        );
        t.rows(&insert).await;
        let expected = MigrationError::NewerSchema { version: "99991231000012".into() };
        assert_eq!(reason(t.migrate(schema).await.unwrap_err()), expected);
        assert_eq!(reason(t.verify(schema).await.unwrap_err()), expected);
    }
}

/// `verify` names what is pending, and creates no journal.
async fn verify_names_what_is_pending_and_changes_nothing(t: &Bare) {
    let before = t.dump().await;
    for one in ALL {
        let names = one.migrations.iter().map(|name| (*name).to_owned()).collect();
        let expected = MigrationError::Pending { names };
        assert_eq!(reason(t.verify(t.schema(one)).await.unwrap_err()), expected);
    }
    assert_eq!(t.tables().await, [""; 0]);
    assert_eq!(t.dump().await, before);
}

/// A migration that fails leaves nothing: not the one before it, and no journal.
async fn a_failing_migration_leaves_nothing(t: &Bare) {
    let schema = if t.is_sqlite() { &BROKEN_SQLITE } else { &BROKEN_POSTGRES };
    match reason(t.migrate(schema).await.unwrap_err()) {
        MigrationError::Failed { name, message } => {
            assert_eq!(name, "2026-11-21-000020_break");
            assert!(message.contains("broken_nowhere"), "{message}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(t.tables().await, [""; 0]);
    // And it is in nobody's way.
    for one in ALL {
        t.migrate(t.schema(one)).await.unwrap();
    }
}

/// Two crates in one database have a journal each: equal versions do not collide.
async fn equal_versions_of_two_crates_do_not_collide(t: &Bare) {
    let neighbour = if t.is_sqlite() { &NEIGHBOUR_SQLITE } else { &NEIGHBOUR_POSTGRES };
    assert_eq!(t.migrate(t.schema(&HISTORY)).await.unwrap(), HISTORY.migrations);
    assert_eq!(t.migrate(neighbour).await.unwrap(), ["2026-11-21-000012_create_neighbour"]);
    let versions = t
        .column(
            "SELECT version FROM store_history_migrations \
             UNION ALL SELECT version FROM store_neighbour_migrations",
        )
        .await;
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0], versions[1]);
    t.verify(t.schema(&HISTORY)).await.unwrap();
    t.revert_all(neighbour).await.unwrap();
    t.verify(t.schema(&HISTORY)).await.unwrap();
    assert!(!t.tables().await.contains(&"neighbours".to_owned()));
}

/// `migrations.lock` holds the SHA-256 of every `up.sql` of this backend, and nothing else.
async fn the_lock_file_matches_the_migrations(t: &Bare) {
    for one in ALL {
        let (schema, root) = (t.schema(one), one.directory);
        let backend = schema.backend;
        let mut expected = Vec::new();
        for entry in std::fs::read_dir(format!("{root}/{backend}")).unwrap() {
            let path = entry.unwrap().path();
            let digest = Sha256::digest(std::fs::read(path.join("up.sql")).unwrap());
            let sum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            expected.push(format!("{backend}/{name} {sum}"));
        }
        expected.sort();
        let lock = std::fs::read_to_string(format!("{root}/migrations.lock")).unwrap();
        let ours = format!("{backend}/");
        let locked: Vec<&str> = lock.lines().filter(|line| line.starts_with(&ours)).collect();
        assert_eq!(locked, expected);
        // What the journal records is what the file says.
        t.migrate(schema).await.unwrap();
        let recorded = format!("SELECT name, checksum FROM {} ORDER BY name", one.journal());
        let recorded = t.rows(&recorded).await.into_iter();
        let recorded = recorded.map(|row| format!("{backend}/{} {}", row[0], row[1]));
        assert_eq!(recorded.collect::<Vec<_>>(), expected);
    }
}

on_both! {
    bare: up_down_up_gives_the_same_schema,
    an_edited_migration_is_refused,
    a_newer_schema_is_refused,
    verify_names_what_is_pending_and_changes_nothing,
    a_failing_migration_leaves_nothing,
    equal_versions_of_two_crates_do_not_collide,
    the_lock_file_matches_the_migrations,
}
