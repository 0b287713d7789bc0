use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::Result;
use store_core::postgres::JsonText;
use store_core::vault::{CredentialTemplate, IssuancePolicy};
use uuid::Uuid;

use super::{Reader, stored};
use crate::postgres::schema::vault_templates;
use crate::rules::template::{TemplateTexts, column};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_templates, check_for_backend(Pg))]
pub(in crate::postgres) struct TemplateRow {
    id: Uuid,
    name: String,
    provider: String,
    description: Option<String>,
    scopes: Value,
    workflow_ids: Value,
    workspace_ids: Value,
    roles: Value,
    kind: String,
    require_refresh_token: bool,
    rotation_period_days: Option<i32>,
    expiry_threshold_minutes: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    row_version: i64,
    #[expect(dead_code, reason = "the page's statement sums it")]
    record_bytes: i64,
}

impl TemplateRow {
    pub(in crate::postgres) fn into_record(self) -> Result<CredentialTemplate> {
        let read = Reader { table: "vault_templates", id: self.id };
        let days = self.rotation_period_days;
        let days = days.map(|days| read.count("rotation_period_days", days)).transpose()?;
        let minutes = read.count("expiry_threshold_minutes", self.expiry_threshold_minutes)?;
        Ok(CredentialTemplate {
            id: self.id.into(),
            scopes: read.set("scopes", self.scopes)?,
            scope: read.scope(self.workflow_ids, self.workspace_ids, self.roles)?,
            kind: read.parsed("kind", &self.kind)?,
            issuance_policy: IssuancePolicy {
                require_refresh_token: self.require_refresh_token,
                rotation_period_days: days,
                expiry_threshold_minutes: minutes,
            },
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            name: self.name,
            provider: self.provider,
            description: self.description,
            row_version: self.row_version,
        })
    }
}

/// What changes of a template: everything but its identity.
#[derive(Debug, AsChangeset, Insertable)]
#[diesel(table_name = vault_templates, check_for_backend(Pg), treat_none_as_null = true)]
pub(in crate::postgres) struct TemplateChange<'a> {
    name: &'a str,
    name_key: &'a str,
    provider: &'a str,
    description: Option<&'a str>,
    scopes: JsonText<'a>,
    workflow_ids: JsonText<'a>,
    workspace_ids: JsonText<'a>,
    roles: JsonText<'a>,
    kind: &'a str,
    require_refresh_token: bool,
    rotation_period_days: Option<i32>,
    expiry_threshold_minutes: i32,
    updated_at: DateTime<Utc>,
    row_version: i64,
    record_bytes: i64,
}

impl<'a> TemplateChange<'a> {
    pub(in crate::postgres) fn new(
        template: &'a CredentialTemplate,
        texts: &'a TemplateTexts,
    ) -> Result<Self> {
        let policy = template.issuance_policy;
        Ok(Self {
            name: &template.name,
            name_key: &texts.name_key,
            provider: &template.provider,
            description: template.description.as_deref(),
            scopes: JsonText(&texts.scopes),
            workflow_ids: JsonText(&texts.scope.workflow_ids),
            workspace_ids: JsonText(&texts.scope.workspace_ids),
            roles: JsonText(&texts.scope.roles),
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
#[diesel(table_name = vault_templates, check_for_backend(Pg))]
pub(in crate::postgres) struct NewTemplateRow<'a> {
    id: Uuid,
    created_at: DateTime<Utc>,
    #[diesel(embed)]
    rest: TemplateChange<'a>,
}

impl<'a> NewTemplateRow<'a> {
    pub(in crate::postgres) fn new(
        template: &'a CredentialTemplate,
        texts: &'a TemplateTexts,
    ) -> Result<Self> {
        Ok(Self {
            id: template.id.as_uuid(),
            created_at: stored(template.created_at),
            rest: TemplateChange::new(template, texts)?,
        })
    }
}
