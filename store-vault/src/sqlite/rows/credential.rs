use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::audit::ChainHead;
use store_core::vault::{Credential, CredentialHealth, CredentialKind, OAuthState, RefreshLease};
use store_core::{Result, Timestamp};

use super::{Reader, stored};
use crate::rules::credential::{CredentialTexts, Held, ReadyCredential};
use crate::sqlite::schema::vault_credentials;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_credentials, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct CredentialRow {
    id: String,
    name: String,
    provider: String,
    scopes: String,
    workflow_ids: String,
    workspace_ids: String,
    roles: String,
    kind: String,
    template_id: Option<String>,
    health_status: String,
    health_checked_at: Option<String>,
    health_failure_reason: Option<String>,
    key_id: String,
    secret_version: i64,
    last_rotated_at: String,
    tokens_version: i64,
    has_access_token: bool,
    has_refresh_token: bool,
    tokens_expire_at: Option<String>,
    lease_owner: Option<String>,
    lease_epoch: i64,
    created_at: String,
    updated_at: String,
    row_version: i64,
    record_bytes: i64,
}

impl CredentialRow {
    // parity: PostgreSQL's statement sums it.
    pub(in crate::sqlite) fn bytes(&self) -> i64 {
        self.record_bytes
    }

    pub(in crate::sqlite) fn into_record(self) -> Result<Credential> {
        let read = Reader { table: "vault_credentials", id: &self.id };
        let kind: CredentialKind = read.parsed("kind", &self.kind)?;
        let tokens = OAuthState {
            has_access_token: self.has_access_token,
            has_refresh_token: self.has_refresh_token,
            expires_at: read.maybe("tokens_expire_at", self.tokens_expire_at.as_deref())?,
        };
        Ok(Credential {
            id: read.parsed("id", &self.id)?,
            scopes: read.set("scopes", &self.scopes)?,
            scope: read.scope(&self.workflow_ids, &self.workspace_ids, &self.roles)?,
            template_id: read.maybe("template_id", self.template_id.as_deref())?,
            health: CredentialHealth {
                status: read.parsed("health_status", &self.health_status)?,
                last_checked_at: read
                    .maybe("health_checked_at", self.health_checked_at.as_deref())?,
                failure_reason: self.health_failure_reason,
            },
            last_rotated_at: read.parsed("last_rotated_at", &self.last_rotated_at)?,
            oauth: (kind == CredentialKind::OAuth).then_some(tokens),
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            name: self.name,
            provider: self.provider,
            kind,
            key_id: self.key_id,
            secret_version: self.secret_version,
            row_version: self.row_version,
        })
    }

    pub(in crate::sqlite) fn into_held(self, head: ChainHead) -> Result<Held> {
        Ok(Held {
            tokens_version: self.tokens_version,
            lease_owner: self.lease_owner.clone(),
            lease_epoch: self.lease_epoch,
            credential: self.into_record()?,
            head,
        })
    }
}

/// What changes of a credential: everything but its identity, its kind, its template and its lease.
#[derive(Debug, AsChangeset, Insertable)]
#[diesel(table_name = vault_credentials, check_for_backend(Sqlite), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(in crate::sqlite) struct CredentialChange<'a> {
    name: &'a str,
    name_key: &'a str,
    provider: &'a str,
    scopes: &'a str,
    workflow_ids: &'a str,
    workspace_ids: &'a str,
    roles: &'a str,
    health_status: &'a str,
    health_checked_at: Option<String>,
    health_failure_reason: Option<&'a str>,
    key_id: &'a str,
    secret_version: i64,
    last_rotated_at: String,
    tokens_version: i64,
    has_access_token: bool,
    has_refresh_token: bool,
    tokens_expire_at: Option<String>,
    updated_at: String,
    row_version: i64,
    record_bytes: i64,
}

impl<'a> CredentialChange<'a> {
    pub(in crate::sqlite) fn new(
        credential: &'a Credential,
        tokens_version: i64,
        texts: &'a CredentialTexts,
    ) -> Self {
        let oauth = credential.oauth.unwrap_or_default();
        Self {
            name: &credential.name,
            name_key: &texts.name_key,
            provider: &credential.provider,
            scopes: &texts.scopes,
            workflow_ids: &texts.scope.workflow_ids,
            workspace_ids: &texts.scope.workspace_ids,
            roles: &texts.scope.roles,
            health_status: credential.health.status.as_str(),
            health_checked_at: credential.health.last_checked_at.map(stored),
            health_failure_reason: credential.health.failure_reason.as_deref(),
            key_id: &credential.key_id,
            secret_version: credential.secret_version,
            last_rotated_at: stored(credential.last_rotated_at),
            tokens_version,
            has_access_token: oauth.has_access_token,
            has_refresh_token: oauth.has_refresh_token,
            tokens_expire_at: oauth.expires_at.map(stored),
            updated_at: stored(credential.updated_at),
            row_version: credential.row_version,
            record_bytes: texts.record_bytes(),
        }
    }
}

#[derive(Debug, Insertable)]
#[diesel(
    table_name = vault_credentials,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewCredentialRow<'a> {
    id: String,
    kind: &'a str,
    template_id: Option<String>,
    lease_epoch: i64,
    created_at: String,
    #[diesel(embed)]
    rest: CredentialChange<'a>,
}

impl<'a> NewCredentialRow<'a> {
    pub(in crate::sqlite) fn new(ready: &'a ReadyCredential, texts: &'a CredentialTexts) -> Self {
        let credential = &ready.credential;
        Self {
            id: credential.id.to_string(),
            kind: credential.kind.as_str(),
            template_id: credential.template_id.map(|id| id.to_string()),
            lease_epoch: 0,
            created_at: stored(credential.created_at),
            rest: CredentialChange::new(credential, ready.tokens_version, texts),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_credentials, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct LeaseRow {
    id: String,
    lease_owner: Option<String>,
    lease_epoch: i64,
    lease_expires_at: Option<String>,
}

impl LeaseRow {
    pub(in crate::sqlite) fn into_record(self) -> Result<RefreshLease> {
        let read = Reader { table: "vault_credentials", id: &self.id };
        let expires_at: Option<Timestamp> =
            read.maybe("lease_expires_at", self.lease_expires_at.as_deref())?;
        let missing = || read.corrupt("lease_owner", "is missing");
        Ok(RefreshLease {
            credential_id: read.parsed("id", &self.id)?,
            owner: self.lease_owner.ok_or_else(missing)?,
            epoch: self.lease_epoch,
            expires_at: expires_at.ok_or_else(missing)?,
        })
    }
}
