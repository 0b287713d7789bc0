use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::{
    AuditOrigin, AuditReport, DeniedUses, NewRotation, NewServiceToken, RateLimit, Rotated,
    SecretHash, ServiceToken, TokenAuditEntry, TokenFilter, TokenPurge, TokenUses,
};
use crate::{Health, Page, PageRequest, Result, TokenId};

/// The storage of service tokens.
///
/// It keeps hashes and never sees a secret. Every change of a token and its entry in the audit are
/// one transaction. Every check of input comes before a connection is taken: `Invalid` changes
/// nothing. Any method can fail with `Backend`, and with `Corrupt` when a stored row cannot be
/// read. Instants of tokens are those of the store's clock; windows of rate limits are measured by
/// the server's clock on PostgreSQL.
#[async_trait]
pub trait ServiceTokenRepository: Send + Sync + fmt::Debug {
    /// Stores a token and returns it; it is the first of its family.
    ///
    /// # Errors
    /// `Conflict` when the hash is taken, or the identifier is or was that of another token, whose
    /// audit is kept; `Invalid`, also for an `expires_at`
    /// that is not after now or not after `issued_at`, and an `issued_at` after now.
    async fn create(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken>;

    /// Stores a token unless its hash is there, and returns what is there then.
    ///
    /// Of any number of processes that do so at once one stores it. A token that is there is not
    /// changed, whatever `new` says: one that was revoked stays revoked.
    ///
    /// # Errors
    /// Those of [`create`](Self::create) for a token that is not there; `Conflict` also when it was
    /// deleted.
    async fn bootstrap(&self, new: NewServiceToken, origin: &AuditOrigin) -> Result<ServiceToken>;

    /// Returns a token.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch(&self, identifier: &TokenId) -> Result<ServiceToken>;

    /// Returns a token, or nothing.
    async fn find(&self, identifier: &TokenId) -> Result<Option<ServiceToken>>;

    /// Returns the token with this hash, or nothing: one query. On PostgreSQL concurrent calls
    /// share queries.
    async fn find_by_hash(&self, hash: &SecretHash) -> Result<Option<ServiceToken>>;

    /// Lists tokens, newest first unless asked otherwise; those of one instant by identifier: one
    /// query.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn list(&self, filter: &TokenFilter, page: &PageRequest) -> Result<Page<ServiceToken>>;

    /// Puts a successor in the place of a token and returns both.
    ///
    /// The successor inherits name, scopes, workspaces, address ranges and rate limit, and the
    /// family; its lifetime is that of the changes. The old token ends after the overlap, or when
    /// it expires if that is before; with an overlap of zero it has ended. Of any number of
    /// concurrent rotations of a token one succeeds.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when the token is revoked, expired or rotated already;
    /// `Conflict` when the successor's hash is taken, or its identifier is or was that of another
    /// token; `Invalid`, also for a lifetime of zero.
    async fn rotate(
        &self,
        identifier: &TokenId,
        rotation: NewRotation,
        origin: &AuditOrigin,
    ) -> Result<Rotated>;

    /// Revokes a token, or with `family` all tokens it was rotated from and to, and returns those
    /// that were revoked by this call, by identifier.
    ///
    /// What was revoked before keeps its instant and reason, and is not returned. A rotation beside
    /// it leaves no member of the family alive.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a reason with NUL or of more than 4096 bytes.
    async fn revoke(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>>;

    /// Deletes a token; its audit stays.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()>;

    /// Deletes tokens that ended long enough ago, and says how many; their audits stay. One that has
    /// not ended stays, whatever instant is given.
    ///
    /// Each batch is a transaction of its own, so that an interrupted purge keeps what it did.
    /// Several processes may purge at once.
    ///
    /// # Errors
    /// `Invalid` for a batch outside 1 to 1000.
    async fn purge_expired(&self, purge: &TokenPurge, origin: &AuditOrigin) -> Result<u64>;

    /// Adds to the counts of tokens, in one statement; `last_used_at` never moves back. A token
    /// that is not there is left out.
    ///
    /// # Errors
    /// `Invalid` for more than 10,000 tokens, or one that occurs twice.
    async fn record_uses(&self, uses: &[TokenUses]) -> Result<()>;

    /// Adds an entry to the audit for each token and reason, in one transaction; the actor is the
    /// token itself. A token that is not there is left out.
    ///
    /// # Errors
    /// `Invalid` for more than 1000 entries, and a user agent of more than 255 bytes or with a
    /// control character.
    async fn record_denials(&self, denials: &[DeniedUses]) -> Result<()>;

    /// Takes one use out of the window of a token, and tells whether there was one left: one
    /// statement. The windows are shared by all processes.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit or an interval of zero.
    async fn take_use(&self, identifier: &TokenId, limit: RateLimit) -> Result<bool>;

    /// Lists the audit of a token, oldest first unless asked otherwise. An identifier that never
    /// was a token's has none.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn audit(
        &self,
        identifier: &TokenId,
        page: &PageRequest,
    ) -> Result<Page<TokenAuditEntry>>;

    /// Checks the hash chain of a token's audit: every entry is there and is what was written. An
    /// entry whose own link was edited names the one before it, too. Entries may be added meanwhile.
    ///
    /// The chain shows what was changed by somebody who does not know of it. Whoever may write to
    /// the database, and rewrites all hashes of a chain, is not found out: keep the newest hash
    /// elsewhere for that.
    ///
    /// # Errors
    /// `NotFound` when there is neither a token nor an audit of this identifier.
    async fn verify_audit(&self, identifier: &TokenId) -> Result<AuditReport>;

    /// Tells which tokens were changed by rotation, revocation and deletion, for caches.
    ///
    /// On PostgreSQL by whatever process, once the change is committed. On SQLite by clones of this
    /// store: other processes cannot be heard. What was missed, such as while a connection was lost, is
    /// told as [`Invalidation::All`].
    ///
    /// # Errors
    /// `Backend` when the database cannot be listened to.
    async fn invalidations(&self) -> Result<BoxStream<'static, Invalidation>>;

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}

/// What a cache of tokens has to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalidation {
    /// This token.
    Token(TokenId),
    /// All of them.
    All,
}
