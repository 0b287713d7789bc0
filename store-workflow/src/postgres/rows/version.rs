use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::workflow::WorkflowVersion;
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::workflow_versions;
use crate::rules::version::ReadyVersion;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_versions, check_for_backend(Pg))]
pub(in crate::postgres) struct VersionRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) graph: Value,
    pub(in crate::postgres) mermaid: Option<String>,
    pub(in crate::postgres) metadata: Value,
    pub(in crate::postgres) runnable_config: Option<Value>,
    pub(in crate::postgres) notes: Option<String>,
    pub(in crate::postgres) created_by: String,
    pub(in crate::postgres) checksum: String,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(in crate::postgres) record_bytes: i64,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl VersionRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<WorkflowVersion> {
        let read = Reader { table: "workflow_versions", id: &self.id, json };
        let config = self.runnable_config;
        Ok(WorkflowVersion {
            id: self.id.into(),
            workflow_id: self.workflow_id.into(),
            version: self.version,
            graph: read.json(self.graph),
            mermaid: self.mermaid,
            metadata: read.json(self.metadata),
            runnable_config: config.map(|c| read.config("runnable_config", c)).transpose()?,
            notes: self.notes,
            created_by: read.parsed("created_by", &self.created_by)?,
            checksum: self.checksum,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = workflow_versions, check_for_backend(Pg))]
pub(in crate::postgres) struct NewVersionRow<'a> {
    id: Uuid,
    workflow_id: Uuid,
    version: i32,
    graph: JsonText<'a>,
    mermaid: Option<&'a str>,
    metadata: JsonText<'a>,
    runnable_config: Option<JsonText<'a>>,
    notes: Option<&'a str>,
    created_by: &'a str,
    checksum: &'a str,
    record_bytes: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> NewVersionRow<'a> {
    pub(in crate::postgres) fn new(ready: &'a ReadyVersion, number: i32) -> Self {
        let version = &ready.version;
        Self {
            id: version.id.as_uuid(),
            workflow_id: version.workflow_id.as_uuid(),
            version: number,
            graph: JsonText(&ready.graph.text),
            mermaid: version.mermaid.as_deref(),
            metadata: JsonText(&ready.metadata.text),
            runnable_config: ready.runnable_config.as_ref().map(|config| JsonText(&config.text)),
            notes: version.notes.as_deref(),
            created_by: version.created_by.as_str(),
            checksum: &version.checksum,
            record_bytes: ready.bytes(),
            created_at: version.created_at.to_datetime(),
            updated_at: version.updated_at.to_datetime(),
        }
    }
}
