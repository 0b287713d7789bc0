//! The migration journal of a crate: one locked transaction applies everything that is pending.

use diesel::connection::Connection as _;
use diesel::pg::Pg;
use diesel::prelude::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

use super::connect::{chain_of, quote_identifier};
use super::migration_lock::{LOCK_POLL, lock_session, try_lock};
use super::{Database, db_error};
use crate::clock::{Clock as _, SystemClock};
use crate::health::MigrationStatus;
use crate::migrations::{Applied, Known, Schema};
use crate::observe::or_of_database;
use crate::{Error, Failure, Result};

/// Diesel's migrations are synchronous: they run through this in a thread that may block.
pub(super) type Wrapped = AsyncConnectionWrapper<AsyncPgConnection>;

#[derive(QueryableByName)]
struct JournalRow {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    checksum: String,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

impl Database {
    /// Applies the pending migrations of a crate and returns their names.
    ///
    /// Any number of processes may call this at once: one applies, the others wait and find it
    /// done. Pending migrations are one transaction, but for those marked to run outside of any: such
    /// a one runs alone, in its place. It all goes over the migrator's DSN when there is one. A
    /// schema of the settings that does not exist is created.
    ///
    /// # Errors
    /// `Migration` when an applied one was edited, the database is newer than the code, or one
    /// fails. It leaves nothing behind, and what was applied before one that runs alone stays.
    pub async fn migrate(&self, schema: &'static Schema) -> Result<Vec<String>> {
        // Without the lock first: on most starts there is nothing to do.
        if self.is_current(schema).await? {
            return Ok(Vec::new());
        }
        let rows = self.applied(schema).await?;
        if schema.pending(schema.known::<Pg>()?, &rows)?.is_empty() {
            return Ok(Vec::new());
        }
        self.create_schema().await?;
        let mut done = Vec::new();
        // A migration that cannot run in a transaction runs alone, between those that do.
        loop {
            let applied = self.locked("migrate", schema, move |conn| apply(conn, schema)).await?;
            done.extend(applied);
            match self.alone("migrate", schema).await? {
                Some(name) => done.push(name),
                None => return Ok(done),
            }
        }
    }

    /// Checks that nothing is pending, without changing anything.
    ///
    /// # Errors
    /// `Migration`, with the names when some are pending.
    pub async fn verify(&self, schema: &'static Schema) -> Result<()> {
        if self.is_current(schema).await? {
            return Ok(());
        }
        let rows = self.applied(schema).await?;
        let pending = names(schema.pending(schema.known::<Pg>()?, &rows)?);
        if pending.is_empty() { Ok(()) } else { Err(schema.refuse_pending(pending)) }
    }

    /// Tells which migrations of a crate are applied and which are pending.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn migration_status(&self, schema: &'static Schema) -> Result<MigrationStatus> {
        let rows = self.applied(schema).await?;
        Ok(schema.status(&schema.known::<Pg>()?, &rows))
    }

    /// Reverts every migration of a crate, newest first. **Its tables and their data are gone.**
    ///
    /// # Errors
    /// Those of [`migrate`](Self::migrate).
    pub async fn revert_all(&self, schema: &'static Schema) -> Result<Vec<String>> {
        let rows = self.applied(schema).await?;
        schema.pending(schema.known::<Pg>()?, &rows)?;
        self.locked("revert", schema, move |conn| {
            use diesel::RunQueryDsl as _;
            let mut known = schema.known::<Pg>()?;
            known.retain(|known| rows.iter().any(|row| row.version == known.version));
            known.reverse();
            for known in &known {
                known
                    .migration
                    .revert(conn)
                    .map_err(|cause| schema.failed(&known.name, cause.to_string()))?;
            }
            diesel::sql_query(format!("DROP TABLE IF EXISTS {}", schema.journal))
                .execute(conn)
                .map_err(db_error("revert"))?;
            Ok(names(known))
        })
        .await
    }

    /// Asks whether the journal is what the code would have written: one round trip, where rows
    /// would cost a second one for preparing their statement. Why it is not, only the rows say.
    async fn is_current(&self, schema: &Schema) -> Result<bool> {
        let question = current_question(schema)?;
        self.read("read_journal", || async {
            let mut conn = self.conn("read_journal").await?;
            match conn.batch_execute(&question).await {
                Ok(()) => Ok(true),
                Err(error) if is_missing_table(&error) || is_not_current(&error) => Ok(false),
                Err(error) => Err(db_error("read_journal")(error)),
            }
        })
        .await
    }

