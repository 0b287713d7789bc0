// parity: SQLite has no partitions.
//! Partitioning a table that is in use: it becomes the first partition as it is.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use store_core::observe::Rows;
use store_core::postgres::Database;
use store_core::{Error, Failure, Result, Timestamp};

use super::catalog::{Partition, flag, form, holds, instants, partitions, texts};
use super::create::{self, EXECUTION, IDEMPOTENCY, KEY, LIKE, REST, TIME};
use super::month::Month;
use super::owner::{Part, alone, execute, locked, owner, release};

const OPERATION: &str = "partition_steps";

/// What the table that is there becomes: everything before some month.
pub(super) const FIRST: &str = "history_steps_first";

/// While it is there, the table holds no step of that month or later.
pub(super) const RANGE: &str = "ck_history_steps_first_range";

/// The partitioned table, until it has its name.
const NEW: &str = "history_steps_partitioned";

/// How often the locks are asked for.
const ATTEMPTS: u32 = 40;

/// What `partition_steps` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionRequest {
    /// For how many months after the first partition others are made: 1 to 120; 3 unless said
    /// otherwise.
    pub months_ahead: u32,
    /// Only return the statements.
    pub dry_run: bool,
}

impl Default for PartitionRequest {
    fn default() -> Self {
        Self { months_ahead: 3, dry_run: false }
    }
}

/// What was partitioned, or in a dry run would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionReport {
    /// Steps were partitioned already: nothing was done.
    pub already: bool,
    /// The partitions, oldest first; that for the rest is the last.
    pub partitions: Vec<String>,
    /// Executions that start before this are in the first partition.
    pub boundary: Option<Timestamp>,
    /// What was run, in its order.
    pub statements: Vec<String>,
    /// For how long the table was locked, so that appends waited.
    pub locked: Duration,
}

impl Rows for PartitionReport {
    fn rows(&self) -> u64 {
        0
    }
}

/// Partitions the steps.
pub(in super::super) async fn switch(
    db: &Database,
    now: Timestamp,
    request: &PartitionRequest,
) -> Result<PartitionReport> {
    let mut conn = owner(db).await?;
    alone(&mut conn).await?;
    let outcome = switch_alone(&mut conn, Month::of(now.to_datetime()), request).await;
    release(&mut conn, outcome).await
}

async fn switch_alone(
    conn: &mut AsyncPgConnection,
    now: Month,
    request: &PartitionRequest,
) -> Result<PartitionReport> {
    if form(conn).await?.partitioned {
        return Ok(report(true, partitions(conn).await?, Vec::new(), Duration::ZERO));
    }
    refuse_dependents(conn).await?;
    let mut work = Work { conn, dry_run: request.dry_run, statements: Vec::new() };
    let locked = work.all(now, request.months_ahead).await;
    let Work { statements, .. } = work;
    if locked.is_err() && !request.dry_run {
        // Left alone it would refuse steps one day. The failure itself is what is reported.
        let _failed_too = abandon(conn).await;
    }
    let locked = locked?;
    let made = if request.dry_run { Vec::new() } else { partitions(conn).await? };
    Ok(report(false, made, statements, locked))
}

fn report(
    already: bool,
    partitions: Vec<Partition>,
    statements: Vec<String>,
    locked: Duration,
) -> PartitionReport {
    let first = partitions.first().filter(|first| first.lower.is_none());
    // The catalogue holds what `Month` wrote.
    let boundary = first.and_then(|first| first.upper?.try_into().ok());
    let partitions = partitions.into_iter().map(|one| one.name).collect();
    PartitionReport { already, partitions, boundary, statements, locked }
}

/// What hangs on the table and would stay with what becomes the first partition.
async fn refuse_dependents(conn: &mut AsyncPgConnection) -> Result<()> {
    let found = texts(
        conn,
        "SELECT 'trigger ' || tgname AS text FROM pg_trigger \
         WHERE tgrelid = 'history_steps'::regclass AND NOT tgisinternal \
         UNION ALL SELECT 'policy ' || polname FROM pg_policy \
         WHERE polrelid = 'history_steps'::regclass \
         UNION ALL SELECT DISTINCT 'view ' || ev_class::regclass::text FROM pg_rewrite \
         JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid \
         WHERE refobjid = 'history_steps'::regclass AND ev_class <> refobjid ORDER BY 1",
    )
    .await?;
    if found.is_empty() {
        return Ok(());
    }
    let from = format!("with {}, to be dropped first and made again after", found.join(", "));
    Err(Error::invalid_state("table", "history_steps", from, "partitioned"))
}

