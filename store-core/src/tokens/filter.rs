use super::TokenState;
use crate::Timestamp;

/// Which tokens are listed: those that meet all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// In this state now.
    pub state: Option<TokenState>,
    /// With this scope.
    pub scope: Option<String>,
    /// Allowed in this workspace, those that are allowed in all included.
    pub workspace_id: Option<String>,
}

/// Which tokens are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPurge {
    /// Those that expired, were revoked or rotated out before this instant.
    pub before: Timestamp,
    /// How many one transaction deletes at most: 1 to 1000.
    pub batch: u32,
}

impl TokenPurge {
    /// Purges in batches of 100.
    #[must_use]
    pub const fn before(before: Timestamp) -> Self {
        Self { before, batch: 100 }
    }
}
