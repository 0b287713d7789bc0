//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use store_core::{Clock as _, CredentialId, SystemClock};
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Id, Json, Pool, connect, read, system_time};
use crate::operation::{ACTOR, BATCH, Operation, REWRAPPED, Seeded, WORKFLOW};
use crate::rows::{
    CREDENTIAL, CREDENTIAL_LAYOUT, DETAILS, EMPTY, HEAD, KEY_ID, NEW_CREDENTIAL, NEW_ENTRY,
    NEW_SECRET, opened, sealed,
};

fn now() -> Result<SystemTime> {
    system_time(SystemClock.now())
}

/// A connection with its statements.
struct Connection {
    client: Client,
    list: Statement,
    hold: Statement,
    open: Statement,
    key: Statement,
    insert: Statement,
    seal: Statement,
    append: Statement,
    advance: Statement,
    next: Statement,
    replace: Statement,
}

impl Connection {
    async fn open(schema: &str, turned: &str) -> Result<Self> {
        let client = connect(schema).await?;
        let reach = |set: &str| format!("({set} = '[]' OR {set} @> $1)");
        let list = format!(
            "SELECT {CREDENTIAL} FROM vault_credentials WHERE {} AND workspace_ids = '[]' \
             AND roles = '[]' ORDER BY created_at DESC, id DESC LIMIT 20",
            reach("workflow_ids")
        );
        let hold = format!(
            "SELECT {CREDENTIAL}, head.sequence, head.hash FROM vault_credentials \
             JOIN vault_audit_heads AS head ON subject_id = id WHERE id = $1 FOR UPDATE"
        );
        let insert = format!(
            "INSERT INTO vault_credentials ({NEW_CREDENTIAL}) VALUES ($1, $2, $2, 'slack', $3, $3, \
             $3, $3, 'secret', 'unknown', $4, 1, $5, 0, FALSE, FALSE, 0, $5, $5, 1, 8)"
        );
        let seal = format!(
            "INSERT INTO vault_secrets ({NEW_SECRET}) VALUES ($1, 'secret', 1, $2, $3, $4, $5)"
        );
        let append = format!(
            "INSERT INTO vault_audit ({NEW_ENTRY}) \
             VALUES ($1, $2, 'credential', 'revealed', $3, $4, $5, $6)"
        );
        let advance = format!(
            "INSERT INTO vault_audit_heads ({HEAD}) VALUES ($1, $2, $3) \
             ON CONFLICT (subject_id) DO UPDATE SET sequence = excluded.sequence, \
             hash = excluded.hash"
        );
        let open = "SELECT envelope FROM vault_secrets WHERE credential_id = $1 \
            AND field = 'secret' ORDER BY version DESC LIMIT 1";
        let key = "SELECT key_id FROM vault_keys WHERE key_id = $1 FOR SHARE";
        let next = format!(
            "SELECT credential_id, envelope FROM \"{turned}\".vault_secrets \
             WHERE credential_id > $1 ORDER BY credential_id LIMIT $2 FOR UPDATE"
        );
        let replace = format!(
            "UPDATE \"{turned}\".vault_secrets AS there SET envelope = one.envelope \
             FROM unnest($1::uuid[], $2::bytea[]) AS one (id, envelope) \
             WHERE credential_id = one.id"
        );
        Ok(Self {
            list: client.prepare(&list).await?,
            hold: client.prepare(&hold).await?,
            open: client.prepare(open).await?,
            key: client.prepare(key).await?,
            insert: client.prepare(&insert).await?,
            seal: client.prepare(&seal).await?,
            append: client.prepare(&append).await?,
            advance: client.prepare(&advance).await?,
            next: client.prepare(&next).await?,
            replace: client.prepare(&replace).await?,
            client,
        })
    }

    async fn list(&self) -> Result<()> {
        let within = Json(format!("[\"{WORKFLOW}\"]"));
        let found = self.client.query(&self.list, &[&within]).await?;
        expect(found.len(), 20)?;
        read(&found, &CREDENTIAL_LAYOUT)
    }

