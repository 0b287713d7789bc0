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

use super::notices::{notices_listen, notices_tell};
use super::{PostgresServiceTokenRepository, SCHEMA};
use super::{audit, lookup, retention, rotation, tokens, usage};
use crate::rules::retention::{checked_batch, checked_revocation};
use crate::rules::rotation::ReadyRotation;
use crate::rules::token::{ReadyToken, checked_filter, checked_rate};
use crate::rules::usage::{checked_uses, denied_entries};
use crate::rules::{HEALTH_DEADLINE, checked_origin};

impl PostgresServiceTokenRepository {
    async fn create_one(
        &self,
        new: NewServiceToken,
        origin: &AuditOrigin,
        bootstrap: bool,
    ) -> Result<ServiceToken> {
        let ready = ReadyToken::new(&self.context, new, origin)?;
        writing!(self, "token_create", |conn, cx| {
            tokens::token_create(conn, cx, &ready, origin, bootstrap)
        })?;
        Ok(ready.token)
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
        lookup::token_look_up(&self.lookups, hash).await
    }

    async fn rotate_one(
        &self,
        identifier: &TokenId,
        rotation: NewRotation,
        origin: &AuditOrigin,
    ) -> Result<Rotated> {
        let ready = ReadyRotation::new(&self.context, rotation, origin)?;
        writing!(self, "token_rotate", |conn, cx| async {
            let rotated = rotation::token_rotate(conn, cx, identifier, &ready, origin).await?;
            notices_tell(conn, &[identifier.as_str()]).await?;
            Ok(rotated)
        })
    }

    async fn revoke_all(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>> {
        checked_revocation(reason, origin)?;
        writing!(self, "tokens_revoke", |conn, cx| async {
            let revoked =
                rotation::tokens_revoke(conn, cx, identifier, reason, family, origin).await?;
            let ids: Vec<&str> = revoked.iter().map(|token| token.identifier.as_str()).collect();
            notices_tell(conn, &ids).await?;
            Ok(revoked)
        })
    }

    async fn delete_one(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()> {
        checked_origin(origin)?;
        writing!(self, "token_delete", |conn, cx| async {
            retention::token_delete(conn, cx, identifier, origin).await?;
            notices_tell(conn, &[identifier.as_str()]).await
        })
    }

    async fn purge_all(&self, purge: &TokenPurge, origin: &AuditOrigin) -> Result<u64> {
        checked_origin(origin)?;
        let (before, limit) = (purge.before, checked_batch(purge)?);
        let mut purged = 0;
        loop {
            let batch = writing!(self, "purge_batch", |conn, cx| async {
                let batch = retention::purge_batch(conn, cx, before, limit, origin).await?;
                let ids = batch.iter().flatten().map(TokenId::as_str).collect::<Vec<_>>();
                notices_tell(conn, &ids).await?;
                Ok(batch)
            })?;
            match batch {
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
impl ServiceTokenRepository for PostgresServiceTokenRepository {
    async fn create(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken> {
        observed!("tokens", "create", "postgres", self.create_one(new, origin, false)).await
    }

    async fn bootstrap(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken> {
        observed!("tokens", "bootstrap", "postgres", self.bootstrap_one(new, origin)).await
    }

    async fn fetch(&self, identifier: &TokenId) -> Result<ServiceToken> {
        observed_read!("tokens", "fetch", "postgres", async {
            reading!(self, "token_fetch", |conn, _cx| tokens::token_fetch(conn, identifier))
        })
        .await
    }

    async fn find(&self, identifier: &TokenId) -> Result<Option<ServiceToken>> {
        observed_read!("tokens", "find", "postgres", async {
            reading!(self, "token_find", |conn, _cx| tokens::token_find(conn, identifier))
        })
        .await
    }

    async fn find_by_hash(&self, hash: &SecretHash) -> Result<Option<ServiceToken>> {
        observed!("tokens", "find_by_hash", "postgres", self.look_up(hash)).await
    }

    async fn list(&self, filter: &TokenFilter, page: &PageRequest) -> Result<Page<ServiceToken>> {
        observed_read!("tokens", "list", "postgres", async {
            let listing = Listing::new("tokens.list", filter, page, Order::Desc)?;
            checked_filter(filter)?;
            reading!(self, "token_list", |conn, cx| {
                tokens::token_list(conn, cx, filter, &listing)
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
        observed!("tokens", "rotate", "postgres", rotate).await
    }

    async fn revoke(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>> {
        let revoke = self.revoke_all(identifier, reason, family, origin);
        observed!("tokens", "revoke", "postgres", revoke).await
    }

    async fn delete(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()> {
        observed!("tokens", "delete", "postgres", self.delete_one(identifier, origin)).await
    }

    async fn purge_expired(&self, purge: &TokenPurge, origin: &AuditOrigin) -> Result<u64> {
        observed!("tokens", "purge_expired", "postgres", self.purge_all(purge, origin)).await
    }

    async fn record_uses(&self, uses: &[TokenUses]) -> Result<()> {
        observed!("tokens", "record_uses", "postgres", async {
            checked_uses(uses)?;
            if uses.is_empty() {
                return Ok(());
            }
            writing_statement!(self, "uses_record", |conn, _cx| usage::uses_record(conn, uses))
        })
        .await
    }

    async fn record_denials(&self, denials: &[DeniedUses]) -> Result<()> {
        observed!("tokens", "record_denials", "postgres", self.record_all(denials)).await
    }

    async fn take_use(&self, identifier: &TokenId, limit: RateLimit) -> Result<bool> {
        observed!("tokens", "take_use", "postgres", async {
            checked_rate(limit)?;
            writing_statement!(self, "use_take", |conn, cx| {
                usage::use_take(conn, cx, identifier, limit)
            })
        })
        .await
    }

    async fn audit(
        &self,
        identifier: &TokenId,
        page: &PageRequest,
    ) -> Result<Page<TokenAuditEntry>> {
        observed_read!("tokens", "audit", "postgres", async {
            let listing = Listing::new("tokens.audit", identifier, page, Order::Asc)?;
            reading!(self, "audit_list", |conn, cx| {
                audit::audit_list(conn, cx, identifier, &listing)
            })
        })
        .await
    }

    async fn verify_audit(&self, identifier: &TokenId) -> Result<AuditReport> {
        observed_read!("tokens", "verify_audit", "postgres", async {
            reading!(self, "audit_verify", |conn, _cx| audit::audit_verify(conn, identifier))
        })
        .await
    }

    async fn invalidations(&self) -> Result<BoxStream<'static, Invalidation>> {
        notices_listen(&self.db).await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
