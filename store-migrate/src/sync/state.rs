//! How far the changes of a source are applied, kept in the target.

use tokio_postgres::{Client, GenericClient, Transaction};

use super::capture::Mark;
use crate::error::postgres;
use crate::model::Table;
use crate::{Error, Result};

/// How far a migration is in the changes of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    token: String,
    schema: String,
    /// The last change that is in the target.
    pub(crate) applied: i64,
    /// The last change behind which source and target were compared: from there it goes on.
    pub(crate) verified: i64,
}

const DOING: &str = "keeping how far changes are applied";

/// Notes where a first copy begins, in the transaction that begins the migration.
pub(crate) async fn begin(txn: &Transaction<'_>, migration: &str, mark: &Mark) -> Result<()> {
    txn.execute(
        "INSERT INTO _migrate_sync VALUES ($1, $2, $3, $4, $4)",
        &[&migration, &mark.token, &mark.schema, &mark.seq],
    )
    .await
    .map(drop)
    .map_err(postgres(DOING))
}

/// Reads the position; `None` when the changes of the source are not captured.
pub(crate) async fn read(client: &Client, migration: &str) -> Result<Option<Position>> {
    let there = client
        .query_one("SELECT to_regclass('_migrate_sync') IS NOT NULL", &[])
        .await
        .map_err(postgres(DOING))?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client
        .query_opt(
            "SELECT token, source_schema, applied, verified FROM _migrate_sync WHERE migration = $1",
            &[&migration],
        )
        .await
        .map_err(postgres(DOING))?;
    Ok(row.map(|row| Position {
        token: row.get(0),
        schema: row.get(1),
        applied: row.get(2),
        verified: row.get(3),
    }))
}

impl Position {
    /// Refuses a source in which changes could have happened that were not captured.
    pub(crate) fn check(&self, mark: Option<&Mark>) -> Result<()> {
        let anew = "Begin anew: `store-migrate clean --from` for the source, `clean --to … --force` \
                    for the target, and `run --capture` with --replace";
        let Some(mark) = mark else {
            return Err(Error::refused(format!(
                "the triggers that capture changes are no longer in the source: what changed since \
                 cannot be known. {anew}"
            )));
        };
        if mark.token != self.token {
            return Err(Error::refused(format!(
                "the triggers of the source were removed and made again since the first copy: what \
                 changed between cannot be known. {anew}"
            )));
        }
        if mark.schema != self.schema {
            return Err(Error::refused(format!(
                "the schema of the source changed since the first copy: its tables and triggers are \
                 not those that were planned with. {anew}"
            )));
        }
        if mark.pruned > self.verified || mark.seq < self.applied {
            return Err(Error::refused(format!(
                "the changes in the source do not follow those in the target: one of them was \
                 restored from a backup, or the source has another target. {anew}"
            )));
        }
        Ok(())
    }
}

/// Notes what is applied, in the transaction that does.
///
/// # Errors
/// `Refused` when another process applied changes meanwhile.
pub(super) async fn apply(
    txn: &Transaction<'_>,
    migration: &str,
    before: &Position,
    applied: i64,
) -> Result<()> {
    // Whoever comes second waits for the row, and then finds another position in it.
    let changed = txn
        .execute(
            "UPDATE _migrate_sync SET applied = $4 \
             WHERE migration = $1 AND applied = $2 AND verified = $3",
            &[&migration, &before.applied, &before.verified, &applied],
        )
        .await
        .map_err(postgres(DOING))?;
    if changed == 1 {
        return Ok(());
    }
    Err(Error::refused("another process applies changes to this target: let it end first"))
}

/// Notes that both sides were compared behind a change.
pub(super) async fn verified(client: &impl GenericClient, migration: &str, seq: i64) -> Result<()> {
    client
        .execute(
            "UPDATE _migrate_sync SET verified = $2 WHERE migration = $1 AND applied = $2",
            &[&migration, &seq],
        )
        .await
        .map(drop)
        .map_err(postgres(DOING))
}

/// Lets tables be copied anew, from a snapshot whose last change is `seq`.
pub(super) async fn copy_anew(
    client: &mut Client,
    migration: &str,
    tables: &[Table],
    seq: i64,
) -> Result<()> {
    let txn = client.transaction().await.map_err(postgres(DOING))?;
    crate::postgres::clear(&txn, tables).await?;
    for table in tables {
        txn.execute(
            "DELETE FROM _migrate_batches WHERE migration = $1 AND table_name = $2",
            &[&migration, &table.sqlite],
        )
        .await
        .map_err(postgres(DOING))?;
    }
    txn.execute(
        "UPDATE _migrate_sync SET applied = $2, verified = $2 WHERE migration = $1",
        &[&migration, &seq],
    )
    .await
    .map_err(postgres(DOING))?;
    txn.commit().await.map_err(postgres(DOING))
}
