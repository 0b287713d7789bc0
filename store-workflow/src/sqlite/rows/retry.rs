use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::workflow::RetryPolicy;
use store_core::{Error, Result, Timestamp, WorkflowId};

use crate::sqlite::schema::workflow_retry_policies;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_retry_policies, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct RetryRow {
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) max_attempts: i64,
    pub(in crate::sqlite) initial_delay_seconds: f64,
    pub(in crate::sqlite) backoff_factor: f64,
    pub(in crate::sqlite) max_delay_seconds: Option<f64>,
    pub(in crate::sqlite) jitter_factor: f64,
}

impl RetryRow {
    pub(in crate::sqlite) fn into_record(self) -> Result<RetryPolicy> {
        let table = "workflow_retry_policies";
        let max_attempts = u32::try_from(self.max_attempts)
            .map_err(|cause| Error::corrupt(table, "max_attempts", &self.workflow_id, cause))?;
        Ok(RetryPolicy {
            max_attempts,
            initial_delay_seconds: self.initial_delay_seconds,
            backoff_factor: self.backoff_factor,
            max_delay_seconds: self.max_delay_seconds,
            jitter_factor: self.jitter_factor,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflow_retry_policies, check_for_backend(Sqlite))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::sqlite) struct StoredRetryRow {
    workflow_id: String,
    max_attempts: i64,
    initial_delay_seconds: f64,
    backoff_factor: f64,
    max_delay_seconds: Option<f64>,
    jitter_factor: f64,
    updated_at: String,
}

impl StoredRetryRow {
    pub(in crate::sqlite) fn new(
        workflow_id: WorkflowId,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            workflow_id: workflow_id.to_string(),
            max_attempts: policy.max_attempts.into(),
            initial_delay_seconds: policy.initial_delay_seconds,
            backoff_factor: policy.backoff_factor,
            max_delay_seconds: policy.max_delay_seconds,
            jitter_factor: policy.jitter_factor,
            updated_at: now.to_string(),
        }
    }
}