    async fn reveal(&self, id: CredentialId) -> Result<()> {
        let id = Id(id.as_uuid().into_bytes());
        self.client.batch_execute("BEGIN").await?;
        let held = self.client.query(&self.hold, &[&id]).await?;
        expect(held.len(), 1)?;
        read(&held, &CREDENTIAL_LAYOUT)?;
        let envelope: Vec<u8> = self.client.query_one(&self.open, &[&id]).await?.try_get(0)?;
        opened(&envelope)?;
        let sequence: i64 = held[0].try_get(22)?;
        self.append(id, sequence + 1).await?;
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    async fn create(&self) -> Result<()> {
        let id = CredentialId::mint();
        let name = format!("raw {id}");
        let (id, empty, now) = (Id(id.as_uuid().into_bytes()), Json(EMPTY), now()?);
        self.client.batch_execute("BEGIN").await?;
        self.client.query_one(&self.key, &[&KEY_ID]).await?;
        self.client.execute(&self.insert, &[&id, &name, &empty, &KEY_ID, &now]).await?;
        let envelope = sealed()?;
        self.client.execute(&self.seal, &[&id, &KEY_ID, &envelope, &now, &ACTOR]).await?;
        self.append(id, 1).await?;
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    async fn append(&self, id: Id, sequence: i64) -> Result<()> {
        let (details, now, hash) = (Json(DETAILS), now()?, vec![7_u8; 32]);
        self.client.execute(&self.append, &[&id, &sequence, &ACTOR, &details, &now, &hash]).await?;
        self.client.execute(&self.advance, &[&id, &sequence, &hash]).await?;
        Ok(())
    }

    async fn rewrap(&self) -> Result<()> {
        let (mut after, mut values) = (Id([0; 16]), 0);
        loop {
            self.client.batch_execute("BEGIN").await?;
            let found = self.client.query(&self.next, &[&after, &i64::from(BATCH)]).await?;
            let mut ids = Vec::with_capacity(found.len());
            let mut envelopes: Vec<Vec<u8>> = Vec::with_capacity(found.len());
            for row in &found {
                ids.push(row.try_get::<_, Id>(0)?);
                let envelope: Vec<u8> = row.try_get(1)?;
                opened(&envelope)?;
                // As much work, and the values stay those of the store.
                black_box(sealed()?);
                envelopes.push(envelope);
            }
            let Some(last) = ids.last() else { break };
            after = *last;
            self.client.execute(&self.replace, &[&ids, &envelopes]).await?;
            self.client.batch_execute("COMMIT").await?;
            values += ids.len();
        }
        self.client.batch_execute("COMMIT").await?;
        expect(values, u32::try_from(REWRAPPED)?)
    }
}

/// The connections, and what they work with.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    seeded: Arc<Seeded>,
}

impl RawPostgres {
    /// Connects to a schema, and to the one whose values are rewrapped.
    pub(crate) async fn connect(schema: &str, turned: &str, seeded: Arc<Seeded>) -> Result<Self> {
        let pool = Pool::open(async || Connection::open(schema, turned).await).await?;
        Ok(Self { pool, seeded })
    }

    /// Lets the planner know what was put into the tables.
    pub(crate) async fn analyze(&self) -> Result<()> {
        let conn = self.pool.take()?;
        let tables = "ANALYZE vault_credentials, vault_secrets, vault_audit, vault_audit_heads";
        let outcome = conn.client.batch_execute(tables).await;
        self.pool.give_back(conn);
        Ok(outcome?)
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let seeded = Arc::clone(&self.seeded);
        let measured = move |conn: Arc<Connection>, _caller| {
            let seeded = Arc::clone(&seeded);
            async move {
                match operation {
                    Operation::List => conn.list().await?,
                    Operation::Reveal => conn.reveal(seeded.next()).await?,
                    Operation::Create => conn.create().await?,
                    Operation::Rewrap => conn.rewrap().await?,
                }
                Ok(true)
            }
        };
        self.pool.measure(callers, round, measured).await
    }
}
