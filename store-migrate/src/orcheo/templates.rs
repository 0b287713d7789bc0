//! Templates of credentials, what was issued from them, and the audit of the vault.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use store_core::audit::ChainHead;
use store_core::vault::{
    CredentialKind, CredentialScope, CredentialTemplate, IssuancePolicy, VaultAuditAction,
    VaultSubject,
};
use store_core::{Actor, TemplateId, Timestamp};
use store_vault::import::Import;

use super::audit::{Entry, entries};
use super::converter::Converter;
use super::fault::{Checked, Stop, broken, fault};
use super::fields::Fields;
use super::row::Row;
use super::token_audit::NOBODY;

/// How a credential was issued.
#[derive(Debug, Clone)]
pub(super) struct Issuance {
    pub(super) template_id: String,
    pub(super) template_name: String,
    pub(super) at: Timestamp,
    pub(super) by: Actor,
}

/// What was issued, by the id of the credential.
pub(super) type Issuances = BTreeMap<String, Issuance>;

/// Converts a template.
pub(super) fn convert(
    cx: &mut Converter<'_>,
    vault: &Import,
    issued: &mut Issuances,
    row: &Row,
) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let columns = vault.template(read(row, &mut payload)?).map_err(broken("payload"))?;
    let one = &columns.template;
    let policy = one.issuance_policy;
    cx.compare(row, "name", Some(row.text("name")?), &one.name.as_str());
    cx.insert(
        "vault_templates",
        &[
            ("id", &one.id.to_string()),
            ("name", &one.name),
            ("name_key", &columns.name_key),
            ("provider", &one.provider),
            ("description", &one.description),
            ("scopes", &columns.scopes),
            ("workflow_ids", &columns.scope.workflow_ids),
            ("workspace_ids", &columns.scope.workspace_ids),
            ("roles", &columns.scope.roles),
            ("kind", &one.kind.as_str()),
            ("require_refresh_token", &policy.require_refresh_token),
            ("rotation_period_days", &policy.rotation_period_days.map(i64::from)),
            ("expiry_threshold_minutes", &i64::from(policy.expiry_threshold_minutes)),
            ("created_at", &one.created_at.to_string()),
            ("updated_at", &one.updated_at.to_string()),
            ("row_version", &one.row_version),
            ("record_bytes", &columns.record_bytes),
        ],
    )?;
    let (subject, created) = (VaultSubject::Template(one.id), one.created_at);
    let mut list = entries(cx, row, &mut payload)?;
    list.retain(|(_, _, entry)| !is_issuance(one, entry, issued));
    audit(cx, vault, row, (subject, created), list)?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

fn read(row: &Row, payload: &mut Fields) -> Checked<CredentialTemplate> {
    let id: TemplateId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let mut policy = payload.fields("issuance_policy")?;
    let issuance_policy = IssuancePolicy {
        require_refresh_token: policy.flag("require_refresh_token")?,
        rotation_period_days: policy.maybe_read("rotation_period_days")?,
        expiry_threshold_minutes: policy.maybe_read("expiry_threshold_minutes")?.unwrap_or(60),
    };
    if let Some(field) = policy.remaining().next() {
        return Err(fault(policy.at(field), "is no field of an issuance policy"));
    }
    Ok(CredentialTemplate {
        id,
        name: payload.text("name")?,
        provider: payload.text("provider")?,
        description: payload.maybe_text("description")?,
        scopes: payload.texts("scopes")?,
        scope: scope(payload)?,
        kind: payload.maybe_parsed("kind")?.unwrap_or(CredentialKind::Secret),
        issuance_policy,
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
        row_version: 1,
    })
}

/// Takes the scope of a credential, a template or an alert.
pub(super) fn scope(payload: &mut Fields) -> Checked<CredentialScope> {
    let mut scope = payload.fields("scope")?;
    let taken = CredentialScope {
        workflow_ids: scope.texts("workflow_ids")?,
        workspace_ids: scope.texts("workspace_ids")?,
        roles: scope.texts("roles")?,
    };
    match scope.remaining().next() {
        Some(field) => Err(fault(scope.at(field), "is no field of a scope")),
        None => Ok(taken),
    }
}

/// Tells whether an entry says that a credential was issued: that has a table of its own.
fn is_issuance(template: &CredentialTemplate, entry: &Entry, issued: &mut Issuances) -> bool {
    if entry.action != "credential_issued" {
        return false;
    }
    let Some(Value::String(credential)) = entry.metadata.get("credential_id") else { return false };
    let issuance = Issuance {
        template_id: template.id.to_string(),
        template_name: template.name.clone(),
        at: entry.at,
        by: entry.actor.clone(),
    };
    issued.insert(credential.clone(), issuance);
    true
}

/// Writes the audit of a credential or template. One without any entry gets one about its creation:
/// otherwise it would be taken for one whose audit was removed.
pub(super) fn audit(
    cx: &mut Converter<'_>,
    vault: &Import,
    row: &Row,
    (subject, created_at): (VaultSubject, Timestamp),
    list: Vec<(usize, Value, Entry)>,
) -> Checked<()> {
    let mut head = ChainHead::default();
    for (place, raw, entry) in list {
        let path = format!("payload.audit_log[{place}]");
        match audit_one(cx, vault, &mut head, subject, &path, entry) {
            Err(Stop::Row(fault)) => cx.refuse_part(row, &raw.to_string(), fault)?,
            other => other?,
        }
    }
    if head.sequence == 0 {
        let entry = Entry {
            actor: NOBODY.parse().map_err(broken("audit_log"))?,
            action: "created".into(),
            at: created_at,
            metadata: Map::from_iter([("imported".to_owned(), json!(true))]),
        };
        audit_one(cx, vault, &mut head, subject, "payload.audit_log", entry)?;
        cx.tally.note(format!("{}: had no audit, which begins with the import", row.table.name));
    }
    cx.insert_head(("vault_audit_heads", "subject_id"), &subject.to_string(), &head)
}

fn audit_one(
    cx: &Converter<'_>,
    vault: &Import,
    head: &mut ChainHead,
    subject: VaultSubject,
    path: &str,
    entry: Entry,
) -> Checked<()> {
    let action = match entry.action.as_str() {
        "created" | "credential_created" | "template_created" => VaultAuditAction::Created,
        "credential_updated" | "template_updated" => VaultAuditAction::Updated,
        "credential_rotated" => VaultAuditAction::Rotated,
        "credential_oauth_tokens_updated" => VaultAuditAction::TokensUpdated,
        "credential_health_marked" => VaultAuditAction::HealthMarked,
        _ => return Err(fault(format!("{path}.action"), "is no action that the stores know")),
    };
    let Entry { actor, at, metadata, .. } = entry;
    let columns = vault.entry(head, subject, action, &actor, metadata, at).map_err(broken(path))?;
    let word = match subject {
        VaultSubject::Credential(_) => "credential",
        VaultSubject::Template(_) => "template",
    };
    let previous: &[u8] = &columns.previous_hash;
    cx.insert(
        "vault_audit",
        &[
            ("subject_id", &subject.to_string()),
            ("sequence", &columns.sequence),
            ("subject", &word),
            ("action", &action.as_str()),
            ("actor", &actor.as_str()),
            ("details", &columns.details),
            ("at", &at.to_string()),
            ("previous_hash", &previous),
        ],
    )
}
