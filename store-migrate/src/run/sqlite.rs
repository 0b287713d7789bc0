//! The parts of a migration whose target is SQLite.

use std::path::PathBuf;
use std::time::Instant;

use rusqlite::Connection;

use super::Done;
use crate::control::Control;
use crate::copy::to_sqlite;
use crate::error::sqlite;
use crate::job::{Existing, Job};
use crate::model::{Layout, Plan, Step, Table};
use crate::opened::{SourceSide, blocking, existing, identity_of};
use crate::sqlite::{
    Loader, State, advance, attach, clear, detach, open_target, quote, rebuild_words,
};
use crate::state::{Migration, Phase, replaced};
use crate::{Error, Result};

/// Returns what identifies the target, and the migrations into it; `None` when it is not there.
pub(super) async fn migrations(path: PathBuf) -> Result<Option<(String, Vec<Migration>)>> {
    blocking(move || {
        let Some(conn) = existing(&path)? else { return Ok(None) };
        Ok(Some((identity_of(&path)?, State::all(&conn)?)))
    })
    .await
}

pub(super) async fn note_phase(path: PathBuf, id: String, phase: Phase) -> Result<()> {
    blocking(move || State::phase(&open_target(&path)?, &id, phase)).await
}

fn path_of(job: &Job) -> Result<PathBuf> {
    job.target
        .path()
        .map(PathBuf::from)
        .ok_or_else(|| Error::refused("the target is not a SQLite file"))
}

/// Makes the tables ready to be loaded, in one transaction with the state of the migration.
pub(super) async fn prepare(job: &Job, source: &str, plan: Plan) -> Result<Migration> {
    let (path, source) = (path_of(job)?, source.to_owned());
    let (layout, rows) = (job.layout, job.existing);
    blocking(move || {
        let mut conn = open_target(&path)?;
        let target = identity_of(&path)?;
        let doing = || "preparing the target";
        let txn = conn
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sqlite(doing()))?;
        for step in &plan.before {
            txn.execute_batch(&step.sql)
                .map_err(sqlite(format!("making {} {}", step.what, step.name)))?;
        }
        match rows {
            Existing::Replace => {
                for id in replaced(State::all(&txn)?, &plan) {
                    State::forget(&txn, &id)?;
                }
                clear(&txn, &plan.tables)?;
            }
            Existing::Append => {}
            Existing::Refuse => refuse_rows(&txn, &plan.tables)?,
        }
        State::create(&txn)?;
        let mut after = plan.after.clone();
        if layout != Layout::Auto {
            after.extend(detach(&txn, &plan.tables)?);
            let words = rebuild_words(&txn, &plan.tables)?;
            let triggers = after.iter().position(|step| step.what == "trigger");
            let at = triggers.unwrap_or(after.len());
            after.splice(at..at, words);
        }
        let id = Migration::id_of(&source, &target, layout);
        let migration = Migration { id, source, target, layout, plan, phase: Phase::Prepared };
        State::begin(&txn, &migration, &after)?;
        txn.commit().map_err(sqlite(doing()))?;
        Ok(migration)
    })
    .await
}

fn refuse_rows(conn: &Connection, tables: &[Table]) -> Result<()> {
    let mut full = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", quote(&table.sqlite));
        let found: bool = conn
            .query_row(&sql, [], |row| row.get(0))
            .map_err(sqlite(format!("looking into table {}", table.sqlite)))?;
        if found {
            full.push(table.sqlite.clone());
        }
    }
    if full.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the target has rows already, in {}: use --replace to delete them, --append to add to them, \
         or another file",
        full.join(", ")
    )))
}

/// Loads what is not loaded, and builds what is not built.
pub(super) async fn load(
    job: &Job,
    mut source: SourceSide,
    migration: &Migration,
    mut done: Done,
    control: &Control,
) -> Result<(SourceSide, Done)> {
    let counters = source.opened.counters(&migration.plan).await?;
    let (path, how) = (path_of(job)?, (job.on_error, job.batch));
    let (migration, control) = (migration.clone(), control.clone());
    blocking(move || {
        let mut conn = open_target(&path)?;
        if migration.phase < Phase::Loaded {
            let started = Instant::now();
            control.observer().phase("copy", None);
            let loader = Loader::new(conn, migration.id.clone());
            for table in &migration.plan.tables {
                control.check()?;
                let before = State::copied(loader.conn(), &migration.id, &table.sqlite)?;
                to_sqlite(&loader, source.opened.source(), table, &before, &control, how)?;
                let after = State::copied(loader.conn(), &migration.id, &table.sqlite)?;
                done.rows += after.sum.rows - before.sum.rows;
                done.bytes += after.bytes - before.bytes;
            }
            conn = loader.into_conn();
            State::phase(&conn, &migration.id, Phase::Loaded)?;
            done.took("copy", started);
        }
        if migration.phase < Phase::Attached {
            let started = Instant::now();
            control.observer().phase("indexes and constraints", None);
            attach(&mut conn, &migration.id, &mut |step: &Step| {
                control.observer().say(&format!("{} {}", step.what, step.name));
                control.check()
            })?;
            for (sequence, value) in counters {
                if let (Some(table), Some(value)) =
                    (migration.plan.tables.get(sequence.table), value)
                {
                    advance(&conn, &table.sqlite, value)?;
                }
            }
            conn.execute_batch("PRAGMA optimize; ANALYZE")
                .map_err(sqlite("analyzing the target"))?;
            State::phase(&conn, &migration.id, Phase::Attached)?;
            done.took("indexes and constraints", started);
        }
        Ok((source, done))
    })
    .await
}
