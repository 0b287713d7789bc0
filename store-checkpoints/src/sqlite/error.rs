//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::Error;
use store_core::sqlite::{Violation, db_error};

use crate::rules::checkpoint::ReadyCheckpoint;

/// The columns in which each version occurs once.
const VERSIONS: &str = "agentensor_checkpoints.workflow_id, agentensor_checkpoints.config_version";

/// Maps the failure of a statement that inserts a checkpoint. Of its two foreign keys, the row of
/// the workflow was made a moment ago.
pub(super) fn on_record(ready: &ReadyCheckpoint, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(columns)) if columns == VERSIONS => ready.taken(),
        Some(Violation::ForeignKey) => ready.orphan(),
        _ => db_error("checkpoint_record")(error),
    }
}
