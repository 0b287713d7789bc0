//! Queries on credentials.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::sqlite::{db_error, within_budget};
use store_core::vault::{AccessContext, Credential};
use store_core::{CredentialId, Error, Listing, Order, Page, Result};

use super::audit::entry_append;
use super::error::on_credential;
use super::keys::key_hold;
use super::rows::{CredentialChange, CredentialRow, HeadRow, NewCredentialRow, stored};
use super::schema::vault_audit_heads;
use super::schema::vault_credentials::{self, dsl};
use super::secrets::secrets_insert;
use crate::rules::access::{Reach, checked_allowed};
use crate::rules::chain::{ReadyEntry, head_tampered};
use crate::rules::credential::{CredentialTexts, Held, ReadyCredential};
use crate::rules::{Context, CredentialKey};

type Filtered<'a> = vault_credentials::BoxedQuery<'a, Sqlite>;

/// Stores a credential with what it seals, and says so in its audit.
pub(super) fn credential_create(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    ready: &ReadyCredential,
    entry: &ReadyEntry,
) -> Result<()> {
    let credential = &ready.credential;
    key_hold(conn, cx)?;
    let texts = CredentialTexts::of(credential);
    diesel::insert_into(vault_credentials::table)
        .values(NewCredentialRow::new(ready, &texts))
        .execute(conn)
        .map_err(|error| on_credential("credential_create", credential.id, error))?;
    secrets_insert(conn, cx, access, credential.id, &ready.secrets)?;
    entry_append(conn, &mut Default::default(), entry)
}

/// Finds a credential.
pub(super) fn credential_find(
    conn: &mut SqliteConnection,
    id: CredentialId,
) -> Result<Option<Credential>> {
    vault_credentials::table
        .find(id.to_string())
        .select(CredentialRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("credential_find"))?
        .map(CredentialRow::into_record)
        .transpose()
}

/// Fetches a credential that a caller may use.
pub(super) fn credential_fetch(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: CredentialId,
) -> Result<Credential> {
    let found = credential_find(conn, id)?;
    let credential = found.ok_or_else(|| Error::not_found("credential", id))?;
    checked_allowed(&credential.scope, access)?;
    Ok(credential)
}

/// Finds the credential with a name that a caller may use.
pub(super) fn credential_by_name(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    name_key: &str,
) -> Result<Option<Credential>> {
    let row: Option<CredentialRow> = vault_credentials::table
        .filter(dsl::name_key.eq(name_key))
        .select(CredentialRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("credential_by_name"))?;
    let Some(row) = row else { return Ok(None) };
    let credential = row.into_record()?;
    checked_allowed(&credential.scope, access)?;
    Ok(Some(credential))
}

/// Reads a credential that a caller may use, and the head of its audit, to change it.
pub(super) fn credential_hold(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: CredentialId,
) -> Result<Held> {
    let found: Option<(CredentialRow, HeadRow)> = vault_credentials::table
        .inner_join(vault_audit_heads::table.on(vault_audit_heads::subject_id.eq(dsl::id)))
        .filter(dsl::id.eq(id.to_string()))
        .select((CredentialRow::as_select(), HeadRow::as_select()))
        .first(conn)
        .optional()
        .map_err(db_error("credential_hold"))?;
    match found {
        Some((row, head)) => {
            let held = row.into_held(head.into_head()?)?;
            checked_allowed(&held.credential.scope, access)?;
            Ok(held)
        }
        None => {
            credential_fetch(conn, access, id)?;
            Err(head_tampered(id))
        }
    }
}

/// Stores what has become of a credential.
pub(super) fn credential_store(conn: &mut SqliteConnection, held: &Held) -> Result<()> {
    let credential = &held.credential;
    let texts = CredentialTexts::of(credential);
    diesel::update(vault_credentials::table.find(credential.id.to_string()))
        .set(CredentialChange::new(credential, held.tokens_version, &texts))
        .execute(conn)
        .map(drop)
        .map_err(|error| on_credential("credential_store", credential.id, error))
}

/// Deletes a credential.
pub(super) fn credential_delete(conn: &mut SqliteConnection, id: CredentialId) -> Result<()> {
    diesel::delete(vault_credentials::table.find(id.to_string()))
        .execute(conn)
        .map(drop)
        .map_err(db_error("credential_delete"))
}

/// Lists credentials by creation.
pub(super) fn credential_list(
    conn: &mut SqliteConnection,
    reach: &Reach,
    listing: &Listing<CredentialKey>,
) -> Result<Page<Credential>> {
    let mut query: Filtered<'_> =
        within_reach!(vault_credentials::table.into_boxed(), dsl, reach, "vault_credentials");
    if let Some((created_at, id)) = &listing.after {
        let (at, id) = (stored(*created_at), id.to_string());
        // The first condition bounds the index, the second settles ties.
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
        .select(CredentialRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<CredentialRow, _>(conn)
        .map_err(db_error("credential_list"))?;
    let (rows, more) = within_budget("credential_list", rows, listing.limit, CredentialRow::bytes)?;
    let items = rows.into_iter().map(CredentialRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}
