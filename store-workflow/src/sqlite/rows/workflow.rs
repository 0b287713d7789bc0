use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::workflow::Workflow;
use store_core::{Error, Result};

use super::{Reader, stored};
use crate::rules::workflow::StoredWorkflow;
use crate::sqlite::schema::workflows;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflows, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct WorkflowRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) name: String,
    pub(in crate::sqlite) handle: Option<String>,
    pub(in crate::sqlite) slug: String,
    pub(in crate::sqlite) description: Option<String>,
    pub(in crate::sqlite) tags: String,
    pub(in crate::sqlite) is_archived: bool,
    pub(in crate::sqlite) draft_access: String,
    pub(in crate::sqlite) is_public: bool,
    pub(in crate::sqlite) published_at: Option<String>,
    pub(in crate::sqlite) published_by: Option<String>,
    pub(in crate::sqlite) require_login: bool,
    pub(in crate::sqlite) share_url: Option<String>,
    pub(in crate::sqlite) chatkit: Option<String>,
    pub(in crate::sqlite) row_version: i64,
    pub(in crate::sqlite) record_bytes: i64,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl WorkflowRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<Workflow> {
        let read = Reader { table: "workflows", id: &self.id, json };
        let chatkit = match &self.chatkit {
            Some(text) => Some(
                serde_json::from_value(read.json("chatkit", text)?)
                    .map_err(|cause| Error::corrupt("workflows", "chatkit", &self.id, cause))?,
            ),
            None => None,
        };
        Ok(Workflow {
            id: read.parsed("id", &self.id)?,
            handle: self.handle,
            slug: self.slug,
            description: self.description,
            tags: read.strings("tags", &self.tags)?,
            is_archived: self.is_archived,
            draft_access: read.parsed("draft_access", &self.draft_access)?,
            is_public: self.is_public,
            published_at: read.optional("published_at", self.published_at.as_deref())?,
            published_by: read.optional("published_by", self.published_by.as_deref())?,
            require_login: self.require_login,
            share_url: self.share_url,
            chatkit,
            row_version: self.row_version,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            name: self.name,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflows, check_for_backend(Sqlite), treat_none_as_null = true)]
pub(in crate::sqlite) struct StoredWorkflowRow<'a> {
    id: String,
    name: &'a str,
    handle: Option<&'a str>,
    slug: &'a str,
    description: Option<&'a str>,
    tags: &'a str,
    is_archived: bool,
    draft_access: &'a str,
    is_public: bool,
    published_at: Option<String>,
    published_by: Option<&'a str>,
    require_login: bool,
    share_url: Option<&'a str>,
    chatkit: Option<&'a str>,
    search_text: &'a str,
    row_version: i64,
    record_bytes: i64,
    created_at: String,
    updated_at: String,
}

impl<'a> StoredWorkflowRow<'a> {
    pub(in crate::sqlite) fn new(row: &'a StoredWorkflow) -> Self {
        let workflow = &row.workflow;
        Self {
            id: workflow.id.to_string(),
            name: &workflow.name,
            handle: workflow.handle.as_deref(),
            slug: &workflow.slug,
            description: workflow.description.as_deref(),
            tags: &row.tags.text,
            is_archived: workflow.is_archived,
            draft_access: workflow.draft_access.as_str(),
            is_public: workflow.is_public,
            published_at: stored(workflow.published_at),
            published_by: workflow.published_by.as_ref().map(AsRef::as_ref),
            require_login: workflow.require_login,
            share_url: workflow.share_url.as_deref(),
            chatkit: row.chatkit.as_ref().map(|admitted| admitted.text.as_str()),
            search_text: &row.search_text,
            row_version: workflow.row_version,
            record_bytes: row.record_bytes,
            created_at: workflow.created_at.to_string(),
            updated_at: workflow.updated_at.to_string(),
        }
    }
}
