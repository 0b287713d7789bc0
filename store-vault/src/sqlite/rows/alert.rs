use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::vault::{Acknowledgement, Alert};

use super::{Reader, stored};
use crate::rules::alert::AlertTexts;
use crate::sqlite::schema::vault_alerts;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_alerts, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct AlertRow {
    id: String,
    workflow_ids: String,
    workspace_ids: String,
    roles: String,
    template_id: Option<String>,
    credential_id: Option<String>,
    kind: String,
    severity: String,
    message: String,
    created_at: String,
    updated_at: String,
    acknowledged_at: Option<String>,
    acknowledged_by: Option<String>,
    record_bytes: i64,
}

impl AlertRow {
    // parity: PostgreSQL's statement sums it.
    pub(in crate::sqlite) fn bytes(&self) -> i64 {
        self.record_bytes
    }

    pub(in crate::sqlite) fn into_record(self) -> Result<Alert> {
        let read = Reader { table: "vault_alerts", id: &self.id };
        let acknowledged = match (self.acknowledged_at, self.acknowledged_by) {
            (Some(at), Some(by)) => Some(Acknowledgement {
                at: read.parsed("acknowledged_at", &at)?,
                by: read.parsed("acknowledged_by", &by)?,
            }),
            _ => None,
        };
        Ok(Alert {
            id: read.parsed("id", &self.id)?,
            scope: read.scope(&self.workflow_ids, &self.workspace_ids, &self.roles)?,
            template_id: read.maybe("template_id", self.template_id.as_deref())?,
            credential_id: read.maybe("credential_id", self.credential_id.as_deref())?,
            kind: read.parsed("kind", &self.kind)?,
            severity: read.parsed("severity", &self.severity)?,
            message: self.message,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            acknowledged,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(
    table_name = vault_alerts,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewAlertRow<'a> {
    id: String,
    workflow_ids: &'a str,
    workspace_ids: &'a str,
    roles: &'a str,
    template_id: Option<String>,
    credential_id: Option<String>,
    kind: &'a str,
    severity: &'a str,
    message: &'a str,
    subject_key: &'a str,
    created_at: String,
    updated_at: String,
    record_bytes: i64,
}

impl<'a> NewAlertRow<'a> {
    pub(in crate::sqlite) fn new(alert: &'a Alert, texts: &'a AlertTexts) -> Self {
        Self {
            id: alert.id.to_string(),
            workflow_ids: &texts.scope.workflow_ids,
            workspace_ids: &texts.scope.workspace_ids,
            roles: &texts.scope.roles,
            template_id: alert.template_id.map(|id| id.to_string()),
            credential_id: alert.credential_id.map(|id| id.to_string()),
            kind: alert.kind.as_str(),
            severity: alert.severity.as_str(),
            message: &alert.message,
            subject_key: &texts.subject_key,
            created_at: stored(alert.created_at),
            updated_at: stored(alert.updated_at),
            record_bytes: texts.record_bytes,
        }
    }
}
