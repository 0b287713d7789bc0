//! Queries on tokens.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::postgres::{Bind, JsonText, Statement, db_error};
use store_core::tokens::{AuditOrigin, ServiceToken, TokenAuditAction, TokenFilter, TokenState};
use store_core::{Error, Listing, Order, Page, Result, TokenId};

use super::audit::{entries_append, heads_lock};
use super::error::on_insert;
use super::rows::{TokenRow, stored};
use super::schema::service_tokens::{self, dsl};
use crate::rules::chain::{ReadyEntry, checked_unused};
use crate::rules::token::{ReadyToken, checked_rate};
use crate::rules::usage::details;
use crate::rules::{Context, TokenKey};
use store_core::postgres::{WithinBudget, split};

// parity: fixed text, because Diesel prepares an insertion at each call.
const INSERT: &str = "INSERT INTO service_tokens (identifier, secret_hash, name, scopes, \
     workspace_ids, created_at, created_by, issued_at, expires_at, rotated_from, family, \
     allowed_ip_ranges, rate_limit, rate_interval_seconds, ends_at, record_bytes) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, $9, ?)";

type Filtered<'a> = service_tokens::BoxedQuery<'a, Pg>;

/// Stores a token that is the first of its family, and says so in its audit.
pub(super) async fn token_create(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyToken,
    origin: &AuditOrigin,
    bootstrap: bool,
) -> Result<()> {
    let token = &ready.token;
    let details = if bootstrap { details([("bootstrap", json!(true))]) } else { details([]) };
    let (id, action, at) = (&token.identifier, TokenAuditAction::Created, token.created_at);
    let entry = ReadyEntry::new(cx, id, action, origin, details, at)?;
    let mut heads = heads_lock(conn, &[id.as_str()]).await?;
    checked_unused(&heads, id)?;
    token_insert(conn, ready).await?;
    entries_append(conn, &mut heads, &[entry]).await
}

/// Inserts a token.
pub(super) async fn token_insert(conn: &mut AsyncPgConnection, ready: &ReadyToken) -> Result<()> {
    enum Insert {}
    let token = &ready.token;
    let rate = token.rate_limit.map(checked_rate).transpose()?;
    let binds = vec![
        Bind::Text(token.identifier.as_str()),
        Bind::Binary(token.secret_hash.as_bytes()),
        Bind::MaybeText(token.name.as_deref()),
        Bind::Json(JsonText(&ready.scopes)),
        Bind::Json(JsonText(&ready.workspace_ids)),
        Bind::Instant(Some(token.created_at.to_datetime())),
        Bind::Text(token.created_by.as_str()),
        Bind::Instant(Some(token.issued_at.to_datetime())),
        Bind::Instant(stored(token.expires_at)),
        Bind::MaybeText(token.rotated_from.as_ref().map(AsRef::as_ref)),
        Bind::Text(token.family.as_str()),
        Bind::Json(JsonText(&ready.allowed_ip_ranges)),
        Bind::MaybeInt(rate.map(|(limit, _)| limit)),
        Bind::MaybeInt(rate.map(|(_, seconds)| seconds)),
        Bind::BigInt(ready.record_bytes()),
    ];
    Statement::<Insert, ()>::new(INSERT, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_insert(&token.identifier, error))
}

/// Finds a token.
pub(super) async fn token_find(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
) -> Result<Option<ServiceToken>> {
    service_tokens::table
        .find(identifier.as_str())
        .select(TokenRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("token_find"))?
        .map(TokenRow::into_record)
        .transpose()
}

/// Fetches a token.
pub(super) async fn token_fetch(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
) -> Result<ServiceToken> {
    let token = token_find(conn, identifier).await?;
    token.ok_or_else(|| Error::not_found("service token", identifier))
}

/// Lists tokens by creation.
pub(super) async fn token_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    filter: &TokenFilter,
    listing: &Listing<TokenKey>,
) -> Result<Page<ServiceToken>> {
    let mut query = token_filtered(cx, filter);
    if let Some((created_at, id)) = &listing.after {
        let at = created_at.to_datetime();
        let id = id.to_string();
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at))
                .filter(dsl::created_at.gt(at).or(dsl::identifier.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at))
                .filter(dsl::created_at.lt(at).or(dsl::identifier.lt(id))),
        };
    }
    let (query, order) = match listing.order() {
        Order::Asc => (
            query.order((dsl::created_at.asc(), dsl::identifier.asc())),
            "created_at ASC, identifier ASC",
        ),
        Order::Desc => (
            query.order((dsl::created_at.desc(), dsl::identifier.desc())),
            "created_at DESC, identifier DESC",
        ),
    };
    let page = WithinBudget {
        inner: query.select(TokenRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("token_list"))?;
    let (rows, more): (Vec<TokenRow>, bool) = split(rows);
    let items = rows.into_iter().map(TokenRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.identifier.clone()))
}

/// Begins a query on the tokens a filter means.
fn token_filtered(cx: &Context, filter: &TokenFilter) -> Filtered<'static> {
    let mut query = service_tokens::table.into_boxed();
    let now = cx.clock.now().to_datetime();
    // As `ServiceToken::state_at`, for tokens that are not revoked.
    let ended = || {
        let expired = dsl::ends_at.is_not_null().and(dsl::ends_at.assume_not_null().le(now));
        let at_once = dsl::rotation_expires_at
            .is_not_null()
            .and(dsl::rotation_expires_at.assume_not_null().le(dsl::rotated_at.assume_not_null()));
        expired.or(at_once)
    };
    match filter.state {
        None => {}
        Some(TokenState::Revoked) => query = query.filter(dsl::revoked_at.is_not_null()),
        Some(TokenState::Expired) => {
            query = query.filter(dsl::revoked_at.is_null()).filter(ended());
        }
        Some(TokenState::Active) => {
            query = query.filter(dsl::revoked_at.is_null()).filter(diesel::dsl::not(ended()));
        }
    }
    if let Some(scope) = &filter.scope {
        query = query.filter(dsl::scopes.contains(json!([scope])));
    }
    if let Some(workspace_id) = &filter.workspace_id {
        let everywhere = dsl::workspace_ids.eq(json!([]));
        query = query.filter(everywhere.or(dsl::workspace_ids.contains(json!([workspace_id]))));
    }
    query
}
