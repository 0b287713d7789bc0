//! Taking off what slows a load down, and putting it back.

use tokio_postgres::{Client, Transaction};

use super::{State, quote};
use crate::error::postgres;
use crate::model::{Step, Table};
use crate::{Error, Result};

/// Constraints of a table but NOT NULL, those that are dropped first behind: primary keys
/// and unique ones, then foreign keys.
const CONSTRAINTS: &str = "SELECT c.conname::text, c.contype::text, pg_get_constraintdef(c.oid) \
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
     WHERE t.relname = $1 AND t.relnamespace = current_schema()::regnamespace \
     AND c.contype IN ('p', 'u', 'f', 'x', 'c') AND c.conparentid = 0 \
     ORDER BY c.contype = 'f', c.conname";

/// Indexes of a table that belong to no constraint. That of a partitioned table is given as one of
/// the table alone, and is to be made with those of its partitions.
const INDEXES: &str = "SELECT i.relname::text, CASE i.relkind WHEN 'I' \
     THEN replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON ') ELSE pg_get_indexdef(i.oid) END \
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
     JOIN pg_class t ON t.oid = x.indrelid \
     WHERE t.relname = $1 AND t.relnamespace = current_schema()::regnamespace \
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u', 'x')) \
     ORDER BY i.relname";

/// Returns the constraints and indexes of tables as steps that make them again, and drops them.
pub(crate) async fn detach(txn: &Transaction<'_>, tables: &[Table]) -> Result<Vec<Step>> {
    let doing = || "taking indexes and constraints off";
    let (mut keys, mut indexes, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    let mut checks = Vec::new();
    let mut drops = Vec::new();
    for table in tables {
        let name = quote(&table.postgres);
        for row in txn.query(CONSTRAINTS, &[&table.postgres]).await.map_err(postgres(doing()))? {
            let (constraint, kind, definition): (String, String, String) =
                (row.get(0), row.get(1), row.get(2));
            let quoted = quote(&constraint);
            let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {quoted} {definition}");
            let drop = format!("ALTER TABLE {name} DROP CONSTRAINT {quoted}");
            if kind == "c" {
                // It stays, and is looked for when both sides are compared.
                checks.push(Step { what: Step::CHECK.into(), name: constraint, sql });
            } else if kind == "f" {
                foreign.push(Step { what: "foreign key".into(), name: constraint, sql });
                // Before the keys they refer to.
                drops.insert(0, drop);
            } else {
                keys.push(Step { what: "constraint".into(), name: constraint, sql });
                drops.push(drop);
            }
        }
        for row in txn.query(INDEXES, &[&table.postgres]).await.map_err(postgres(doing()))? {
            let (index, sql): (String, String) = (row.get(0), row.get(1));
            drops.push(format!("DROP INDEX {}", quote(&index)));
            indexes.push(Step { what: "index".into(), name: index, sql });
        }
    }
    for drop in drops {
        txn.batch_execute(&drop).await.map_err(postgres(doing()))?;
    }
    keys.append(&mut indexes);
    keys.append(&mut foreign);
    keys.append(&mut checks);
    Ok(keys)
}

/// Builds what is pending, each step with its note in one transaction, and calls `each` before it.
///
/// With `keep_orphans` a foreign key that rows break is made `NOT VALID`: it holds for what is
/// written from then on.
pub(crate) async fn attach(
    client: &mut Client,
    migration: &str,
    keep_orphans: bool,
    each: &mut (dyn FnMut(&Step) -> Result<()> + Send),
) -> Result<Vec<String>> {
    client
        .batch_execute("SET maintenance_work_mem = '256MB'")
        .await
        .map_err(postgres("preparing to build indexes"))?;
    let mut not_valid = Vec::new();
    for (ordinal, step) in State::pending(client, migration).await? {
        each(&step)?;
        let built = build(client, migration, ordinal, &step, &step.sql).await;
        match built {
            Err(error) if keep_orphans && step.what == "foreign key" && is_orphan(&error) => {
                let sql = format!("{} NOT VALID", step.sql);
                build(client, migration, ordinal, &step, &sql).await?;
                not_valid.push(step.name);
            }
            Err(error) if step.what == "foreign key" && is_orphan(&error) => {
                return Err(Error::refused(format!(
                    "{error}. Rows of the source refer to rows that are not there, or that were set \
                     aside: run the same command again with --keep-orphans to make this foreign key \
                     NOT VALID, or repair the source, `clean --force` the target and begin anew with \
                     --replace"
                )));
            }
            other => other?,
        }
    }
    Ok(not_valid)
}

async fn build(
    client: &mut Client,
    migration: &str,
    ordinal: i64,
    step: &Step,
    sql: &str,
) -> Result<()> {
    let doing = || format!("building {} {}", step.what, step.name);
    let txn = client.transaction().await.map_err(postgres(doing()))?;
    txn.batch_execute(sql).await.map_err(postgres(doing()))?;
    State::done(&txn, migration, ordinal).await?;
    txn.commit().await.map_err(postgres(doing()))
}

fn is_orphan(error: &crate::Error) -> bool {
    use tokio_postgres::error::SqlState;

    match error {
        crate::Error::Postgres { source: Some(source), .. } => {
            source.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION)
        }
        _ => false,
    }
}

/// Empties tables.
pub(crate) async fn clear(txn: &Transaction<'_>, tables: &[Table]) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = tables.iter().map(|table| quote(&table.postgres)).collect();
    txn.batch_execute(&format!("TRUNCATE {}", names.join(", ")))
        .await
        .map_err(postgres("emptying the tables of the target"))
}

/// Gathers what the planner has to know of new rows.
pub(crate) async fn analyze(client: &Client, tables: &[Table]) -> Result<()> {
    for table in tables {
        client
            .batch_execute(&format!("ANALYZE {}", quote(&table.postgres)))
            .await
            .map_err(postgres(format!("analyzing table {}", table.postgres)))?;
    }
    Ok(())
}

/// Sets the sequence behind a column ahead of every row, and of `value` if there is one. A sequence
/// that is ahead already stays.
pub(crate) async fn advance(
    client: &Client,
    table: &str,
    column: &str,
    value: Option<i64>,
) -> Result<()> {
    let (name, quoted) = (quote(table), quote(column));
    // Nothing is known of a table without rows and a counter that never gave a value.
    let sql = format!(
        "SELECT setval(pg_get_serial_sequence($1, $2)::regclass, ahead) FROM (\
         SELECT greatest($3, (SELECT max({quoted}) FROM {name}), \
         (SELECT last_value FROM pg_sequences WHERE schemaname = current_schema() \
          AND format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence($1, $2))) AS ahead\
         ) AS found WHERE ahead > 0"
    );
    client
        .execute(&sql, &[&name, &column, &value])
        .await
        .map(drop)
        .map_err(postgres(format!("setting the sequence of {table}.{column}")))
}

/// Returns the last value the sequence behind a column gave; `None` when it gave none.
pub(crate) async fn counter(client: &Client, table: &str, column: &str) -> Result<Option<i64>> {
    let row = client
        .query_opt(
            "SELECT last_value FROM pg_sequences WHERE schemaname = current_schema() \
             AND format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence($1, $2)",
            &[&quote(table), &column],
        )
        .await
        .map_err(postgres(format!("reading the sequence of {table}.{column}")))?;
    Ok(row.and_then(|row| row.get(0)))
}
