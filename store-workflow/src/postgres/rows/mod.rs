//! Rows as they are stored, and how they become records.

mod audit;
mod cron;
mod job;
mod listener;
mod manual;
mod queue;
mod retry;
mod run;
mod version;
mod webhook;
mod workflow;

pub(super) use audit::{AuditRow, NewAuditRow};
pub(super) use cron::{CronRow, StoredCronRow};
pub(super) use job::{AssignmentRow, FinishedRow, JobRow};
pub(super) use listener::{CursorRow, ListenerRow, NewListenerRow};
pub(super) use manual::{ManualRow, StoredManualRow};
pub(super) use queue::{CountRow, CounterRow, LockRow, QueueRow, WorkerRow};
pub(super) use retry::{RetryRow, StoredRetryRow};
pub(super) use run::{NewJobRow, RunRow};
pub(super) use version::{NewVersionRow, VersionRow};
pub(super) use webhook::{StoredWebhookRow, WebhookRow};
pub(super) use workflow::{StoredWorkflowRow, WorkflowRow};

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use store_core::json::JsonPolicy;
use store_core::workflow::RunnableConfig;
use store_core::{Error, Message, Result, Timestamp};

// parity: SQLite binds the text itself.
pub(super) use store_core::postgres::JsonText;

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
pub(super) struct Reader<'a> {
    pub(super) table: &'static str,
    pub(super) id: &'a dyn Display,
    pub(super) json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSONB arrives parsed.
    pub(super) fn json(&self, value: Value) -> Value {
        self.json.restore(value)
    }

    pub(super) fn array(&self, column: &'static str, value: Value) -> Result<Vec<Value>> {
        match self.json(value) {
            Value::Array(items) => Ok(items),
            _ => Err(self.corrupt(column, "is no array")),
        }
    }

    pub(super) fn object(&self, column: &'static str, value: Value) -> Result<Map<String, Value>> {
        match self.json(value) {
            Value::Object(object) => Ok(object),
            _ => Err(self.corrupt(column, "is no object")),
        }
    }

    pub(super) fn strings(&self, column: &'static str, value: Value) -> Result<Vec<String>> {
        self.array(column, value)?
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(self.corrupt(column, "holds something else than strings")),
            })
            .collect()
    }

    pub(super) fn config(&self, column: &'static str, value: Value) -> Result<RunnableConfig> {
        RunnableConfig::from_value(self.json(value))
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    pub(super) fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T> {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: instants arrive parsed.
    pub(super) fn instant(
        &self,
        column: &'static str,
        instant: DateTime<Utc>,
    ) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    pub(super) fn optional(
        &self,
        column: &'static str,
        instant: Option<DateTime<Utc>>,
    ) -> Result<Option<Timestamp>> {
        instant.map(|instant| self.instant(column, instant)).transpose()
    }

    pub(super) fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an optional instant as it is stored.
pub(super) fn stored(instant: Option<Timestamp>) -> Option<DateTime<Utc>> {
    instant.map(Timestamp::to_datetime)
}
