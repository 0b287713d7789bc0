use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::Run;
use store_core::{JobId, Result, RunId, Timestamp};

use super::{Reader, stored};
use crate::rules::queue::job::RUN_KIND;
use crate::rules::run::{RUN_JOB_ATTEMPTS, RUN_JOB_PRIORITY, RUN_QUEUE, StoredRun};
use crate::sqlite::schema::{jobs, workflow_runs};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_runs, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct RunRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) workflow_version_id: String,
    pub(in crate::sqlite) status: String,
    pub(in crate::sqlite) triggered_by: String,
    pub(in crate::sqlite) input: String,
    pub(in crate::sqlite) runnable_config: String,
    pub(in crate::sqlite) tags: String,
    pub(in crate::sqlite) callbacks: String,
    pub(in crate::sqlite) metadata: String,
    pub(in crate::sqlite) run_name: Option<String>,
    pub(in crate::sqlite) output: Option<String>,
    pub(in crate::sqlite) error: Option<String>,
    pub(in crate::sqlite) cancel_reason: Option<String>,
    pub(in crate::sqlite) attempt: i32,
    pub(in crate::sqlite) retry_of: Option<String>,
    pub(in crate::sqlite) idempotency_key: Option<String>,
    pub(in crate::sqlite) scheduled_for: Option<String>,
    pub(in crate::sqlite) record_bytes: i64,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) started_at: Option<String>,
    pub(in crate::sqlite) completed_at: Option<String>,
    pub(in crate::sqlite) updated_at: String,
    pub(in crate::sqlite) row_version: i64,
}

impl RunRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Run> {
        let read = Reader { table: "workflow_runs", id: &self.id, json };
        let output = self.output.as_deref();
        Ok(Run {
            id: read.parsed("id", &self.id)?,
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            workflow_version_id: read.parsed("workflow_version_id", &self.workflow_version_id)?,
            status: read.parsed("status", &self.status)?,
            triggered_by: self.triggered_by,
            input: read.json("input", &self.input)?,
            runnable_config: read.config("runnable_config", &self.runnable_config)?,
            tags: read.strings("tags", &self.tags)?,
            callbacks: read.array("callbacks", &self.callbacks)?,
            metadata: Value::Object(read.object("metadata", &self.metadata)?),
            run_name: self.run_name,
            output: output.map(|output| read.json("output", output)).transpose()?,
            error: self.error,
            cancel_reason: self.cancel_reason,
            attempt: self.attempt,
            retry_of: read.optional("retry_of", self.retry_of.as_deref())?,
            idempotency_key: self.idempotency_key,
            scheduled_for: read.optional("scheduled_for", self.scheduled_for.as_deref())?,
            created_at: read.parsed("created_at", &self.created_at)?,
            started_at: read.optional("started_at", self.started_at.as_deref())?,
            completed_at: read.optional("completed_at", self.completed_at.as_deref())?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            row_version: self.row_version,
        })
    }
}

// parity: PostgreSQL's statement carries columns of many runs.
// Several rows are one statement only if none of them leaves a column to its default.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = workflow_runs,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewRunRow<'a> {
    id: String,
    workflow_id: String,
    workflow_version_id: String,
    status: &'a str,
    triggered_by: &'a str,
    input: &'a str,
    runnable_config: &'a str,
    tags: &'a str,
    callbacks: &'a str,
    metadata: &'a str,
    run_name: Option<&'a str>,
    attempt: i32,
    retry_of: Option<String>,
    idempotency_key: Option<&'a str>,
    scheduled_for: Option<String>,
    record_bytes: i64,
    created_at: String,
    updated_at: String,
}

// parity: belongs to NewRunRow.
impl<'a> NewRunRow<'a> {
    pub(in crate::sqlite) fn new(stored_run: &'a StoredRun) -> Self {
        let run = &stored_run.run;
        Self {
            id: run.id.to_string(),
            workflow_id: run.workflow_id.to_string(),
            workflow_version_id: run.workflow_version_id.to_string(),
            status: run.status.as_str(),
            triggered_by: &run.triggered_by,
            input: &stored_run.input.text,
            runnable_config: &stored_run.runnable_config.text,
            tags: &stored_run.tags.text,
            callbacks: &stored_run.callbacks.text,
            metadata: &stored_run.metadata.text,
            run_name: run.run_name.as_deref(),
            attempt: run.attempt,
            retry_of: run.retry_of.map(|id| id.to_string()),
            idempotency_key: run.idempotency_key.as_deref(),
            scheduled_for: stored(run.scheduled_for),
            record_bytes: stored_run.bytes(),
            created_at: run.created_at.to_string(),
            updated_at: run.updated_at.to_string(),
        }
    }
}

/// The job of a run.
#[derive(Debug, Insertable)]
#[diesel(table_name = jobs, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(in crate::sqlite) struct NewJobRow<'a> {
    id: String,
    queue: &'a str,
    kind: &'a str,
    payload: &'a str,
    run_id: String,
    priority: i16,
    state: &'a str,
    max_attempts: i32,
    run_at: String,
    tags: &'a str,
    capabilities: &'a str,
    created_at: String,
    updated_at: String,
}

impl<'a> NewJobRow<'a> {
    // parity: PostgreSQL's statement carries columns of many runs.
    pub(in crate::sqlite) fn new(stored: &'a StoredRun) -> Self {
        let (run, state) = (&stored.run, stored.job_state());
        Self::of(stored.job_id, run.id, state, (stored.run_at(), run.created_at))
    }

    pub(in crate::sqlite) fn of(
        id: JobId,
        run_id: RunId,
        state: &'a str,
        (run_at, now): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            id: id.to_string(),
            queue: RUN_QUEUE,
            kind: RUN_KIND,
            payload: "{}",
            run_id: run_id.to_string(),
            priority: RUN_JOB_PRIORITY,
            state,
            max_attempts: RUN_JOB_ATTEMPTS,
            run_at: run_at.to_string(),
            tags: "[]",
            capabilities: "[]",
            created_at: now.to_string(),
            updated_at: now.to_string(),
        }
    }
}
