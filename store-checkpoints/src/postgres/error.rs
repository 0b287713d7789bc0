//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::Error;
use store_core::postgres::{Violation, db_error};

use crate::rules::checkpoint::ReadyCheckpoint;

/// The constraint by which each version occurs once.
const VERSIONS: &str = "uq_agentensor_checkpoints_workflow_id_config_version";

/// Maps the failure of a statement that inserts a checkpoint. Of its two foreign keys, the row of
/// the workflow was made a moment ago.
pub(super) fn on_record(ready: &ReadyCheckpoint, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == VERSIONS => ready.taken(),
        Some(Violation::ForeignKey(name)) if name == "fk_agentensor_checkpoints_parent" => {
            ready.orphan()
        }
        _ => db_error("checkpoint_record")(error),
    }
}
