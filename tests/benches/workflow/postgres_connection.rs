//! A connection of the raw side on PostgreSQL, with its prepared statements.

use std::time::SystemTime;

use store_core::{Clock as _, JobId, RunId, SystemClock, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::expect;
use crate::common::postgres::{Id, Json, connect, system_time};
use crate::operation::Texts;
use crate::{postgres_sql as sql, rows};

pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) fetch: Statement,
    pub(crate) list: Statement,
    pub(crate) version: Statement,
    pub(crate) create: Statement,
    pub(crate) change: Statement,
    pub(crate) due: Statement,
    pub(crate) fire: Statement,
}

impl Connection {
    pub(crate) async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        // A scheduler leaves alone what another one works on.
        let due = format!("{} FOR UPDATE OF t SKIP LOCKED FOR SHARE OF w SKIP LOCKED", rows::DUE);
        Ok(Self {
            fetch: client.prepare(&rows::fetch()).await?,
            list: client.prepare(&rows::list()).await?,
            version: client.prepare(rows::VERSION).await?,
            create: client.prepare(&sql::create()).await?,
            change: client.prepare(&sql::change()).await?,
            due: client.prepare(&due).await?,
            fire: client.prepare(&sql::fire()).await?,
            client,
        })
    }
}

/// A run that is to be created, apart from its ids.
pub(crate) struct New<'a> {
    /// Workflow and version.
    pub(crate) of: (Id, Id),
    pub(crate) triggered_by: &'a str,
    pub(crate) input: &'a str,
    pub(crate) texts: &'a Texts,
    pub(crate) scheduled_for: Option<SystemTime>,
    pub(crate) actor: &'a str,
}

/// Creates a run by one of the statements that create one.
pub(crate) async fn insert(conn: &Connection, statement: &Statement, new: New<'_>) -> Result<()> {
    let (run, job) = (id(RunId::mint()), Id(JobId::mint().as_uuid().into_bytes()));
    let New { of: (workflow, version), triggered_by, input, texts, scheduled_for, actor } = new;
    let bytes = i64::try_from(input.len() + texts.bytes())?;
    let (input, config, tags) = (Json(input), Json(&texts.config), Json(&texts.tags));
    let (callbacks, metadata) = (Json(&texts.callbacks), Json(&texts.metadata));
    let binds: [&(dyn ToSql + Sync); 14] = [
        &run,
        &workflow,
        &version,
        &triggered_by,
        &input,
        &config,
        &tags,
        &callbacks,
        &metadata,
        &scheduled_for,
        &bytes,
        &now()?,
        &job,
        &actor,
    ];
    expect(conn.client.query(statement, &binds).await?.len(), 1)
}

/// An id as the driver takes it.
pub(crate) fn id(run: RunId) -> Id {
    Id(run.as_uuid().into_bytes())
}

/// The time as the driver takes it.
pub(crate) fn now() -> Result<SystemTime> {
    system_time(SystemClock.now())
}

/// An instant as the driver returns it.
pub(crate) fn timestamp(at: SystemTime) -> Result<Timestamp> {
    let micros = at.duration_since(SystemTime::UNIX_EPOCH)?.as_micros();
    Ok(Timestamp::from_micros(i64::try_from(micros)?)?)
}
