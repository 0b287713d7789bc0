use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::Workflow;
use store_core::{Error, Result};
use uuid::Uuid;

use super::{JsonText, Reader, stored};
use crate::postgres::schema::workflows;
use crate::rules::workflow::StoredWorkflow;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflows, check_for_backend(Pg))]
pub(in crate::postgres) struct WorkflowRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) name: String,
    pub(in crate::postgres) handle: Option<String>,
    pub(in crate::postgres) slug: String,
    pub(in crate::postgres) description: Option<String>,
    pub(in crate::postgres) tags: Value,
    pub(in crate::postgres) is_archived: bool,
    pub(in crate::postgres) draft_access: String,
    pub(in crate::postgres) is_public: bool,
    pub(in crate::postgres) published_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) published_by: Option<String>,
    pub(in crate::postgres) require_login: bool,
    pub(in crate::postgres) share_url: Option<String>,
    pub(in crate::postgres) chatkit: Option<Value>,
    pub(in crate::postgres) row_version: i64,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(in crate::postgres) record_bytes: i64,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl WorkflowRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<Workflow> {
        let read = Reader { table: "workflows", id: &self.id, json };
        let chatkit = match self.chatkit {
            Some(value) => Some(
                serde_json::from_value(read.json(value))
                    .map_err(|cause| Error::corrupt("workflows", "chatkit", self.id, cause))?,
            ),
            None => None,
        };
        Ok(Workflow {
            id: self.id.into(),
            handle: self.handle,
            slug: self.slug,
            description: self.description,
            tags: read.strings("tags", self.tags)?,
            is_archived: self.is_archived,
            draft_access: read.parsed("draft_access", &self.draft_access)?,
            is_public: self.is_public,
            published_at: read.optional("published_at", self.published_at)?,
            published_by: match &self.published_by {
                Some(actor) => Some(read.parsed("published_by", actor)?),
                None => None,
            },
            require_login: self.require_login,
            share_url: self.share_url,
            chatkit,
            row_version: self.row_version,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            name: self.name,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflows, check_for_backend(Pg), treat_none_as_null = true)]
pub(in crate::postgres) struct StoredWorkflowRow<'a> {
    id: Uuid,
    name: &'a str,
    handle: Option<&'a str>,
    slug: &'a str,
    description: Option<&'a str>,
    tags: JsonText<'a>,
    is_archived: bool,
    draft_access: &'a str,
    is_public: bool,
    published_at: Option<DateTime<Utc>>,
    published_by: Option<&'a str>,
    require_login: bool,
    share_url: Option<&'a str>,
    chatkit: Option<JsonText<'a>>,
    search_text: &'a str,
    row_version: i64,
    record_bytes: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> StoredWorkflowRow<'a> {
    pub(in crate::postgres) fn new(row: &'a StoredWorkflow) -> Self {
        let workflow = &row.workflow;
        Self {
            id: workflow.id.as_uuid(),
            name: &workflow.name,
            handle: workflow.handle.as_deref(),
            slug: &workflow.slug,
            description: workflow.description.as_deref(),
            tags: JsonText(&row.tags.text),
            is_archived: workflow.is_archived,
            draft_access: workflow.draft_access.as_str(),
            is_public: workflow.is_public,
            published_at: stored(workflow.published_at),
            published_by: workflow.published_by.as_ref().map(AsRef::as_ref),
            require_login: workflow.require_login,
            share_url: workflow.share_url.as_deref(),
            chatkit: row.chatkit.as_ref().map(|admitted| JsonText(&admitted.text)),
            search_text: &row.search_text,
            row_version: workflow.row_version,
            record_bytes: row.record_bytes,
            created_at: workflow.created_at.to_datetime(),
            updated_at: workflow.updated_at.to_datetime(),
        }
    }
}
