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
pub(super) use run::{NewJobRow, NewRunRow, RunRow};
pub(super) use version::{NewVersionRow, VersionRow};
pub(super) use webhook::{StoredWebhookRow, WebhookRow};
pub(super) use workflow::{StoredWorkflowRow, WorkflowRow};

use serde_json::{Map, Value};
use store_core::json::JsonPolicy;
use store_core::workflow::RunnableConfig;
use store_core::{Error, Message, Result, Timestamp};

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
pub(super) struct Reader<'a> {
    pub(super) table: &'static str,
    pub(super) id: &'a str,
    pub(super) json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSON arrives as text.
    pub(super) fn json(&self, column: &'static str, text: &str) -> Result<Value> {
        let value = serde_json::from_str(text)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))?;
        Ok(self.json.restore(value))
    }

    pub(super) fn array(&self, column: &'static str, text: &str) -> Result<Vec<Value>> {
        match self.json(column, text)? {
            Value::Array(items) => Ok(items),
            _ => Err(self.corrupt(column, "is no array")),
        }
    }

    pub(super) fn object(&self, column: &'static str, text: &str) -> Result<Map<String, Value>> {
        match self.json(column, text)? {
            Value::Object(object) => Ok(object),
            _ => Err(self.corrupt(column, "is no object")),
        }
    }

    pub(super) fn strings(&self, column: &'static str, text: &str) -> Result<Vec<String>> {
        self.array(column, text)?
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(self.corrupt(column, "holds something else than strings")),
            })
            .collect()
    }

    pub(super) fn config(&self, column: &'static str, text: &str) -> Result<RunnableConfig> {
        RunnableConfig::from_value(self.json(column, text)?)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    pub(super) fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T> {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    pub(super) fn optional<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>> {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    pub(super) fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an optional instant as it is stored.
pub(super) fn stored(instant: Option<Timestamp>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}
