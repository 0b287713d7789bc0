//! Applying a staged delta to the tables of the target.
//!
//! In one transaction, and in an order in which no intermediate state can be in the way:
//!
//! 1. Rows whose keys changed are deleted, of tables where that does nothing else. So values of
//!    unique keys are free before a new row needs them, also when two rows swap them.
//! 2. Of a table that others refer to with a cascade (or `SET NULL`), a row that is still there is
//!    updated in place: deleting it would take others along that did not change.
//! 3. Rows of such tables that are gone are deleted. Nothing refers to them any more: what did has
//!    changed as well.
//! 4. Rows that are not there are inserted.
//!
//! When an update of step 2 needs a value of a unique key that another row still has, the table is
//! treated as in step 1, and the foreign keys that refer to it are taken off and made again, whole,
//! in the same transaction.

use std::collections::BTreeSet;

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::foreign::{Foreign, defer, foreign_keys, restore};
use super::stage::{key_columns, list, rows_table};
use crate::error::postgres;
use crate::model::{Plan, Table};
use crate::postgres::{keys_table, quote};
use crate::{Error, Result};

/// Applies what is staged for tables, which are given by their places in the plan.
pub(super) async fn apply(txn: &Transaction<'_>, plan: &Plan, staged: &[usize]) -> Result<()> {
    let keys = foreign_keys(txn, plan).await?;
    let concerned: Vec<_> = keys
        .iter()
        .filter(|key| {
            staged.contains(&key.parent_place)
                || key.child_place.is_some_and(|place| staged.contains(&place))
        })
        .collect();
    // What is replaced as a whole cannot be updated row by row.
    let mut loose: BTreeSet<usize> =
        staged.iter().copied().filter(|place| keyless(plan, *place)).collect();
    let savepoint =
        |sql| async move { txn.batch_execute(sql).await.map_err(postgres("applying changes")) };
    loop {
        savepoint("SAVEPOINT _migrate_staged").await?;
        let delta = Delta { txn, plan, staged, keys: &concerned, loose: &loose };
        match delta.apply().await? {
            None => return Ok(()),
            Some(place) => {
                savepoint("ROLLBACK TO SAVEPOINT _migrate_staged").await?;
                loose.insert(place);
            }
        }
    }
}

fn keyless(plan: &Plan, place: usize) -> bool {
    plan.tables.get(place).is_some_and(|table| table.key.is_empty())
}

struct Delta<'a> {
    txn: &'a Transaction<'a>,
    plan: &'a Plan,
    staged: &'a [usize],
    keys: &'a [&'a Foreign],
    loose: &'a BTreeSet<usize>,
}

