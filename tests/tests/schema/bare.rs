//! An empty database of either backend, and plain SQL on it.

use store_core::migrations::Schema;
use store_core::{Databases, Result};
use store_tests::fixture::all;
use store_tests::process::Helper;

use crate::crates::{Crate, HISTORY};

/// A database into which nothing was migrated.
pub(crate) enum Bare {
    #[cfg(feature = "sqlite")]
    Sqlite(store_tests::fixture::sqlite::Place),
    #[cfg(feature = "postgres")]
    Postgres(store_tests::fixture::postgres::Place),
}

impl Bare {
    pub(crate) fn is_sqlite(&self) -> bool {
        self.schema(&HISTORY).backend == "sqlite"
    }

    /// The schema of a crate on this backend.
    pub(crate) fn schema(&self, of: &Crate) -> &'static Schema {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => of.sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => of.postgres,
        }
    }

    pub(crate) fn helper(&self, program: &str) -> Helper {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => Helper::on_file(program, place.db.path()),
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => Helper::on_schema(program, &place.schemas[0]),
        }
    }

    pub(crate) async fn migrate(&self, schema: &'static Schema) -> Result<Vec<String>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => place.db.migrate(schema).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => place.db.migrate(schema).await,
        }
    }

    pub(crate) async fn verify(&self, schema: &'static Schema) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => place.db.verify(schema).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => place.db.verify(schema).await,
        }
    }

    pub(crate) async fn revert_all(&self, schema: &'static Schema) -> Result<Vec<String>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => place.db.revert_all(schema).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => place.db.revert_all(schema).await,
        }
    }

    /// Databases with nothing opened yet, as a process starts with, for all stores.
    pub(crate) fn databases(&self) -> Databases {
        let settings = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => all::on_file(place.db.path().to_str().unwrap()),
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => {
                all::on_schema(&store_tests::fixture::postgres::url(), &place.schemas[0])
            }
        };
        Databases::new(settings.build().unwrap())
    }

    /// How many statements were sent over these databases so far.
    pub(crate) async fn statements_of(&self, databases: &Databases) -> u64 {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {
                databases.sqlite(store_core::Subsystem::History).await.unwrap().statements()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => databases.postgres().await.unwrap().statements(),
        }
    }

    /// Runs a query with the raw driver; every value comes back as text, NULL as `NULL`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => place.rows(sql),
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => place.rows(sql).await,
        }
    }

    /// The first column of a query.
    pub(crate) async fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// The names of all tables, journals included, without those that SQLite keeps for itself.
    pub(crate) async fn tables(&self) -> Vec<String> {
        self.column(if self.is_sqlite() {
            // An index of words is a virtual table over shadow tables of FTS5: they come and go
            // with it, and no `schema.rs` has them.
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
             AND name NOT LIKE 'sqlite%' ORDER BY name"
        } else {
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        })
        .await
    }

    /// The whole schema as text.
    pub(crate) async fn dump(&self) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {
                let objects = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2";
                self.rows(objects).await.iter().map(|row| row.join(" | ") + "\n").collect()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => postgres::dump(&place.schemas[0]).await,
        }
    }

    pub(crate) async fn finish(self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(place) => place.finish().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(place) => place.finish().await,
        }
    }
}

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite {
    use store_core::sqlite::{Database, Options};
    use store_tests::fixture::{History, Workflows, sqlite};

    use super::Bare;

    pub(crate) async fn bare() -> Bare {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(directory.path().join("bare.sqlite"));
        Bare::Sqlite(sqlite::Place { db: Database::open(options).await.unwrap(), directory })
    }

    pub(crate) async fn history() -> History {
        sqlite::history("").await
    }

    pub(crate) async fn workflows() -> Workflows {
        sqlite::workflows("").await
    }
}

#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    use std::path::PathBuf;

    use store_core::postgres::Database;
    use store_tests::fixture::{History, Workflows, postgres};

    use super::Bare;

    pub(crate) async fn bare() -> Bare {
        let schema = postgres::unique_schema();
        let db = Database::open(postgres::options(&schema)).await.unwrap();
        Bare::Postgres(postgres::Place { schemas: vec![schema], db })
    }

    pub(crate) async fn history() -> History {
        postgres::history("").await
    }

    pub(crate) async fn workflows() -> Workflows {
        postgres::workflows("").await
    }

    pub(super) async fn dump(schema: &str) -> String {
        let output = tokio::process::Command::new(pg_dump())
            .args(["--schema-only", "--no-owner", "--schema", schema, &postgres::url()])
            .output()
            .await
            .expect("pg_dump can be run");
        let problem = String::from_utf8_lossy(&output.stderr);
        if problem.contains("no matching schemas were found") {
            // The schema of the settings is created by the first migration.
            return String::new();
        }
        assert!(output.status.success(), "{problem}");
        let text = String::from_utf8(output.stdout).unwrap();
        // Newer versions put a random word there, so that psql cannot be tricked by the dump.
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// `STORE_TEST_POSTGRES_BIN`, else the newest installed version, else what is on PATH.
    fn pg_dump() -> PathBuf {
        if let Some(bin) = std::env::var_os("STORE_TEST_POSTGRES_BIN") {
            return PathBuf::from(bin).join("pg_dump");
        }
        let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
        std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.join("bin/pg_dump").exists())
            .max_by_key(version)
            .map_or_else(|| PathBuf::from("pg_dump"), |path| path.join("bin/pg_dump"))
    }
}
