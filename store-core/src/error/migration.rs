use std::fmt;

/// How a schema and the code that uses it disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationError {
    /// A migration was edited after it had been applied.
    ChecksumMismatch {
        /// The migration.
        name: String,
    },
    /// The database was migrated by a newer release.
    NewerSchema {
        /// The version this code does not know.
        version: String,
    },
    /// Migrations are waiting and `AUTO_MIGRATE` is off.
    Pending {
        /// Their names, in order.
        names: Vec<String>,
    },
    /// A migration was tried and failed; it was rolled back.
    Failed {
        /// The migration.
        name: String,
        /// What the database said.
        message: String,
    },
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChecksumMismatch { name } => write!(
                f,
                "`{name}` differs from what was applied to this database: restore the released \
                 file and put the change into a new migration"
            ),
            Self::NewerSchema { version } => write!(
                f,
                "the database has version `{version}`, which this release does not know: run the \
                 newer release"
            ),
            Self::Pending { names } => {
                write!(f, "pending: {}: call migrate() or set AUTO_MIGRATE=on", names.join(", "))
            }
            Self::Failed { name, message } => {
                write!(f, "`{name}` failed and was rolled back: {message}")
            }
        }
    }
}
