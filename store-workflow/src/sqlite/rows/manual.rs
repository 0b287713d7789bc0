use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::workflow::{ManualPolicy, ManualTrigger};
use store_core::{Result, Timestamp, WorkflowId};

use super::Reader;
use crate::rules::manual::ReadyPolicy;
use crate::sqlite::schema::workflow_manual_policies;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_manual_policies, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct ManualRow {
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) label: Option<String>,
    pub(in crate::sqlite) allowed_actors: String,
    pub(in crate::sqlite) require_comment: bool,
    pub(in crate::sqlite) default_payload: Option<String>,
    pub(in crate::sqlite) cooldown_seconds: i64,
    pub(in crate::sqlite) last_dispatched_at: Option<String>,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl ManualRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<ManualTrigger> {
        let read = Reader { table: "workflow_manual_policies", id: &self.workflow_id, json };
        let actors = read.strings("allowed_actors", &self.allowed_actors)?;
        let default_payload = self.default_payload.as_deref();
        let last_dispatched_at = self.last_dispatched_at.as_deref();
        Ok(ManualTrigger {
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            policy: ManualPolicy {
                label: self.label,
                allowed_actors: actors
                    .iter()
                    .map(|actor| read.parsed("allowed_actors", actor))
                    .collect::<Result<_>>()?,
                require_comment: self.require_comment,
                default_payload: default_payload
                    .map(|payload| read.json("default_payload", payload))
                    .transpose()?,
                cooldown_seconds: u32::try_from(self.cooldown_seconds)
                    .map_err(|_range| read.corrupt("cooldown_seconds", "is out of range"))?,
            },
            last_dispatched_at: read.optional("last_dispatched_at", last_dispatched_at)?,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflow_manual_policies, check_for_backend(Sqlite))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::sqlite) struct StoredManualRow<'a> {
    workflow_id: String,
    label: Option<&'a str>,
    allowed_actors: &'a str,
    require_comment: bool,
    default_payload: Option<&'a str>,
    cooldown_seconds: i64,
    updated_at: String,
}

impl<'a> StoredManualRow<'a> {
    pub(in crate::sqlite) fn new(
        workflow_id: WorkflowId,
        ready: &'a ReadyPolicy,
        now: Timestamp,
    ) -> Self {
        let payload = ready.default_payload.as_ref();
        Self {
            workflow_id: workflow_id.to_string(),
            label: ready.label.as_deref(),
            allowed_actors: &ready.allowed_actors.text,
            require_comment: ready.require_comment,
            default_payload: payload.map(|admitted| admitted.text.as_str()),
            cooldown_seconds: ready.cooldown_seconds.into(),
            updated_at: now.to_string(),
        }
    }
}
