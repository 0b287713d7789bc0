//! Holding a migration up exactly where it notes what it did.

use std::process::Child;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;

use crate::support::{Schema, Source, moved};

/// A trigger on what a migration notes, which waits for the test once enough is noted.
pub(crate) struct Gate {
    client: Client,
    key: i64,
}

impl Gate {
    /// Waits where a batch is noted, before its transaction commits.
    pub(crate) async fn at_batches(source: &Source, schema: &Schema) -> Self {
        let noted = "SELECT count(*) FROM _migrate_batches";
        Self::install(source, schema, "BEFORE INSERT ON _migrate_batches", noted).await
    }

    /// Waits where an index or a constraint is noted, before its transaction commits.
    pub(crate) async fn at_objects(source: &Source, schema: &Schema) -> Self {
        let noted = "SELECT count(*) FROM _migrate_objects WHERE done";
        Self::install(source, schema, "BEFORE UPDATE ON _migrate_objects", noted).await
    }

    async fn install(source: &Source, schema: &Schema, event: &str, noted: &str) -> Self {
        // A migration that is forgotten leaves the tables the trigger is for.
        moved(&source.url(), &schema.url()).await;
        schema.sql("DELETE FROM _migrate_state; DELETE FROM history_executions").await;
        let client = schema.connect().await;
        let sql = "SELECT oid::int8 FROM pg_namespace WHERE nspname = current_schema()";
        let key: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        client
            .batch_execute(&format!(
                "CREATE TABLE gate (allowed int8); INSERT INTO gate VALUES (0);
                 CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     IF ({noted}) >= (SELECT allowed FROM gate) THEN
                         PERFORM pg_advisory_xact_lock({key});
                     END IF;
                     RETURN NEW;
                 END $$;
                 CREATE TRIGGER at_gate {event} FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
                 SELECT pg_advisory_lock({key})"
            ))
            .await
            .unwrap();
        Self { client, key }
    }

    /// Lets so many pass in all; the next one waits.
    pub(crate) async fn allow(&self, count: i64) {
        self.client.execute("UPDATE gate SET allowed = $1", &[&count]).await.unwrap();
    }

    async fn waiting(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
            AND objid::int8 = $1";
        self.client.query_one(sql, &[&self.key]).await.unwrap().get(0)
    }

    /// Returns true once the process waits at the gate, false when it ended.
    pub(crate) async fn waits_or_ends(&self, child: &mut Child) -> bool {
        for _ in 0..20_000 {
            if self.waiting().await > 0 {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(3)).await;
        }
        panic!("it neither waits nor ends");
    }

    /// Opens the gate until all who waited are through, and closes it.
    pub(crate) async fn let_go(&self) {
        self.client.execute("SELECT pg_advisory_unlock($1)", &[&self.key]).await.unwrap();
        while self.waiting().await > 0 {
            sleep(Duration::from_millis(3)).await;
        }
        self.client.execute("SELECT pg_advisory_lock($1)", &[&self.key]).await.unwrap();
    }
}
