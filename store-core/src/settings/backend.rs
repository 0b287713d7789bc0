//! The subsystems, and the backends each may be on.

use std::fmt;

/// A group of stores that is put on one backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subsystem {
    /// Workflows, versions, runs, triggers and the job queue.
    Workflow,
    /// Run history.
    History,
    /// Service tokens.
    Tokens,
    /// Training checkpoints.
    Checkpoints,
    /// Chat threads, items and attachments.
    Chatkit,
    /// Credentials.
    Vault,
}

impl Subsystem {
    /// Every subsystem.
    pub const ALL: [Self; 6] = [
        Self::Workflow,
        Self::History,
        Self::Tokens,
        Self::Checkpoints,
        Self::Chatkit,
        Self::Vault,
    ];

    /// Returns the name used in variables (in capitals), spans and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::History => "history",
            Self::Tokens => "tokens",
            Self::Checkpoints => "checkpoints",
            Self::Chatkit => "chatkit",
            Self::Vault => "vault",
        }
    }

    /// Returns the position in [`Subsystem::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Returns the variable, without prefix, that chooses the backend.
    pub(super) fn backend_variable(self) -> String {
        format!("{}_BACKEND", self.as_str().to_ascii_uppercase())
    }

    /// Returns the variable, without prefix, that names the SQLite file.
    pub(super) fn sqlite_path_variable(self) -> String {
        format!("{}_SQLITE_PATH", self.as_str().to_ascii_uppercase())
    }
}

impl fmt::Display for Subsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of database a subsystem is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A private SQLite database that dies with the process.
    Memory,
}

impl Backend {
    /// Returns the name used in settings, spans and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
