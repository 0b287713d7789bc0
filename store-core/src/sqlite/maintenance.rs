//! What keeps a file small and fast, and a copy of it safe.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::connect::pragma;
use super::{Database, db_error};
use crate::observe::or_of_database;
use crate::{Error, Failure, Result};

/// How far a checkpoint got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Checkpoint {
    /// 1 when a reader or another process kept it from finishing.
    #[diesel(sql_type = BigInt)]
    pub busy: i64,
    /// Pages in the log.
    #[diesel(sql_type = BigInt)]
    pub log: i64,
    /// Pages of the log that are in the file.
    #[diesel(sql_type = BigInt)]
    pub checkpointed: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    freelist_count: i64,
}

impl Database {
    /// Lets SQLite refresh the statistics its planner uses, where that is worth it.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn optimize(&self) -> Result<()> {
        self.write("optimize", |conn| pragma(conn, "PRAGMA optimize")).await
    }

    /// Gives up to `pages` unused pages back to the file system and returns how many are left.
    ///
    /// Bounded, so that other writers get their turn between two calls.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn vacuum_step(&self, pages: u32) -> Result<i64> {
        self.write("vacuum_step", move |conn| {
            // Each step of this PRAGMA frees one page: it has to be run to its end.
            pragma(conn, &format!("PRAGMA incremental_vacuum({pages})"))?;
            let left: Count = diesel::sql_query("PRAGMA freelist_count")
                .get_result(conn)
                .map_err(db_error("vacuum_step"))?;
            Ok(left.freelist_count)
        })
        .await
    }

    /// Copies the log into the file and empties it, as far as readers allow.
    ///
    /// Writers wait meanwhile, so that it gives up on readers after a tenth of a second.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        let connector = self.inner.connector.clone();
        let named = or_of_database("checkpoint", "sqlite");
        tokio::task::spawn_blocking(move || {
            let _entered = named.enter();
            let mut conn = connector.establish()?;
            pragma(&mut conn, "PRAGMA busy_timeout = 100")?;
            diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)")
                .get_result(&mut conn)
                .map_err(db_error("checkpoint"))
        })
        .await
        .unwrap_or_else(|join| Err(Error::backend("checkpoint", Failure::Other, join)))
    }

    /// Writes a consistent copy of the database to a new file while it is in use.
    ///
    /// # Errors
    /// `Conflict` when the file exists; backend failures. A copy that failed is removed.
    pub async fn backup(&self, target: impl AsRef<Path>) -> Result<()> {
        let target = target.as_ref().to_path_buf();
        let shown = target.display().to_string();
        if target.try_exists().unwrap_or(true) {
            return Err(Error::conflict("backup", shown, "the file exists: choose another name"));
        }
        let path = target
            .to_str()
            .ok_or_else(|| Error::invalid("target", "the path is not valid UTF-8"))?
            .to_owned();
        let connector = self.inner.connector.clone();
        let named = or_of_database("backup", "sqlite");
        let copied = tokio::task::spawn_blocking(move || {
            let _entered = named.enter();
            let mut conn = connector.establish()?;
            diesel::sql_query("VACUUM INTO ?")
                .bind::<Text, _>(path)
                .execute(&mut conn)
                .map_err(db_error("backup"))
        })
        .await
        .unwrap_or_else(|join| Err(Error::backend("backup", Failure::Other, join)));
        if copied.is_err() {
            // Half a copy must not be taken for one; that it cannot be removed is secondary.
            drop(std::fs::remove_file(&target));
        }
        copied.map(drop)
    }
}
