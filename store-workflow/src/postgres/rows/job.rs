use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::queue::{Assignment, Dependency, Job, JobLease};
use store_core::{Error, Result};
use uuid::Uuid;

use super::Reader;
use crate::postgres::schema::{job_assignments, job_history, jobs};
use crate::rules::queue::ending::Held;
use crate::rules::queue::job::dependencies_from_json;

/// A job that is not finished.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = jobs, check_for_backend(Pg))]
pub(in crate::postgres) struct JobRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) queue: String,
    pub(in crate::postgres) kind: String,
    pub(in crate::postgres) payload: Value,
    pub(in crate::postgres) run_id: Option<Uuid>,
    pub(in crate::postgres) priority: i16,
    pub(in crate::postgres) state: String,
    pub(in crate::postgres) attempt: i32,
    pub(in crate::postgres) max_attempts: i32,
    pub(in crate::postgres) run_at: DateTime<Utc>,
    pub(in crate::postgres) unique_key: Option<String>,
    pub(in crate::postgres) concurrency_key: Option<String>,
    pub(in crate::postgres) timeout_ms: Option<i64>,
    pub(in crate::postgres) tags: Value,
    pub(in crate::postgres) capabilities: Value,
    pub(in crate::postgres) depends_on: Value,
    #[expect(dead_code, reason = "decided by the statements")]
    pub(in crate::postgres) waits_for: i32,
    pub(in crate::postgres) dependents: i32,
    pub(in crate::postgres) event_token: Option<String>,
    pub(in crate::postgres) event: Option<Value>,
    pub(in crate::postgres) progress: Option<Value>,
    pub(in crate::postgres) last_error: Option<String>,
    pub(in crate::postgres) cancel_reason: Option<String>,
    pub(in crate::postgres) lease_owner: Option<String>,
    pub(in crate::postgres) lease_epoch: i64,
    pub(in crate::postgres) lease_expires_at: Option<DateTime<Utc>>,
    #[expect(dead_code, reason = "read by the statements")]
    pub(in crate::postgres) leased_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl JobRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Job> {
        let read = Reader { table: "jobs", id: &self.id, json };
        let lease = match (self.lease_owner, self.lease_expires_at) {
            (Some(owner), Some(expires_at)) => Some(JobLease {
                job_id: self.id.into(),
                owner,
                epoch: self.lease_epoch,
                expires_at: read.instant("lease_expires_at", expires_at)?,
            }),
            _ => None,
        };
        Ok(Job {
            id: self.id.into(),
            queue: self.queue,
            kind: self.kind,
            payload: read.json(self.payload),
            run_id: self.run_id.map(Into::into),
            priority: read.number("priority", self.priority)?,
            state: read.parsed("state", &self.state)?,
            attempt: read.number("attempt", self.attempt)?,
            max_attempts: read.number("max_attempts", self.max_attempts)?,
            run_at: read.instant("run_at", self.run_at)?,
            unique_key: self.unique_key,
            concurrency_key: self.concurrency_key,
            timeout: read.timeout(self.timeout_ms)?,
            tags: read.strings("tags", self.tags)?,
            capabilities: read.strings("capabilities", self.capabilities)?,
            depends_on: read.dependencies(self.depends_on)?,
            event_token: self.event_token,
            event: self.event.map(|event| read.json(event)),
            progress: self.progress.map(|progress| read.json(progress)),
            result: None,
            last_error: self.last_error,
            cancel_reason: self.cancel_reason,
            lease,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            finished_at: None,
        })
    }

    /// Returns what a worker's ending is decided by.
    pub(in crate::postgres) fn held(&self, json: &JsonPolicy) -> Result<Held> {
        let read = Reader { table: "jobs", id: &self.id, json };
        Ok(Held {
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            run_at: read.instant("run_at", self.run_at)?,
            cancel_reason: self.cancel_reason.clone(),
        })
    }
}

