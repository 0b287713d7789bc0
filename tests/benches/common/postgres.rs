//! The raw driver on PostgreSQL: at most ten connections that are handed out in the order of
//! arrival, and values in the form they have on the wire.

use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use store_core::Timestamp;
use store_tests::fixture::postgres;
use tokio::sync::Semaphore;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use tokio_postgres::{Client, Row};

use super::Result;
use super::load::{Figures, closed_loop};
use super::rows::Layout;

/// As many connections as the store's pool has.
const CONNECTIONS: usize = 10;

/// Measures in a schema of its own, which is dropped afterwards.
pub(crate) async fn in_schema<T>(measure: impl AsyncFnOnce(&str) -> Result<T>) -> Result<T> {
    let client = postgres::connect().await;
    let fsync: String = client.query_one("SHOW fsync", &[]).await?.try_get(0)?;
    let commit: String = client.query_one("SHOW synchronous_commit", &[]).await?.try_get(0)?;
    if (fsync.as_str(), commit.as_str()) != ("on", "on") {
        let found = format!("fsync is {fsync}, synchronous_commit is {commit}");
        return Err(format!("{found}: without durable commits the numbers mean nothing").into());
    }
    let schema = postgres::unique_schema();
    let outcome = measure(&schema).await;
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await?;
    outcome
}

/// Connects to a schema.
pub(crate) async fn connect(schema: &str) -> Result<Client> {
    let client = postgres::connect().await;
    client.batch_execute(&format!("SET search_path TO \"{schema}\"")).await?;
    Ok(client)
}

/// Connections with their prepared statements.
pub(crate) struct Pool<C>(Arc<Mutex<Vec<Arc<C>>>>);

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Send + Sync + 'static> Pool<C> {
    /// Opens all connections.
    pub(crate) async fn open(open: impl AsyncFn() -> Result<C>) -> Result<Self> {
        let mut free = Vec::new();
        for _ in 0..CONNECTIONS {
            free.push(Arc::new(open().await?));
        }
        Ok(Self(Arc::new(Mutex::new(free))))
    }

    /// Measures one round of an operation; each call of it has a connection to itself.
    pub(crate) async fn measure<F, Fut>(
        &self,
        callers: usize,
        round: Duration,
        operation: F,
    ) -> Result<Figures>
    where
        F: Fn(Arc<C>, usize) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<bool>> + Send + 'static,
    {
        // Tokio's semaphore is fair: nobody overtakes, as in the store's pool.
        let permits = Arc::new(Semaphore::new(callers.min(CONNECTIONS)));
        let this = self.clone();
        closed_loop(callers, round, move |caller| {
            let (this, permits, operation) =
                (this.clone(), Arc::clone(&permits), operation.clone());
            async move {
                let _permit = permits.acquire().await?;
                let conn = this.take()?;
                let outcome = operation(Arc::clone(&conn), caller).await;
                this.give_back(conn);
                outcome
            }
        })
        .await
    }

    /// Takes a connection.
    pub(crate) fn take(&self) -> Result<Arc<C>> {
        let conn = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(conn.ok_or("there are fewer connections than callers of them")?)
    }

    /// Gives a connection back.
    pub(crate) fn give_back(&self, conn: Arc<C>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
    }
}

/// Reads every column, JSON parsed: the store returns values too.
pub(crate) fn read(found: &[Row], layout: &Layout) -> Result<()> {
    for row in found {
        for at in layout.ids.clone() {
            black_box(row.try_get::<_, Option<Id>>(at)?);
        }
        for at in layout.texts.clone() {
            black_box(row.try_get::<_, Option<String>>(at)?);
        }
        for at in layout.json.clone() {
            black_box(row.try_get::<_, Option<Json<Value>>>(at)?);
        }
        for at in layout.instants.clone() {
            black_box(row.try_get::<_, Option<SystemTime>>(at)?);
        }
        for at in layout.numbers.clone() {
            black_box(row.try_get::<_, Option<i64>>(at)?);
        }
    }
    Ok(())
}

/// An instant as the driver takes it.
pub(crate) fn system_time(at: Timestamp) -> Result<SystemTime> {
    Ok(SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(at.as_micros())?))
}

/// JSONB on the wire: a version and the text.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: AsRef<str> + fmt::Debug> ToSql for Json<T> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&[1]);
        out.extend_from_slice(self.0.as_ref().as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSONB);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Json<Value> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(serde_json::from_slice(raw.get(1..).unwrap_or_default())?))
    }

    accepts!(JSONB);
}

/// A UUID on the wire: its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl ToSql for Id {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(UUID);
}
