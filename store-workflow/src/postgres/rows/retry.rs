use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use store_core::workflow::RetryPolicy;
use store_core::{Error, Result, Timestamp, WorkflowId};
use uuid::Uuid;

use crate::postgres::schema::workflow_retry_policies;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_retry_policies, check_for_backend(Pg))]
pub(in crate::postgres) struct RetryRow {
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) max_attempts: i64,
    pub(in crate::postgres) initial_delay_seconds: f64,
    pub(in crate::postgres) backoff_factor: f64,
    pub(in crate::postgres) max_delay_seconds: Option<f64>,
    pub(in crate::postgres) jitter_factor: f64,
}

impl RetryRow {
    pub(in crate::postgres) fn into_record(self) -> Result<RetryPolicy> {
        let table = "workflow_retry_policies";
        let max_attempts = u32::try_from(self.max_attempts)
            .map_err(|cause| Error::corrupt(table, "max_attempts", self.workflow_id, cause))?;
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
#[diesel(table_name = workflow_retry_policies, check_for_backend(Pg))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::postgres) struct StoredRetryRow {
    workflow_id: Uuid,
    max_attempts: i64,
    initial_delay_seconds: f64,
    backoff_factor: f64,
    max_delay_seconds: Option<f64>,
    jitter_factor: f64,
    updated_at: DateTime<Utc>,
}

impl StoredRetryRow {
    pub(in crate::postgres) fn new(
        workflow_id: WorkflowId,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            workflow_id: workflow_id.as_uuid(),
            max_attempts: policy.max_attempts.into(),
            initial_delay_seconds: policy.initial_delay_seconds,
            backoff_factor: policy.backoff_factor,
            max_delay_seconds: policy.max_delay_seconds,
            jitter_factor: policy.jitter_factor,
            updated_at: now.to_datetime(),
        }
    }
}
