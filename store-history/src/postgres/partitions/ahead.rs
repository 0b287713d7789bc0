// parity: SQLite has no partitions.
//! Making partitions ahead of time, and for steps that have none of their own.

use std::collections::BTreeSet;

use diesel_async::AsyncPgConnection;
use store_core::history::MaintenanceReport;
use store_core::postgres::Database;
use store_core::{Error, Result, Timestamp};

use super::catalog::{Partition, form, holds, instants, partitions};
use super::create;
use super::detach::drop_detached;
use super::month::Month;
use super::owner::{Part, alone, execute, locked, owner, release};
use super::switch::{RANGE, abandon};

const OPERATION: &str = "maintain_partitions";

/// How often locks are asked for.
const ATTEMPTS: u32 = 20;

/// How many months of the partition for the rest are looked at in one call.
const MONTHS_AT_ONCE: u32 = 120;

/// Makes the partitions of this month and those after it.
pub(in super::super) async fn maintain(
    db: &Database,
    now: Timestamp,
    months_ahead: u32,
) -> Result<MaintenanceReport> {
    let mut conn = db.conn(OPERATION).await?;
    if !form(&mut conn).await?.partitioned {
        if is_abandoned(&mut conn).await? {
            end_abandoned(db).await?;
        }
        return Ok(MaintenanceReport::default());
    }
    let now = Month::of(now.to_datetime());
    let there = partitions(&mut conn).await?;
    drop(conn);
    let missing: BTreeSet<Month> =
        (0..=months_ahead).map(|ahead| now.plus(ahead)).filter(|one| !has(&there, *one)).collect();
    // What it deletes was decided by a prune, and its report is lost.
    drop_detached(db).await?;
    match owner(db).await {
        Ok(mut conn) => make(&mut conn, &there, missing).await,
        // Only its owner may look into the partition for the rest.
        Err(Error::Settings { .. }) if missing.is_empty() => Ok(MaintenanceReport::default()),
        Err(error) => Err(error),
    }
}

/// Tells whether a month is within a partition.
fn has(there: &[Partition], month: Month) -> bool {
    there.iter().any(|one| {
        let behind = one.upper.is_some_and(|upper| Month::of(upper) > month);
        behind && one.lower.is_none_or(|lower| Month::of(lower) <= month)
    })
}

async fn make(
    conn: &mut AsyncPgConnection,
    there: &[Partition],
    mut missing: BTreeSet<Month>,
) -> Result<MaintenanceReport> {
    let mut report = MaintenanceReport::default();
    let rest = there.iter().find(|one| one.upper.is_none()).map(|one| one.name.as_str());
    if let Some(rest) = rest {
        let query = format!(
            "SELECT DISTINCT date_trunc('month', execution_started_at, 'UTC') AS instant \
             FROM {rest} ORDER BY 1 LIMIT {MONTHS_AT_ONCE}"
        );
        missing.extend(instants(conn, &query).await?.into_iter().map(Month::of));
    }
    for month in missing {
        let Some(done) = locked(conn, OPERATION, ATTEMPTS, &partition(month, rest)).await? else {
            continue;
        };
        report.partitions.push(month.partition());
        report.steps_moved += done.rows;
    }
    if !report.partitions.is_empty() {
        // Nothing gathers statistics of a partitioned table by itself.
        execute(conn, OPERATION, "ANALYZE history_steps").await?;
    }
    Ok(report)
}

/// Makes the partition of a month, and moves into it what is in that for the rest.
fn partition(month: Month, rest: Option<&str>) -> Vec<Part> {
    let (name, lower, upper) = (month.partition(), month.start(), month.plus(1).start());
    // Another process may have made it while this one waited.
    let mut parts = vec![Part::Unless(format!("to_regclass('{name}') IS NOT NULL"))];
    parts.extend(create::table(&name, "history_steps"));
    // First what every statement locks first: who has that needs nothing of what is locked after it.
    parts.push(Part::Lock("LOCK TABLE ONLY history_steps IN ACCESS EXCLUSIVE MODE".into()));
    if let Some(rest) = rest {
        parts.push(Part::Run(format!("LOCK TABLE {rest} IN ACCESS EXCLUSIVE MODE")));
        parts.push(Part::Run(format!(
            "WITH moved AS (DELETE FROM {rest} WHERE execution_started_at >= {lower} \
             AND execution_started_at < {upper} RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        )));
    }
    parts.extend(create::attach(&name, &create::bounds(&lower, &upper)));
    parts
}

/// Tells whether an attempt to partition ended without cleaning up behind itself.
async fn is_abandoned(conn: &mut AsyncPgConnection) -> Result<bool> {
    let there = format!(
        "EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'history_steps'::regclass \
         AND conname = '{RANGE}')"
    );
    holds(conn, &there).await
}

/// Takes away what it left, unless it is still at work.
async fn end_abandoned(db: &Database) -> Result<()> {
    let mut conn = owner(db).await?;
    match alone(&mut conn).await {
        Ok(()) => {
            let outcome = abandon(&mut conn).await;
            release(&mut conn, outcome).await
        }
        Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_within_a_partition_or_not() {
        let instant = |text: &str| Some(text.parse().unwrap());
        let month = |text: &str| Month::of(text.parse().unwrap());
        let one = |lower, upper| Partition { name: String::new(), lower, upper };
        let there = [
            one(None, instant("2026-02-01T00:00:00Z")),
            one(instant("2026-03-01T00:00:00Z"), instant("2026-05-01T00:00:00Z")),
            one(None, None),
        ];
        for (text, expected) in [
            ("2025-07-01T00:00:00Z", true),
            ("2026-01-31T00:00:00Z", true),
            ("2026-02-01T00:00:00Z", false),
            ("2026-03-01T00:00:00Z", true),
            ("2026-04-30T00:00:00Z", true),
            ("2026-05-01T00:00:00Z", false),
        ] {
            assert_eq!(has(&there, month(text)), expected, "{text}");
        }
    }
}
