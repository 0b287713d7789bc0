use crate::Timestamp;
use crate::words::words;

words! {
    /// Whether a credential works, as far as anybody has looked.
    pub enum HealthStatus of "status" {
        /// Nobody has looked since it was stored or its tokens changed.
        Unknown = "unknown",
        /// It worked when it was checked.
        Healthy = "healthy",
        /// It did not work when it was checked.
        Unhealthy = "unhealthy",
    }
}

/// What the last check of a credential came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialHealth {
    /// Whether it works.
    pub status: HealthStatus,
    /// When it was checked last; none for one that never was.
    pub last_checked_at: Option<Timestamp>,
    /// Why it does not work, for one that is unhealthy.
    pub failure_reason: Option<String>,
}
