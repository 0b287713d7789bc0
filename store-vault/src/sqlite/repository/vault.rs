use std::time::Duration;

use async_trait::async_trait;
use store_core::audit::AuditReport;
use store_core::vault::{
    AccessContext, Credential, CredentialDescription, CredentialUpdate, CredentialVault,
    HealthStatus, NewCredential, OAuthTokens, RefreshLease, Rewrapped, SecretVersion, StoredTokens,
    VaultAuditAction, VaultAuditEntry, VaultKey, VaultSubject,
};
use store_core::{
    CredentialId, Health, Listing, Order, Page, PageRequest, Result, SecretString, observed,
    observed_read,
};

use crate::rules::HEALTH_DEADLINE;
use crate::rules::access::{Reach, checked_administrator, checked_context};
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::credential::ReadyCredential;
use crate::rules::keys::checked_batch;
use crate::rules::lease::{checked_holder, checked_ttl};
use crate::rules::secret::{checked_secret, checked_tokens};
use crate::rules::text::{checked_name, name_key};
use crate::rules::update::{ReadyUpdate, checked_health};
use crate::sqlite::{SCHEMA, SqliteCredentialVault};
use crate::sqlite::{audit, changes, credentials, issuing, keys, leases, reveal, secrets};

#[async_trait]
impl CredentialVault for SqliteCredentialVault {
    async fn create(&self, context: &AccessContext, new: NewCredential) -> Result<Credential> {
        observed!("vault", "create", "sqlite", async {
            let ready = ReadyCredential::new(&self.context, context, new)?;
            let (id, created) = (ready.credential.id, VaultAuditAction::Created);
            let entry = ReadyEntry::new(&self.context, id, created, context, details([]))?;
            let (access, credential) = (context.clone(), ready.credential.clone());
            writing!(self, "credential_create", |conn, cx| {
                credentials::credential_create(conn, cx, &access, &ready, &entry)
            })?;
            Ok(credential)
        })
        .await
    }

