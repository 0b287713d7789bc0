//! The columns and statements of both raw sides.

use crate::common::rows::Layout;

/// Two ids, two texts, three JSON values, an instant, three numbers.
pub(crate) const CHECKPOINT_LAYOUT: Layout =
    Layout { ids: 0..2, texts: 2..4, json: 4..7, instants: 7..8, numbers: 8..11 };

/// Finds the checkpoint of a workflow in which a metric is the greatest.
pub(crate) const BEST_BY: &str = "SELECT id, parent_id, workflow_id, artifact_url, \
    runnable_config, metrics, metadata, created_at, CAST(config_version AS bigint), \
    CAST(CAST(is_best AS int) AS bigint), record_bytes FROM agentensor_checkpoints WHERE id = (\
    SELECT checkpoint_id FROM agentensor_checkpoint_metrics WHERE workflow_id = $1 AND path = $2 \
    ORDER BY value DESC, config_version DESC LIMIT 1)";

/// Takes the next version of a workflow.
pub(crate) const COUNT: &str = "INSERT INTO agentensor_workflows AS workflow \
    (workflow_id, last_version) VALUES ($1, 1) ON CONFLICT (workflow_id) \
    DO UPDATE SET last_version = workflow.last_version + 1 RETURNING last_version";
