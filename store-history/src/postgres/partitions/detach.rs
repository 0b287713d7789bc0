// parity: SQLite has no partitions.
//! Dropping a month as a whole: its partition is detached, its executions are deleted in batches as
//! ever, and then the table is dropped.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::history::PruneReport;
use store_core::postgres::{Database, db_error};
use store_core::{Error, Result};

use super::super::retention::{Doomed, counted};
use super::catalog::{Partition, form, partitions, texts};
use super::owner::{Part, is_lock, locked, owner};

const OPERATION: &str = "prune_partition";

/// How often locks are asked for: deleting rows does as well.
const ATTEMPTS: u32 = 3;

/// How many executions without their steps a transaction deletes.
const BATCH: u32 = 1000;

/// What the tables are called that were partitions.
const DETACHED: &str = "history_steps_dropped_";

/// Detaches the partitions of which nothing is kept, and tells whether steps are partitioned.
///
/// Where the role may not, or a table is in use all the time, nothing is detached: then steps are
/// deleted with their executions.
pub(in super::super) async fn detach_doomed(db: &Database, doomed: &Doomed) -> Result<bool> {
    let horizon = match doomed {
        Doomed::FinishedBefore(instant) => *instant,
        Doomed::StartedUpTo(started_at, _) => *started_at,
        Doomed::Nothing => return Ok(false),
    };
    let mut conn = db.conn(OPERATION).await?;
    if !form(&mut conn).await?.partitioned {
        return Ok(false);
    }
    let mut old = partitions(&mut conn).await?;
    drop(conn);
    old.retain(|one| one.upper.is_some_and(|upper| upper <= horizon));
    if old.is_empty() {
        return Ok(true);
    }
    let mut conn = match owner(db).await {
        Ok(conn) => conn,
        Err(Error::Settings { .. }) => return Ok(true),
        Err(error) => return Err(error),
    };
    for one in &old {
        let parts = detaching(&mut conn, one, doomed).await?;
        match locked(&mut conn, OPERATION, ATTEMPTS, &parts).await {
            Err(error) if !is_lock(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

/// The transaction that detaches a partition, unless something of it is kept.
///
/// First nobody may write to it any more: an execution that has steps in it is then one that the
/// condition sees. Only after that others are locked out, for as long as detaching takes. Without its
/// reference the table keeps its rows when the executions are deleted.
async fn detaching(
    conn: &mut AsyncPgConnection,
    one: &Partition,
    doomed: &Doomed,
) -> Result<Vec<Part>> {
    let name = &one.name;
    let references = texts(
        conn,
        &format!(
            "SELECT quote_ident(conname) AS text FROM pg_constraint \
             WHERE conrelid = to_regclass('{name}') AND contype = 'f'"
        ),
    )
    .await?;
    let range = range(one);
    let dropped = format!("{DETACHED}{}", name.trim_start_matches("history_steps_"));
    let mut parts = vec![
        // Another process may have detached it while this one waited.
        Part::Unless(format!(
            "NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('{name}'))"
        )),
        Part::Run(format!("LOCK TABLE {name} IN SHARE MODE")),
        Part::Unless(format!(
            "EXISTS (SELECT FROM history_executions WHERE {} AND {})",
            started_within(one),
            kept(doomed)
        )),
        Part::Lock("LOCK TABLE ONLY history_steps IN ACCESS EXCLUSIVE MODE".into()),
        Part::Run("LOCK TABLE history_executions IN ACCESS EXCLUSIVE MODE".into()),
        Part::Run(format!("ALTER TABLE history_steps DETACH PARTITION {name}")),
    ];
    for reference in references {
        parts.push(Part::Run(format!("ALTER TABLE {name} DROP CONSTRAINT {reference}")));
    }
    parts.push(Part::Run(format!("ALTER TABLE {name} RENAME TO {dropped}")));
    parts.push(Part::Run(format!("COMMENT ON TABLE {dropped} IS '{range}'")));
    Ok(parts)
}

/// What a retention keeps of executions that started before its horizon.
fn kept(doomed: &Doomed) -> String {
    match doomed {
        Doomed::FinishedBefore(instant) => {
            format!("(status = 'running' OR completed_at >= '{}')", literal(*instant))
        }
        _ => "status = 'running'".to_owned(),
    }
}

fn literal(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The starts of a partition, as text of a `tstzrange`.
fn range(one: &Partition) -> String {
    let bound = |bound: Option<DateTime<Utc>>| bound.map(literal).unwrap_or_default();
    format!("[{},{})", bound(one.lower), bound(one.upper))
}

/// The same as conditions.
fn started_within(one: &Partition) -> String {
    let lower = one.lower.map(|lower| format!("started_at >= '{}'", literal(lower)));
    let upper = one.upper.map(|upper| format!("started_at < '{}'", literal(upper)));
    let conditions: Vec<_> = lower.into_iter().chain(upper).collect();
    conditions.join(" AND ")
}

/// Drops the tables that were detached, after what is left of their executions: that an interrupted
/// prune did not come to, or that one which runs at the same time has not yet. Reports these.
pub(in super::super) async fn drop_detached(db: &Database) -> Result<PruneReport> {
    let found = format!(
        "SELECT relname || ' ' || obj_description(oid, 'pg_class') AS text FROM pg_class \
         WHERE relnamespace = (SELECT relnamespace FROM pg_class \
         WHERE oid = 'history_steps'::regclass) \
         AND relname LIKE '{DETACHED}%' AND relkind = 'r' ORDER BY 1"
    );
    let mut conn = db.conn(OPERATION).await?;
    let detached = texts(&mut conn, &found).await?;
    drop(conn);
    let mut report = PruneReport::default();
    if detached.is_empty() {
        return Ok(report);
    }
    let mut conn = match owner(db).await {
        Ok(conn) => conn,
        Err(Error::Settings { .. }) => return Ok(report),
        Err(error) => return Err(error),
    };
    for (name, range) in detached.iter().filter_map(|one| one.split_once(' ')) {
        loop {
            let batch = delete_bereft(&mut conn, range).await?;
            if batch.executions == 0 {
                break;
            }
            report = report.plus(batch);
        }
        let drop = [Part::Run(format!("DROP TABLE IF EXISTS {name}"))];
        match locked(&mut conn, OPERATION, ATTEMPTS, &drop).await {
            // The next prune, or maintenance, finds it again.
            Err(error) if !is_lock(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(report)
}

/// Deletes finished executions of a range that have lost their steps, at most a batch of them.
async fn delete_bereft(conn: &mut AsyncPgConnection, range: &str) -> Result<PruneReport> {
    #[derive(QueryableByName)]
    struct Deleted {
        #[diesel(sql_type = BigInt)]
        steps: i64,
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let rows: Vec<Deleted> =
        diesel::sql_query(bereft(range)).load(conn).await.map_err(db_error(OPERATION))?;
    let rows = rows.into_iter().map(|row| counted((row.steps, row.bytes)));
    Ok(rows.fold(PruneReport::default(), PruneReport::plus))
}

fn bereft(range: &str) -> String {
    let within = |column: &str| {
        format!(
            "{column} >= coalesce(lower('{range}'::tstzrange), '-infinity') \
             AND {column} < coalesce(upper('{range}'::tstzrange), 'infinity')"
        )
    };
    format!(
        "DELETE FROM history_executions WHERE execution_id IN (\
         SELECT e.execution_id FROM history_executions AS e WHERE {} \
         AND e.status <> 'running' AND e.step_count > 0 AND NOT EXISTS (\
         SELECT FROM history_steps AS s WHERE s.execution_id = e.execution_id \
         AND s.execution_started_at = e.started_at AND {}) LIMIT {BATCH}) \
         RETURNING step_count AS steps, record_bytes + step_bytes AS bytes",
        within("e.started_at"),
        within("s.execution_started_at")
    )
}
