use crate::Timestamp;

/// A lock that is held, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockGuard {
    /// The lock.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// Increases each time the lock is acquired: the fencing token to hand to other systems.
    pub epoch: i64,
    /// When others can acquire it, by the database's clock.
    pub expires_at: Timestamp,
}

/// A counter and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The counter.
    pub name: String,
    /// Where it stands.
    pub value: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
}