/// Takes away what an interrupted attempt left and would refuse steps one day.
pub(super) async fn abandon(conn: &mut AsyncPgConnection) -> Result<()> {
    let sql = format!("ALTER TABLE history_steps DROP CONSTRAINT IF EXISTS {RANGE}");
    locked(conn, OPERATION, ATTEMPTS, &[Part::Run(sql)]).await.map(drop)
}

/// The statements, run or only noted.
struct Work<'c> {
    conn: &'c mut AsyncPgConnection,
    dry_run: bool,
    statements: Vec<String>,
}

impl Work<'_> {
    /// Prepares and switches; returns for how long the table was locked.
    async fn all(&mut self, now: Month, months_ahead: u32) -> Result<Duration> {
        // The reference of the steps needs it.
        let name = "uq_history_executions_execution_id_started_at";
        self.index(name, "UNIQUE", "history_executions", "(execution_id, started_at)").await?;
        let uq = format!("uq_{FIRST}_idempotency_key");
        self.index(&format!("pk_{FIRST}"), "UNIQUE", "history_steps", KEY).await?;
        self.index(&uq, "UNIQUE", "history_steps", IDEMPOTENCY).await?;
        self.index(&format!("idx_{FIRST}_at"), "", "history_steps", TIME).await?;
        self.reference().await?;
        if !holds(self.conn, "EXISTS (SELECT FROM history_steps)").await? {
            // Nothing to be checked: the months begin with this one.
            let empty = Part::Unless("EXISTS (SELECT FROM history_steps)".into());
            if let Some(locked) = self.turn(now, months_ahead, Some(empty)).await? {
                return Ok(locked);
            }
        }
        let boundary = self.boundary(now).await?;
        self.range(boundary).await?;
        let locked = self.turn(boundary, months_ahead, None).await?;
        locked.ok_or_else(|| Error::failed(OPERATION, Failure::Other))
    }

    /// Runs a statement that is no transaction's, or keeps nobody waiting.
    async fn run(&mut self, sql: String) -> Result<()> {
        if !self.dry_run {
            execute(self.conn, OPERATION, &sql).await?;
        }
        self.statements.push(sql);
        Ok(())
    }

    /// Runs a transaction that locks.
    async fn locked(&mut self, parts: Vec<Part>) -> Result<Option<Duration>> {
        let mut done = Some(Duration::ZERO);
        if !self.dry_run {
            done = locked(self.conn, OPERATION, ATTEMPTS, &parts).await?.map(|done| done.locked);
        }
        if done.is_some() {
            self.statements.extend(parts.into_iter().filter_map(|part| match part {
                Part::Run(sql) | Part::Lock(sql) => Some(sql),
                Part::Unless(_) => None,
            }));
        }
        Ok(done)
    }

    /// Builds an index beside those that are there, unless it is there and whole.
    async fn index(&mut self, name: &str, unique: &str, table: &str, keys: &str) -> Result<()> {
        let valid = format!(
            "SELECT indisvalid AS flag FROM pg_index WHERE indexrelid = to_regclass('{name}')"
        );
        match flag(self.conn, &valid).await? {
            Some(true) => return Ok(()),
            // An attempt before this one was interrupted.
            Some(false) => self.run(format!("DROP INDEX CONCURRENTLY {name}")).await?,
            None => {}
        }
        let full = holds(self.conn, &format!("EXISTS (SELECT FROM {table})")).await?;
        // Of an empty table it is built at once, without waiting for other transactions.
        if full {
            return self
                .run(format!("CREATE {unique} INDEX CONCURRENTLY {name} ON {table} {keys}"))
                .await;
        }
        let sql = format!("CREATE {unique} INDEX {name} ON {table} {keys}");
        self.locked(vec![Part::Run(sql)]).await.map(drop)
    }

    /// Makes the reference to executions by id and start, and checks it without locking out writers.
    async fn reference(&mut self) -> Result<()> {
        let name = format!("fk_{FIRST}_execution");
        let valid = format!(
            "SELECT convalidated AS flag FROM pg_constraint \
             WHERE conrelid = 'history_steps'::regclass AND conname = '{name}'"
        );
        let there = flag(self.conn, &valid).await?;
        if there.is_none() {
            let sql =
                format!("ALTER TABLE history_steps ADD CONSTRAINT {name} {EXECUTION} NOT VALID");
            self.locked(vec![Part::Run(sql)]).await?;
        }
        if there != Some(true) {
            let sql = format!("ALTER TABLE history_steps VALIDATE CONSTRAINT {name}");
            self.locked(vec![Part::Run(sql)]).await?;
        }
        Ok(())
    }

    /// The month after all that there is, and not the next one: until the switch, the table refuses
    /// steps of it, and it should not begin meanwhile.
    async fn boundary(&mut self, now: Month) -> Result<Month> {
        let latest = "SELECT started_at AS instant FROM history_executions \
                      ORDER BY started_at DESC LIMIT 1";
        let latest = instants(self.conn, latest).await?.pop();
        let behind = latest.map_or(now, |latest| Month::of(latest).plus(1));
        Ok(behind.max(now.plus(2)))
    }

    /// Proves that no step is of the boundary's month or later, so that nothing has to be read while
    /// the table is locked.
    async fn range(&mut self, boundary: Month) -> Result<()> {
        let start = boundary.start();
        let add = format!(
            "ALTER TABLE history_steps DROP CONSTRAINT IF EXISTS {RANGE}, \
             ADD CONSTRAINT {RANGE} CHECK (execution_started_at < {start}) NOT VALID"
        );
        self.locked(vec![Part::Run(add)]).await?;
        let validate = format!("ALTER TABLE history_steps VALIDATE CONSTRAINT {RANGE}");
        self.locked(vec![Part::Run(validate)]).await.map(drop)
    }

    /// Puts the partitioned table in the place of the other one. Nothing when `unless` holds.
    async fn turn(
        &mut self,
        boundary: Month,
        months_ahead: u32,
        unless: Option<Part>,
    ) -> Result<Option<Duration>> {
        let run = |sql: String| Part::Run(sql);
        let months: Vec<_> = (0..=months_ahead).map(|ahead| boundary.plus(ahead)).collect();
        let mut parts = vec![
            run(format!(
                "CREATE TABLE {NEW} (LIKE history_steps {LIKE}) \
                 PARTITION BY RANGE (execution_started_at)"
            )),
            run(format!("ALTER TABLE {NEW} DROP CONSTRAINT IF EXISTS {RANGE}")),
        ];
        parts.extend(self.grants().await?.into_iter().map(run));
        for month in &months {
            parts.extend(create::table(&month.partition(), NEW));
        }
        parts.extend(create::table(REST, NEW));
        // In the order in which an append takes them, so that the two do not wait for each other.
        let lock = "LOCK TABLE history_steps, history_executions IN ACCESS EXCLUSIVE MODE";
        parts.push(Part::Lock(lock.into()));
        parts.extend(unless);
        parts.extend(exchange().into_iter().map(run));
        let before = create::bounds("MINVALUE", &boundary.start());
        parts.push(run(format!("ALTER TABLE history_steps ATTACH PARTITION {FIRST} {before}")));
        parts.push(run(format!("ALTER TABLE {FIRST} DROP CONSTRAINT IF EXISTS {RANGE}")));
        for month in &months {
            let bounds = create::bounds(&month.start(), &month.plus(1).start());
            parts.extend(create::attach(&month.partition(), &bounds));
        }
        parts.extend(create::attach(REST, "DEFAULT"));
        let locked = self.locked(parts).await?;
        if locked.is_some() {
            // Nothing gathers statistics of a partitioned table by itself.
            self.run("ANALYZE history_steps".into()).await?;
        }
        Ok(locked)
    }

    /// The statements that give the new table the grants of the old one.
    async fn grants(&mut self) -> Result<Vec<String>> {
        let to = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END \
                  || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END";
        let query = format!(
            "SELECT format('GRANT %s ON {NEW} TO ', privilege_type) || {to} AS text \
             FROM pg_class, aclexplode(relacl) \
             WHERE oid = 'history_steps'::regclass AND grantee <> relowner \
             UNION ALL SELECT format('GRANT %s (%I) ON {NEW} TO ', privilege_type, attname) || {to} \
             FROM pg_attribute, aclexplode(attacl) WHERE attrelid = 'history_steps'::regclass"
        );
        texts(self.conn, &query).await
    }
}

/// The table that is there becomes a partition with the keys that were built, and gives its names to
/// the new one.
fn exchange() -> [String; 7] {
    [
        format!(
            "ALTER TABLE history_steps DROP CONSTRAINT pk_history_steps, \
             DROP CONSTRAINT fk_history_steps_execution, \
             ADD CONSTRAINT pk_{FIRST} PRIMARY KEY USING INDEX pk_{FIRST}"
        ),
        "DROP INDEX uq_history_steps_execution_id_idempotency_key".into(),
        format!("ALTER TABLE history_steps RENAME TO {FIRST}"),
        format!("ALTER TABLE {NEW} RENAME TO history_steps"),
        format!(
            "ALTER TABLE history_steps ADD CONSTRAINT pk_history_steps PRIMARY KEY {KEY}, \
             ADD CONSTRAINT fk_history_steps_execution {EXECUTION}"
        ),
        format!(
            "CREATE UNIQUE INDEX uq_history_steps_execution_id_idempotency_key \
             ON history_steps {IDEMPOTENCY}"
        ),
        format!("CREATE INDEX idx_history_steps_at ON history_steps {TIME}"),
    ]
}