    async fn fetch(&self, context: &AccessContext, id: CredentialId) -> Result<Credential> {
        observed_read!("vault", "fetch", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            reading!(self, "credential_fetch", |conn, _cx| {
                credentials::credential_fetch(conn, &access, id)
            })
        })
        .await
    }

    async fn find_by_name(
        &self,
        context: &AccessContext,
        name: &str,
    ) -> Result<Option<Credential>> {
        observed_read!("vault", "find_by_name", "sqlite", async {
            checked_context(context)?;
            let key = name_key(&checked_name("name", name)?);
            let access = context.clone();
            reading!(self, "credential_by_name", |conn, _cx| {
                credentials::credential_by_name(conn, &access, &key)
            })
        })
        .await
    }

    async fn list(&self, context: &AccessContext, page: &PageRequest) -> Result<Page<Credential>> {
        observed_read!("vault", "list", "sqlite", async {
            self.list_within("vault.list", Reach::of(context)?, page).await
        })
        .await
    }

    async fn list_all(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        observed_read!("vault", "list_all", "sqlite", async {
            checked_administrator(context)?;
            self.list_within("vault.list_all", Reach::of(context)?, page).await
        })
        .await
    }

    async fn describe(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<CredentialDescription> {
        observed_read!("vault", "describe", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            reading!(self, "credential_describe", |conn, _cx| {
                issuing::credential_describe(conn, &access, id)
            })
        })
        .await
    }

    async fn update(
        &self,
        context: &AccessContext,
        id: CredentialId,
        update: CredentialUpdate,
    ) -> Result<Credential> {
        observed!("vault", "update", "sqlite", async {
            let update = ReadyUpdate::new(context, update)?;
            let access = context.clone();
            writing!(self, "credential_update", |conn, cx| {
                changes::credential_update(conn, cx, &access, id, &update)
            })
        })
        .await
    }

    async fn rotate(
        &self,
        context: &AccessContext,
        id: CredentialId,
        secret: SecretString,
    ) -> Result<Credential> {
        observed!("vault", "rotate", "sqlite", async {
            checked_context(context)?;
            checked_secret("secret", &secret)?;
            let access = context.clone();
            writing!(self, "secret_rotate", |conn, cx| {
                changes::secret_rotate(conn, cx, &access, id, &secret)
            })
        })
        .await
    }

    async fn reveal(&self, context: &AccessContext, id: CredentialId) -> Result<SecretString> {
        observed!("vault", "reveal", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "secret_reveal", |conn, cx| {
                reveal::secret_reveal(conn, cx, &access, id)
            })
        })
        .await
    }

    async fn versions(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<Vec<SecretVersion>> {
        observed_read!("vault", "versions", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            reading!(self, "version_list", |conn, _cx| {
                let credential = credentials::credential_fetch(conn, &access, id)?;
                secrets::version_list(conn, &credential)
            })
        })
        .await
    }

    async fn restore_version(
        &self,
        context: &AccessContext,
        id: CredentialId,
        version: i64,
    ) -> Result<Credential> {
        observed!("vault", "restore_version", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "version_restore", |conn, cx| {
                changes::version_restore(conn, cx, &access, id, version)
            })
        })
        .await
    }

    async fn mark_health(
        &self,
        context: &AccessContext,
        id: CredentialId,
        status: HealthStatus,
        failure_reason: Option<&str>,
    ) -> Result<Credential> {
        observed!("vault", "mark_health", "sqlite", async {
            checked_health(context, status, failure_reason)?;
            let access = context.clone();
            let failure_reason = failure_reason.map(str::to_owned);
            writing!(self, "health_mark", |conn, cx| {
                changes::health_mark(conn, cx, &access, id, status, failure_reason.as_deref())
            })
        })
        .await
    }

    async fn delete(&self, context: &AccessContext, id: CredentialId) -> Result<()> {
        observed!("vault", "delete", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "credential_remove", |conn, cx| {
                changes::credential_remove(conn, cx, &access, id)
            })
        })
        .await
    }

    async fn update_oauth_tokens(
        &self,
        context: &AccessContext,
        id: CredentialId,
        tokens: OAuthTokens,
    ) -> Result<Credential> {
        observed!("vault", "update_oauth_tokens", "sqlite", async {
            checked_context(context)?;
            checked_tokens(&tokens)?;
            let access = context.clone();
            writing!(self, "tokens_update", |conn, cx| {
                changes::tokens_update(conn, cx, &access, id, &tokens)
            })
        })
        .await
    }

    async fn reveal_oauth_tokens(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<StoredTokens> {
        observed!("vault", "reveal_oauth_tokens", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "tokens_reveal", |conn, cx| {
                reveal::tokens_reveal(conn, cx, &access, id)
            })
        })
        .await
    }

    async fn acquire_refresh_lease(
        &self,
        context: &AccessContext,
        id: CredentialId,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<RefreshLease>> {
        observed!("vault", "acquire_refresh_lease", "sqlite", async {
            checked_holder(context, owner, ttl)?;
            let access = context.clone();
            let owner = owner.to_owned();
            writing!(self, "lease_acquire", |conn, cx| {
                leases::lease_acquire(conn, cx, &access, id, &owner, ttl)
            })
        })
        .await
    }

    async fn renew_refresh_lease(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
        ttl: Duration,
    ) -> Result<RefreshLease> {
        observed!("vault", "renew_refresh_lease", "sqlite", async {
            checked_context(context)?;
            checked_ttl(ttl)?;
            let access = context.clone();
            let lease = lease.clone();
            writing!(self, "lease_renew", |conn, cx| {
                leases::lease_renew(conn, cx, &access, &lease, ttl)
            })
        })
        .await
    }

    async fn complete_refresh(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
        tokens: OAuthTokens,
    ) -> Result<Credential> {
        observed!("vault", "complete_refresh", "sqlite", async {
            checked_context(context)?;
            checked_tokens(&tokens)?;
            let access = context.clone();
            let lease = lease.clone();
            writing!(self, "refresh_complete", |conn, cx| {
                changes::refresh_complete(conn, cx, &access, &lease, &tokens)
            })
        })
        .await
    }

    async fn release_refresh_lease(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
    ) -> Result<()> {
        observed!("vault", "release_refresh_lease", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            let lease = lease.clone();
            writing!(self, "lease_release", |conn, _cx| {
                leases::lease_release(conn, &access, &lease)
            })
        })
        .await
    }

    async fn audit(
        &self,
        context: &AccessContext,
        subject: VaultSubject,
        page: &PageRequest,
    ) -> Result<Page<VaultAuditEntry>> {
        observed_read!("vault", "audit", "sqlite", async {
            checked_context(context)?;
            let listing = Listing::new("vault.audit", &subject, page, Order::Asc)?;
            let access = context.clone();
            reading!(self, "audit_list", |conn, cx| {
                audit::audit_list(conn, cx, &access, subject, &listing)
            })
        })
        .await
    }

    async fn verify_audit(
        &self,
        context: &AccessContext,
        subject: VaultSubject,
    ) -> Result<AuditReport> {
        observed_read!("vault", "verify_audit", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            reading!(self, "audit_verify", |conn, _cx| {
                audit::audit_verify(conn, &access, subject)
            })
        })
        .await
    }

    async fn keys(&self, context: &AccessContext) -> Result<Vec<VaultKey>> {
        observed!("vault", "keys", "sqlite", async {
            checked_administrator(context)?;
            reading!(self, "key_list", |conn, _cx| keys::key_list(conn))
        })
        .await
    }

    async fn rewrap(&self, context: &AccessContext, batch: u32) -> Result<Rewrapped> {
        observed!("vault", "rewrap", "sqlite", async {
            checked_administrator(context)?;
            self.rewrap_all(checked_batch(batch)?).await
        })
        .await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
