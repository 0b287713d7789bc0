//! Queries on alerts.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{WithinBudget, db_error, split};
use store_core::vault::{AccessContext, Alert, AlertFilter, CredentialScope, NewAlert};
use store_core::{AlertId, CredentialId, Error, Listing, Order, Page, Result};

use super::credentials::credential_fetch;
use super::rows::{AlertRow, NewAlertRow, stored};
use super::schema::vault_alerts::{self, dsl};
use super::schema::{vault_credentials, vault_templates};
use super::templates::template_fetch;
use crate::rules::access::{Reach, checked_allowed};
use crate::rules::alert::{AlertTexts, ready_alert};
use crate::rules::{AlertKey, Context};

type Filtered<'a> = vault_alerts::BoxedQuery<'a, Pg>;

/// Records an alert, or changes the one of its kind that is open.
pub(super) async fn alert_record(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    new: &NewAlert,
) -> Result<Alert> {
    let scope = alert_scope(conn, access, new).await?;
    let alert = ready_alert(cx, new, scope);
    let texts = AlertTexts::of(&alert);
    diesel::insert_into(vault_alerts::table)
        .values(NewAlertRow::new(&alert, &texts))
        .on_conflict(dsl::subject_key)
        .filter_target(dsl::acknowledged_at.is_null())
        .do_update()
        .set((
            dsl::severity.eq(excluded(dsl::severity)),
            dsl::message.eq(excluded(dsl::message)),
            dsl::updated_at.eq(excluded(dsl::updated_at)),
            dsl::record_bytes.eq(excluded(dsl::record_bytes)),
        ))
        .returning(AlertRow::as_returning())
        .get_result::<AlertRow>(conn)
        .await
        .map_err(db_error("alert_record"))?
        .into_record()
}

/// Returns the scope of what an alert is about, which stays until this transaction ends.
async fn alert_scope(
    conn: &mut AsyncPgConnection,
    access: &AccessContext,
    new: &NewAlert,
) -> Result<CredentialScope> {
    let mut scope = None;
    if let Some(id) = new.template_id {
        let locked = vault_templates::table.find(id.as_uuid()).select(vault_templates::id);
        locked
            .for_key_share()
            .first::<uuid::Uuid>(conn)
            .await
            .optional()
            .map_err(db_error("alert_scope"))?;
        scope = Some(template_fetch(conn, access, id).await?.scope);
    }
    if let Some(id) = new.credential_id {
        let locked = vault_credentials::table.find(id.as_uuid()).select(vault_credentials::id);
        locked
            .for_key_share()
            .first::<uuid::Uuid>(conn)
            .await
            .optional()
            .map_err(db_error("alert_scope"))?;
        scope = Some(credential_fetch(conn, access, id).await?.scope);
    }
    Ok(scope.unwrap_or_default())
}

/// Acknowledges an alert, unless somebody has.
pub(super) async fn alert_acknowledge(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: AlertId,
) -> Result<Alert> {
    let row: Option<AlertRow> = vault_alerts::table
        .find(id.as_uuid())
        .select(AlertRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("alert_acknowledge"))?;
    let alert = row.ok_or_else(|| Error::not_found("alert", id))?.into_record()?;
    checked_allowed(&alert.scope, access)?;
    if alert.acknowledged.is_some() {
        return Ok(alert);
    }
    let now = stored(cx.clock.now());
    diesel::update(vault_alerts::table.find(id.as_uuid()))
        .set((
            dsl::acknowledged_at.eq(now),
            dsl::acknowledged_by.eq(access.actor().as_str()),
            dsl::updated_at.eq(now),
        ))
        .returning(AlertRow::as_returning())
        .get_result::<AlertRow>(conn)
        .await
        .map_err(db_error("alert_acknowledge"))?
        .into_record()
}

/// Acknowledges the open alerts about a credential.
pub(super) async fn alerts_resolve(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    credential_id: CredentialId,
) -> Result<Vec<Alert>> {
    credential_fetch(conn, access, credential_id).await?;
    let now = stored(cx.clock.now());
    let open = vault_alerts::table
        .filter(dsl::credential_id.eq(credential_id.as_uuid()))
        .filter(dsl::acknowledged_at.is_null());
    let rows: Vec<AlertRow> = diesel::update(open)
        .set((
            dsl::acknowledged_at.eq(now),
            dsl::acknowledged_by.eq(access.actor().as_str()),
            dsl::updated_at.eq(now),
        ))
        .returning(AlertRow::as_returning())
        .load(conn)
        .await
        .map_err(db_error("alerts_resolve"))?;
    let mut alerts = rows.into_iter().map(AlertRow::into_record).collect::<Result<Vec<_>>>()?;
    alerts.sort_by_key(|alert| alert.id);
    Ok(alerts)
}

/// Lists alerts by the time they were recorded first.
pub(super) async fn alert_list(
    conn: &mut AsyncPgConnection,
    reach: &Reach,
    filter: &AlertFilter,
    listing: &Listing<AlertKey>,
) -> Result<Page<Alert>> {
    let mut query: Filtered<'_> =
        within_reach!(vault_alerts::table.into_boxed(), dsl, reach, "vault_alerts");
    if !filter.with_acknowledged {
        query = query.filter(dsl::acknowledged_at.is_null());
    }
    if let Some(id) = filter.credential_id {
        query = query.filter(dsl::credential_id.eq(id.as_uuid()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(dsl::kind.eq(kind.as_str()));
    }
    if let Some((created_at, id)) = &listing.after {
        let (at, id) = (stored(*created_at), id.as_uuid());
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at))
                .filter(dsl::created_at.gt(at).or(dsl::id.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at))
                .filter(dsl::created_at.lt(at).or(dsl::id.lt(id))),
        };
    }
    let (query, order) = match listing.order() {
        Order::Asc => {
            (query.order((dsl::created_at.asc(), dsl::id.asc())), "created_at ASC, id ASC")
        }
        Order::Desc => {
            (query.order((dsl::created_at.desc(), dsl::id.desc())), "created_at DESC, id DESC")
        }
    };
    let page = WithinBudget {
        inner: query.select(AlertRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("alert_list"))?;
    let (rows, more): (Vec<AlertRow>, bool) = split(rows);
    let items = rows.into_iter().map(AlertRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}
