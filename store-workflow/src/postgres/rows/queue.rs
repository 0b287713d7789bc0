use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use serde_json::Value;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::queue::{Counter, LockGuard, RegisteredWorker};

use super::Reader;
use crate::postgres::schema::{job_queues, job_workers, workflow_counters, workflow_locks};
use crate::rules::queue::limits::{QueueSettings, StoredLimits};
use crate::rules::queue::stats::{self, Counted};

#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = job_workers, check_for_backend(Pg))]
pub(in crate::postgres) struct WorkerRow {
    pub(in crate::postgres) id: String,
    pub(in crate::postgres) capabilities: Value,
    pub(in crate::postgres) metadata: Value,
    pub(in crate::postgres) registered_at: DateTime<Utc>,
    pub(in crate::postgres) heartbeat_at: DateTime<Utc>,
}

impl WorkerRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<RegisteredWorker> {
        let read = Reader { table: "job_workers", id: &self.id, json };
        Ok(RegisteredWorker {
            capabilities: read.strings("capabilities", self.capabilities)?,
            metadata: Value::Object(read.object("metadata", self.metadata)?),
            registered_at: read.instant("registered_at", self.registered_at)?,
            heartbeat_at: read.instant("heartbeat_at", self.heartbeat_at)?,
            id: self.id,
        })
    }
}

#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = workflow_locks, check_for_backend(Pg))]
pub(in crate::postgres) struct LockRow {
    pub(in crate::postgres) name: String,
    pub(in crate::postgres) owner: Option<String>,
    pub(in crate::postgres) epoch: i64,
    pub(in crate::postgres) expires_at: Option<DateTime<Utc>>,
}

impl LockRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Option<LockGuard>> {
        let read = Reader { table: "workflow_locks", id: &self.name, json };
        // The schema says that both are there or none.
        let (Some(owner), Some(expires_at)) = (self.owner, self.expires_at) else {
            return Ok(None);
        };
        let expires_at = read.instant("expires_at", expires_at)?;
        Ok(Some(LockGuard { name: self.name, owner, epoch: self.epoch, expires_at }))
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_counters, check_for_backend(Pg))]
pub(in crate::postgres) struct CounterRow {
    pub(in crate::postgres) name: String,
    pub(in crate::postgres) value: i64,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl CounterRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Counter> {
        let read = Reader { table: "workflow_counters", id: &self.name, json };
        let updated_at = read.instant("updated_at", self.updated_at)?;
        Ok(Counter { name: self.name, value: self.value, updated_at })
    }
}

/// What is set for a queue, without the window of its rate.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_queues, check_for_backend(Pg))]
pub(in crate::postgres) struct QueueRow {
    pub(in crate::postgres) queue: String,
    pub(in crate::postgres) paused: bool,
    pub(in crate::postgres) max_leased: Option<i32>,
    pub(in crate::postgres) per_key: Option<i32>,
    pub(in crate::postgres) rate_count: Option<i32>,
    pub(in crate::postgres) rate_per_us: Option<i64>,
}

impl QueueRow {
    pub(in crate::postgres) fn into_record(self) -> Result<QueueSettings> {
        let Self { queue, paused, max_leased, per_key, rate_count, rate_per_us } = self;
        let limits = StoredLimits { max_leased, per_key, rate_count, rate_per_us };
        limits.into_settings(queue, paused)
    }
}

/// How many jobs of a queue are in a state.
#[derive(Debug, QueryableByName)]
pub(in crate::postgres) struct CountRow {
    #[diesel(sql_type = Text)]
    queue: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    jobs: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<DateTime<Utc>>,
}

impl CountRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Counted> {
        let read = Reader { table: "jobs", id: &self.queue, json };
        Ok(Counted {
            state: read.parsed("state", &self.state)?,
            jobs: stats::counted(self.jobs),
            oldest: read.optional("run_at", self.oldest)?,
            queue: self.queue,
        })
    }
}
