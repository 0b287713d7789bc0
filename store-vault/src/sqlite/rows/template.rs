use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::vault::{CredentialTemplate, IssuancePolicy};

use super::{Reader, stored};
use crate::rules::template::{TemplateTexts, column};
use crate::sqlite::schema::vault_templates;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_templates, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct TemplateRow {
    id: String,
    name: String,
    provider: String,
    description: Option<String>,
    scopes: String,
    workflow_ids: String,
    workspace_ids: String,
    roles: String,
    kind: String,
    require_refresh_token: bool,
    rotation_period_days: Option<i32>,
    expiry_threshold_minutes: i32,
    created_at: String,
    updated_at: String,
    row_version: i64,
    record_bytes: i64,
}

impl TemplateRow {
    // parity: PostgreSQL's statement sums it.
    pub(in crate::sqlite) fn bytes(&self) -> i64 {
        self.record_bytes
    }

    pub(in crate::sqlite) fn into_record(self) -> Result<CredentialTemplate> {
        let read = Reader { table: "vault_templates", id: &self.id };
        let days = self.rotation_period_days;
        let days = days.map(|days| read.count("rotation_period_days", days)).transpose()?;
        let minutes = read.count("expiry_threshold_minutes", self.expiry_threshold_minutes)?;
        Ok(CredentialTemplate {
            id: read.parsed("id", &self.id)?,
            scopes: read.set("scopes", &self.scopes)?,
            scope: read.scope(&self.workflow_ids, &self.workspace_ids, &self.roles)?,
            kind: read.parsed("kind", &self.kind)?,
            issuance_policy: IssuancePolicy {
                require_refresh_token: self.require_refresh_token,
                rotation_period_days: days,
                expiry_threshold_minutes: minutes,
            },
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            name: self.name,
            provider: self.provider,
            description: self.description,
            row_version: self.row_version,
        })
    }
}

/// What changes of a template: everything but its identity.
#[derive(Debug, AsChangeset, Insertable)]
#[diesel(table_name = vault_templates, check_for_backend(Sqlite), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(in crate::sqlite) struct TemplateChange<'a> {
    name: &'a str,
    name_key: &'a str,
    provider: &'a str,
    description: Option<&'a str>,
    scopes: &'a str,
    workflow_ids: &'a str,
    workspace_ids: &'a str,
    roles: &'a str,
    kind: &'a str,
    require_refresh_token: bool,
    rotation_period_days: Option<i32>,
    expiry_threshold_minutes: i32,
    updated_at: String,
    row_version: i64,
    record_bytes: i64,
}

impl<'a> TemplateChange<'a> {
    pub(in crate::sqlite) fn new(
        template: &'a CredentialTemplate,
        texts: &'a TemplateTexts,
    ) -> Result<Self> {
        let policy = template.issuance_policy;
        Ok(Self {
            name: &template.name,
            name_key: &texts.name_key,
            provider: &template.provider,
            description: template.description.as_deref(),
            scopes: &texts.scopes,
            workflow_ids: &texts.scope.workflow_ids,
            workspace_ids: &texts.scope.workspace_ids,
            roles: &texts.scope.roles,
            kind: template.kind.as_str(),
            require_refresh_token: policy.require_refresh_token,
            rotation_period_days: policy.rotation_period_days.map(column).transpose()?,
            expiry_threshold_minutes: column(policy.expiry_threshold_minutes)?,
            updated_at: stored(template.updated_at),
            row_version: template.row_version,
            record_bytes: texts.record_bytes(),
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(
    table_name = vault_templates,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewTemplateRow<'a> {
    id: String,
    created_at: String,
    #[diesel(embed)]
    rest: TemplateChange<'a>,
}

impl<'a> NewTemplateRow<'a> {
    pub(in crate::sqlite) fn new(
        template: &'a CredentialTemplate,
        texts: &'a TemplateTexts,
    ) -> Result<Self> {
        Ok(Self {
            id: template.id.to_string(),
            created_at: stored(template.created_at),
            rest: TemplateChange::new(template, texts)?,
        })
    }
}
