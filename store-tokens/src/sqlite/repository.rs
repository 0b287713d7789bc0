//! The storage of tokens: every call checks its input, then takes a connection.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use store_core::tokens::{
    AuditOrigin, AuditReport, DeniedUses, Invalidation, NewRotation, NewServiceToken, RateLimit,
    Rotated, SecretHash, ServiceToken, ServiceTokenRepository, TokenAuditEntry, TokenFilter,
    TokenPurge, TokenUses,
};
use store_core::{
    Error, Health, Listing, Order, Page, PageRequest, Result, TokenId, observed, observed_read,
};

use super::notices::{carried_through, notices_listen, notices_tell};
use super::{SCHEMA, SqliteServiceTokenRepository};
use super::{audit, lookup, retention, rotation, tokens, usage};
use crate::rules::retention::{checked_batch, checked_revocation};
use crate::rules::rotation::ReadyRotation;
use crate::rules::token::{ReadyToken, checked_filter, checked_rate};
use crate::rules::usage::{checked_uses, denied_entries};
use crate::rules::{HEALTH_DEADLINE, checked_origin};

impl SqliteServiceTokenRepository {
    async fn create_one(
        &self,
        new: NewServiceToken,
        origin: &AuditOrigin,
        bootstrap: bool,
    ) -> Result<ServiceToken> {
        let ready = ReadyToken::new(&self.context, new, origin)?;
        let (token, origin) = (ready.token.clone(), origin.clone());
        writing!(self, "token_create", |conn, cx| {
            tokens::token_create(conn, cx, &ready, &origin, bootstrap)
        })?;
        Ok(token)
    }

    async fn bootstrap_one(
        &self,
        new: NewServiceToken,
        origin: &AuditOrigin,
    ) -> Result<ServiceToken> {
        let hash = new.secret_hash;
        if let Some(token) = self.look_up(&hash).await? {
            return Ok(token);
        }
        match self.create_one(new, origin, true).await {
            // Another process may have stored it at the same time.
            Err(conflict @ Error::Conflict { .. }) => self.look_up(&hash).await?.ok_or(conflict),
            created => created,
        }
    }

    async fn look_up(&self, hash: &SecretHash) -> Result<Option<ServiceToken>> {
        let hash = *hash;
        reading!(self, "token_look_up", |conn, _cx| lookup::token_look_up(conn, &hash))
    }

    async fn rotate_one(
        &self,
        identifier: &TokenId,
        rotation: NewRotation,
        origin: &AuditOrigin,
    ) -> Result<Rotated> {
        let ready = ReadyRotation::new(&self.context, rotation, origin)?;
        let (this, id, origin) = (self.clone(), identifier.clone(), origin.clone());
        carried_through("token_rotate", async move {
            let changed = id.clone();
            let rotated = writing!(this, "token_rotate", |conn, cx| {
                rotation::token_rotate(conn, cx, &id, &ready, &origin)
            })?;
            notices_tell(&this.notices, [changed]);
            Ok(rotated)
        })
        .await
    }

