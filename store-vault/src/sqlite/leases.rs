//! Queries on the leases of refreshes.

use std::time::Duration;

use diesel::prelude::*;
use store_core::sqlite::db_error;
use store_core::vault::{AccessContext, RefreshLease};
use store_core::{CredentialId, Result};

use super::credentials::credential_hold;
use super::rows::{LeaseRow, stored};
use super::schema::vault_credentials::{self, dsl};
use crate::rules::Context;
use crate::rules::credential::checked_oauth;
use crate::rules::lease::{checked_lease, lost_if_gone};

/// Takes the lease of a credential that nobody holds.
pub(super) fn lease_acquire(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    owner: &str,
    ttl: Duration,
) -> Result<Option<RefreshLease>> {
    let held = credential_hold(conn, access, id)?;
    checked_oauth(&held.credential)?;
    let now = cx.clock.now();
    let row: Option<LeaseRow> = diesel::update(vault_credentials::table.find(id.to_string()))
        .filter(dsl::lease_owner.is_null().or(dsl::lease_expires_at.le(stored(now))))
        .set((
            dsl::lease_owner.eq(owner),
            dsl::lease_epoch.eq(dsl::lease_epoch + 1),
            dsl::lease_expires_at.eq(stored(now.plus(ttl)?)),
        ))
        .returning(LeaseRow::as_returning())
        .get_result(conn)
        .optional()
        .map_err(db_error("lease_acquire"))?;
    row.map(LeaseRow::into_record).transpose()
}

/// Extends a lease.
pub(super) fn lease_renew(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    lease: &RefreshLease,
    ttl: Duration,
) -> Result<RefreshLease> {
    let id = lease.credential_id;
    let held = lost_if_gone(credential_hold(conn, access, id), lease)?;
    checked_lease(&held, lease)?;
    let row: LeaseRow = diesel::update(vault_credentials::table.find(id.to_string()))
        .set(dsl::lease_expires_at.eq(stored(cx.clock.now().plus(ttl)?)))
        .returning(LeaseRow::as_returning())
        .get_result(conn)
        .map_err(db_error("lease_renew"))?;
    row.into_record()
}

/// Gives a lease back.
pub(super) fn lease_release(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    lease: &RefreshLease,
) -> Result<()> {
    let id = lease.credential_id;
    let held = lost_if_gone(credential_hold(conn, access, id), lease)?;
    checked_lease(&held, lease)?;
    lease_end(conn, id)
}

/// Ends the lease of a credential; its epoch stays.
pub(super) fn lease_end(conn: &mut SqliteConnection, id: CredentialId) -> Result<()> {
    diesel::update(vault_credentials::table.find(id.to_string()))
        .set((dsl::lease_owner.eq(None::<&str>), dsl::lease_expires_at.eq(None::<&str>)))
        .execute(conn)
        .map(drop)
        .map_err(db_error("lease_end"))
}
