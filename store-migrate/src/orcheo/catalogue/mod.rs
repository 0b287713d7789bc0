//! What Orcheo's databases hold, and what becomes of it.

mod chat;
mod history;
mod payloads;
mod tokens;
mod triggers;
mod vault;
mod workflows;

pub(super) use payloads::reason;
pub use payloads::{PAYLOADS, Payload};

/// What becomes of a column, or of a field of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// Columns of the stores, as `table.column`.
    Columns(&'static [&'static str]),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// A column of a table of Orcheo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Whether databases of all releases have it; the others are without it until they are upgraded.
    pub always: bool,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// A table of Orcheo.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns that tell its rows apart.
    pub key: &'static [&'static str],
    /// The columns it is read by.
    pub order: &'static [&'static str],
    /// All of its columns.
    pub columns: &'static [Column],
}

/// A column that all releases have.
const fn to(name: &'static str, columns: &'static [&'static str]) -> Column {
    Column { name, always: true, becomes: Becomes::Columns(columns) }
}

/// A column that older releases lack.
const fn later(name: &'static str, columns: &'static [&'static str]) -> Column {
    Column { name, always: false, becomes: Becomes::Columns(columns) }
}

/// A column that becomes nothing.
const fn none(name: &'static str, reason: &'static str) -> Column {
    Column { name, always: true, becomes: Becomes::Nothing(reason) }
}

/// Why a column becomes nothing whose value is in the payload as well.
const COPY: &str = "a copy of what the payload says, which counts";

/// All tables of Orcheo.
pub static CATALOGUE: &[&Table] = &[
    &workflows::WORKFLOWS,
    &workflows::VERSIONS,
    &workflows::RUNS,
    &triggers::WEBHOOKS,
    &triggers::CRON,
    &triggers::RETRIES,
    &triggers::LISTENERS,
    &triggers::CURSORS,
    &triggers::DEDUPE,
    &history::EXECUTIONS,
    &history::STEPS,
    &history::CHECKPOINTS,
    &chat::THREADS,
    &chat::MESSAGES,
    &chat::ATTACHMENTS,
    &tokens::TOKENS,
    &tokens::AUDIT,
    &vault::TEMPLATES,
    &vault::CREDENTIALS,
    &vault::ALERTS,
];

/// Finds a table of Orcheo.
pub(super) fn find(name: &str) -> Option<&'static Table> {
    CATALOGUE.iter().copied().find(|table| table.name == name)
}
