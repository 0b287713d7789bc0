use store_core::tokens::{AuditOrigin, TokenPurge};
use store_core::{Error, Result};

use super::checked_origin;

/// The most tokens one transaction of a purge deletes.
const PURGE_BATCH: u32 = 1000;
/// The longest reason of a revocation, in bytes.
const REASON_MAX: usize = 4096;

/// Checks how many tokens a transaction of a purge may delete.
pub(crate) fn checked_batch(purge: &TokenPurge) -> Result<i64> {
    if (1..=PURGE_BATCH).contains(&purge.batch) {
        return Ok(i64::from(purge.batch));
    }
    Err(Error::invalid("batch", format!("is {}, allowed is 1 to {PURGE_BATCH}", purge.batch)))
}

/// Checks a revocation.
pub(crate) fn checked_revocation(reason: Option<&str>, origin: &AuditOrigin) -> Result<()> {
    checked_origin(origin)?;
    let Some(reason) = reason else { return Ok(()) };
    if reason.contains('\0') {
        return Err(Error::invalid("reason", "holds a NUL character"));
    }
    if reason.len() > REASON_MAX {
        let bytes = reason.len();
        return Err(Error::invalid("reason", format!("has {bytes} bytes, at most {REASON_MAX}")));
    }
    Ok(())
}
