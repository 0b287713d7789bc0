use std::fmt;

/// What kind of failure a backend reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// Another process kept the SQLite file locked for longer than the busy timeout.
    Busy,
    /// A serializable transaction has to be repeated.
    Serialization,
    /// The database broke a deadlock by ending this transaction.
    Deadlock,
    /// A statement, a lock or the caller's deadline took too long. Nothing was changed.
    Timeout,
    /// No connection became free within the pool's timeout.
    PoolExhausted {
        /// Connections the pool may hold.
        size: u32,
        /// Connections that were in use.
        in_use: u32,
        /// Callers that were waiting.
        waiting: u32,
    },
    /// The database cannot be reached.
    Unavailable {
        /// Whether the operation may have been carried out all the same.
        outcome_unknown: bool,
    },
    /// The database, or this connection to it, accepts no writes.
    ReadOnly,
    /// No space is left. Nothing was changed.
    DiskFull,
    /// Anything else.
    Other,
}

impl Failure {
    /// Tells whether the same operation may succeed when it is simply run again.
    ///
    /// A failure whose outcome is unknown is not transient: running it again could do it twice.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Busy
            | Self::Serialization
            | Self::Deadlock
            | Self::Timeout
            | Self::PoolExhausted { .. }
            | Self::Unavailable { outcome_unknown: false } => true,
            Self::Unavailable { outcome_unknown: true }
            | Self::ReadOnly
            | Self::DiskFull
            | Self::Other => false,
        }
    }

    /// Returns the word used for this failure in metrics and spans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Serialization => "serialization",
            Self::Deadlock => "deadlock",
            Self::Timeout => "timeout",
            Self::PoolExhausted { .. } => "pool_exhausted",
            Self::Unavailable { outcome_unknown: false } => "unavailable",
            Self::Unavailable { outcome_unknown: true } => "outcome_unknown",
            Self::ReadOnly => "read_only",
            Self::DiskFull => "disk_full",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str(
                "another process kept the database locked: raise SQLITE_BUSY_TIMEOUT or shorten \
                 its transactions",
            ),
            Self::Serialization => f.write_str("a concurrent transaction got in the way: retry"),
            Self::Deadlock => f.write_str("the database broke a deadlock: retry"),
            Self::Timeout => f.write_str("the time allowed ran out, nothing was changed"),
            Self::PoolExhausted { size, in_use, waiting } => write!(
                f,
                "no connection became free: {in_use} of {size} in use, {waiting} callers waiting; \
                 raise the pool size or look for slow queries"
            ),
            Self::Unavailable { outcome_unknown: false } => {
                f.write_str("the database cannot be reached, nothing was changed")
            }
            Self::Unavailable { outcome_unknown: true } => f.write_str(
                "the connection was lost before the answer came: read back what is stored before \
                 repeating this",
            ),
            Self::ReadOnly => f.write_str(
                "the database accepts no writes: check file permissions, or connect to the primary",
            ),
            Self::DiskFull => f.write_str("no space is left for the database: free some"),
            Self::Other => f.write_str("the database refused"),
        }
    }
}
