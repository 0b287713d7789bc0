//! The parts of a migration whose target is PostgreSQL.

use std::sync::Arc;
use std::time::Instant;

use super::Done;
use crate::control::Control;
use crate::copy::{ToPostgres, to_postgres};
use crate::error::postgres;
use crate::job::{Existing, Job};
use crate::model::{Layout, Plan};
use crate::opened::{SourceSide, blocking};
use crate::postgres::{
    Loaders, State, advance, analyze, attach, clear, connect, detach, identity, tables_with_rows,
};
use crate::state::{Migration, Phase, replaced};
use crate::sync::{Mark, begin_state};
use crate::{Error, Location, Result};

/// Returns what identifies the target, and the migrations into it.
pub(super) async fn migrations(target: &Location) -> Result<Option<(String, Vec<Migration>)>> {
    let client = connect(target).await?;
    let identity = identity(&client).await?;
    Ok(Some((identity, State::all(&client).await?)))
}

pub(super) async fn note_phase(target: &Location, id: &str, phase: Phase) -> Result<()> {
    State::phase(&connect(target).await?, id, phase).await
}

/// Makes the tables ready to be loaded, in one transaction with the state of the migration.
///
/// With a mark it is noted from where on the changes of the source are captured.
pub(super) async fn prepare(
    job: &Job,
    source: &str,
    plan: Plan,
    mark: Option<&Mark>,
) -> Result<Migration> {
    let mut client = connect(&job.target).await?;
    let target = identity(&client).await?;
    let txn = client.transaction().await.map_err(postgres("preparing the target"))?;
    let there = there(&txn, &plan).await?;
    if plan.layout == Layout::Auto && !there {
        for step in &plan.before {
            txn.batch_execute(&step.sql)
                .await
                .map_err(postgres(format!("making {} {}", step.what, step.name)))?;
        }
    }
    match job.existing {
        Existing::Replace => {
            for id in replaced(State::all(&txn).await?, &plan) {
                State::forget(&txn, &id).await?;
            }
            clear(&txn, &plan.tables).await?;
        }
        Existing::Append => {}
        Existing::Refuse => {
            let full = tables_with_rows(&txn, &plan.tables).await?;
            if !full.is_empty() {
                return Err(Error::refused(format!(
                    "the target has rows already, in {}: use --replace to delete them, --append to \
                     add to them, or another schema",
                    full.join(", ")
                )));
            }
        }
    }
    State::create(&txn).await?;
    let after = match (there, job.existing) {
        (false, _) => plan.after.clone(),
        // Rows that are there need their indexes.
        (true, Existing::Append) => Vec::new(),
        (true, _) => detach(&txn, &plan.tables).await?,
    };
    let migration = Migration {
        id: Migration::id_of(source, &target, job.layout),
        source: source.to_owned(),
        target,
        layout: job.layout,
        plan,
        phase: Phase::Prepared,
    };
    State::begin(&txn, &migration, &after).await?;
    if let Some(mark) = mark {
        begin_state(&txn, &migration.id, mark).await?;
    }
    txn.commit().await.map_err(postgres("preparing the target"))?;
    Ok(migration)
}

/// Tells whether the tables of a plan are there; those of stores always are.
async fn there(txn: &tokio_postgres::Transaction<'_>, plan: &Plan) -> Result<bool> {
    let mut there = Vec::new();
    for table in &plan.tables {
        let row = txn
            .query_one("SELECT to_regclass(quote_ident($1)) IS NOT NULL", &[&table.postgres])
            .await
            .map_err(postgres("looking for tables"))?;
        if row.get(0) {
            there.push(table.postgres.as_str());
        }
    }
    if there.is_empty() || there.len() == plan.tables.len() {
        return Ok(!there.is_empty());
    }
    Err(Error::refused(format!(
        "the target has some of the tables already, but not all: {}. Use another schema, or drop them",
        there.join(", ")
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
    if migration.phase < Phase::Loaded {
        let started = Instant::now();
        (source, done) = copy(job, source, migration, done, control).await?;
        note_phase(&job.target, &migration.id, Phase::Loaded).await?;
        done.took("copy", started);
    }
    if migration.phase < Phase::Attached {
        let started = Instant::now();
        control.check()?;
        control.observer().phase("indexes and constraints", None);
        let mut client = connect(&job.target).await?;
        let mut each = |step: &crate::model::Step| {
            control.observer().say(&format!("{} {}", step.what, step.name));
            control.check()
        };
        let not_valid = attach(&mut client, &migration.id, job.keep_orphans, &mut each).await?;
        done.not_valid = not_valid;
        for (sequence, value) in source.opened.counters(&migration.plan).await? {
            let Some(table) = migration.plan.tables.get(sequence.table) else { continue };
            let Some(column) = table.columns.get(sequence.column) else { continue };
            advance(&client, &table.postgres, &column.postgres, value).await?;
        }
        analyze(&client, &migration.plan.tables).await?;
        State::phase(&client, &migration.id, Phase::Attached).await?;
        done.took("indexes and constraints", started);
    }
    Ok((source, done))
}

/// Copies every table.
async fn copy(
    job: &Job,
    mut source: SourceSide,
    migration: &Migration,
    mut done: Done,
    control: &Control,
) -> Result<(SourceSide, Done)> {
    let client = connect(&job.target).await?;
    let mut tables = Vec::with_capacity(migration.plan.tables.len());
    for table in &migration.plan.tables {
        let copied = State::copied(&client, &migration.id, &table.sqlite).await?;
        tables.push((table.clone(), copied));
    }
    drop(client);
    control.observer().phase("copy", None);
    let totals = Arc::new(std::sync::Mutex::new((0_u64, 0_u64)));
    let committed = {
        let (control, totals) = (control.clone(), Arc::clone(&totals));
        Arc::new(move |note: &crate::state::BatchNote| {
            control.observer().advance(&note.table, note.sum.rows, note.bytes);
            if let Ok(mut totals) = totals.lock() {
                totals.0 += note.sum.rows;
                totals.1 += note.bytes;
            }
        })
    };
    // With its indexes in place, two batches could wait for each other's rows.
    let count = if job.existing == Existing::Append { 1 } else { job.loaders.max(1) };
    let (loaders, batches) = Loaders::start(&job.target, count, &migration.id, committed).await?;
    let (reading, on_error, limits) = (control.clone(), job.on_error, job.batch);
    let read = blocking(move || {
        let mut to = ToPostgres { batches, control: &reading, on_error, limits, order: 0 };
        let outcome = tables.iter().try_for_each(|(table, copied)| {
            reading.check()?;
            to_postgres(&mut to, source.opened.source(), table, copied)
        });
        Ok((source, outcome))
    });
    let (read, loaded) = tokio::join!(read, loaders.finish());
    let (source, outcome) = read?;
    // A loader that failed is why the reader stopped.
    match (loaded, outcome) {
        (Err(Error::Stopped) | Ok(()), Err(error)) | (Err(error), _) => return Err(error),
        (Ok(()), Ok(())) => {}
    }
    if let Ok(totals) = totals.lock() {
        (done.rows, done.bytes) = *totals;
    }
    Ok((source, done))
}
