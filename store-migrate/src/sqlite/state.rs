//! The state of a migration whose target is a SQLite file.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::error::sqlite;
use crate::hash::TableSum;
use crate::model::Step;
use crate::state::{
    BatchNote, Copied, Migration, Pending, Phase, Quarantined, ddl, layout_word, migration, now,
};
use crate::{Error, Result};

/// The state as it is kept in a file.
pub(crate) struct State;

const DOING: &str = "keeping the state of the migration";

impl State {
    /// Creates the tables of the state.
    pub(crate) fn create(conn: &Connection) -> Result<()> {
        conn.execute_batch(&ddl("BLOB")).map_err(sqlite(DOING))
    }

    /// Returns every migration into this database.
    pub(crate) fn all(conn: &Connection) -> Result<Vec<Migration>> {
        let there: bool = conn
            .query_row(
                "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '_migrate_state'",
                [],
                |row| row.get(0),
            )
            .map_err(sqlite(DOING))?;
        if !there {
            return Ok(Vec::new());
        }
        let mut statement = conn
            .prepare(
                "SELECT id, source, target, layout, plan, phase FROM _migrate_state ORDER BY id",
            )
            .map_err(sqlite(DOING))?;
        let rows = statement
            .query_map([], |row| {
                let fields: [String; 6] =
                    [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
                Ok(fields)
            })
            .map_err(sqlite(DOING))?;
        rows.map(|row| migration(row.map_err(sqlite(DOING))?)).collect()
    }

    /// Notes a migration that begins, and what is built after its load.
    pub(crate) fn begin(conn: &Connection, migration: &Migration, after: &[Step]) -> Result<()> {
        let plan = serde_json::to_string(&migration.plan)
            .map_err(|error| Error::refused(format!("the plan cannot be written: {error}")))?;
        conn.execute(
            "INSERT INTO _migrate_state VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
            params![
                migration.id,
                migration.source,
                migration.target,
                layout_word(migration.layout),
                migration.plan.manifest_hash(),
                plan,
                migration.phase.as_str(),
                now()
            ],
        )
        .map_err(sqlite(DOING))?;
        for (ordinal, step) in (0_i64..).zip(after) {
            conn.execute(
                "INSERT INTO _migrate_objects VALUES (?1, ?2, ?3, ?4, ?5, FALSE)",
                params![migration.id, ordinal, step.what, step.name, step.sql],
            )
            .map_err(sqlite(DOING))?;
        }
        Ok(())
    }

    /// Notes that a phase is done.
    pub(crate) fn phase(conn: &Connection, id: &str, phase: Phase) -> Result<()> {
        conn.execute(
            "UPDATE _migrate_state SET phase = ?2, updated_at = ?3 WHERE id = ?1",
            params![id, phase.as_str(), now()],
        )
        .map(drop)
        .map_err(sqlite(DOING))
    }

    /// Returns how far a table is.
    pub(crate) fn copied(conn: &Connection, id: &str, table: &str) -> Result<Copied> {
        let mut statement = conn
            .prepare(
                "SELECT batch, row_count, byte_count, quarantined, sum, position, last \
                 FROM _migrate_batches WHERE migration = ?1 AND table_name = ?2 ORDER BY batch",
            )
            .map_err(sqlite(DOING))?;
        let mut rows = statement.query(params![id, table]).map_err(sqlite(DOING))?;
        let mut copied = Copied::default();
        while let Some(row) = rows.next().map_err(sqlite(DOING))? {
            let mut read = || -> rusqlite::Result<()> {
                let count = |value: i64| u64::try_from(value).unwrap_or(0);
                copied.sum.merge(&TableSum::from_bytes(count(row.get(1)?), &row.get(4)?));
                copied.next = row.get::<_, i64>(0)? + 1;
                copied.bytes += count(row.get(2)?);
                copied.quarantined += count(row.get(3)?);
                copied.position = Some(row.get(5)?);
                copied.complete = row.get(6)?;
                Ok(())
            };
            read().map_err(sqlite(DOING))?;
        }
        Ok(copied)
    }

    /// Notes a batch, in the transaction of its rows.
    pub(crate) fn note(conn: &Connection, id: &str, note: &BatchNote) -> Result<()> {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let quarantined = i64::try_from(note.quarantined.len()).unwrap_or(i64::MAX);
        conn.prepare_cached("INSERT INTO _migrate_batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .and_then(|mut statement| {
                statement.execute(params![
                    id,
                    note.table,
                    note.batch,
                    signed(note.sum.rows),
                    signed(note.bytes),
                    quarantined,
                    note.sum.to_bytes(),
                    note.position,
                    note.last
                ])
            })
            .map_err(sqlite(DOING))?;
        note.quarantined.iter().try_for_each(|value| Self::quarantine(conn, id, value))
    }

    fn quarantine(conn: &Connection, id: &str, value: &Quarantined) -> Result<()> {
        conn.execute(
            "INSERT INTO _migrate_quarantine VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                id,
                value.table,
                value.key,
                value.column,
                value.stored_type,
                Value::Blob(value.raw.clone()),
                value.reason
            ],
        )
        .map(drop)
        .map_err(sqlite(DOING))
    }

    /// Returns what is still to be built.
    pub(crate) fn pending(conn: &Connection, id: &str) -> Result<Vec<Pending>> {
        let mut statement = conn
            .prepare(
                "SELECT ordinal, what, name, sql FROM _migrate_objects \
                 WHERE migration = ?1 AND NOT done ORDER BY ordinal",
            )
            .map_err(sqlite(DOING))?;
        let rows = statement
            .query_map([id], |row| {
                let step = Step { what: row.get(1)?, name: row.get(2)?, sql: row.get(3)? };
                Ok((row.get(0)?, step))
            })
            .map_err(sqlite(DOING))?;
        rows.collect::<rusqlite::Result<_>>().map_err(sqlite(DOING))
    }

    /// Returns everything that is built after the load.
    pub(crate) fn objects(conn: &Connection, id: &str) -> Result<Vec<Step>> {
        let mut statement = conn
            .prepare(
                "SELECT what, name, sql FROM _migrate_objects WHERE migration = ?1 ORDER BY ordinal",
            )
            .map_err(sqlite(DOING))?;
        let rows = statement
            .query_map([id], |row| {
                Ok(Step { what: row.get(0)?, name: row.get(1)?, sql: row.get(2)? })
            })
            .map_err(sqlite(DOING))?;
        rows.collect::<rusqlite::Result<_>>().map_err(sqlite(DOING))
    }

    /// Notes that something was built, in the transaction that did.
    pub(crate) fn done(conn: &Connection, id: &str, ordinal: i64) -> Result<()> {
        conn.execute(
            "UPDATE _migrate_objects SET done = TRUE WHERE migration = ?1 AND ordinal = ?2",
            params![id, ordinal],
        )
        .map(drop)
        .map_err(sqlite(DOING))
    }

    /// Forgets a migration, with its quarantine.
    pub(crate) fn forget(conn: &Connection, id: &str) -> Result<()> {
        // Foreign keys are off while a database is loaded.
        for table in ["_migrate_batches", "_migrate_objects", "_migrate_quarantine"] {
            conn.execute(&format!("DELETE FROM {table} WHERE migration = ?1"), [id])
                .map_err(sqlite(DOING))?;
        }
        conn.execute("DELETE FROM _migrate_state WHERE id = ?1", [id])
            .map(drop)
            .map_err(sqlite(DOING))
    }
}
