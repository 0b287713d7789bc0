use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    AccessContext, Credential, CredentialDescription, CredentialGovernance, CredentialUpdate,
    HealthStatus, NewCredential, OAuthTokens, RefreshLease, Rewrapped, SecretVersion, StoredTokens,
    VaultAuditEntry, VaultKey, VaultSubject,
};
use crate::audit::AuditReport;
use crate::{CredentialId, Health, Page, PageRequest, Result};

/// The storage of credentials.
///
/// Secrets and tokens are sealed before they reach the database, each bound to its credential, its
/// field and its version: one that was changed, moved or put back is `Tampered`, and nothing is
/// revealed. Every call names its [`AccessContext`]: a credential whose scope does not allow it
/// is `Denied`, with [`Denial::Forbidden`](crate::Denial::Forbidden), and in no listing. A change,
/// or a reveal, and its entry in the audit are one transaction. Every check of input comes before
/// a connection is taken: `Invalid` changes nothing. A text is `Invalid` too long or with a control
/// character, and so are ids and roles of a context. Any method can fail with `Backend`, and with
/// `Corrupt` when a stored row cannot be read; one that seals fails with `Settings` when a rewrap of
/// another process has retired the current key.
#[async_trait]
pub trait CredentialVault: Send + Sync + fmt::Debug {
    /// Stores a credential and returns it, with version 1 of its secret and unknown health.
    ///
    /// Whether the caller is within its scope does not matter. Of any number of concurrent calls with
    /// one name, whatever its case, one succeeds.
    ///
    /// # Errors
    /// `Conflict` when the name is taken; `Invalid`, also for tokens of a credential that is not
    /// OAuth.
    async fn create(&self, context: &AccessContext, new: NewCredential) -> Result<Credential>;

    /// Returns a credential.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn fetch(&self, context: &AccessContext, id: CredentialId) -> Result<Credential>;

    /// Returns the credential with a name, whatever its case and the space around it, or nothing.
    ///
    /// # Errors
    /// `Denied`; `Invalid`.
    async fn find_by_name(&self, context: &AccessContext, name: &str)
    -> Result<Option<Credential>>;

    /// Lists the credentials whose scope allows the caller, newest first unless asked otherwise;
    /// those of one instant by id: one query, which does the filtering.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing; which workflow,
    /// workspace and roles the caller has is part of it, who the caller is not.
    async fn list(&self, context: &AccessContext, page: &PageRequest) -> Result<Page<Credential>>;

