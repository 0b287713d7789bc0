use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::Run;
use store_core::{JobId, Result, RunId, Timestamp};
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::{jobs, workflow_runs};
use crate::rules::queue::job::RUN_KIND;
use crate::rules::run::{RUN_JOB_ATTEMPTS, RUN_JOB_PRIORITY, RUN_QUEUE};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_runs, check_for_backend(Pg))]
pub(in crate::postgres) struct RunRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) workflow_version_id: Uuid,
    pub(in crate::postgres) status: String,
    pub(in crate::postgres) triggered_by: String,
    pub(in crate::postgres) input: Value,
    pub(in crate::postgres) runnable_config: Value,
    pub(in crate::postgres) tags: Value,
    pub(in crate::postgres) callbacks: Value,
    pub(in crate::postgres) metadata: Value,
    pub(in crate::postgres) run_name: Option<String>,
    pub(in crate::postgres) output: Option<Value>,
    pub(in crate::postgres) error: Option<String>,
    pub(in crate::postgres) cancel_reason: Option<String>,
    pub(in crate::postgres) attempt: i32,
    pub(in crate::postgres) retry_of: Option<Uuid>,
    pub(in crate::postgres) idempotency_key: Option<String>,
    pub(in crate::postgres) scheduled_for: Option<DateTime<Utc>>,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(in crate::postgres) record_bytes: i64,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) started_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) completed_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
    pub(in crate::postgres) row_version: i64,
}

impl RunRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Run> {
        let read = Reader { table: "workflow_runs", id: &self.id, json };
        Ok(Run {
            id: self.id.into(),
            workflow_id: self.workflow_id.into(),
            workflow_version_id: self.workflow_version_id.into(),
            status: read.parsed("status", &self.status)?,
            triggered_by: self.triggered_by,
            input: read.json(self.input),
            runnable_config: read.config("runnable_config", self.runnable_config)?,
            tags: read.strings("tags", self.tags)?,
            callbacks: read.array("callbacks", self.callbacks)?,
            metadata: Value::Object(read.object("metadata", self.metadata)?),
            run_name: self.run_name,
            output: self.output.map(|output| read.json(output)),
            error: self.error,
            cancel_reason: self.cancel_reason,
            attempt: self.attempt,
            retry_of: self.retry_of.map(Into::into),
            idempotency_key: self.idempotency_key,
            scheduled_for: read.optional("scheduled_for", self.scheduled_for)?,
            created_at: read.instant("created_at", self.created_at)?,
            started_at: read.optional("started_at", self.started_at)?,
            completed_at: read.optional("completed_at", self.completed_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            row_version: self.row_version,
        })
    }
}

/// The job of a run.
#[derive(Debug, Insertable)]
#[diesel(table_name = jobs, check_for_backend(Pg))]
pub(in crate::postgres) struct NewJobRow<'a> {
    id: Uuid,
    queue: &'a str,
    kind: &'a str,
    payload: JsonText<'a>,
    run_id: Uuid,
    priority: i16,
    state: &'a str,
    max_attempts: i32,
    run_at: DateTime<Utc>,
    tags: JsonText<'a>,
    capabilities: JsonText<'a>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> NewJobRow<'a> {
    pub(in crate::postgres) fn of(
        id: JobId,
        run_id: RunId,
        state: &'a str,
        (run_at, now): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            id: id.as_uuid(),
            queue: RUN_QUEUE,
            kind: RUN_KIND,
            payload: JsonText("{}"),
            run_id: run_id.as_uuid(),
            priority: RUN_JOB_PRIORITY,
            state,
            max_attempts: RUN_JOB_ATTEMPTS,
            run_at: run_at.to_datetime(),
            tags: JsonText("[]"),
            capabilities: JsonText("[]"),
            created_at: now.to_datetime(),
            updated_at: now.to_datetime(),
        }
    }
}
