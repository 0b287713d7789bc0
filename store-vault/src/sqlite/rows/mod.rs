//! Rows as they are stored, and how they become records.

mod alert;
mod audit;
mod credential;
mod secret;
mod template;

pub(super) use alert::{AlertRow, NewAlertRow};
pub(super) use audit::{AuditRow, HeadRow, NewAuditRow};
pub(super) use credential::{CredentialChange, CredentialRow, LeaseRow, NewCredentialRow};
pub(super) use secret::{IssuanceRow, KeyRow, NewSecretRow, SecretRow, VersionRow};
pub(super) use template::{NewTemplateRow, TemplateChange, TemplateRow};

use std::collections::BTreeSet;

use serde_json::Value;
use store_core::vault::CredentialScope;
use store_core::{Error, Message, Result, Timestamp};

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reader<'_> {
    // parity: JSON arrives as text.
    fn json(&self, column: &'static str, text: &str) -> Result<Value> {
        serde_json::from_str(text)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn set(&self, column: &'static str, text: &str) -> Result<BTreeSet<String>> {
        let Value::Array(items) = self.json(column, text)? else {
            return Err(self.corrupt(column, "is no array"));
        };
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
        workflow_ids: &str,
        workspace_ids: &str,
        roles: &str,
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

    // parity: instants and ids are text.
    fn maybe<T>(&self, column: &'static str, text: Option<&str>) -> Result<Option<T>>
    where
        T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an instant as it is stored.
pub(super) fn stored(instant: Timestamp) -> String {
    instant.to_string()
}
