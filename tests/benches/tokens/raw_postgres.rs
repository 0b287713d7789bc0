//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use store_core::tokens::SecretHash;
use store_core::{Clock as _, SystemClock, TokenId};
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Json, Pool, connect, read, system_time};
use crate::operation::{ACTOR, Operation, Seeded};
use crate::rows::{
    DETAILS, EMPTY, HEAD, NEW_ENTRY, NEW_TOKEN, SCOPES, TOKEN, TOKEN_LAYOUT, unique,
};

fn now() -> Result<SystemTime> {
    system_time(SystemClock.now())
}

/// A connection with its statements.
struct Connection {
    client: Client,
    look_up: Statement,
    family: Statement,
    lock: Statement,
    replace: Statement,
    insert: Statement,
    append: Statement,
    advance: Statement,
    notify: Statement,
}

impl Connection {
    async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        let token = "service_tokens";
        let heads = "service_token_audit_heads";
        let find = format!("SELECT {TOKEN} FROM {token} WHERE secret_hash = ANY ($1)");
        let family = format!("SELECT family FROM {token} WHERE identifier = $1");
        let lock = format!(
            "INSERT INTO {heads} ({HEAD}) SELECT id, 0, $2 FROM unnest($1::text[]) AS ids (id) \
             ON CONFLICT (identifier) DO UPDATE SET sequence = {heads}.sequence RETURNING {HEAD}"
        );
        let replace = format!(
            "UPDATE {token} SET rotated_to = $2, rotated_at = $3, rotation_expires_at = $3, \
             ends_at = $3 WHERE identifier = $1 AND revoked_at IS NULL AND rotated_to IS NULL \
             RETURNING {TOKEN}"
        );
        let insert = format!(
            "INSERT INTO {token} ({NEW_TOKEN}) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $8, $9, $5, 28)"
        );
        let append = format!(
            "INSERT INTO service_token_audit ({NEW_ENTRY}) \
             SELECT id, sequence, 'created', $3, $4, $5, $6 \
             FROM unnest($1::text[], $2::bigint[]) AS entries (id, sequence)"
        );
        let advance = format!(
            "INSERT INTO {heads} ({HEAD}) \
             SELECT id, sequence, $3 FROM unnest($1::text[], $2::bigint[]) AS entries (id, sequence) \
             ON CONFLICT (identifier) DO UPDATE SET sequence = excluded.sequence, \
             hash = excluded.hash"
        );
        let notify = "SELECT pg_notify('service_tokens_raw', $1)";
        Ok(Self {
            look_up: client.prepare(&find).await?,
            family: client.prepare(&family).await?,
            lock: client.prepare(&lock).await?,
            replace: client.prepare(&replace).await?,
            insert: client.prepare(&insert).await?,
            append: client.prepare(&append).await?,
            advance: client.prepare(&advance).await?,
            notify: client.prepare(notify).await?,
            client,
        })
    }

    async fn look_up(&self, hash: SecretHash) -> Result<()> {
        let hashes = vec![hash.as_bytes().to_vec()];
        let found = self.client.query(&self.look_up, &[&hashes]).await?;
        expect(found.len(), 1)?;
        read(&found, &TOKEN_LAYOUT)
    }

    async fn mint(&self) -> Result<()> {
        let (id, hash) = unique();
        self.client.batch_execute("BEGIN").await?;
        self.lock(&[id.as_str()]).await?;
        self.insert(&id, &hash, None, &id).await?;
        self.append(&[id.as_str()], &[1]).await?;
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    async fn rotate(&self, old: &str) -> Result<String> {
        let (id, hash) = unique();
        self.client.batch_execute("BEGIN").await?;
        let family: String = self.client.query_one(&self.family, &[&old]).await?.try_get(0)?;
        let heads = self.lock(&[family.as_str(), old, id.as_str()]).await?;
        let last = heads.iter().find(|(head, _)| head == old).map_or(0, |(_, sequence)| *sequence);
        let now = now()?;
        let replaced = self.client.query(&self.replace, &[&old, &id, &now]).await?;
        expect(replaced.len(), 1)?;
        read(&replaced, &TOKEN_LAYOUT)?;
        self.insert(&id, &hash, Some(old), &family).await?;
        self.append(&[old, id.as_str()], &[last + 1, 1]).await?;
        self.client.execute(&self.notify, &[&old]).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(id)
    }

    async fn lock(&self, ids: &[&str]) -> Result<Vec<(String, i64)>> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let zeros = vec![0_u8; 32];
        let heads = self.client.query(&self.lock, &[&ids, &zeros]).await?;
        let head = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        heads.iter().map(head).collect()
    }

    async fn insert(&self, id: &str, hash: &[u8], from: Option<&str>, family: &str) -> Result<()> {
        let (scopes, empty, now) = (Json(SCOPES), Json(EMPTY), now()?);
        let inserted = self
            .client
            .execute(
                &self.insert,
                &[&id, &hash, &ACTOR, &scopes, &empty, &now, &ACTOR, &from, &family],
            )
            .await?;
        expect(usize::try_from(inserted)?, 1)
    }

    async fn append(&self, ids: &[&str], sequences: &[i64]) -> Result<()> {
        let (details, now, hash) = (Json(DETAILS), now()?, vec![7_u8; 32]);
        self.client
            .execute(&self.append, &[&ids, &sequences, &ACTOR, &details, &now, &hash])
            .await?;
        self.client.execute(&self.advance, &[&ids, &sequences, &hash]).await?;
        Ok(())
    }
}

/// The connections, and what they work with.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    seeded: Arc<Seeded>,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str, seeded: Arc<Seeded>) -> Result<Self> {
        Ok(Self { pool: Pool::open(async || Connection::open(schema).await).await?, seeded })
    }

    /// Lets the planner know what was put into the tables.
    pub(crate) async fn analyze(&self) -> Result<()> {
        let conn = self.pool.take()?;
        let tables = "ANALYZE service_tokens, service_token_audit, service_token_audit_heads";
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
            async move { run(&conn, operation, &seeded).await }
        };
        self.pool.measure(callers, round, measured).await
    }
}

async fn run(conn: &Connection, operation: Operation, seeded: &Seeded) -> Result<bool> {
    match operation {
        Operation::Authenticate | Operation::AuthenticateCached => {
            conn.look_up(SecretHash::of(seeded.next())).await?;
        }
        Operation::Mint => conn.mint().await?,
        Operation::Rotate => {
            let Some(token) = seeded.take() else { return Ok(false) };
            let successor = conn.rotate(token.as_str()).await?;
            seeded.give_back(TokenId::new(successor)?);
        }
    }
    Ok(true)
}
