//! Texts, ids and values that come from a runtime.

use serde_json::Value;
use store_core::checkpoints::graph::ChannelValue;
use store_core::{Error, GraphCheckpointId, Result, check_external, check_short_text};

/// The most channels of a checkpoint, and the most writes of a call.
const MOST: usize = 10_000;
/// The longest tag of a type, in bytes.
const TYPE_TAG_BYTES: usize = 64;
/// The longest path of a task, in bytes.
const TASK_PATH_BYTES: usize = 4096;
/// The most runs that are deleted at once.
const RUNS: usize = 1000;

/// Checks that an id can order checkpoints.
pub(crate) fn checked_id(field: &str, id: GraphCheckpointId) -> Result<()> {
    let uuid = id.as_uuid();
    let ordered = matches!(uuid.get_version_num(), 6 | 7);
    if ordered && uuid.get_variant() == uuid::Variant::RFC4122 {
        return Ok(());
    }
    Err(Error::invalid(field, "must be a UUID of version 6 or 7"))
}

/// Checks a namespace; the root has none.
pub(crate) fn checked_namespace(checkpoint_ns: &str) -> Result<()> {
    check_short_text("checkpoint_ns", checkpoint_ns)
}

/// Checks the path of a task.
pub(crate) fn checked_path(path: &str) -> Result<()> {
    if path.len() > TASK_PATH_BYTES {
        let reason = format!("has {} bytes, at most {TASK_PATH_BYTES} are allowed", path.len());
        return Err(Error::invalid("task_path", reason));
    }
    match path.chars().any(char::is_control) {
        true => Err(Error::invalid("task_path", "holds a control character")),
        false => Ok(()),
    }
}

/// Checks how many channels or writes there are.
pub(crate) fn checked_count(field: &str, count: usize) -> Result<()> {
    if count <= MOST {
        return Ok(());
    }
    Err(Error::invalid(field, format!("has {count} entries, at most {MOST} are allowed")))
}

/// Checks a value.
pub(crate) fn checked_value(field: &str, value: &ChannelValue) -> Result<()> {
    let tag = format!("{field}.type_tag");
    check_external(&tag, &value.type_tag)?;
    if value.type_tag.len() > TYPE_TAG_BYTES {
        let size = value.type_tag.len();
        let reason = format!("has {size} bytes, at most {TYPE_TAG_BYTES} are allowed");
        return Err(Error::invalid(tag, reason));
    }
    let size = value.bytes.len();
    if size > ChannelValue::MAX_BYTES {
        return Err(Error::invalid(field, format!("has {size} bytes, at most 64 MiB are allowed")));
    }
    Ok(())
}

/// Checks the size of all values of a call.
pub(crate) fn checked_total<'a>(
    field: &str,
    values: impl Iterator<Item = &'a ChannelValue>,
) -> Result<()> {
    let size: usize = values.map(|value| value.bytes.len()).sum();
    if size > ChannelValue::MAX_BYTES_OF_A_CALL {
        let reason = format!("have {size} bytes, at most 256 MiB are allowed");
        return Err(Error::invalid(field, reason));
    }
    Ok(())
}

/// Checks that a value is an object.
pub(crate) fn checked_object(field: &str, value: &Value) -> Result<()> {
    if value.is_object() { Ok(()) } else { Err(Error::invalid(field, "must be an object")) }
}

/// Checks the runs whose checkpoints are deleted.
pub(crate) fn checked_runs(run_ids: &[String]) -> Result<()> {
    if run_ids.len() > RUNS {
        let count = run_ids.len();
        return Err(Error::invalid("run_ids", format!("has {count} runs, at most {RUNS}")));
    }
    let checked = |(index, id): (usize, &String)| check_external(&format!("run_ids[{index}]"), id);
    run_ids.iter().enumerate().try_for_each(checked)
}

/// Checks how many checkpoints a prune keeps.
pub(crate) fn checked_keep_last(keep_last: u32) -> Result<i64> {
    if keep_last == 0 {
        return Err(Error::invalid("keep_last", "must be at least 1"));
    }
    Ok(i64::from(keep_last))
}
