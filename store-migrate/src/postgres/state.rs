//! The state of a migration whose target is a PostgreSQL schema.

use tokio_postgres::{Client, GenericClient, Transaction};

use crate::error::postgres;
use crate::hash::TableSum;
use crate::model::Step;
use crate::state::{
    BatchNote, Copied, Migration, Pending, Phase, Quarantined, ddl, layout_word, migration, now,
};
use crate::{Error, Result};

/// The state as it is kept in a schema.
pub(crate) struct State;

const DOING: &str = "keeping the state of the migration";

impl State {
    /// Creates the tables of the state.
    pub(crate) async fn create(client: &impl GenericClient) -> Result<()> {
        client.batch_execute(&ddl("BYTEA")).await.map_err(postgres(DOING))
    }

    /// Returns every migration into this schema.
    pub(crate) async fn all(client: &impl GenericClient) -> Result<Vec<Migration>> {
        let there = client
            .query_one("SELECT to_regclass('_migrate_state') IS NOT NULL", &[])
            .await
            .map_err(postgres(DOING))?;
        if !there.get::<_, bool>(0) {
            return Ok(Vec::new());
        }
        let rows = client
            .query(
                "SELECT id, source, target, layout, plan, phase FROM _migrate_state ORDER BY id",
                &[],
            )
            .await
            .map_err(postgres(DOING))?;
        rows.iter()
            .map(|row| {
                migration([row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5)])
            })
            .collect()
    }

    /// Notes a migration that begins, and what is built after its load.
    pub(crate) async fn begin(
        txn: &Transaction<'_>,
        migration: &Migration,
        after: &[Step],
    ) -> Result<()> {
        let plan = serde_json::to_string(&migration.plan)
            .map_err(|error| Error::refused(format!("the plan cannot be written: {error}")))?;
        txn.execute(
            "INSERT INTO _migrate_state VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
            &[
                &migration.id,
                &migration.source,
                &migration.target,
                &layout_word(migration.layout),
                &migration.plan.manifest_hash(),
                &plan,
                &migration.phase.as_str(),
                &now(),
            ],
        )
        .await
        .map_err(postgres(DOING))?;
        for (ordinal, step) in (0_i64..).zip(after) {
            txn.execute(
                "INSERT INTO _migrate_objects VALUES ($1, $2, $3, $4, $5, FALSE)",
                &[&migration.id, &ordinal, &step.what, &step.name, &step.sql],
            )
            .await
            .map_err(postgres(DOING))?;
        }
        Ok(())
    }

    /// Notes that a phase is done.
    pub(crate) async fn phase(client: &impl GenericClient, id: &str, phase: Phase) -> Result<()> {
        client
            .execute(
                "UPDATE _migrate_state SET phase = $2, updated_at = $3 WHERE id = $1",
                &[&id, &phase.as_str(), &now()],
            )
            .await
            .map(drop)
            .map_err(postgres(DOING))
    }

    /// Returns how far a table is.
    pub(crate) async fn copied(client: &Client, id: &str, table: &str) -> Result<Copied> {
        let rows = client
            .query(
                "SELECT batch, row_count, byte_count, quarantined, sum, position, last \
                 FROM _migrate_batches WHERE migration = $1 AND table_name = $2 ORDER BY batch",
                &[&id, &table],
            )
            .await
            .map_err(postgres(DOING))?;
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let mut copied = Copied::default();
        for row in rows {
            let sum: &[u8] = row.get(4);
            let sum = sum.try_into().map_err(|_length| {
                Error::refused("the state of the migration has a sum that is none")
            })?;
            copied.sum.merge(&TableSum::from_bytes(count(row.get(1)), &sum));
            copied.next = row.get::<_, i64>(0) + 1;
            copied.bytes += count(row.get(2));
            copied.quarantined += count(row.get(3));
            copied.position = Some(row.get(5));
            copied.complete = row.get(6);
        }
        Ok(copied)
    }

    /// Notes a batch, in the transaction of its rows.
    pub(crate) async fn note(txn: &Transaction<'_>, id: &str, note: &BatchNote) -> Result<()> {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let quarantined = i64::try_from(note.quarantined.len()).unwrap_or(i64::MAX);
        txn.execute(
            "INSERT INTO _migrate_batches VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                &id,
                &note.table,
                &note.batch,
                &signed(note.sum.rows),
                &signed(note.bytes),
                &quarantined,
                &note.sum.to_bytes().as_slice(),
                &note.position,
                &note.last,
            ],
        )
        .await
        .map_err(postgres(DOING))?;
        for value in &note.quarantined {
            Self::quarantine(txn, id, value).await?;
        }
        Ok(())
    }

    async fn quarantine(txn: &Transaction<'_>, id: &str, value: &Quarantined) -> Result<()> {
        txn.execute(
            "INSERT INTO _migrate_quarantine VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &id,
                &value.table,
                &value.key,
                &value.column,
                &value.stored_type,
                &value.raw,
                &value.reason,
            ],
        )
        .await
        .map(drop)
        .map_err(postgres(DOING))
    }

    /// Returns what is still to be built.
    pub(crate) async fn pending(client: &Client, id: &str) -> Result<Vec<Pending>> {
        let rows = client
            .query(
                "SELECT ordinal, what, name, sql FROM _migrate_objects \
                 WHERE migration = $1 AND NOT done AND what <> 'kept check' ORDER BY ordinal",
                &[&id],
            )
            .await
            .map_err(postgres(DOING))?;
        let step = |row: &tokio_postgres::Row| {
            (row.get(0), Step { what: row.get(1), name: row.get(2), sql: row.get(3) })
        };
        Ok(rows.iter().map(step).collect())
    }

    /// Returns everything that is built after the load.
    pub(crate) async fn objects(client: &Client, id: &str) -> Result<Vec<Step>> {
        let rows = client
            .query(
                "SELECT what, name, sql FROM _migrate_objects WHERE migration = $1 ORDER BY ordinal",
                &[&id],
            )
            .await
            .map_err(postgres(DOING))?;
        let step = |row: &tokio_postgres::Row| Step {
            what: row.get(0),
            name: row.get(1),
            sql: row.get(2),
        };
        Ok(rows.iter().map(step).collect())
    }

    /// Notes that something was built, in the transaction that did.
    pub(crate) async fn done(txn: &Transaction<'_>, id: &str, ordinal: i64) -> Result<()> {
        txn.execute(
            "UPDATE _migrate_objects SET done = TRUE WHERE migration = $1 AND ordinal = $2",
            &[&id, &ordinal],
        )
        .await
        .map(drop)
        .map_err(postgres(DOING))
    }

    /// Forgets a migration, with its quarantine.
    pub(crate) async fn forget(client: &impl GenericClient, id: &str) -> Result<()> {
        client
            .execute("DELETE FROM _migrate_state WHERE id = $1", &[&id])
            .await
            .map(drop)
            .map_err(postgres(DOING))
    }
}
