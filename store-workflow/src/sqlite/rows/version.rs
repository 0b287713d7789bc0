use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::workflow::WorkflowVersion;

use super::Reader;
use crate::rules::version::ReadyVersion;
use crate::sqlite::schema::workflow_versions;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_versions, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct VersionRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) version: i32,
    pub(in crate::sqlite) graph: String,
    pub(in crate::sqlite) mermaid: Option<String>,
    pub(in crate::sqlite) metadata: String,
    pub(in crate::sqlite) runnable_config: Option<String>,
    pub(in crate::sqlite) notes: Option<String>,
    pub(in crate::sqlite) created_by: String,
    pub(in crate::sqlite) checksum: String,
    pub(in crate::sqlite) record_bytes: i64,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl VersionRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<WorkflowVersion> {
        let read = Reader { table: "workflow_versions", id: &self.id, json };
        let config = self.runnable_config.as_deref();
        Ok(WorkflowVersion {
            id: read.parsed("id", &self.id)?,
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            version: self.version,
            graph: read.json("graph", &self.graph)?,
            mermaid: self.mermaid,
            metadata: read.json("metadata", &self.metadata)?,
            runnable_config: config.map(|c| read.config("runnable_config", c)).transpose()?,
            notes: self.notes,
            created_by: read.parsed("created_by", &self.created_by)?,
            checksum: self.checksum,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = workflow_versions, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct NewVersionRow<'a> {
    id: String,
    workflow_id: String,
    version: i32,
    graph: &'a str,
    mermaid: Option<&'a str>,
    metadata: &'a str,
    runnable_config: Option<&'a str>,
    notes: Option<&'a str>,
    created_by: &'a str,
    checksum: &'a str,
    record_bytes: i64,
    created_at: String,
    updated_at: String,
}

impl<'a> NewVersionRow<'a> {
    pub(in crate::sqlite) fn new(ready: &'a ReadyVersion, number: i32) -> Self {
        let version = &ready.version;
        Self {
            id: version.id.to_string(),
            workflow_id: version.workflow_id.to_string(),
            version: number,
            graph: &ready.graph.text,
            mermaid: version.mermaid.as_deref(),
            metadata: &ready.metadata.text,
            runnable_config: ready.runnable_config.as_ref().map(|config| config.text.as_str()),
            notes: version.notes.as_deref(),
            created_by: version.created_by.as_str(),
            checksum: &version.checksum,
            record_bytes: ready.bytes(),
            created_at: version.created_at.to_string(),
            updated_at: version.updated_at.to_string(),
        }
    }
}
