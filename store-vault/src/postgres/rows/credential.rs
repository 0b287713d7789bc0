use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use store_core::audit::ChainHead;
use store_core::postgres::JsonText;
use store_core::vault::{Credential, CredentialHealth, CredentialKind, OAuthState, RefreshLease};
use store_core::{Result, Timestamp};
use uuid::Uuid;

use super::{Reader, stored};
use crate::postgres::schema::vault_credentials;
use crate::rules::credential::{CredentialTexts, Held, ReadyCredential};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_credentials, check_for_backend(Pg))]
pub(in crate::postgres) struct CredentialRow {
    id: Uuid,
    name: String,
    provider: String,
    scopes: Value,
    workflow_ids: Value,
    workspace_ids: Value,
    roles: Value,
    kind: String,
    template_id: Option<Uuid>,
    health_status: String,
    health_checked_at: Option<DateTime<Utc>>,
    health_failure_reason: Option<String>,
    key_id: String,
    secret_version: i64,
    last_rotated_at: DateTime<Utc>,
    tokens_version: i64,
    has_access_token: bool,
    has_refresh_token: bool,
    tokens_expire_at: Option<DateTime<Utc>>,
    lease_owner: Option<String>,
    lease_epoch: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    row_version: i64,
    #[expect(dead_code, reason = "the page's statement sums it")]
    record_bytes: i64,
}

impl CredentialRow {
    pub(in crate::postgres) fn into_record(self) -> Result<Credential> {
        let read = Reader { table: "vault_credentials", id: self.id };
        let kind: CredentialKind = read.parsed("kind", &self.kind)?;
        let tokens = OAuthState {
            has_access_token: self.has_access_token,
            has_refresh_token: self.has_refresh_token,
            expires_at: read.maybe_instant("tokens_expire_at", self.tokens_expire_at)?,
        };
        Ok(Credential {
            id: self.id.into(),
            scopes: read.set("scopes", self.scopes)?,
            scope: read.scope(self.workflow_ids, self.workspace_ids, self.roles)?,
            template_id: self.template_id.map(Into::into),
            health: CredentialHealth {
                status: read.parsed("health_status", &self.health_status)?,
                last_checked_at: read.maybe_instant("health_checked_at", self.health_checked_at)?,
                failure_reason: self.health_failure_reason,
            },
            last_rotated_at: read.instant("last_rotated_at", self.last_rotated_at)?,
            oauth: (kind == CredentialKind::OAuth).then_some(tokens),
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            name: self.name,
            provider: self.provider,
            kind,
            key_id: self.key_id,
            secret_version: self.secret_version,
            row_version: self.row_version,
        })
    }

    pub(in crate::postgres) fn into_held(self, head: ChainHead) -> Result<Held> {
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
#[diesel(table_name = vault_credentials, check_for_backend(Pg), treat_none_as_null = true)]
pub(in crate::postgres) struct CredentialChange<'a> {
    name: &'a str,
    name_key: &'a str,
    provider: &'a str,
    scopes: JsonText<'a>,
    workflow_ids: JsonText<'a>,
    workspace_ids: JsonText<'a>,
    roles: JsonText<'a>,
    health_status: &'a str,
    health_checked_at: Option<DateTime<Utc>>,
    health_failure_reason: Option<&'a str>,
    key_id: &'a str,
    secret_version: i64,
    last_rotated_at: DateTime<Utc>,
    tokens_version: i64,
    has_access_token: bool,
    has_refresh_token: bool,
    tokens_expire_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    row_version: i64,
    record_bytes: i64,
}

impl<'a> CredentialChange<'a> {
    pub(in crate::postgres) fn new(
        credential: &'a Credential,
        tokens_version: i64,
        texts: &'a CredentialTexts,
    ) -> Self {
        let oauth = credential.oauth.unwrap_or_default();
        Self {
            name: &credential.name,
            name_key: &texts.name_key,
            provider: &credential.provider,
            scopes: JsonText(&texts.scopes),
            workflow_ids: JsonText(&texts.scope.workflow_ids),
            workspace_ids: JsonText(&texts.scope.workspace_ids),
            roles: JsonText(&texts.scope.roles),
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
#[diesel(table_name = vault_credentials, check_for_backend(Pg))]
pub(in crate::postgres) struct NewCredentialRow<'a> {
    id: Uuid,
    kind: &'a str,
    template_id: Option<Uuid>,
    lease_epoch: i64,
    created_at: DateTime<Utc>,
    #[diesel(embed)]
    rest: CredentialChange<'a>,
}

impl<'a> NewCredentialRow<'a> {
    pub(in crate::postgres) fn new(ready: &'a ReadyCredential, texts: &'a CredentialTexts) -> Self {
        let credential = &ready.credential;
        Self {
            id: credential.id.as_uuid(),
            kind: credential.kind.as_str(),
            template_id: credential.template_id.map(|id| id.as_uuid()),
            lease_epoch: 0,
            created_at: stored(credential.created_at),
            rest: CredentialChange::new(credential, ready.tokens_version, texts),
        }
    }
}

// parity: the server's clock measures leases, in statements that the query builder cannot express.
/// What such a statement returns of a lease.
pub(in crate::postgres) type LeaseSql = (SqlUuid, Nullable<Text>, BigInt, Nullable<Timestamptz>);

#[derive(Debug, Queryable)]
pub(in crate::postgres) struct LeaseRow {
    id: Uuid,
    lease_owner: Option<String>,
    lease_epoch: i64,
    lease_expires_at: Option<DateTime<Utc>>,
}

impl LeaseRow {
    pub(in crate::postgres) fn into_record(self) -> Result<RefreshLease> {
        let read = Reader { table: "vault_credentials", id: self.id };
        let expires_at: Option<Timestamp> =
            read.maybe_instant("lease_expires_at", self.lease_expires_at)?;
        let missing = || read.corrupt("lease_owner", "is missing");
        Ok(RefreshLease {
            credential_id: self.id.into(),
            owner: self.lease_owner.ok_or_else(missing)?,
            epoch: self.lease_epoch,
            expires_at: expires_at.ok_or_else(missing)?,
        })
    }
}
