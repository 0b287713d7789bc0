//! Service tokens: the records, and the protocol of their storage.
//!
//! The secret of a token is never stored, only its SHA-256. Minting, authenticating and caching are
//! in `store-tokens`, over any [`ServiceTokenRepository`].

mod audit;
mod filter;
mod grant;
mod hash;
mod repository;
mod rotation;
mod token;
mod usage;

pub use crate::audit::{AuditFault, AuditFaultKind, AuditReport};
pub use audit::{AuditOrigin, TokenAuditAction, TokenAuditEntry};
pub use filter::{TokenFilter, TokenPurge};
pub use grant::{NewServiceToken, RateLimit, TokenGrant};
pub use hash::SecretHash;
pub use ipnet::IpNet;
pub use repository::{Invalidation, ServiceTokenRepository};
pub use rotation::{Lifetime, NewRotation, Rotated, RotationChanges};
pub use token::{ServiceToken, TokenState};
pub use usage::{DeniedUses, TokenDenial, TokenUses};
