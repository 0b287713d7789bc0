//! Queries on alerts.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::sqlite::{db_error, within_budget};
use store_core::vault::{AccessContext, Alert, AlertFilter, CredentialScope, NewAlert};
use store_core::{AlertId, CredentialId, Error, Listing, Order, Page, Result};

use super::credentials::credential_fetch;
use super::rows::{AlertRow, NewAlertRow, stored};
use super::schema::vault_alerts::{self, dsl};
use super::templates::template_fetch;
use crate::rules::access::{Reach, checked_allowed};
use crate::rules::alert::{AlertTexts, ready_alert};
use crate::rules::{AlertKey, Context};

type Filtered<'a> = vault_alerts::BoxedQuery<'a, Sqlite>;

/// Records an alert, or changes the one of its kind that is open.
pub(super) fn alert_record(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    new: &NewAlert,
) -> Result<Alert> {
    let scope = alert_scope(conn, access, new)?;
    let alert = ready_alert(cx, new, scope);
    let texts = AlertTexts::of(&alert);
    // parity: nobody else writes before this transaction ends, so that two statements do what is
    // one in PostgreSQL. The query builder cannot express an upsert on a partial index here.
    let open = vault_alerts::table
        .filter(dsl::subject_key.eq(&texts.subject_key))
        .filter(dsl::acknowledged_at.is_null());
    let updated: Option<AlertRow> = diesel::update(open)
        .set((
            dsl::severity.eq(alert.severity.as_str()),
            dsl::message.eq(&alert.message),
            dsl::updated_at.eq(stored(alert.updated_at)),
            dsl::record_bytes.eq(texts.record_bytes),
        ))
        .returning(AlertRow::as_returning())
        .get_result(conn)
        .optional()
        .map_err(db_error("alert_record"))?;
    match updated {
        Some(row) => row.into_record(),
        None => {
            alert_insert(conn, &alert, &texts)?;
            Ok(alert)
        }
    }
}

// parity: PostgreSQL inserts first.
/// Inserts an alert of which none of its kind is open.
fn alert_insert(conn: &mut SqliteConnection, alert: &Alert, texts: &AlertTexts) -> Result<()> {
    diesel::insert_into(vault_alerts::table)
        .values(NewAlertRow::new(alert, texts))
        .execute(conn)
        .map(drop)
        .map_err(db_error("alert_record"))
}

/// Returns the scope of what an alert is about.
fn alert_scope(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    new: &NewAlert,
) -> Result<CredentialScope> {
    let mut scope = None;
    if let Some(id) = new.template_id {
        scope = Some(template_fetch(conn, access, id)?.scope);
    }
    if let Some(id) = new.credential_id {
        scope = Some(credential_fetch(conn, access, id)?.scope);
    }
    Ok(scope.unwrap_or_default())
}

/// Acknowledges an alert, unless somebody has.
pub(super) fn alert_acknowledge(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: AlertId,
) -> Result<Alert> {
    let row: Option<AlertRow> = vault_alerts::table
        .find(id.to_string())
        .select(AlertRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("alert_acknowledge"))?;
    let alert = row.ok_or_else(|| Error::not_found("alert", id))?.into_record()?;
    checked_allowed(&alert.scope, access)?;
    if alert.acknowledged.is_some() {
        return Ok(alert);
    }
    let now = stored(cx.clock.now());
    diesel::update(vault_alerts::table.find(id.to_string()))
        .set((
            dsl::acknowledged_at.eq(&now),
            dsl::acknowledged_by.eq(access.actor().as_str()),
            dsl::updated_at.eq(&now),
        ))
        .returning(AlertRow::as_returning())
        .get_result::<AlertRow>(conn)
        .map_err(db_error("alert_acknowledge"))?
        .into_record()
}

/// Acknowledges the open alerts about a credential.
pub(super) fn alerts_resolve(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    credential_id: CredentialId,
) -> Result<Vec<Alert>> {
    credential_fetch(conn, access, credential_id)?;
    let now = stored(cx.clock.now());
    let open = vault_alerts::table
        .filter(dsl::credential_id.eq(credential_id.to_string()))
        .filter(dsl::acknowledged_at.is_null());
    let rows: Vec<AlertRow> = diesel::update(open)
        .set((
            dsl::acknowledged_at.eq(&now),
            dsl::acknowledged_by.eq(access.actor().as_str()),
            dsl::updated_at.eq(&now),
        ))
        .returning(AlertRow::as_returning())
        .load(conn)
        .map_err(db_error("alerts_resolve"))?;
    let mut alerts = rows.into_iter().map(AlertRow::into_record).collect::<Result<Vec<_>>>()?;
    alerts.sort_by_key(|alert| alert.id);
    Ok(alerts)
}

/// Lists alerts by the time they were recorded first.
pub(super) fn alert_list(
    conn: &mut SqliteConnection,
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
        query = query.filter(dsl::credential_id.eq(id.to_string()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(dsl::kind.eq(kind.as_str()));
    }
    if let Some((created_at, id)) = &listing.after {
        let (at, id) = (stored(*created_at), id.to_string());
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at.clone()))
                .filter(dsl::created_at.gt(at).or(dsl::id.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at.clone()))
                .filter(dsl::created_at.lt(at).or(dsl::id.lt(id))),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order((dsl::created_at.asc(), dsl::id.asc())),
        Order::Desc => query.order((dsl::created_at.desc(), dsl::id.desc())),
    };
    let rows = query
        .select(AlertRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<AlertRow, _>(conn)
        .map_err(db_error("alert_list"))?;
    let (rows, more) = within_budget("alert_list", rows, listing.limit, AlertRow::bytes)?;
    let items = rows.into_iter().map(AlertRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}
