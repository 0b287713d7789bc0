//! Files that were removed.

use store_core::{Error, Result};

/// The most paths of one call.
const MAX_PATHS: usize = 1000;

/// Checks the paths of files that were removed, and returns those that can be on the list.
pub(crate) fn checked_paths(paths: &[String]) -> Result<Vec<String>> {
    if paths.len() > MAX_PATHS {
        let reason = format!("has {} paths, at most {MAX_PATHS} are allowed", paths.len());
        return Err(Error::invalid("storage_paths", reason));
    }
    // No stored path has a NUL, and PostgreSQL takes none.
    Ok(paths.iter().filter(|path| !path.contains('\0')).cloned().collect())
}
