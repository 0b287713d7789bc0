use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::queue::{Counter, LockGuard, RegisteredWorker};

use super::Reader;
use crate::rules::queue::limits::{QueueSettings, StoredLimits};
use crate::rules::queue::stats::{self, Counted};
use crate::sqlite::schema::{job_queues, job_workers, workflow_counters, workflow_locks};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_workers, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct WorkerRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) capabilities: String,
    pub(in crate::sqlite) metadata: String,
    pub(in crate::sqlite) registered_at: String,
    pub(in crate::sqlite) heartbeat_at: String,
}

impl WorkerRow {
    // parity: PostgreSQL's statement counts them.
    pub(in crate::sqlite) fn bytes(&self) -> i64 {
        i64::try_from(self.capabilities.len() + self.metadata.len()).unwrap_or(i64::MAX)
    }

    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<RegisteredWorker> {
        let read = Reader { table: "job_workers", id: &self.id, json };
        Ok(RegisteredWorker {
            capabilities: read.strings("capabilities", &self.capabilities)?,
            metadata: Value::Object(read.object("metadata", &self.metadata)?),
            registered_at: read.parsed("registered_at", &self.registered_at)?,
            heartbeat_at: read.parsed("heartbeat_at", &self.heartbeat_at)?,
            id: self.id,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_locks, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct LockRow {
    pub(in crate::sqlite) name: String,
    pub(in crate::sqlite) owner: Option<String>,
    pub(in crate::sqlite) epoch: i64,
    pub(in crate::sqlite) expires_at: Option<String>,
}

impl LockRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Option<LockGuard>> {
        let read = Reader { table: "workflow_locks", id: &self.name, json };
        // The schema says that both are there or none.
        let (Some(owner), Some(expires_at)) = (self.owner, self.expires_at) else {
            return Ok(None);
        };
        let expires_at = read.parsed("expires_at", &expires_at)?;
        Ok(Some(LockGuard { name: self.name, owner, epoch: self.epoch, expires_at }))
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_counters, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct CounterRow {
    pub(in crate::sqlite) name: String,
    pub(in crate::sqlite) value: i64,
    pub(in crate::sqlite) updated_at: String,
}

impl CounterRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Counter> {
        let read = Reader { table: "workflow_counters", id: &self.name, json };
        let updated_at = read.parsed("updated_at", &self.updated_at)?;
        Ok(Counter { name: self.name, value: self.value, updated_at })
    }
}

/// What is set for a queue, without the window of its rate.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_queues, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct QueueRow {
    pub(in crate::sqlite) queue: String,
    pub(in crate::sqlite) paused: bool,
    pub(in crate::sqlite) max_leased: Option<i32>,
    pub(in crate::sqlite) per_key: Option<i32>,
    pub(in crate::sqlite) rate_count: Option<i32>,
    pub(in crate::sqlite) rate_per_us: Option<i64>,
}

impl QueueRow {
    pub(in crate::sqlite) fn into_record(self) -> Result<QueueSettings> {
        let Self { queue, paused, max_leased, per_key, rate_count, rate_per_us } = self;
        let limits = StoredLimits { max_leased, per_key, rate_count, rate_per_us };
        limits.into_settings(queue, paused)
    }
}

/// How many jobs of a queue are in a state.
#[derive(Debug, QueryableByName)]
pub(in crate::sqlite) struct CountRow {
    #[diesel(sql_type = Text)]
    queue: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    jobs: i64,
    #[diesel(sql_type = Nullable<Text>)]
    oldest: Option<String>,
}

impl CountRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Counted> {
        let read = Reader { table: "jobs", id: &self.queue, json };
        Ok(Counted {
            state: read.parsed("state", &self.state)?,
            jobs: stats::counted(self.jobs),
            oldest: read.optional("run_at", self.oldest.as_deref())?,
            queue: self.queue,
        })
    }
}
