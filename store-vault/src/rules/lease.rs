use std::time::Duration;

use store_core::vault::{AccessContext, RefreshLease};
use store_core::{CredentialId, Error, Result, check_external};

use super::access::checked_context;
use super::credential::Held;

/// The longest time a lease lasts without being renewed.
const TTL_MAX: Duration = Duration::from_secs(3600);

/// Checks how long a lease is to last.
pub(crate) fn checked_ttl(ttl: Duration) -> Result<()> {
    if ttl < Duration::from_millis(1) || ttl > TTL_MAX {
        let reason = format!("is {ttl:?}, allowed is 1 millisecond to 1 hour");
        return Err(Error::invalid("ttl", reason));
    }
    Ok(())
}

/// Checks who is to hold a lease.
pub(crate) fn checked_holder(access: &AccessContext, owner: &str, ttl: Duration) -> Result<()> {
    checked_context(access)?;
    check_external("owner", owner)?;
    checked_ttl(ttl)
}

/// Checks that a lease is that of the credential.
pub(crate) fn checked_lease(held: &Held, lease: &RefreshLease) -> Result<()> {
    let held_by_it =
        held.lease_owner.as_deref() == Some(&lease.owner) && held.lease_epoch == lease.epoch;
    if held_by_it { Ok(()) } else { Err(lost(lease.credential_id)) }
}

/// Somebody else holds the lease, or nobody.
pub(crate) fn lost(id: CredentialId) -> Error {
    Error::LeaseLost { entity: "credential", id: id.to_string() }
}

/// A credential that is gone has taken its lease with it.
pub(crate) fn lost_if_gone<T>(result: Result<T>, lease: &RefreshLease) -> Result<T> {
    result.map_err(|error| match error {
        Error::NotFound { .. } => lost(lease.credential_id),
        other => other,
    })
}