    /// Reads the journal; one that does not exist is empty.
    async fn applied(&self, schema: &Schema) -> Result<Vec<Applied>> {
        use diesel_async::RunQueryDsl as _;
        let query = journal_query(schema);
        self.read("read_journal", || async {
            let mut conn = self.conn("read_journal").await?;
            match diesel::sql_query(&query).load::<JournalRow>(&mut *conn).await {
                Ok(rows) => Ok(rows.into_iter().map(Applied::from).collect()),
                Err(error) if is_missing_table(&error) => Ok(Vec::new()),
                Err(error) => Err(db_error("read_journal")(error)),
            }
        })
        .await
    }

    /// Creates the schema of the settings, unless an administrator did: `IF NOT EXISTS` alone
    /// wants the right to create schemas even when there is nothing to create.
    async fn create_schema(&self) -> Result<()> {
        if self.schema_exists().await? {
            return Ok(());
        }
        let name = quote_identifier(&self.inner.schema);
        let statement = format!("CREATE SCHEMA IF NOT EXISTS {name}");
        match self.inner.migrator.execute("create_schema", &statement).await {
            // `IF NOT EXISTS` races: the loser meets the winner's row in the catalogue.
            Err(error) if chain_of(&error).contains("pg_namespace_nspname_index") => Ok(()),
            other => other,
        }
    }

    async fn schema_exists(&self) -> Result<bool> {
        use diesel_async::RunQueryDsl as _;
        let query = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS found";
        self.read("schema_exists", || async {
            let mut conn = self.conn("schema_exists").await?;
            let row: Found = diesel::sql_query(query)
                .bind::<Text, _>(&self.inner.schema)
                .get_result(&mut *conn)
                .await
                .map_err(db_error("schema_exists"))?;
            Ok(row.found)
        })
        .await
    }

    /// Runs a closure in a transaction that holds the lock of this crate and schema.
    async fn locked<T: Send + 'static>(
        &self,
        operation: &'static str,
        schema: &'static Schema,
        work: impl FnOnce(&mut Wrapped) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let conn = self.inner.migrator.connect().await?;
        let named = or_of_database(operation, "postgres");
        let blocking = move || {
            let _entered = named.enter();
            let mut conn = Wrapped::from(conn);
            let (mut failure, mut work) = (None, Some(work));
            loop {
                #[expect(clippy::disallowed_methods, reason = "deferred transactions are SQLite's")]
                let result = conn.transaction(|conn| {
                    let locked = try_lock(conn, schema);
                    // Taken once, when the lock is: the loop ends then.
                    let work = locked.map(|locked| if locked { work.take() } else { None });
                    work.and_then(|work| work.map(|work| work(conn)).transpose()).map_err(|error| {
                        failure = Some(error);
                        diesel::result::Error::RollbackTransaction
                    })
                });
                match result {
                    Ok(Some(done)) => return Ok(done),
                    Ok(None) => std::thread::sleep(LOCK_POLL),
                    Err(error) => {
                        return Err(failure.unwrap_or_else(|| db_error(operation)(error)));
                    }
                }
            }
        };
        tokio::task::spawn_blocking(blocking)
            .await
            .unwrap_or_else(|join| Err(Error::backend(operation, Failure::Other, join)))
    }

    /// Runs the next migration on its own, outside any transaction, when it is marked so. When it
    /// is interrupted it is run again: it has to be idempotent.
    async fn alone(
        &self,
        operation: &'static str,
        schema: &'static Schema,
    ) -> Result<Option<String>> {
        let rows = self.applied(schema).await?;
        if !next_runs_alone(schema, &rows)? {
            return Ok(None);
        }
        let conn = self.inner.migrator.connect().await?;
        let named = or_of_database(operation, "postgres");
        let blocking = move || {
            let _entered = named.enter();
            let mut conn = Wrapped::from(conn);
            lock_session(&mut conn, schema)?;
            // The lock ends with the connection, right after this.
            apply_alone(&mut conn, schema)
        };
        tokio::task::spawn_blocking(blocking)
            .await
            .unwrap_or_else(|join| Err(Error::backend(operation, Failure::Other, join)))
    }
}

