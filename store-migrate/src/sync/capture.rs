//! Putting the triggers into a source, looking at them, and removing them.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use sha2::{Digest as _, Sha256};

use super::triggers::{CHANGES, Trigger, changes_sql, key_width, triggers};
use crate::error::sqlite;
use crate::model::Plan;
use crate::sqlite::{open_writable, quote};
use crate::{Error, Result};

/// What a source says about its capture, in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Drawn when the triggers were made: changes before them are not known.
    pub(crate) token: String,
    /// The hash of the schema.
    pub(crate) schema: String,
    /// The number of the last change.
    pub(crate) seq: i64,
    /// Changes up to this one were removed.
    pub(crate) pruned: i64,
}

const INSTALLING: &str = "installing the triggers that capture changes";

/// Makes the triggers for a plan, in one transaction. Those that are there already stay.
///
/// # Errors
/// `Refused` when there are others, or when the schema is not the one that was planned with.
pub(super) fn install(path: &Path, plan: &Plan, schema: &str) -> Result<()> {
    let mut conn = open_writable(path)?;
    let txn = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sqlite(INSTALLING))?;
    let wanted = triggers(&txn, plan)?;
    if is_captured(&txn)? {
        return check_triggers(&txn, &wanted);
    }
    if schema_of(&txn)? != schema {
        return Err(Error::refused(
            "the schema of the source changed while it was looked at: run the command again",
        ));
    }
    txn.execute_batch(&changes_sql(key_width(plan))).map_err(sqlite(INSTALLING))?;
    let mut token = [0; 16];
    getrandom::fill(&mut token)
        .map_err(|error| Error::refused(format!("no random numbers: {error}")))?;
    txn.execute(
        &format!("INSERT INTO {CHANGES} (tbl, k0, k1) VALUES ('', ?1, 1)"),
        [hex::encode(token)],
    )
    .map_err(sqlite(INSTALLING))?;
    for trigger in &wanted {
        txn.execute_batch(&trigger.sql).map_err(sqlite(INSTALLING))?;
    }
    txn.commit().map_err(sqlite(INSTALLING))
}

/// Tells whether there is a table of changes.
pub(super) fn is_captured(conn: &Connection) -> Result<bool> {
    conn.query_row(
        "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
        [CHANGES],
        |row| row.get(0),
    )
    .map_err(sqlite("looking for captured changes"))
}

/// Refuses a source whose triggers are not those of a plan.
pub(super) fn check(conn: &Connection, plan: &Plan) -> Result<()> {
    check_triggers(conn, &triggers(conn, plan)?)
}

fn check_triggers(conn: &Connection, wanted: &[Trigger]) -> Result<()> {
    let mut found = found(conn)?;
    let mut wanted: Vec<_> = wanted.iter().map(|one| (one.name.clone(), one.sql.clone())).collect();
    found.sort();
    wanted.sort();
    if found == wanted {
        return Ok(());
    }
    Err(Error::refused(
        "the source has triggers _migrate_* which are not those of this migration: remove them with \
         `store-migrate clean --from`, and the state in the target with `clean --to … --force`, and \
         begin anew",
    ))
}

fn found(conn: &Connection) -> Result<Vec<(String, String)>> {
    let doing = || "looking for triggers";
    let mut statement = conn
        .prepare(
            "SELECT name, sql FROM sqlite_schema \
             WHERE type = 'trigger' AND name LIKE '\\_migrate\\_%' ESCAPE '\\'",
        )
        .map_err(sqlite(doing()))?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite(doing()))?;
    rows.collect::<rusqlite::Result<_>>().map_err(sqlite(doing()))
}

/// Reads what a source says about its capture; `None` when nothing is captured.
pub(super) fn mark(conn: &Connection) -> Result<Option<Mark>> {
    if !is_captured(conn)? {
        return Ok(None);
    }
    let doing = || "looking at captured changes";
    let first = conn
        .query_row(&format!("SELECT k0, k1 FROM {CHANGES} WHERE seq = 1"), [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(sqlite(doing()))?;
    let Some((token, pruned)) = first else {
        return Err(Error::refused(format!(
            "the table {CHANGES} of the source lost its first row"
        )));
    };
    let seq = conn
        .query_row(&format!("SELECT max(seq) FROM {CHANGES}"), [], |row| row.get(0))
        .map_err(sqlite(doing()))?;
    // The number of a change that was removed is not given again, but it is not seen either.
    let seq = std::cmp::max(seq, pruned);
    Ok(Some(Mark { token, schema: schema_of(conn)?, seq, pruned }))
}

/// Hashes the schema: tables, indexes, views and triggers, but for the table of changes.
pub(super) fn schema_of(conn: &Connection) -> Result<String> {
    let doing = || "reading the schema of the source";
    let mut statement = conn
        .prepare(
            "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema \
             WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1 ORDER BY type, name",
        )
        .map_err(sqlite(doing()))?;
    let mut rows = statement.query([CHANGES]).map_err(sqlite(doing()))?;
    let mut sha = Sha256::new();
    while let Some(row) = rows.next().map_err(sqlite(doing()))? {
        for place in 0..4 {
            let text: String = row.get(place).map_err(sqlite(doing()))?;
            sha.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            sha.update(text);
        }
    }
    Ok(hex::encode(sha.finalize()))
}

/// Removes the triggers and the table of changes, within a transaction of the caller. Returns
/// whether there were any.
pub(super) fn remove(conn: &Connection) -> Result<bool> {
    let doing = || "removing the triggers that capture changes";
    let found = found(conn)?;
    let captured = is_captured(conn)?;
    for (name, _) in &found {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote(name))).map_err(sqlite(doing()))?;
    }
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {CHANGES}")).map_err(sqlite(doing()))?;
    Ok(captured || !found.is_empty())
}

/// Makes triggers that refuse every write, in place of those that capture changes.
pub(super) fn retire(conn: &Connection, plan: &Plan, moved_to: &str) -> Result<()> {
    let doing = || "retiring the source";
    let reason = super::triggers::literal(&format!(
        "this database was moved to {moved_to}; `store-migrate clean --from` opens it again"
    ));
    for (place, table) in plan.tables.iter().enumerate() {
        for what in ["INSERT", "UPDATE", "DELETE"] {
            let name = format!("_migrate_retired_{place}_{}", what.to_ascii_lowercase());
            conn.execute_batch(&format!(
                "CREATE TRIGGER {} BEFORE {what} ON {} FOR EACH ROW BEGIN \
                 SELECT RAISE(ABORT, {reason}); END",
                quote(&name),
                quote(&table.sqlite)
            ))
            .map_err(sqlite(doing()))?;
        }
    }
    Ok(())
}

/// Removes what migrations put into a file that was their source, and returns whether there was
/// anything.
pub(super) fn clean(path: &Path) -> Result<bool> {
    let doing = || "removing the triggers that capture changes";
    let mut conn = open_writable(path)?;
    let txn =
        conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(doing()))?;
    let removed = remove(&txn)?;
    txn.commit().map_err(sqlite(doing()))?;
    Ok(removed)
}
