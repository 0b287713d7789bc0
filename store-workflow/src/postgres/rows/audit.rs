use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::{AuditAction, AuditEntry};
use store_core::{Actor, Result, RunId, Timestamp, WorkflowId};
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::workflow_audit;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_audit, check_for_backend(Pg))]
pub(in crate::postgres) struct AuditRow {
    pub(in crate::postgres) seq: i64,
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) run_id: Option<Uuid>,
    pub(in crate::postgres) actor: String,
    pub(in crate::postgres) action: String,
    pub(in crate::postgres) at: DateTime<Utc>,
    pub(in crate::postgres) metadata: Value,
}

impl AuditRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<AuditEntry> {
        let read = Reader { table: "workflow_audit", id: &self.seq, json };
        Ok(AuditEntry {
            seq: self.seq,
            workflow_id: self.workflow_id.into(),
            run_id: self.run_id.map(Into::into),
            actor: read.parsed("actor", &self.actor)?,
            action: read.parsed("action", &self.action)?,
            at: read.instant("at", self.at)?,
            metadata: read.json(self.metadata),
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = workflow_audit, check_for_backend(Pg))]
pub(in crate::postgres) struct NewAuditRow<'a> {
    workflow_id: Uuid,
    run_id: Option<Uuid>,
    actor: &'a str,
    action: &'a str,
    at: DateTime<Utc>,
    metadata: JsonText<'a>,
}

impl<'a> NewAuditRow<'a> {
    pub(in crate::postgres) fn new(
        workflow_id: WorkflowId,
        run_id: Option<RunId>,
        (actor, action, at): (&'a Actor, AuditAction, Timestamp),
        metadata: &'a str,
    ) -> Self {
        Self {
            workflow_id: workflow_id.as_uuid(),
            run_id: run_id.map(|id| id.as_uuid()),
            actor: actor.as_str(),
            action: action.as_str(),
            at: at.to_datetime(),
            metadata: JsonText(metadata),
        }
    }
}
