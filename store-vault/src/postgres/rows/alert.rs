use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::Result;
use store_core::postgres::JsonText;
use store_core::vault::{Acknowledgement, Alert};
use uuid::Uuid;

use super::{Reader, stored};
use crate::postgres::schema::vault_alerts;
use crate::rules::alert::AlertTexts;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_alerts, check_for_backend(Pg))]
pub(in crate::postgres) struct AlertRow {
    id: Uuid,
    workflow_ids: Value,
    workspace_ids: Value,
    roles: Value,
    template_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    kind: String,
    severity: String,
    message: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    acknowledged_by: Option<String>,
    #[expect(dead_code, reason = "the page's statement sums it")]
    record_bytes: i64,
}

impl AlertRow {
    pub(in crate::postgres) fn into_record(self) -> Result<Alert> {
        let read = Reader { table: "vault_alerts", id: self.id };
        let acknowledged = match (self.acknowledged_at, self.acknowledged_by) {
            (Some(at), Some(by)) => Some(Acknowledgement {
                at: read.instant("acknowledged_at", at)?,
                by: read.parsed("acknowledged_by", &by)?,
            }),
            _ => None,
        };
        Ok(Alert {
            id: self.id.into(),
            scope: read.scope(self.workflow_ids, self.workspace_ids, self.roles)?,
            template_id: self.template_id.map(Into::into),
            credential_id: self.credential_id.map(Into::into),
            kind: read.parsed("kind", &self.kind)?,
            severity: read.parsed("severity", &self.severity)?,
            message: self.message,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            acknowledged,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = vault_alerts, check_for_backend(Pg))]
pub(in crate::postgres) struct NewAlertRow<'a> {
    id: Uuid,
    workflow_ids: JsonText<'a>,
    workspace_ids: JsonText<'a>,
    roles: JsonText<'a>,
    template_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    kind: &'a str,
    severity: &'a str,
    message: &'a str,
    subject_key: &'a str,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    record_bytes: i64,
}

impl<'a> NewAlertRow<'a> {
    pub(in crate::postgres) fn new(alert: &'a Alert, texts: &'a AlertTexts) -> Self {
        Self {
            id: alert.id.as_uuid(),
            workflow_ids: JsonText(&texts.scope.workflow_ids),
            workspace_ids: JsonText(&texts.scope.workspace_ids),
            roles: JsonText(&texts.scope.roles),
            template_id: alert.template_id.map(|id| id.as_uuid()),
            credential_id: alert.credential_id.map(|id| id.as_uuid()),
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
