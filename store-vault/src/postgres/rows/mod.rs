//! Rows as they are stored, and how they become records.

mod alert;
mod audit;
mod credential;
mod secret;
mod template;

pub(super) use alert::{AlertRow, NewAlertRow};
pub(super) use audit::{AuditRow, HeadRow};
pub(super) use credential::{
    CredentialChange, CredentialRow, LeaseRow, LeaseSql, NewCredentialRow,
};
pub(super) use secret::{IssuanceRow, KeyRow, SecretRow, VersionRow};
pub(super) use template::{NewTemplateRow, TemplateChange, TemplateRow};

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use store_core::vault::CredentialScope;
use store_core::{Error, Message, Result, Timestamp};
use uuid::Uuid;

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader {
    table: &'static str,
    id: Uuid,
}

impl Reader {
    fn set(&self, column: &'static str, value: Value) -> Result<BTreeSet<String>> {
        let Value::Array(items) = value else { return Err(self.corrupt(column, "is no array")) };
        items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(self.corrupt(column, "holds something else than strings")),
            })
            .collect()
    }

    fn scope(
        &self,
        workflow_ids: Value,
        workspace_ids: Value,
        roles: Value,
    ) -> Result<CredentialScope> {
        Ok(CredentialScope {
            workflow_ids: self.set("workflow_ids", workflow_ids)?,
            workspace_ids: self.set("workspace_ids", workspace_ids)?,
            roles: self.set("roles", roles)?,
        })
    }

    fn hash(&self, column: &'static str, bytes: &[u8]) -> Result<[u8; 32]> {
        bytes.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn count(&self, column: &'static str, count: i32) -> Result<u32> {
        count.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn parsed<T>(&self, column: &'static str, text: &str) -> Result<T>
    where
        T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: instants arrive parsed.
    fn instant(&self, column: &'static str, instant: DateTime<Utc>) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: belongs to instant.
    fn maybe_instant(
        &self,
        column: &'static str,
        instant: Option<DateTime<Utc>>,
    ) -> Result<Option<Timestamp>> {
        instant.map(|instant| self.instant(column, instant)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an instant as it is stored.
pub(super) fn stored(instant: Timestamp) -> DateTime<Utc> {
    instant.to_datetime()
}
