//! Alerts about credentials and templates.

use store_core::AlertId;
use store_core::vault::{Acknowledgement, Alert};
use store_vault::import::Import;

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::row::Row;
use super::templates::scope;

/// Converts an alert.
pub(super) fn convert(cx: &mut Converter<'_>, vault: &Import, row: &Row) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let one = read_alert(row, &mut payload)?;
    cx.compare(row, "acknowledged", row.maybe_flag("acknowledged")?, &one.acknowledged.is_some());
    let columns = vault.alert(&one).map_err(broken("payload"))?;
    let acknowledged = one.acknowledged.as_ref();
    cx.insert(
        "vault_alerts",
        &[
            ("id", &one.id.to_string()),
            ("workflow_ids", &columns.scope.workflow_ids),
            ("workspace_ids", &columns.scope.workspace_ids),
            ("roles", &columns.scope.roles),
            ("template_id", &one.template_id.map(|id| id.to_string())),
            ("credential_id", &one.credential_id.map(|id| id.to_string())),
            ("kind", &one.kind.as_str()),
            ("severity", &one.severity.as_str()),
            ("message", &one.message),
            ("subject_key", &columns.subject_key),
            ("created_at", &one.created_at.to_string()),
            ("updated_at", &one.updated_at.to_string()),
            ("acknowledged_at", &acknowledged.map(|one| one.at.to_string())),
            ("acknowledged_by", &acknowledged.map(|one| one.by.as_str())),
            ("record_bytes", &columns.record_bytes),
        ],
    )?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

fn read_alert(row: &Row, payload: &mut Fields) -> Checked<Alert> {
    let id: AlertId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let (at, by) =
        (payload.maybe_instant("acknowledged_at")?, payload.maybe_parsed("acknowledged_by")?);
    let acknowledged = at.zip(by).map(|(at, by)| Acknowledgement { at, by });
    if payload.flag("is_acknowledged")? != acknowledged.is_some() {
        let reason = "an acknowledged alert says when and by whom, others do not";
        return Err(fault("payload.is_acknowledged", reason));
    }
    Ok(Alert {
        id,
        scope: scope(payload)?,
        template_id: payload.maybe_parsed("template_id")?,
        credential_id: payload.maybe_parsed("credential_id")?,
        kind: payload.parsed("kind")?,
        severity: payload.parsed("severity")?,
        message: payload.text("message")?,
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
        acknowledged,
    })
}
