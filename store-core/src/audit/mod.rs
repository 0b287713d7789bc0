//! Audits as hash chains: what checking one comes to, and the chain itself, which needs no database.
//!
//! An entry holds the SHA-256 of the one before it, and a head, apart from the entries, that of the
//! newest.

mod chain;
mod report;

pub use chain::{ChainHead, EntryHash, Verification, entry_hash};
pub use report::{AuditFault, AuditFaultKind, AuditReport};
