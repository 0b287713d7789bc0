//! One round: what changed since the last one, as it is in one snapshot, becomes what is in the
//! target, and is compared.
//!
//! A round is one transaction, whatever its size. The source has only its rows of now, so no part of
//! a round is a state that foreign keys and unique keys would allow; and PostgreSQL does not mind
//! long transactions. Memory is bounded: rows are streamed.
//!
//! The transaction notes the last change that is in it. Once the rows that changed were read back
//! and are equal, that is noted as well. Killed before the first, nothing happened; killed between,
//! the same changes are applied again with the rows of then, which ends the same.

use super::capture::{Mark, mark};
use super::changes::{Span, tables};
use super::state::{self, Position};
use super::{apply, stage};
use crate::control::Control;
use crate::error::postgres;
use crate::hash::TableSum;
use crate::job::Job;
use crate::opened::{Opened, SourceSide, blocking};
use crate::postgres::{advance, connect, keys_table};
use crate::report::Difference;
use crate::scan::From;
use crate::state::Migration;
use crate::{Error, Result, validate};

/// What a round did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Round {
    /// The last change that is in the target now.
    pub(crate) seq: i64,
    /// How many rows were written; of rows that are gone none.
    pub(crate) rows: u64,
    /// The tables with changes.
    pub(crate) tables: Vec<String>,
    /// Rows that differ although they were applied.
    pub(crate) differences: Vec<Difference>,
    pub(crate) difference_count: u64,
}

/// Returns the connection of a SQLite source.
pub(super) fn sqlite_of(source: &SourceSide) -> Result<&rusqlite::Connection> {
    match &source.opened {
        Opened::Sqlite(snapshot) => Ok(snapshot.conn()),
        Opened::Postgres(_) | Opened::Archive(_) => {
            Err(Error::refused("changes are captured in a SQLite source only"))
        }
    }
}

/// Looks at what a snapshot has to be applied.
fn look(source: &SourceSide, migration: &Migration, before: &Position) -> Result<(Mark, Span)> {
    let conn = sqlite_of(source)?;
    let mark = mark(conn)?;
    before.check(mark.as_ref())?;
    let mark = mark.ok_or_else(|| Error::refused("nothing is captured in the source"))?;
    super::capture::check(conn, &migration.plan)?;
    let span = Span { after: before.verified, upto: mark.seq };
    Ok((mark, span))
}

/// Applies what changed up to a snapshot. Does nothing when nothing did.
///
/// # Errors
/// `Refused` when changes may have been missed, or a row cannot be applied; what a database says.
/// Differences are not an error.
pub(crate) async fn round(
    job: &Job,
    migration: &Migration,
    mut source: SourceSide,
    control: &Control,
) -> Result<(SourceSide, Round)> {
    let mut client = connect(&job.target).await?;
    let before = state::read(&client, &migration.id).await?.ok_or_else(not_captured)?;
    let (mark, span) = look(&source, migration, &before)?;
    let mut round = Round { seq: mark.seq, ..Round::default() };
    let plan = &migration.plan;
    let places =
        if span.is_empty() { Vec::new() } else { tables(sqlite_of(&source)?, plan, span)? };
    if !span.is_empty() {
        let txn = client.transaction().await.map_err(postgres("applying changes"))?;
        state::apply(&txn, &migration.id, &before, mark.seq).await?;
        drop_keys(&txn).await?;
        for place in &places {
            let Some(table) = plan.tables.get(*place) else { continue };
            if table.key.is_empty() {
                control
                    .observer()
                    .say(&format!("table {} has no key: all of it is copied again", table.sqlite));
            }
            let rows;
            (source, rows) = stage::stage(&txn, source, (*place, table), span, control).await?;
            round.rows += rows;
            round.tables.push(table.sqlite.clone());
        }
        apply::apply(&txn, plan, &places).await?;
        txn.commit().await.map_err(postgres("committing applied changes"))?;
    }
    for (sequence, value) in source.opened.counters(plan).await? {
        let Some(table) = plan.tables.get(sequence.table) else { continue };
        let Some(column) = table.columns.get(sequence.column) else { continue };
        advance(&client, &table.postgres, &column.postgres, value).await?;
    }
    if !span.is_empty() {
        source = compare(job, migration, source, (&places, span), &mut round, control).await?;
        if round.difference_count == 0 {
            state::verified(&client, &migration.id, mark.seq).await?;
            drop_keys(&client).await?;
        }
    }
    Ok((source, round))
}

pub(super) fn not_captured() -> Error {
    Error::refused(
        "the changes of the source were not captured since the first copy: begin that with \
         `store-migrate run --capture`",
    )
}

/// Compares the rows that changed.
async fn compare(
    job: &Job,
    migration: &Migration,
    mut source: SourceSide,
    (places, span): (&[usize], Span),
    round: &mut Round,
    control: &Control,
) -> Result<SourceSide> {
    let mut target = Opened::begin(&job.target, false).await?;
    let tables: Vec<_> = places
        .iter()
        .filter_map(|place| Some((*place, migration.plan.tables.get(*place)?.clone())))
        .collect();
    let control = control.clone();
    let (source, differences, count) = blocking(move || {
        let (mut differences, mut count) = (Vec::new(), 0);
        for (place, table) in &tables {
            let from =
                if table.key.is_empty() { From::Anywhere } else { From::Changed(*place, span) };
            let (ours, theirs) = (source.opened.source(), target.source());
            let outcome =
                validate::table(ours, theirs, table, from, (0, TableSum::default()), &control)?;
            count += outcome.count;
            differences.extend(outcome.differences);
        }
        Ok((source, differences, count))
    })
    .await?;
    (round.differences, round.difference_count) = (differences, count);
    Ok(source)
}

/// Drops the tables of changed keys, also those that a process left which was killed.
pub(crate) async fn drop_keys(client: &impl tokio_postgres::GenericClient) -> Result<()> {
    let doing = || "removing the tables of changed keys";
    let like = keys_table(0).trim_end_matches('0').replace('_', "\\_");
    let rows = client
        .query(
            "SELECT relname::text FROM pg_class \
             WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
             AND relname LIKE $1 || '%'",
            &[&like],
        )
        .await
        .map_err(postgres(doing()))?;
    for row in rows {
        let name = crate::postgres::quote(row.get(0));
        client.batch_execute(&format!("DROP TABLE {name}")).await.map_err(postgres(doing()))?;
    }
    Ok(())
}
