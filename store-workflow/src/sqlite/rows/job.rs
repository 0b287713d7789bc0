use std::time::Duration;

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::queue::{Assignment, Dependency, Job, JobLease};
use store_core::{Error, Result};

use super::Reader;
use crate::rules::queue::ending::Held;
use crate::rules::queue::job::dependencies_from_json;
use crate::sqlite::schema::{job_assignments, job_history, jobs};

/// A job that is not finished.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = jobs, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct JobRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) queue: String,
    pub(in crate::sqlite) kind: String,
    pub(in crate::sqlite) payload: String,
    pub(in crate::sqlite) run_id: Option<String>,
    pub(in crate::sqlite) priority: i16,
    pub(in crate::sqlite) state: String,
    pub(in crate::sqlite) attempt: i32,
    pub(in crate::sqlite) max_attempts: i32,
    pub(in crate::sqlite) run_at: String,
    pub(in crate::sqlite) unique_key: Option<String>,
    pub(in crate::sqlite) concurrency_key: Option<String>,
    pub(in crate::sqlite) timeout_ms: Option<i64>,
    pub(in crate::sqlite) tags: String,
    pub(in crate::sqlite) capabilities: String,
    pub(in crate::sqlite) depends_on: String,
    #[expect(dead_code, reason = "decided by the statements")]
    pub(in crate::sqlite) waits_for: i32,
    pub(in crate::sqlite) dependents: i32,
    pub(in crate::sqlite) event_token: Option<String>,
    pub(in crate::sqlite) event: Option<String>,
    pub(in crate::sqlite) progress: Option<String>,
    pub(in crate::sqlite) last_error: Option<String>,
    pub(in crate::sqlite) cancel_reason: Option<String>,
    pub(in crate::sqlite) lease_owner: Option<String>,
    pub(in crate::sqlite) lease_epoch: i64,
    pub(in crate::sqlite) lease_expires_at: Option<String>,
    #[expect(dead_code, reason = "read by the statements")]
    pub(in crate::sqlite) leased_at: Option<String>,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl JobRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Job> {
        let read = Reader { table: "jobs", id: &self.id, json };
        let lease = match (self.lease_owner, self.lease_expires_at) {
            (Some(owner), Some(expires_at)) => Some(JobLease {
                job_id: read.parsed("id", &self.id)?,
                owner,
                epoch: self.lease_epoch,
                expires_at: read.parsed("lease_expires_at", &expires_at)?,
            }),
            _ => None,
        };
        Ok(Job {
            id: read.parsed("id", &self.id)?,
            queue: self.queue,
            kind: self.kind,
            payload: read.json("payload", &self.payload)?,
            run_id: read.optional("run_id", self.run_id.as_deref())?,
            priority: read.number("priority", self.priority)?,
            state: read.parsed("state", &self.state)?,
            attempt: read.number("attempt", self.attempt)?,
            max_attempts: read.number("max_attempts", self.max_attempts)?,
            run_at: read.parsed("run_at", &self.run_at)?,
            unique_key: self.unique_key,
            concurrency_key: self.concurrency_key,
            timeout: read.timeout(self.timeout_ms)?,
            tags: read.strings("tags", &self.tags)?,
            capabilities: read.strings("capabilities", &self.capabilities)?,
            depends_on: read.dependencies(&self.depends_on)?,
            event_token: self.event_token,
            event: self.event.map(|event| read.json("event", &event)).transpose()?,
            progress: self.progress.map(|text| read.json("progress", &text)).transpose()?,
            result: None,
            last_error: self.last_error,
            cancel_reason: self.cancel_reason,
            lease,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            finished_at: None,
        })
    }

    /// Returns what a worker's ending is decided by.
    pub(in crate::sqlite) fn held(&self, json: &JsonPolicy) -> Result<Held> {
        let read = Reader { table: "jobs", id: &self.id, json };
        Ok(Held {
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            run_at: read.parsed("run_at", &self.run_at)?,
            cancel_reason: self.cancel_reason.clone(),
        })
    }
}

