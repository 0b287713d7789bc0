use crate::Timestamp;

/// A file that no attachment needs any more, and that has not been removed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedFile {
    /// Where the application keeps it.
    pub storage_path: String,
    /// Since when nothing needs it.
    pub released_at: Timestamp,
}
