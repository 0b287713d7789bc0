//! Credentials: the records, and the protocol of the vault that keeps them.
//!
//! Secrets and tokens reach the database only as envelopes (feature `seal`), sealed in the process. Providers of keys, and the refresh of OAuth tokens by one process at a
//! time, are in `store-vault`.

mod access;
mod alert;
mod audit;
mod credential;
mod description;
mod governance;
mod health;
mod key;
mod oauth;
mod scope;
mod store;
mod template;

pub use access::AccessContext;
pub use alert::{Acknowledgement, Alert, AlertFilter, AlertKind, AlertSeverity, NewAlert};
pub use audit::{VaultAuditAction, VaultAuditEntry, VaultSubject};
pub use credential::{Credential, CredentialKind, CredentialUpdate, NewCredential};
pub use description::{CredentialDescription, Issuance, SecretVersion};
pub use governance::CredentialGovernance;
pub use health::{CredentialHealth, HealthStatus};
pub use key::{Rewrapped, VaultKey};
pub use oauth::{OAuthState, OAuthTokens, RefreshLease, StoredTokens};
pub use scope::CredentialScope;
pub use store::{CredentialVault, VaultStore};
pub use template::{CredentialTemplate, IssuancePolicy, NewIssuance, NewTemplate, TemplateUpdate};
