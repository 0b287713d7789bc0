//! Queries on templates.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::sqlite::{db_error, within_budget};
use store_core::vault::{AccessContext, CredentialTemplate, VaultAuditAction};
use store_core::{Error, Listing, Order, Page, Result, TemplateId};

use super::audit::entry_append;
use super::error::on_template;
use super::rows::{HeadRow, NewTemplateRow, TemplateChange, TemplateRow, stored};
use super::schema::vault_audit_heads;
use super::schema::vault_templates::{self, dsl};
use crate::rules::access::{Reach, checked_allowed};
use crate::rules::chain::{ReadyEntry, details, head_tampered};
use crate::rules::template::{HeldTemplate, ReadyTemplateUpdate, TemplateTexts};
use crate::rules::update::checked_row_version;
use crate::rules::{Context, TemplateKey};

type Filtered<'a> = vault_templates::BoxedQuery<'a, Sqlite>;

/// Stores a template, and says so in its audit.
pub(super) fn template_create(
    conn: &mut SqliteConnection,
    template: &CredentialTemplate,
    entry: &ReadyEntry,
) -> Result<()> {
    let texts = TemplateTexts::of(template);
    diesel::insert_into(vault_templates::table)
        .values(NewTemplateRow::new(template, &texts)?)
        .execute(conn)
        .map_err(|error| on_template("template_create", template.id, error))?;
    entry_append(conn, &mut Default::default(), entry)
}

/// Finds a template.
pub(super) fn template_find(
    conn: &mut SqliteConnection,
    id: TemplateId,
) -> Result<Option<CredentialTemplate>> {
    vault_templates::table
        .find(id.to_string())
        .select(TemplateRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("template_find"))?
        .map(TemplateRow::into_record)
        .transpose()
}

/// Fetches a template that a caller may use.
pub(super) fn template_fetch(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: TemplateId,
) -> Result<CredentialTemplate> {
    let found = template_find(conn, id)?;
    let template = found.ok_or_else(|| Error::not_found("credential template", id))?;
    checked_allowed(&template.scope, access)?;
    Ok(template)
}

/// Reads a template that a caller may use, and the head of its audit, to change it.
fn template_hold(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: TemplateId,
) -> Result<HeldTemplate> {
    let found: Option<(TemplateRow, HeadRow)> = vault_templates::table
        .inner_join(vault_audit_heads::table.on(vault_audit_heads::subject_id.eq(dsl::id)))
        .filter(dsl::id.eq(id.to_string()))
        .select((TemplateRow::as_select(), HeadRow::as_select()))
        .first(conn)
        .optional()
        .map_err(db_error("template_hold"))?;
    match found {
        Some((row, head)) => {
            let held = HeldTemplate { template: row.into_record()?, head: head.into_head()? };
            checked_allowed(&held.template.scope, access)?;
            Ok(held)
        }
        None => {
            template_fetch(conn, access, id)?;
            Err(head_tampered(id))
        }
    }
}

/// Changes a template.
pub(super) fn template_update(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: TemplateId,
    update: &ReadyTemplateUpdate,
) -> Result<CredentialTemplate> {
    let HeldTemplate { mut template, mut head } = template_hold(conn, access, id)?;
    let found = template.row_version;
    checked_row_version("credential template", id, update.expected_row_version, found)?;
    let changes = update.apply(&mut template)?;
    if changes.is_empty() {
        return Ok(template);
    }
    template.updated_at = cx.clock.now().max(template.updated_at);
    template.row_version += 1;
    let texts = TemplateTexts::of(&template);
    diesel::update(vault_templates::table.find(id.to_string()))
        .set(TemplateChange::new(&template, &texts)?)
        .execute(conn)
        .map_err(|error| on_template("template_update", id, error))?;
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Updated, access, changes)?;
    entry_append(conn, &mut head, &entry)?;
    Ok(template)
}

/// Deletes a template.
pub(super) fn template_remove(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: TemplateId,
) -> Result<()> {
    let mut held = template_hold(conn, access, id)?;
    diesel::delete(vault_templates::table.find(id.to_string()))
        .execute(conn)
        .map_err(db_error("template_remove"))?;
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Deleted, access, details([]))?;
    entry_append(conn, &mut held.head, &entry)
}

/// Lists templates by creation.
pub(super) fn template_list(
    conn: &mut SqliteConnection,
    reach: &Reach,
    listing: &Listing<TemplateKey>,
) -> Result<Page<CredentialTemplate>> {
    let mut query: Filtered<'_> =
        within_reach!(vault_templates::table.into_boxed(), dsl, reach, "vault_templates");
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
        .select(TemplateRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<TemplateRow, _>(conn)
        .map_err(db_error("template_list"))?;
    let (rows, more) = within_budget("template_list", rows, listing.limit, TemplateRow::bytes)?;
    let items = rows.into_iter().map(TemplateRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}
