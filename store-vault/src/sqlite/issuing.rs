//! Issuing credentials from templates, and what is known of it.

use diesel::prelude::*;
use serde_json::json;
use store_core::sqlite::db_error;
use store_core::vault::{
    AccessContext, Credential, CredentialDescription, CredentialTemplate, Issuance, NewIssuance,
    VaultAuditAction,
};
use store_core::{CredentialId, Error, Result, TemplateId};

use super::credentials::{credential_create, credential_fetch};
use super::rows::{IssuanceRow, TemplateRow, stored};
use super::schema::vault_issuances::{self, dsl};
use super::schema::{vault_alerts, vault_templates};
use super::secrets::version_list;
use crate::rules::Context;
use crate::rules::access::checked_allowed;
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::credential::ReadyCredential;
use crate::rules::template::issued;

/// Issues a credential from a template.
pub(super) fn template_issue(
    conn: &mut SqliteConnection,
    cx: &Context,
    access: &AccessContext,
    id: TemplateId,
    new: &NewIssuance,
) -> Result<Credential> {
    let template = template_share(conn, access, id)?;
    let mut ready = ReadyCredential::new(cx, access, issued(&template, new.clone())?)?;
    ready.credential.template_id = Some(id);
    let about = details([("template_id", json!(id.to_string()))]);
    let (created, to) = (VaultAuditAction::Created, ready.credential.id);
    let entry = ReadyEntry::new(cx, to, created, access, about)?;
    credential_create(conn, cx, access, &ready, &entry)?;
    diesel::insert_into(vault_issuances::table)
        .values((
            dsl::credential_id.eq(to.to_string()),
            dsl::template_id.eq(id.to_string()),
            dsl::template_name.eq(&template.name),
            dsl::issued_at.eq(stored(ready.credential.created_at)),
            dsl::issued_by.eq(access.actor().as_str()),
        ))
        .execute(conn)
        .map_err(db_error("template_issue"))?;
    Ok(ready.credential)
}

/// Keeps a template that a caller may use from being changed before this transaction ends.
fn template_share(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: TemplateId,
) -> Result<CredentialTemplate> {
    let row: Option<TemplateRow> = vault_templates::table
        .find(id.to_string())
        .select(TemplateRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("template_share"))?;
    let row = row.ok_or_else(|| Error::not_found("credential template", id))?;
    let template = row.into_record()?;
    checked_allowed(&template.scope, access)?;
    Ok(template)
}

/// Describes a credential that a caller may use.
pub(super) fn credential_describe(
    conn: &mut SqliteConnection,
    access: &AccessContext,
    id: CredentialId,
) -> Result<CredentialDescription> {
    let credential = credential_fetch(conn, access, id)?;
    let versions = version_list(conn, &credential)?;
    let issuance = issuance_find(conn, id)?;
    let open_alerts: i64 = vault_alerts::table
        .filter(vault_alerts::credential_id.eq(id.to_string()))
        .filter(vault_alerts::acknowledged_at.is_null())
        .count()
        .get_result(conn)
        .map_err(db_error("credential_describe"))?;
    let open_alerts = u64::try_from(open_alerts).unwrap_or_default();
    Ok(CredentialDescription { credential, versions, issuance, open_alerts })
}

/// Finds how a credential was issued.
fn issuance_find(conn: &mut SqliteConnection, id: CredentialId) -> Result<Option<Issuance>> {
    let row: Option<IssuanceRow> = vault_issuances::table
        .find(id.to_string())
        .select(IssuanceRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("issuance_find"))?;
    row.map(IssuanceRow::into_record).transpose()
}