impl From<JournalRow> for Applied {
    fn from(JournalRow { version, name, checksum }: JournalRow) -> Self {
        Self { version, name, checksum }
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Applies what is pending up to the first migration that has to run alone.
fn apply(conn: &mut Wrapped, schema: &Schema) -> Result<Vec<String>> {
    create_journal(conn, schema)?;
    let rows = read_journal(conn, schema)?;
    let mut pending = schema.pending(schema.known::<Pg>()?, &rows)?;
    let together = pending.iter().take_while(|known| known.is_transactional()).count();
    pending.truncate(together);
    for known in &pending {
        run(conn, schema, known)?;
    }
    Ok(names(pending))
}

/// Tells whether the next pending migration has to run alone. Migrations are not `Send`: nobody
/// may hold one while waiting.
fn next_runs_alone(schema: &Schema, rows: &[Applied]) -> Result<bool> {
    let pending = schema.pending(schema.known::<Pg>()?, rows)?;
    Ok(pending.first().is_some_and(|known| !known.is_transactional()))
}

/// Applies the next pending migration, when it is one that has to run alone.
fn apply_alone(conn: &mut Wrapped, schema: &Schema) -> Result<Option<String>> {
    let rows = read_journal(conn, schema)?;
    let next = schema.pending(schema.known::<Pg>()?, &rows)?.into_iter().next();
    let Some(known) = next.filter(|known| !known.is_transactional()) else { return Ok(None) };
    run(conn, schema, &known)?;
    rebuild_invalid_indexes(conn)?;
    Ok(Some(known.name))
}

fn run(conn: &mut Wrapped, schema: &Schema, known: &Known<Pg>) -> Result<()> {
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        schema.failed(&known.name, cause.to_string())
    };
    known.migration.run(conn).map_err(failed)?;
    record(conn, schema, known)
}

/// An index whose `CREATE INDEX CONCURRENTLY` was interrupted stays behind invalid, and
/// `IF NOT EXISTS` takes it for the real one.
fn rebuild_invalid_indexes(conn: &mut Wrapped) -> Result<()> {
    use diesel::RunQueryDsl as _;
    let failed = || db_error("rebuild_invalid_indexes");
    let invalid: Vec<Name> = diesel::sql_query(
        "SELECT indexrelid::regclass::text AS name FROM pg_index \
         JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace",
    )
    .load(conn)
    .map_err(failed())?;
    for index in invalid {
        diesel::sql_query(format!("REINDEX INDEX CONCURRENTLY {}", index.name))
            .execute(conn)
            .map_err(failed())?;
    }
    Ok(())
}

fn create_journal(conn: &mut Wrapped, schema: &Schema) -> Result<()> {
    use diesel::RunQueryDsl as _;
    diesel::sql_query(format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         version TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)",
        schema.journal
    ))
    .execute(conn)
    .map(drop)
    .map_err(db_error("create_journal"))
}

fn read_journal(conn: &mut Wrapped, schema: &Schema) -> Result<Vec<Applied>> {
    use diesel::RunQueryDsl as _;
    diesel::sql_query(journal_query(schema))
        .load::<JournalRow>(conn)
        .map(|rows| rows.into_iter().map(Applied::from).collect())
        .map_err(db_error("read_journal"))
}

fn record(conn: &mut Wrapped, schema: &Schema, known: &Known<Pg>) -> Result<()> {
    use diesel::RunQueryDsl as _;
    diesel::sql_query(format!(
        "INSERT INTO {} (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4::timestamptz)",
        schema.journal
    ))
    .bind::<Text, _>(&known.version)
    .bind::<Text, _>(&known.name)
    .bind::<Text, _>(&known.checksum)
    .bind::<Text, _>(SystemClock.now().to_string())
    .execute(conn)
    .map(drop)
    .map_err(db_error("record_migration"))
}

fn journal_query(schema: &Schema) -> String {
    format!("SELECT version, name, checksum FROM {} ORDER BY version", schema.journal)
}

/// How the server answers when the journal is another: it quotes what is no number.
const NOT_CURRENT: &str = "has other migrations than this program";

/// A statement that fails unless the journal has exactly the migrations of the code.
fn current_question(schema: &Schema) -> Result<String> {
    let known = schema.known::<Pg>()?;
    let lines = known.iter().map(|known| format!("'{} {}'", known.version, known.checksum));
    let expected = lines.collect::<Vec<_>>().join(", ");
    Ok(format!(
        "SELECT (CASE WHEN array_agg(version || ' ' || checksum ORDER BY version) \
         = ARRAY[{expected}]::text[] THEN '1' ELSE '{} {NOT_CURRENT}' END)::int FROM {}",
        schema.crate_name, schema.journal
    ))
}

fn is_not_current(error: &diesel::result::Error) -> bool {
    error.to_string().contains(NOT_CURRENT)
}

fn is_missing_table(error: &diesel::result::Error) -> bool {
    error.to_string().contains("does not exist")
}

fn names(known: Vec<Known<Pg>>) -> Vec<String> {
    known.into_iter().map(|known| known.name).collect()
}
