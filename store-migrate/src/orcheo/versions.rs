//! Versions of workflows.

use serde_json::json;
use store_core::workflow::{AuditAction, RunnableConfig, WorkflowVersion};
use store_core::{WorkflowId, WorkflowVersionId};

use super::audit::{self, About};
use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::row::Row;

const COUNT: &str = "UPDATE workflows SET version_count = max(version_count, ?) WHERE id = ?";

/// Converts a version.
pub(super) fn convert(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let given = read(row, &mut payload)?;
    cx.compare(row, "version", Some(row.integer("version")?), &i64::from(given.version));
    let columns = cx.rules.workflow.version(given).map_err(broken("payload"))?;
    let one = &columns.version;
    let workflow_id = one.workflow_id.to_string();
    cx.insert(
        "workflow_versions",
        &[
            ("id", &one.id.to_string()),
            ("workflow_id", &workflow_id),
            ("version", &one.version),
            ("graph", &columns.graph),
            ("mermaid", &one.mermaid),
            ("metadata", &columns.metadata),
            ("runnable_config", &columns.runnable_config),
            ("notes", &one.notes),
            ("created_by", &one.created_by.as_str()),
            ("checksum", &one.checksum),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &one.created_at.to_string()),
            ("updated_at", &one.updated_at.to_string()),
        ],
    )?;
    cx.execute("workflows", COUNT, (one.version, &workflow_id))?;
    let about = About {
        workflow_id: one.workflow_id,
        run_id: None,
        renamed: &[("version_runnable_config_updated", AuditAction::VersionConfigured)],
        metadata: &[("version_id", json!(one.id)), ("version", json!(one.version))],
    };
    audit::collect(cx, row, &mut payload, &about)?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

fn read(row: &Row, payload: &mut Fields) -> Checked<WorkflowVersion> {
    let id: WorkflowVersionId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let workflow_id: WorkflowId = row.parsed("workflow_id")?;
    payload.same("workflow_id", row.text("workflow_id")?)?;
    let version = payload.maybe_read("version")?;
    Ok(WorkflowVersion {
        id,
        workflow_id,
        version: match version {
            Some(version) if version > 0 => version,
            _ => return Err(fault("payload.version", "is no number from 1 on")),
        },
        graph: payload.object("graph")?,
        mermaid: payload.maybe_text("mermaid")?,
        metadata: payload.object("metadata")?,
        runnable_config: match payload.take("runnable_config") {
            Some(config) => Some(
                RunnableConfig::from_value(config).map_err(broken("payload.runnable_config"))?,
            ),
            None => None,
        },
        notes: payload.maybe_text("notes")?,
        created_by: payload.parsed("created_by")?,
        checksum: String::new(),
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
    })
}
