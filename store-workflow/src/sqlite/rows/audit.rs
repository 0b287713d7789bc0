use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::workflow::{AuditAction, AuditEntry};
use store_core::{Actor, Result, RunId, Timestamp, WorkflowId};

use super::Reader;
use crate::rules::run::StoredRun;
use crate::sqlite::schema::workflow_audit;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_audit, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct AuditRow {
    pub(in crate::sqlite) seq: i64,
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) run_id: Option<String>,
    pub(in crate::sqlite) actor: String,
    pub(in crate::sqlite) action: String,
    pub(in crate::sqlite) at: String,
    pub(in crate::sqlite) metadata: String,
}

impl AuditRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<AuditEntry> {
        let id = self.seq.to_string();
        let read = Reader { table: "workflow_audit", id: &id, json };
        Ok(AuditEntry {
            seq: self.seq,
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            run_id: read.optional("run_id", self.run_id.as_deref())?,
            actor: read.parsed("actor", &self.actor)?,
            action: read.parsed("action", &self.action)?,
            at: read.parsed("at", &self.at)?,
            metadata: read.json("metadata", &self.metadata)?,
        })
    }
}

// Several rows are one statement only if none of them leaves a column to its default.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = workflow_audit,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewAuditRow<'a> {
    workflow_id: String,
    run_id: Option<String>,
    actor: &'a str,
    action: &'a str,
    at: String,
    metadata: &'a str,
}

impl<'a> NewAuditRow<'a> {
    pub(in crate::sqlite) fn new(
        workflow_id: WorkflowId,
        run_id: Option<RunId>,
        (actor, action, at): (&'a Actor, AuditAction, Timestamp),
        metadata: &'a str,
    ) -> Self {
        Self {
            workflow_id: workflow_id.to_string(),
            run_id: run_id.map(|id| id.to_string()),
            actor: actor.as_str(),
            action: action.as_str(),
            at: at.to_string(),
            metadata,
        }
    }

    // parity: PostgreSQL's statement carries columns of many runs.
    /// The entry about the creation of a run.
    pub(in crate::sqlite) fn of_run(stored: &'a StoredRun) -> Self {
        let run = &stored.run;
        let created = (&stored.actor, AuditAction::RunCreated, run.created_at);
        Self::new(run.workflow_id, Some(run.id), created, &stored.audit.text)
    }
}
