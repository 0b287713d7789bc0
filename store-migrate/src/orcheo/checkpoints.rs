//! Checkpoints of training.

use store_core::checkpoints::{Metrics, NewCheckpoint};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::row::Row;
use super::{json, keys};

const COUNT: &str = "INSERT INTO agentensor_workflows (workflow_id, last_version) VALUES (?, ?) \
     ON CONFLICT (workflow_id) DO UPDATE SET last_version = max(last_version, excluded.last_version)";

/// Converts a checkpoint.
pub(super) fn convert(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let old = row.text("id")?;
    let id = match uuid::Uuid::try_parse(old) {
        Ok(id) => id,
        Err(_no_uuid) => keys::derived("checkpoint", old),
    };
    let id = id.as_hyphenated().to_string();
    let Ok(version) = i32::try_from(row.integer("config_version")?) else {
        return Err(fault("config_version", "is beyond 32 bits"));
    };
    let new = read(row, version)?;
    let (workflow_id, artifact_url) = (new.workflow_id.clone(), new.artifact_url.clone());
    let is_best = new.is_best;
    let columns = cx.rules.checkpoints.checkpoint(new).map_err(broken("agentensor_checkpoints"))?;
    cx.execute("agentensor_workflows", COUNT, (&workflow_id, version))?;
    cx.insert(
        "agentensor_checkpoints",
        &[
            ("id", &id),
            ("workflow_id", &workflow_id),
            ("config_version", &version),
            ("runnable_config", &columns.runnable_config),
            ("metrics", &columns.metrics),
            ("metadata", &columns.metadata),
            ("artifact_url", &artifact_url),
            ("is_best", &is_best),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &row.instant("created_at")?.to_string()),
        ],
    )?;
    for (path, value) in &columns.numbers {
        cx.insert(
            "agentensor_checkpoint_metrics",
            &[
                ("checkpoint_id", &id),
                ("path", path),
                ("workflow_id", &workflow_id),
                ("config_version", &version),
                ("value", value),
            ],
        )?;
    }
    if id != old {
        cx.tally.changed_id("agentensor_checkpoints", old.to_owned(), id);
    }
    Ok(())
}

fn read(row: &Row, version: i32) -> Checked<NewCheckpoint> {
    let metrics = json::parse_metrics(row.text("metrics")?);
    let metrics = metrics.map_err(|reason| fault("metrics", reason))?;
    Ok(NewCheckpoint {
        config_version: Some(version),
        runnable_config: row.json("runnable_config")?,
        metrics: Metrics::from_json(metrics).map_err(broken("metrics"))?,
        metadata: row.maybe_json("metadata")?.unwrap_or_else(json::empty),
        artifact_url: row.maybe_text("artifact_url")?.map(str::to_owned),
        is_best: row.maybe_flag("is_best")?.unwrap_or(false),
        ..NewCheckpoint::new(row.text("workflow_id")?)
    })
}
