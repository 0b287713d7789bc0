//! Looking at captured changes, and removing what captures them.

use std::path::Path;

use serde::Serialize;
use tokio_postgres::Client;

use super::capture::{self, is_captured};
use super::changes::count;
use super::state;
use crate::opened::blocking;
use crate::state::Migration;
use crate::{Error, Location, Result};

/// How far the changes of a source are applied.
#[derive(Debug, Clone, Serialize)]
pub struct SyncStatus {
    /// The number of the last change that is in the target.
    pub applied: i64,
    /// The number of the last change behind which both sides were compared.
    pub verified: i64,
    /// How many changes wait in the source; none when it is not on this machine, or when its
    /// triggers were removed.
    pub pending: Option<u64>,
}

/// Returns how far a migration is in the changes of its source.
pub(crate) async fn status(client: &Client, migration: &Migration) -> Result<Option<SyncStatus>> {
    let Some(position) = state::read(client, &migration.id).await? else { return Ok(None) };
    let path = migration.source.strip_prefix("sqlite:").map(std::path::PathBuf::from);
    let verified = position.verified;
    let pending = match path {
        Some(path) => blocking(move || waiting(&path, verified)).await?,
        None => None,
    };
    Ok(Some(SyncStatus { applied: position.applied, verified, pending }))
}

fn waiting(path: &Path, verified: i64) -> Result<Option<u64>> {
    if !path.exists() {
        return Ok(None);
    }
    let conn = crate::sqlite::open_source(path)?;
    if !is_captured(&conn)? {
        return Ok(None);
    }
    count(&conn, verified).map(Some)
}

/// Removes from a source the triggers and the table of changes, or the triggers that refuse writes.
/// Returns whether there were any.
///
/// # Errors
/// `Usage` when it is not a file; what SQLite says.
pub async fn clean_source(source: &Location) -> Result<bool> {
    let Some(path) = source.path().map(Path::to_owned) else {
        return Err(Error::Usage("only a SQLite source has triggers to remove".to_owned()));
    };
    blocking(move || capture::clean(&path)).await
}