    /// Lists all credentials, as [`list`](Self::list) does.
    ///
    /// # Errors
    /// `Denied` unless the context is an administrator's; those of `list`.
    async fn list_all(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<Credential>>;

    /// Returns everything about a credential that is no secret.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn describe(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<CredentialDescription>;

    /// Changes a credential and returns it. An update that changes nothing writes nothing: neither
    /// row version nor audit move. A new secret is a new version, as by [`rotate`](Self::rotate).
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Conflict` when the name is taken, or the row version is another than
    /// expected; `Invalid`.
    async fn update(
        &self,
        context: &AccessContext,
        id: CredentialId,
        update: CredentialUpdate,
    ) -> Result<Credential>;

    /// Gives a credential another secret, as its next version. The last five versions are kept.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Invalid`, also when the secret is the one that is there; `Tampered`
    /// when that does not open.
    async fn rotate(
        &self,
        context: &AccessContext,
        id: CredentialId,
        secret: SecretString,
    ) -> Result<Credential>;

    /// Returns the secret of a credential. The audit says who saw it.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Tampered`, and then the audit has no entry.
    async fn reveal(&self, context: &AccessContext, id: CredentialId) -> Result<SecretString>;

    /// Lists the versions of a credential's secret that are kept, newest first: five at most.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn versions(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<Vec<SecretVersion>>;

    /// Gives a credential the secret of an older version again, as its next version.
    ///
    /// # Errors
    /// `NotFound`, also for a version that is not kept; `Denied`; `InvalidState` for the current
    /// version; `Tampered`.
    async fn restore_version(
        &self,
        context: &AccessContext,
        id: CredentialId,
        version: i64,
    ) -> Result<Credential>;

    /// Says what a check of a credential came to, and returns the credential.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Invalid` for a reason of more than 4096 bytes or with NUL, one without
    /// a status of unhealthy, and for that status without a reason.
    async fn mark_health(
        &self,
        context: &AccessContext,
        id: CredentialId,
        status: HealthStatus,
        failure_reason: Option<&str>,
    ) -> Result<Credential>;

    /// Deletes a credential with its secrets, its tokens and its alerts; its audit stays.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn delete(&self, context: &AccessContext, id: CredentialId) -> Result<()>;

    /// Puts tokens in the place of those of an OAuth credential; its health is unknown then. A lease
    /// is not needed, and not ended.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Invalid`; `InvalidState` for a credential that is not OAuth.
    async fn update_oauth_tokens(
        &self,
        context: &AccessContext,
        id: CredentialId,
        tokens: OAuthTokens,
    ) -> Result<Credential>;

    /// Returns the tokens of an OAuth credential. The audit says who saw them.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `InvalidState` for a credential that is not OAuth; `Tampered`.
    async fn reveal_oauth_tokens(
        &self,
        context: &AccessContext,
        id: CredentialId,
    ) -> Result<StoredTokens>;

    /// Takes the lease on refreshing the tokens of a credential, or returns nothing when somebody
    /// has it, the same owner included. Of any number of processes one gets it.
    ///
    /// Time is that of the server on PostgreSQL. `store_vault::with_refresh_lease` does the whole of
    /// a refresh.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `InvalidState` for a credential that is not OAuth; `Invalid` for an
    /// owner that is not 1 to 255 bytes and a time outside 1 millisecond to 1 hour.
    async fn acquire_refresh_lease(
        &self,
        context: &AccessContext,
        id: CredentialId,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<RefreshLease>>;

    /// Lets a lease last so long from now on. One that has expired, and that nobody took meanwhile,
    /// is renewed too.
    ///
    /// # Errors
    /// `LeaseLost`, also when the credential is gone; `Denied`; `Invalid` for a time outside 1
    /// millisecond to 1 hour.
    async fn renew_refresh_lease(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
        ttl: Duration,
    ) -> Result<RefreshLease>;

    /// Puts the tokens of a refresh in place, as [`update_oauth_tokens`](Self::update_oauth_tokens)
    /// does, and gives the lease back, in one transaction.
    ///
    /// # Errors
    /// `LeaseLost`, also when the credential is gone: nothing is stored; `Denied`; `Invalid`.
    async fn complete_refresh(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
        tokens: OAuthTokens,
    ) -> Result<Credential>;

    /// Gives a lease back without new tokens.
    ///
    /// # Errors
    /// `LeaseLost`, also when the credential is gone; `Denied`.
    async fn release_refresh_lease(
        &self,
        context: &AccessContext,
        lease: &RefreshLease,
    ) -> Result<()>;

    /// Lists the audit of a credential or a template, oldest first unless asked otherwise.
    ///
    /// # Errors
    /// `NotFound` when nothing with this id is there; an administrator sees the audit of what was
    /// deleted. `Denied`; `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn audit(
        &self,
        context: &AccessContext,
        subject: VaultSubject,
        page: &PageRequest,
    ) -> Result<Page<VaultAuditEntry>>;

    /// Checks the hash chain of an audit: every entry is there and is what was written. Entries
    /// may be added meanwhile.
    ///
    /// The chain shows what was changed by somebody who does not know of it. Whoever may write to the
    /// database, and rewrites all hashes of a chain, is not found out: keep the newest hash
    /// elsewhere for that.
    ///
    /// # Errors
    /// Those of [`audit`](Self::audit).
    async fn verify_audit(
        &self,
        context: &AccessContext,
        subject: VaultSubject,
    ) -> Result<AuditReport>;

    /// Lists the keys that the vault knows, by id, and how much each of them opens.
    ///
    /// # Errors
    /// `Denied` unless the context is an administrator's.
    async fn keys(&self, context: &AccessContext) -> Result<Vec<VaultKey>>;

    /// Seals the data keys of all values with the current key, and forgets the keys that open
    /// nothing any more.
    ///
    /// The other keys are retired first: no process seals with them from then on. Values are not
    /// decrypted, and can be read at any moment. Each batch of credentials is a transaction of its
    /// own: an interrupted rewrap keeps what it did, and is finished by another. Several processes
    /// may rewrap at once.
    ///
    /// # Errors
    /// `Denied` unless the context is an administrator's; `Invalid` for a batch outside 1 to 1000;
    /// `Settings` when the key ring lacks a key, and when another rewrap has forgotten the current one:
    /// open the vault again to go back to it.
    async fn rewrap(&self, context: &AccessContext, batch: u32) -> Result<Rewrapped>;

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}

/// Everything that one vault does: credentials, and what governs them. All of it shares
/// transactions.
pub trait VaultStore: CredentialVault + CredentialGovernance {}

impl<T> VaultStore for T where T: CredentialVault + CredentialGovernance + ?Sized {}
