use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::{ManualPolicy, ManualTrigger};
use store_core::{Result, Timestamp, WorkflowId};
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::workflow_manual_policies;
use crate::rules::manual::ReadyPolicy;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_manual_policies, check_for_backend(Pg))]
pub(in crate::postgres) struct ManualRow {
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) label: Option<String>,
    pub(in crate::postgres) allowed_actors: Value,
    pub(in crate::postgres) require_comment: bool,
    pub(in crate::postgres) default_payload: Option<Value>,
    pub(in crate::postgres) cooldown_seconds: i64,
    pub(in crate::postgres) last_dispatched_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl ManualRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<ManualTrigger> {
        let read = Reader { table: "workflow_manual_policies", id: &self.workflow_id, json };
        let actors = read.strings("allowed_actors", self.allowed_actors)?;
        Ok(ManualTrigger {
            workflow_id: self.workflow_id.into(),
            policy: ManualPolicy {
                label: self.label,
                allowed_actors: actors
                    .iter()
                    .map(|actor| read.parsed("allowed_actors", actor))
                    .collect::<Result<_>>()?,
                require_comment: self.require_comment,
                default_payload: self.default_payload.map(|payload| read.json(payload)),
                cooldown_seconds: u32::try_from(self.cooldown_seconds)
                    .map_err(|_range| read.corrupt("cooldown_seconds", "is out of range"))?,
            },
            last_dispatched_at: read.optional("last_dispatched_at", self.last_dispatched_at)?,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflow_manual_policies, check_for_backend(Pg))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::postgres) struct StoredManualRow<'a> {
    workflow_id: Uuid,
    label: Option<&'a str>,
    allowed_actors: JsonText<'a>,
    require_comment: bool,
    default_payload: Option<JsonText<'a>>,
    cooldown_seconds: i64,
    updated_at: DateTime<Utc>,
}

impl<'a> StoredManualRow<'a> {
    pub(in crate::postgres) fn new(
        workflow_id: WorkflowId,
        ready: &'a ReadyPolicy,
        now: Timestamp,
    ) -> Self {
        let payload = ready.default_payload.as_ref();
        Self {
            workflow_id: workflow_id.as_uuid(),
            label: ready.label.as_deref(),
            allowed_actors: JsonText(&ready.allowed_actors.text),
            require_comment: ready.require_comment,
            default_payload: payload.map(|admitted| JsonText(&admitted.text)),
            cooldown_seconds: ready.cooldown_seconds.into(),
            updated_at: now.to_datetime(),
        }
    }
}