/// A job that is finished.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_history, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct FinishedRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) queue: String,
    pub(in crate::sqlite) kind: String,
    pub(in crate::sqlite) payload: String,
    pub(in crate::sqlite) run_id: Option<String>,
    pub(in crate::sqlite) priority: i16,
    pub(in crate::sqlite) state: String,
    pub(in crate::sqlite) attempt: i32,
    pub(in crate::sqlite) max_attempts: i32,
    pub(in crate::sqlite) run_at: String,
    pub(in crate::sqlite) unique_key: Option<String>,
    pub(in crate::sqlite) concurrency_key: Option<String>,
    pub(in crate::sqlite) timeout_ms: Option<i64>,
    pub(in crate::sqlite) tags: String,
    pub(in crate::sqlite) capabilities: String,
    pub(in crate::sqlite) depends_on: String,
    pub(in crate::sqlite) event_token: Option<String>,
    pub(in crate::sqlite) event: Option<String>,
    pub(in crate::sqlite) progress: Option<String>,
    pub(in crate::sqlite) result: Option<String>,
    pub(in crate::sqlite) last_error: Option<String>,
    pub(in crate::sqlite) cancel_reason: Option<String>,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) finished_at: String,
}

impl FinishedRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Job> {
        let read = Reader { table: "job_history", id: &self.id, json };
        let finished_at = read.parsed("finished_at", &self.finished_at)?;
        Ok(Job {
            id: read.parsed("id", &self.id)?,
            queue: self.queue,
            kind: self.kind,
            payload: read.json("payload", &self.payload)?,
            run_id: read.optional("run_id", self.run_id.as_deref())?,
            priority: read.number("priority", self.priority)?,
            state: read.parsed("state", &self.state)?,
            attempt: read.number("attempt", self.attempt)?,
            max_attempts: read.number("max_attempts", self.max_attempts)?,
            run_at: read.parsed("run_at", &self.run_at)?,
            unique_key: self.unique_key,
            concurrency_key: self.concurrency_key,
            timeout: read.timeout(self.timeout_ms)?,
            tags: read.strings("tags", &self.tags)?,
            capabilities: read.strings("capabilities", &self.capabilities)?,
            depends_on: read.dependencies(&self.depends_on)?,
            event_token: self.event_token,
            event: self.event.map(|event| read.json("event", &event)).transpose()?,
            progress: self.progress.map(|text| read.json("progress", &text)).transpose()?,
            result: self.result.map(|result| read.json("result", &result)).transpose()?,
            last_error: self.last_error,
            cancel_reason: self.cancel_reason,
            lease: None,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: finished_at,
            finished_at: Some(finished_at),
        })
    }
}

/// A time that a worker held a job.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_assignments, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct AssignmentRow {
    pub(in crate::sqlite) job_id: String,
    pub(in crate::sqlite) epoch: i64,
    pub(in crate::sqlite) worker: String,
    pub(in crate::sqlite) started_at: String,
    pub(in crate::sqlite) ended_at: String,
    pub(in crate::sqlite) outcome: String,
    pub(in crate::sqlite) error: Option<String>,
}

impl AssignmentRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Assignment> {
        let read = Reader { table: "job_assignments", id: &self.job_id, json };
        Ok(Assignment {
            worker: self.worker,
            epoch: self.epoch,
            started_at: read.parsed("started_at", &self.started_at)?,
            ended_at: Some(read.parsed("ended_at", &self.ended_at)?),
            outcome: Some(read.parsed("outcome", &self.outcome)?),
            error: self.error,
        })
    }
}

impl Reader<'_> {
    pub(in crate::sqlite) fn number<T, N: TryInto<T>>(
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

    fn dependencies(&self, text: &str) -> Result<Vec<Dependency>> {
        dependencies_from_json(&self.array("depends_on", text)?)
            .map_err(|cause| Error::corrupt(self.table, "depends_on", self.id, cause))
    }
}