    async fn revoke_all(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>> {
        checked_revocation(reason, origin)?;
        let (this, id, origin) = (self.clone(), identifier.clone(), origin.clone());
        let reason = reason.map(str::to_owned);
        carried_through("tokens_revoke", async move {
            let revoked = writing!(this, "tokens_revoke", |conn, cx| {
                rotation::tokens_revoke(conn, cx, &id, reason.as_deref(), family, &origin)
            })?;
            notices_tell(&this.notices, revoked.iter().map(|token| token.identifier.clone()));
            Ok(revoked)
        })
        .await
    }

    async fn delete_one(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()> {
        checked_origin(origin)?;
        let (this, id, origin) = (self.clone(), identifier.clone(), origin.clone());
        carried_through("token_delete", async move {
            let changed = id.clone();
            writing!(this, "token_delete", |conn, cx| {
                retention::token_delete(conn, cx, &id, &origin)
            })?;
            notices_tell(&this.notices, [changed]);
            Ok(())
        })
        .await
    }

    async fn purge_all(&self, purge: &TokenPurge, origin: &AuditOrigin) -> Result<u64> {
        checked_origin(origin)?;
        let (before, limit) = (purge.before, checked_batch(purge)?);
        let mut purged = 0;
        loop {
            let (this, origin) = (self.clone(), origin.clone());
            let batch = carried_through("purge_batch", async move {
                let batch = writing!(this, "purge_batch", |conn, cx| {
                    retention::purge_batch(conn, cx, before, limit, &origin)
                })?;
                notices_tell(&this.notices, batch.iter().flatten().cloned());
                Ok(batch)
            });
            match batch.await? {
                Some(batch) => purged += batch.len() as u64,
                None => return Ok(purged),
            }
        }
    }

    async fn record_all(&self, denials: &[DeniedUses]) -> Result<()> {
        let entries = denied_entries(&self.context, denials)?;
        if entries.is_empty() {
            return Ok(());
        }
        writing!(self, "denials_record", |conn, _cx| audit::denials_record(conn, &entries))
    }
}

#[async_trait]
impl ServiceTokenRepository for SqliteServiceTokenRepository {
    async fn create(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken> {
        observed!("tokens", "create", "sqlite", self.create_one(new, origin, false)).await
    }

    async fn bootstrap(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken> {
        observed!("tokens", "bootstrap", "sqlite", self.bootstrap_one(new, origin)).await
    }

    async fn fetch(&self, identifier: &TokenId) -> Result<ServiceToken> {
        observed_read!("tokens", "fetch", "sqlite", async {
            let id = identifier.clone();
            reading!(self, "token_fetch", |conn, _cx| tokens::token_fetch(conn, &id))
        })
        .await
    }

    async fn find(&self, identifier: &TokenId) -> Result<Option<ServiceToken>> {
        observed_read!("tokens", "find", "sqlite", async {
            let id = identifier.clone();
            reading!(self, "token_find", |conn, _cx| tokens::token_find(conn, &id))
        })
        .await
    }

    async fn find_by_hash(&self, hash: &SecretHash) -> Result<Option<ServiceToken>> {
        observed!("tokens", "find_by_hash", "sqlite", self.look_up(hash)).await
    }

    async fn list(&self, filter: &TokenFilter, page: &PageRequest) -> Result<Page<ServiceToken>> {
        observed_read!("tokens", "list", "sqlite", async {
            let listing = Listing::new("tokens.list", filter, page, Order::Desc)?;
            checked_filter(filter)?;
            let filter = filter.clone();
            reading!(self, "token_list", |conn, cx| {
                tokens::token_list(conn, cx, &filter, &listing)
            })
        })
        .await
    }

    async fn rotate(
        &self,
        identifier: &TokenId,
        rotation: NewRotation,
        origin: &AuditOrigin,
    ) -> Result<Rotated> {
        let rotate = self.rotate_one(identifier, rotation, origin);
        observed!("tokens", "rotate", "sqlite", rotate).await
    }

    async fn revoke(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>> {
        let revoke = self.revoke_all(identifier, reason, family, origin);
        observed!("tokens", "revoke", "sqlite", revoke).await
    }

    async fn delete(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()> {
        observed!("tokens", "delete", "sqlite", self.delete_one(identifier, origin)).await
    }

    async fn purge_expired(&self, purge: &TokenPurge, origin: &AuditOrigin) -> Result<u64> {
        observed!("tokens", "purge_expired", "sqlite", self.purge_all(purge, origin)).await
    }

    async fn record_uses(&self, uses: &[TokenUses]) -> Result<()> {
        observed!("tokens", "record_uses", "sqlite", async {
            checked_uses(uses)?;
            if uses.is_empty() {
                return Ok(());
            }
            let uses = uses.to_vec();
            writing!(self, "uses_record", |conn, _cx| usage::uses_record(conn, &uses))
        })
        .await
    }

    async fn record_denials(&self, denials: &[DeniedUses]) -> Result<()> {
        observed!("tokens", "record_denials", "sqlite", self.record_all(denials)).await
    }

    async fn take_use(&self, identifier: &TokenId, limit: RateLimit) -> Result<bool> {
        observed!("tokens", "take_use", "sqlite", async {
            checked_rate(limit)?;
            let id = identifier.clone();
            writing!(self, "use_take", |conn, cx| usage::use_take(conn, cx, &id, limit))
        })
        .await
    }

    async fn audit(
        &self,
        identifier: &TokenId,
        page: &PageRequest,
    ) -> Result<Page<TokenAuditEntry>> {
        observed_read!("tokens", "audit", "sqlite", async {
            let listing = Listing::new("tokens.audit", identifier, page, Order::Asc)?;
            let id = identifier.clone();
            reading!(self, "audit_list", |conn, cx| audit::audit_list(conn, cx, &id, &listing))
        })
        .await
    }

    async fn verify_audit(&self, identifier: &TokenId) -> Result<AuditReport> {
        observed_read!("tokens", "verify_audit", "sqlite", async {
            let id = identifier.clone();
            reading!(self, "audit_verify", |conn, _cx| audit::audit_verify(conn, &id))
        })
        .await
    }

    async fn invalidations(&self) -> Result<BoxStream<'static, Invalidation>> {
        Ok(notices_listen(&self.notices))
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
