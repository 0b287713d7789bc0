//! Queries on templates.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{WithinBudget, db_error, split};
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

type Filtered<'a> = vault_templates::BoxedQuery<'a, Pg>;

/// Stores a template, and says so in its audit.
pub(super) async fn template_create(
    conn: &mut AsyncPgConnection,
    template: &CredentialTemplate,
    entry: &ReadyEntry,
) -> Result<()> {
    let texts = TemplateTexts::of(template);
    diesel::insert_into(vault_templates::table)
        .values(NewTemplateRow::new(template, &texts)?)
        .execute(conn)
        .await
        .map_err(|error| on_template("template_create", template.id, error))?;
    entry_append(conn, &mut Default::default(), entry).await
}

/// Finds a template.
pub(super) async fn template_find(
    conn: &mut AsyncPgConnection,
    id: TemplateId,
) -> Result<Option<CredentialTemplate>> {
    vault_templates::table
        .find(id.as_uuid())
        .select(TemplateRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("template_find"))?
        .map(TemplateRow::into_record)
        .transpose()
}

/// Fetches a template that a caller may use.
pub(super) async fn template_fetch(
    conn: &mut AsyncPgConnection,
    access: &AccessContext,
    id: TemplateId,
) -> Result<CredentialTemplate> {
    let found = template_find(conn, id).await?;
    let template = found.ok_or_else(|| Error::not_found("credential template", id))?;
    checked_allowed(&template.scope, access)?;
    Ok(template)
}

/// Locks a template that a caller may use, and the head of its audit.
async fn template_hold(
    conn: &mut AsyncPgConnection,
    access: &AccessContext,
    id: TemplateId,
) -> Result<HeldTemplate> {
    let found: Option<(TemplateRow, HeadRow)> = vault_templates::table
        .inner_join(vault_audit_heads::table.on(vault_audit_heads::subject_id.eq(dsl::id)))
        .filter(dsl::id.eq(id.as_uuid()))
        .select((TemplateRow::as_select(), HeadRow::as_select()))
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("template_hold"))?;
    match found {
        Some((row, head)) => {
            let held = HeldTemplate { template: row.into_record()?, head: head.into_head()? };
            checked_allowed(&held.template.scope, access)?;
            Ok(held)
        }
        None => {
            template_fetch(conn, access, id).await?;
            Err(head_tampered(id))
        }
    }
}

/// Changes a template.
pub(super) async fn template_update(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: TemplateId,
    update: &ReadyTemplateUpdate,
) -> Result<CredentialTemplate> {
    let HeldTemplate { mut template, mut head } = template_hold(conn, access, id).await?;
    let found = template.row_version;
    checked_row_version("credential template", id, update.expected_row_version, found)?;
    let changes = update.apply(&mut template)?;
    if changes.is_empty() {
        return Ok(template);
    }
    template.updated_at = cx.clock.now().max(template.updated_at);
    template.row_version += 1;
    let texts = TemplateTexts::of(&template);
    diesel::update(vault_templates::table.find(id.as_uuid()))
        .set(TemplateChange::new(&template, &texts)?)
        .execute(conn)
        .await
        .map_err(|error| on_template("template_update", id, error))?;
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Updated, access, changes)?;
    entry_append(conn, &mut head, &entry).await?;
    Ok(template)
}

/// Deletes a template.
pub(super) async fn template_remove(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    access: &AccessContext,
    id: TemplateId,
) -> Result<()> {
    let mut held = template_hold(conn, access, id).await?;
    diesel::delete(vault_templates::table.find(id.as_uuid()))
        .execute(conn)
        .await
        .map_err(db_error("template_remove"))?;
    let entry = ReadyEntry::new(cx, id, VaultAuditAction::Deleted, access, details([]))?;
    entry_append(conn, &mut held.head, &entry).await
}

/// Lists templates by creation.
pub(super) async fn template_list(
    conn: &mut AsyncPgConnection,
    reach: &Reach,
    listing: &Listing<TemplateKey>,
) -> Result<Page<CredentialTemplate>> {
    let mut query: Filtered<'_> =
        within_reach!(vault_templates::table.into_boxed(), dsl, reach, "vault_templates");
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
        inner: query.select(TemplateRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("template_list"))?;
    let (rows, more): (Vec<TemplateRow>, bool) = split(rows);
    let items = rows.into_iter().map(TemplateRow::into_record).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.created_at, last.id))
}
