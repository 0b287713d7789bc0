//! Texts and objects that records consist of.

use serde_json::Value;
use store_core::{Error, Result, check_external};

/// The longest title, and the longest reason of a status, in bytes.
const PROSE_MAX_BYTES: usize = 4096;

/// The longest name of a file, and the longest path, in bytes.
const PATH_MAX_BYTES: usize = 1024;

/// Checks prose: at most 4,096 bytes without NUL.
pub(super) fn checked_prose(field: &str, text: &str) -> Result<()> {
    at_most(field, text, PROSE_MAX_BYTES)?;
    if text.contains('\0') {
        return Err(Error::invalid(field, "holds a NUL character"));
    }
    Ok(())
}

/// Checks a name or path: 1 to 1,024 bytes without control characters.
pub(super) fn checked_path(field: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    at_most(field, text, PATH_MAX_BYTES)?;
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(Error::invalid(
            field,
            format!("holds the control character U+{:04X} at byte {at}", u32::from(c)),
        )),
        None => Ok(()),
    }
}

/// Checks the id of a workflow, if there is one: 1 to 255 bytes without control characters.
pub(super) fn checked_workflow(workflow_id: Option<&str>) -> Result<()> {
    workflow_id.map_or(Ok(()), |id| check_external("workflow_id", id))
}

/// Checks that JSON is an object.
pub(super) fn checked_object(field: &str, value: &Value) -> Result<()> {
    if value.is_object() { Ok(()) } else { Err(Error::invalid(field, "must be an object")) }
}

fn at_most(field: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most {
        let reason = format!("has {} bytes, at most {most} are allowed", text.len());
        return Err(Error::invalid(field, reason));
    }
    Ok(())
}
