//! Text that comes from outside.

use store_core::{Error, Result, check_external};

/// The longest name of a workflow, in bytes.
const WORKFLOW_MAX_BYTES: usize = 128;
/// The longest address of an artifact, in bytes.
const URL_MAX_BYTES: usize = 2048;

/// Checks the name of a workflow: 1 to 128 bytes, no control characters.
pub(crate) fn checked_workflow(workflow_id: &str) -> Result<()> {
    check_length("workflow_id", workflow_id, WORKFLOW_MAX_BYTES)?;
    check_external("workflow_id", workflow_id)
}

/// Checks the address of an artifact: 1 to 2048 bytes, no control characters.
pub(super) fn checked_url(url: &str) -> Result<()> {
    check_length("artifact_url", url, URL_MAX_BYTES)?;
    match url.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(Error::invalid(
            "artifact_url",
            format!("holds the control character U+{:04X} at byte {at}", u32::from(c)),
        )),
        None => Ok(()),
    }
}

fn check_length(field: &str, text: &str, most: usize) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if text.len() > most {
        let size = text.len();
        return Err(Error::invalid(field, format!("has {size} bytes, at most {most} are allowed")));
    }
    Ok(())
}
