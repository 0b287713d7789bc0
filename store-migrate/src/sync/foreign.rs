//! Foreign keys of the target while a delta is applied.
//!
//! Rows of a delta are written table by table, so in between a foreign key may be broken that holds
//! at the end: its check is put off to there. `ALTER CONSTRAINT` does that within the transaction,
//! which takes it back before it commits: nobody else sees it, and nothing of it is left.

use tokio_postgres::Transaction;

use crate::Result;
use crate::error::postgres;
use crate::model::Plan;

/// A foreign key.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    name: String,
    /// The table that refers, quoted, and its place in the plan.
    pub(super) child: String,
    pub(super) child_place: Option<usize>,
    /// The place of the table that is referred to.
    pub(super) parent_place: usize,
    /// Whether deleting a row does more than a check that can be put off: cascades, sets NULL.
    pub(super) acts: bool,
    deferrable: bool,
    definition: String,
    pub(super) child_columns: Vec<String>,
    pub(super) parent_columns: Vec<String>,
}

const QUERY: &str = "SELECT c.conname::text, c.conrelid::regclass::text, child.relname::text, \
     child.relnamespace = parent.relnamespace, parent.relname::text, c.confdeltype <> 'a', \
     c.condeferrable, pg_get_constraintdef(c.oid), \
     ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place) \
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number \
           ORDER BY k.place), \
     ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place) \
           JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number \
           ORDER BY k.place) \
     FROM pg_constraint c JOIN pg_class parent ON parent.oid = c.confrelid \
     JOIN pg_class child ON child.oid = c.conrelid \
     WHERE c.contype = 'f' AND c.conparentid = 0 \
     AND parent.relnamespace = current_schema()::regnamespace ORDER BY c.conname";

/// Returns the foreign keys that refer to tables of a plan.
pub(super) async fn foreign_keys(txn: &Transaction<'_>, plan: &Plan) -> Result<Vec<Foreign>> {
    let rows = txn.query(QUERY, &[]).await.map_err(postgres("looking at foreign keys"))?;
    let place = |name: &str| plan.tables.iter().position(|table| table.postgres == name);
    let mut found = Vec::new();
    for row in rows {
        let Some(parent_place) = place(row.get(4)) else { continue };
        found.push(Foreign {
            name: crate::postgres::quote(row.get(0)),
            child: row.get(1),
            child_place: if row.get(3) { place(row.get(2)) } else { None },
            parent_place,
            acts: row.get(5),
            deferrable: row.get(6),
            definition: row.get(7),
            child_columns: row.get(8),
            parent_columns: row.get(9),
        });
    }
    Ok(found)
}

/// Puts checks off to the end of the transaction. Foreign keys for which `loose` says so are taken
/// off: what they do when a row is deleted cannot be put off.
pub(super) async fn defer(
    txn: &Transaction<'_>,
    keys: &[&Foreign],
    loose: impl Fn(&Foreign) -> bool,
) -> Result<()> {
    for key in keys {
        if loose(key) {
            alter(txn, key, &format!("DROP CONSTRAINT {}", key.name)).await?;
        } else if !key.deferrable {
            let what = format!("ALTER CONSTRAINT {} DEFERRABLE INITIALLY DEFERRED", key.name);
            alter(txn, key, &what).await?;
        }
    }
    run(txn, "SET CONSTRAINTS ALL DEFERRED").await
}

/// Checks everything now, and makes the foreign keys what they were.
pub(super) async fn restore(
    txn: &Transaction<'_>,
    keys: &[&Foreign],
    loose: impl Fn(&Foreign) -> bool,
) -> Result<()> {
    run(txn, "SET CONSTRAINTS ALL IMMEDIATE").await?;
    for key in keys {
        if loose(key) {
            alter(txn, key, &format!("ADD CONSTRAINT {} {}", key.name, key.definition)).await?;
        } else if !key.deferrable {
            alter(txn, key, &format!("ALTER CONSTRAINT {} NOT DEFERRABLE", key.name)).await?;
        }
    }
    Ok(())
}

async fn alter(txn: &Transaction<'_>, key: &Foreign, what: &str) -> Result<()> {
    run(txn, &format!("ALTER TABLE {} {what}", key.child)).await
}

async fn run(txn: &Transaction<'_>, sql: &str) -> Result<()> {
    txn.batch_execute(sql).await.map_err(postgres("applying changes: checking foreign keys"))
}
