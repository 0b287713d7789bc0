//! Which credentials somebody has to see to.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{WithinBudget, db_error, split};
use store_core::vault::Credential;
use store_core::{CredentialId, Listing, Order, Page, Result, Timestamp};

use super::rows::{CredentialRow, stored};
use super::schema::vault_credentials::{self, dsl};
use super::schema::vault_templates;
use crate::rules::access::Reach;
use crate::rules::alert::DEFAULT_THRESHOLD_MINUTES;

/// Begins a query on the credentials within a caller's reach, beside their templates.
macro_rules! beside_templates {
    ($reach:expr) => {
        within_reach!(
            vault_credentials::table.left_join(vault_templates::table).into_boxed(),
            dsl,
            $reach,
            "vault_credentials"
        )
    };
}

/// Reads the page of a query on credentials, by id.
macro_rules! page_by_id {
    ($conn:expr, $operation:literal, $query:expr, $listing:expr) => {{
        let (mut query, listing) = ($query, $listing);
        if let Some(after) = listing.after {
            query = match listing.order() {
                Order::Asc => query.filter(dsl::id.gt(after.as_uuid())),
                Order::Desc => query.filter(dsl::id.lt(after.as_uuid())),
            };
        }
        let (query, order) = match listing.order() {
            Order::Asc => (query.order(dsl::id.asc()), "id ASC"),
            Order::Desc => (query.order(dsl::id.desc()), "id DESC"),
        };
        let page = WithinBudget {
            inner: query.select(CredentialRow::as_select()).limit(listing.limit + 1),
            order,
            bytes: "record_bytes",
            limit: listing.limit,
        };
        let rows = page.load($conn).await.map_err(db_error($operation))?;
        let (rows, more): (Vec<CredentialRow>, bool) = split(rows);
        let items = rows.into_iter().map(CredentialRow::into_record).collect::<Result<Vec<_>>>()?;
        listing.page(items, more, |last| last.id)
    }};
}

/// Lists the credentials whose secret should have been rotated.
pub(super) async fn rotation_due_list(
    conn: &mut AsyncPgConnection,
    reach: &Reach,
    now: Timestamp,
    listing: &Listing<CredentialId>,
) -> Result<Page<Credential>> {
    let due = sql::<Bool>(
        "vault_credentials.last_rotated_at \
         + make_interval(days => vault_templates.rotation_period_days) <= ",
    )
    .bind::<Timestamptz, _>(stored(now));
    let query = beside_templates!(reach)
        .filter(vault_templates::rotation_period_days.nullable().is_not_null())
        .filter(due);
    page_by_id!(conn, "rotation_due_list", query, listing)
}

/// Lists the credentials whose access token ends by an instant, or within their threshold from now.
pub(super) async fn expiring_list(
    conn: &mut AsyncPgConnection,
    reach: &Reach,
    now: Timestamp,
    by: Option<Timestamp>,
    listing: &Listing<CredentialId>,
) -> Result<Page<Credential>> {
    let mut query = beside_templates!(reach).filter(dsl::tokens_expire_at.is_not_null());
    query = match by {
        Some(by) => query.filter(dsl::tokens_expire_at.le(stored(by))),
        None => query.filter(
            sql::<Bool>(
                "vault_credentials.tokens_expire_at - make_interval(mins => \
                 coalesce(vault_templates.expiry_threshold_minutes, ",
            )
            .bind::<Integer, _>(DEFAULT_THRESHOLD_MINUTES)
            .sql(")) <= ")
            .bind::<Timestamptz, _>(stored(now)),
        ),
    };
    page_by_id!(conn, "expiring_list", query, listing)
}
