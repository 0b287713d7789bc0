// parity: SQLite has no partitions.
//! The statements that make a partition.

use super::owner::Part;

/// What a partition takes over from the table it is made like. Constraints are checks here.
pub(super) const LIKE: &str =
    "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION";

/// The primary key: it has to contain what is partitioned by.
pub(super) const KEY: &str = "(execution_id, step_index, execution_started_at)";

/// The index that keeps idempotency keys unique.
pub(super) const IDEMPOTENCY: &str = "(execution_id, idempotency_key, execution_started_at) \
     WHERE idempotency_key IS NOT NULL";

/// The index by time.
pub(super) const TIME: &str = "USING brin (at, execution_started_at)";

/// The reference to the execution. With the start in it, deleting an execution looks for its steps in
/// one partition only, and no step can be in another.
pub(super) const EXECUTION: &str = "FOREIGN KEY (execution_id, execution_started_at) \
     REFERENCES history_executions (execution_id, started_at) ON DELETE CASCADE";

/// The partition for the rest.
pub(super) const REST: &str = "history_steps_default";

/// Makes a table that can become a partition of `like`. Its indexes have names of their own, by
/// which errors are told apart.
pub(super) fn table(name: &str, like: &str) -> Vec<Part> {
    [
        format!("CREATE TABLE {name} (LIKE {like} {LIKE}, CONSTRAINT pk_{name} PRIMARY KEY {KEY})"),
        format!("CREATE UNIQUE INDEX uq_{name}_idempotency_key ON {name} {IDEMPOTENCY}"),
        format!("CREATE INDEX idx_{name}_at ON {name} {TIME}"),
    ]
    .map(Part::Run)
    .into()
}

/// Makes a table a partition. `bounds` are as in SQL; the reference is made first, so that the rows
/// of the table are checked once.
pub(super) fn attach(name: &str, bounds: &str) -> Vec<Part> {
    [
        format!("ALTER TABLE {name} ADD CONSTRAINT fk_{name}_execution {EXECUTION}"),
        format!("ALTER TABLE history_steps ATTACH PARTITION {name} {bounds}"),
    ]
    .map(Part::Run)
    .into()
}

/// The bounds of a partition, both of them literals.
pub(super) fn bounds(lower: &str, upper: &str) -> String {
    format!("FOR VALUES FROM ({lower}) TO ({upper})")
}
