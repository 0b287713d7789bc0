//! Rotating and revoking.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::postgres::{Bind, Statement, db_error};
use store_core::tokens::{AuditOrigin, Rotated, ServiceToken, TokenAuditAction};
use store_core::{Error, Result, Timestamp, TokenId};

use super::audit::{entries_append, heads_lock};
use super::rows::{TokenRow, TokenSql, token_columns};
use super::schema::service_tokens::{self, dsl};
use super::tokens::{token_fetch, token_insert};
use crate::rules::Context;
use crate::rules::chain::{Heads, ReadyEntry, checked_unused};
use crate::rules::rotation::ReadyRotation;
use crate::rules::token::refusal;
use crate::rules::usage::details;

// parity: fixed text, because Diesel prepares a change at each call.
const REPLACE: &str = concat!(
    "UPDATE service_tokens SET rotated_to = ?, rotated_at = ?, rotation_expires_at = ?, \
     ends_at = least(ends_at, $3) WHERE identifier = ? AND revoked_at IS NULL \
     AND rotated_to IS NULL AND (expires_at IS NULL OR expires_at > $2) RETURNING ",
    token_columns!()
);

#[declare_sql_function]
extern "SQL" {
    /// The earlier of the two that are there.
    fn least(a: Nullable<Timestamptz>, b: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

/// Puts a successor in the place of a token.
pub(super) async fn token_rotate(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    identifier: &TokenId,
    rotation: &ReadyRotation,
    origin: &AuditOrigin,
) -> Result<Rotated> {
    let family = family_of(conn, identifier).await?;
    // The head of the family's first token is the lock of the family: whoever revokes all of it
    // waits for the successor, or the rotation for the revocation.
    let ids = [family.as_str(), identifier.as_str(), rotation.successor.as_str()];
    let mut heads = heads_lock(conn, &ids).await?;
    checked_unused(&heads, &rotation.successor)?;
    let Some(predecessor) = token_replace(conn, identifier, rotation).await? else {
        return Err(rotation_refusal(conn, identifier, rotation.now).await?);
    };
    let successor = rotation.successor_of(&predecessor)?;
    token_insert(conn, &successor).await?;
    let old = details([
        ("rotated_to", json!(rotation.successor.as_str())),
        ("overlap_ms", json!(rotation.overlap_ms)),
    ]);
    let new = details([("rotated_from", json!(identifier.as_str()))]);
    let (rotated, created) = (TokenAuditAction::Rotated, TokenAuditAction::Created);
    let entries = [
        ReadyEntry::new(cx, identifier, rotated, origin, old, rotation.now)?,
        ReadyEntry::new(cx, &rotation.successor, created, origin, new, rotation.now)?,
    ];
    entries_append(conn, &mut heads, &entries).await?;
    Ok(Rotated { predecessor, successor: successor.token })
}

/// Names the successor of a token that may be rotated, and returns the token.
async fn token_replace(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
    rotation: &ReadyRotation,
) -> Result<Option<ServiceToken>> {
    enum Replace {}
    let binds = vec![
        Bind::Text(rotation.successor.as_str()),
        Bind::Instant(Some(rotation.now.to_datetime())),
        Bind::Instant(Some(rotation.ends_at.to_datetime())),
        Bind::Text(identifier.as_str()),
    ];
    let row: Option<TokenRow> = Statement::<Replace, TokenSql>::new(REPLACE, binds)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("token_replace"))?;
    row.map(TokenRow::into_record).transpose()
}

/// Says why a token could not be rotated.
async fn rotation_refusal(
    conn: &mut AsyncPgConnection,
    identifier: &TokenId,
    now: Timestamp,
) -> Result<Error> {
    let token = token_fetch(conn, identifier).await?;
    let (revoked, rotated) = (token.revoked_at.is_some(), token.rotated_to.is_some());
    let refused = refusal(identifier, revoked, rotated, now, token.expires_at);
    // One that could be rotated by now was stored after the statement had looked.
    Ok(refused.unwrap_or_else(|| Error::not_found("service token", identifier)))
}

/// Returns the family of a token; it never changes.
async fn family_of(conn: &mut AsyncPgConnection, identifier: &TokenId) -> Result<String> {
    service_tokens::table
        .find(identifier.as_str())
        .select(dsl::family)
        .first(conn)
        .await
        .optional()
        .map_err(db_error("family_of"))?
        .ok_or_else(|| Error::not_found("service token", identifier))
}

/// Revokes a token, or its family, and returns those that were not revoked before.
pub(super) async fn tokens_revoke(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    identifier: &TokenId,
    reason: Option<&str>,
    family: bool,
    origin: &AuditOrigin,
) -> Result<Vec<ServiceToken>> {
    let of = family_of(conn, identifier).await?;
    let mut heads = if family {
        family_lock(conn, &of).await?
    } else {
        heads_lock(conn, &[identifier.as_str()]).await?
    };
    let ids: Vec<&str> = heads.keys().map(String::as_str).collect();
    let now = cx.clock.now();
    let at = now.to_datetime();
    let rows: Vec<TokenRow> = diesel::update(service_tokens::table)
        .filter(dsl::identifier.eq_any(ids))
        .filter(dsl::revoked_at.is_null())
        .set((
            dsl::revoked_at.eq(at),
            dsl::revoked_by.eq(origin.actor.as_str()),
            dsl::revocation_reason.eq(reason),
            dsl::ends_at.eq(least(dsl::ends_at, Some(at))),
        ))
        .returning(TokenRow::as_returning())
        .load(conn)
        .await
        .map_err(db_error("tokens_revoke"))?;
    let mut revoked = rows.into_iter().map(TokenRow::into_record).collect::<Result<Vec<_>>>()?;
    revoked.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    let mut entries = Vec::with_capacity(revoked.len());
    for token in &revoked {
        let mut about = details([("family", json!(family))]);
        if let Some(reason) = reason {
            about.insert("reason".into(), json!(reason));
        }
        let (id, action) = (&token.identifier, TokenAuditAction::Revoked);
        entries.push(ReadyEntry::new(cx, id, action, origin, about, now)?);
    }
    entries_append(conn, &mut heads, &entries).await?;
    Ok(revoked)
}

// parity: SQLite has one writer, which needs no lock.
/// Locks a family, so that no token joins it, and the audits of its members.
async fn family_lock(conn: &mut AsyncPgConnection, family: &str) -> Result<Heads> {
    let mut heads = Heads::new();
    loop {
        let members: Vec<String> = service_tokens::table
            .filter(dsl::family.eq(family))
            .select(dsl::identifier)
            .load(conn)
            .await
            .map_err(db_error("family_lock"))?;
        // The first look comes before the lock: a rotation may just have ended.
        let new: Vec<&str> = members
            .iter()
            .map(String::as_str)
            .chain([family])
            .filter(|member| !heads.contains_key(*member))
            .collect();
        if new.is_empty() {
            return Ok(heads);
        }
        heads.extend(heads_lock(conn, &new).await?);
    }
}