impl Delta<'_> {
    /// Returns the place of a table whose rows could not be updated in place.
    async fn apply(&self) -> Result<Option<usize>> {
        let loose = |key: &Foreign| key.acts && self.loose.contains(&key.parent_place);
        defer(self.txn, self.keys, loose).await?;
        let (updated, replaced): (Vec<_>, Vec<_>) =
            self.tables().partition(|(place, _)| self.is_updated(*place));
        for (place, table) in replaced.iter().rev() {
            self.run(table, &delete_changed(*place, table)).await?;
        }
        for (place, table) in &updated {
            if let Some(sql) = update(*place, table) {
                match self.txn.batch_execute(&sql).await {
                    Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                        return Ok(Some(*place));
                    }
                    outcome => outcome.map_err(postgres(doing(table)))?,
                }
            }
        }
        for (place, table) in updated.iter().rev() {
            self.refuse_orphans(*place, table).await?;
            let sql = format!(
                "DELETE FROM {} AS t WHERE {}",
                quote(&table.postgres),
                gone("t", *place, table)
            );
            self.run(table, &sql).await?;
        }
        for (place, table) in self.tables() {
            self.run(table, &insert(place, table, self.is_updated(place))).await?;
        }
        restore(self.txn, self.keys, loose).await?;
        Ok(None)
    }

    fn tables(&self) -> impl Iterator<Item = (usize, &Table)> {
        self.staged.iter().filter_map(|place| Some((*place, self.plan.tables.get(*place)?)))
    }

    /// Tells whether rows of a table must not be deleted while they are there.
    fn is_updated(&self, place: usize) -> bool {
        !self.loose.contains(&place)
            && self.keys.iter().any(|key| key.acts && key.parent_place == place)
    }

    /// Refuses to delete a row that another still refers to: a cascade would take that along, though
    /// it did not change in the source.
    async fn refuse_orphans(&self, place: usize, table: &Table) -> Result<()> {
        for key in self.keys.iter().filter(|key| key.acts && key.parent_place == place) {
            let on: Vec<_> = key
                .child_columns
                .iter()
                .zip(&key.parent_columns)
                .map(|(child, parent)| format!("c.{} = p.{}", quote(child), quote(parent)))
                .collect();
            let mut sql = format!(
                "SELECT FROM {} AS c JOIN {} AS p ON {} WHERE {}",
                key.child,
                quote(&table.postgres),
                on.join(" AND "),
                gone("p", place, table)
            );
            let child = key.child_place.filter(|child| self.staged.contains(child));
            if let Some(child) = child
                && let Some(table) = self.plan.tables.get(child)
                && !table.key.is_empty()
            {
                sql = format!("{sql} AND NOT ({})", gone("c", child, table));
            }
            let found = self.txn.query_opt(&format!("{sql} LIMIT 1"), &[]).await;
            if found.map_err(postgres(doing(table)))?.is_some() {
                return Err(Error::refused(format!(
                    "a row of {} was deleted in the source while a row of {} refers to it: the \
                     application writes with foreign keys off. Correct it in the source and run the \
                     command again",
                    table.sqlite, key.child
                )));
            }
        }
        Ok(())
    }

    async fn run(&self, table: &Table, sql: &str) -> Result<()> {
        self.txn.batch_execute(sql).await.map_err(postgres(doing(table)))
    }
}

fn doing(table: &Table) -> String {
    format!("applying changes of table {}", table.postgres)
}

/// Compares the keys of two aliases of a table.
fn same_key(one: &str, other: &str, table: &Table) -> String {
    let terms: Vec<_> = key_columns(table)
        .map(|column| quote(&column.postgres))
        .map(|name| format!("{one}.{name} = {other}.{name}"))
        .collect();
    terms.join(" AND ")
}

/// The condition for a row of an alias whose key changed.
fn changed(alias: &str, place: usize, table: &Table) -> String {
    let names: Vec<_> =
        key_columns(table).map(|column| format!("{alias}.{}", quote(&column.postgres))).collect();
    format!(
        "({}) IN (SELECT {} FROM {})",
        names.join(", "),
        list(key_columns(table)),
        keys_table(place)
    )
}

/// The condition for a row of an alias that the source has no more.
fn gone(alias: &str, place: usize, table: &Table) -> String {
    format!(
        "{} AND NOT EXISTS (SELECT FROM {} AS r WHERE {})",
        changed(alias, place, table),
        rows_table(place),
        same_key("r", alias, table)
    )
}

fn delete_changed(place: usize, table: &Table) -> String {
    let name = quote(&table.postgres);
    if table.key.is_empty() {
        return format!("DELETE FROM {name}");
    }
    format!("DELETE FROM {name} AS t WHERE {}", changed("t", place, table))
}

/// Updates the rows that are there; `None` for a table that has nothing but its key.
fn update(place: usize, table: &Table) -> Option<String> {
    let others = table.columns.iter().enumerate().filter(|(place, _)| !table.key.contains(place));
    let set: Vec<_> = others
        .map(|(_, column)| quote(&column.postgres))
        .map(|name| format!("{name} = r.{name}"))
        .collect();
    if set.is_empty() {
        return None;
    }
    Some(format!(
        "UPDATE {} AS t SET {} FROM {} AS r WHERE {}",
        quote(&table.postgres),
        set.join(", "),
        rows_table(place),
        same_key("r", "t", table)
    ))
}

fn insert(place: usize, table: &Table, some_are_there: bool) -> String {
    let (name, columns) = (quote(&table.postgres), list(table.columns.iter()));
    let mut sql = format!(
        "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {} AS r",
        rows_table(place)
    );
    if some_are_there {
        let same = same_key("t", "r", table);
        sql = format!("{sql} WHERE NOT EXISTS (SELECT FROM {name} AS t WHERE {same})");
    }
    sql
}
