//! Queries on tokens.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use serde_json::json;
use store_core::sqlite::db_error;
use store_core::tokens::{AuditOrigin, ServiceToken, TokenAuditAction, TokenFilter, TokenState};
use store_core::{Error, Listing, Order, Page, Result, TokenId};

use super::audit::{entries_append, heads_read};
use super::error::on_insert;
use super::rows::{NewTokenRow, TokenRow};
use super::schema::service_tokens::{self, dsl};
use crate::rules::chain::{ReadyEntry, checked_unused};
use crate::rules::token::ReadyToken;
use crate::rules::usage::details;
use crate::rules::{Context, TokenKey};
use store_core::sqlite::within_budget;

#[declare_sql_function]
extern "SQL" {
    /// PostgreSQL's `left @> right` over JSON text.
    #[sql_name = "store_json_contains"]
    fn json_contains(left: Text, right: Text) -> Bool;
}

type Filtered<'a> = service_tokens::BoxedQuery<'a, Sqlite>;

/// Stores a token that is the first of its family, and says so in its audit.
pub(super) fn token_create(
    conn: &mut SqliteConnection,
    cx: &Context,
    ready: &ReadyToken,
    origin: &AuditOrigin,
    bootstrap: bool,
) -> Result<()> {
    let token = &ready.token;
    let details = if bootstrap { details([("bootstrap", json!(true))]) } else { details([]) };
    let (id, action, at) = (&token.identifier, TokenAuditAction::Created, token.created_at);
    let entry = ReadyEntry::new(cx, id, action, origin, details, at)?;
    let mut heads = heads_read(conn, &[id.as_str()])?;
    checked_unused(&heads, id)?;
    token_insert(conn, ready)?;
    entries_append(conn, &mut heads, &[entry])
}

/// Inserts a token.
pub(super) fn token_insert(conn: &mut SqliteConnection, ready: &ReadyToken) -> Result<()> {
    diesel::insert_into(service_tokens::table)
        .values(NewTokenRow::new(ready)?)
        .execute(conn)
        .map(drop)
        .map_err(|error| on_insert(&ready.token.identifier, error))
}

/// Finds a token.
pub(super) fn token_find(
    conn: &mut SqliteConnection,
    identifier: &TokenId,
) -> Result<Option<ServiceToken>> {
    service_tokens::table
        .find(identifier.as_str())
        .select(TokenRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("token_find"))?
        .map(TokenRow::into_record)
        .transpose()
}

/// Fetches a token.
pub(super) fn token_fetch(
    conn: &mut SqliteConnection,
    identifier: &TokenId,
) -> Result<ServiceToken> {
    let token = token_find(conn, identifier)?;
    token.ok_or_else(|| Error::not_found("service token", identifier))
}

/// Lists tokens by creation.
pub(super) fn token_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    filter: &TokenFilter,
    listing: &Listing<TokenKey>,
) -> Result<Page<ServiceToken>> {
    let mut query = token_filtered(cx, filter);
    if let Some((created_at, id)) = &listing.after {
        let at = created_at.to_string();
        let id = id.to_string();
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::created_at.ge(at.clone()))
                .filter(dsl::created_at.gt(at).or(dsl::identifier.gt(id))),
            Order::Desc => query
                .filter(dsl::created_at.le(at.clone()))
                .filter(dsl::created_at.lt(at).or(dsl::identifier.lt(id))),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order((dsl::created_at.asc(), dsl::identifier.asc())),
        Order::Desc => query.order((dsl::created_at.desc(), dsl::identifier.desc())),
    };
    let rows = query
        .select(TokenRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<TokenRow, _>(conn)
        .map_err(db_error("token_list"))?;
    let bytes_of = |row: &TokenRow| row.record_bytes;
    let (rows, more) = within_budget("token_list", rows, listing.limit, bytes_of)?;
    let items = rows.into_iter().map(TokenRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.identifier.clone()))
}

/// Begins a query on the tokens a filter means.
fn token_filtered(cx: &Context, filter: &TokenFilter) -> Filtered<'static> {
    let mut query = service_tokens::table.into_boxed();
    let now = cx.clock.now().to_string();
    // As `ServiceToken::state_at`, for tokens that are not revoked.
    let ended = || {
        let expired =
            dsl::ends_at.is_not_null().and(dsl::ends_at.assume_not_null().le(now.clone()));
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
        query = query.filter(json_contains(dsl::scopes, json!([scope]).to_string()));
    }
    if let Some(workspace_id) = &filter.workspace_id {
        let everywhere = dsl::workspace_ids.eq("[]");
        query = query.filter(
            everywhere.or(json_contains(dsl::workspace_ids, json!([workspace_id]).to_string())),
        );
    }
    query
}
