//! Queries on the leases of refreshes. The credential is locked by whoever changes its lease.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::data_types::PgInterval;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Bind, Statement, db_error};
use store_core::vault::{AccessContext, RefreshLease};
use store_core::{CredentialId, Result};

use super::credentials::credential_hold;
use super::rows::{LeaseRow, LeaseSql, stored};
use super::schema::vault_credentials::{self, dsl};
use crate::rules::Context;
use crate::rules::credential::checked_oauth;
use crate::rules::lease::{checked_lease, lost_if_gone};

// parity: the server's clock measures leases, and the query builder cannot add to it. It is read
// after the wait for the row, which may have been long.
const ACQUIRE: &str = "UPDATE vault_credentials SET lease_owner = ?, \
     lease_epoch = lease_epoch + 1, lease_expires_at = coalesce(?, clock_timestamp()) + ? \
     WHERE id = ? AND (lease_owner IS NULL OR lease_expires_at <= coalesce($2, clock_timestamp())) \
     RETURNING id, lease_owner, lease_epoch, lease_expires_at";

// parity: as above.
const RENEW: &str = "UPDATE vault_credentials \
     SET lease_expires_at = coalesce(?, clock_timestamp()) + ? WHERE id = ? \
     RETURNING id, lease_owner, lease_epoch, lease_expires_at";

/// Takes the lease of a credential that nobody holds.
pub(super) async fn lease_acquire(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: CredentialId,
    owner: &str,
    ttl: Duration,
) -> Result<Option<RefreshLease>> {
    enum Acquire {}
    let held = credential_hold(conn, access, id).await?;
    checked_oauth(&held.credential)?;
    let binds = vec![
        Bind::Text(owner),
        Bind::Instant(cx.clock.database_override().map(stored)),
        Bind::Span(span(ttl)),
        Bind::Uuid(id.as_uuid()),
    ];
    let row: Option<LeaseRow> = Statement::<Acquire, LeaseSql>::new(ACQUIRE, binds)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("lease_acquire"))?;
    row.map(LeaseRow::into_record).transpose()
}

/// Extends a lease.
pub(super) async fn lease_renew(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    lease: &RefreshLease,
    ttl: Duration,
) -> Result<RefreshLease> {
    enum Renew {}
    let id = lease.credential_id;
    let held = lost_if_gone(credential_hold(conn, access, id).await, lease)?;
    checked_lease(&held, lease)?;
    let binds = vec![
        Bind::Instant(cx.clock.database_override().map(stored)),
        Bind::Span(span(ttl)),
        Bind::Uuid(id.as_uuid()),
    ];
    let row: LeaseRow = Statement::<Renew, LeaseSql>::new(RENEW, binds)
        .get_result(conn)
        .await
        .map_err(db_error("lease_renew"))?;
    row.into_record()
}

/// Gives a lease back.
pub(super) async fn lease_release(
    conn: &mut AsyncPgConnection,
    access: &AccessContext,
    lease: &RefreshLease,
) -> Result<()> {
    let id = lease.credential_id;
    let held = lost_if_gone(credential_hold(conn, access, id).await, lease)?;
    checked_lease(&held, lease)?;
    lease_end(conn, id).await
}

/// Ends the lease of a credential; its epoch stays.
pub(super) async fn lease_end(conn: &mut AsyncPgConnection, id: CredentialId) -> Result<()> {
    diesel::update(vault_credentials::table.find(id.as_uuid()))
        .set((dsl::lease_owner.eq(None::<&str>), dsl::lease_expires_at.eq(None::<DateTime<Utc>>)))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("lease_end"))
}

// parity: SQLite adds in Rust.
/// A time as PostgreSQL adds it.
fn span(ttl: Duration) -> PgInterval {
    // It is at most an hour.
    PgInterval::from_microseconds(
        TimeDelta::from_std(ttl).map_or(0, |ttl| ttl.num_microseconds().unwrap_or(0)),
    )
}