/// A job that is finished.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_history, check_for_backend(Pg))]
pub(in crate::postgres) struct FinishedRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) queue: String,
    pub(in crate::postgres) kind: String,
    pub(in crate::postgres) payload: Value,
    pub(in crate::postgres) run_id: Option<Uuid>,
    pub(in crate::postgres) priority: i16,
    pub(in crate::postgres) state: String,
    pub(in crate::postgres) attempt: i32,
    pub(in crate::postgres) max_attempts: i32,
    pub(in crate::postgres) run_at: DateTime<Utc>,
    pub(in crate::postgres) unique_key: Option<String>,
    pub(in crate::postgres) concurrency_key: Option<String>,
    pub(in crate::postgres) timeout_ms: Option<i64>,
    pub(in crate::postgres) tags: Value,
    pub(in crate::postgres) capabilities: Value,
    pub(in crate::postgres) depends_on: Value,
    pub(in crate::postgres) event_token: Option<String>,
    pub(in crate::postgres) event: Option<Value>,
    pub(in crate::postgres) progress: Option<Value>,
    pub(in crate::postgres) result: Option<Value>,
    pub(in crate::postgres) last_error: Option<String>,
    pub(in crate::postgres) cancel_reason: Option<String>,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) finished_at: DateTime<Utc>,
}

impl FinishedRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Job> {
        let read = Reader { table: "job_history", id: &self.id, json };
        let finished_at = read.instant("finished_at", self.finished_at)?;
        Ok(Job {
            id: self.id.into(),
            queue: self.queue,
            kind: self.kind,
            payload: read.json(self.payload),
            run_id: self.run_id.map(Into::into),
            priority: read.number("priority", self.priority)?,
            state: read.parsed("state", &self.state)?,
            attempt: read.number("attempt", self.attempt)?,
            max_attempts: read.number("max_attempts", self.max_attempts)?,
            run_at: read.instant("run_at", self.run_at)?,
            unique_key: self.unique_key,
            concurrency_key: self.concurrency_key,
            timeout: read.timeout(self.timeout_ms)?,
            tags: read.strings("tags", self.tags)?,
            capabilities: read.strings("capabilities", self.capabilities)?,
            depends_on: read.dependencies(self.depends_on)?,
            event_token: self.event_token,
            event: self.event.map(|event| read.json(event)),
            progress: self.progress.map(|progress| read.json(progress)),
            result: self.result.map(|result| read.json(result)),
            last_error: self.last_error,
            cancel_reason: self.cancel_reason,
            lease: None,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: finished_at,
            finished_at: Some(finished_at),
        })
    }
}

/// A time that a worker held a job.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_assignments, check_for_backend(Pg))]
pub(in crate::postgres) struct AssignmentRow {
    pub(in crate::postgres) job_id: Uuid,
    pub(in crate::postgres) epoch: i64,
    pub(in crate::postgres) worker: String,
    pub(in crate::postgres) started_at: DateTime<Utc>,
    pub(in crate::postgres) ended_at: DateTime<Utc>,
    pub(in crate::postgres) outcome: String,
    pub(in crate::postgres) error: Option<String>,
}

impl AssignmentRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Assignment> {
        let read = Reader { table: "job_assignments", id: &self.job_id, json };
        Ok(Assignment {
            worker: self.worker,
            epoch: self.epoch,
            started_at: read.instant("started_at", self.started_at)?,
            ended_at: Some(read.instant("ended_at", self.ended_at)?),
            outcome: Some(read.parsed("outcome", &self.outcome)?),
            error: self.error,
        })
    }
}

impl Reader<'_> {
    pub(in crate::postgres) fn number<T, N: TryInto<T>>(
        &self,
        column: &'static str,
        number: N,
    ) -> Result<T> {
        number.try_into().map_err(|_out_of_range| self.corrupt(column, "is out of range"))
    }

    fn timeout(&self, millis: Option<i64>) -> Result<Option<Duration>> {
        let timeout = |millis| self.number("timeout_ms", millis).map(Duration::from_millis);
        millis.map(timeout).transpose()
    }

    fn dependencies(&self, value: Value) -> Result<Vec<Dependency>> {
        dependencies_from_json(&self.array("depends_on", value)?)
            .map_err(|cause| Error::corrupt(self.table, "depends_on", self.id, cause))
    }
}
