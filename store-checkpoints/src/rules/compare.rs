//! What differs between two checkpoints.

use std::collections::BTreeMap;

use serde_json::Value;
use store_core::checkpoints::{
    Checkpoint, CheckpointComparison, ConfigChange, MetricChange, MetricPath,
};
use store_core::{CheckpointId, Error, Result, json};

/// Compares two of the checkpoints that were found.
pub(crate) fn comparison(
    found: &[Checkpoint],
    base: CheckpointId,
    target: CheckpointId,
) -> Result<CheckpointComparison> {
    let pick = |id: CheckpointId| {
        let one = found.iter().find(|checkpoint| checkpoint.id == id);
        one.cloned().ok_or_else(|| Error::not_found("checkpoint", id))
    };
    let (base, target) = (pick(base)?, pick(target)?);
    let metrics = metric_changes(&base, &target);
    let mut config = Vec::new();
    changes(&base.runnable_config, &target.runnable_config, &mut String::new(), &mut config);
    Ok(CheckpointComparison { base, target, metrics, config })
}

fn metric_changes(base: &Checkpoint, target: &Checkpoint) -> Vec<MetricChange> {
    let mut both: BTreeMap<MetricPath, (Option<f64>, Option<f64>)> = BTreeMap::new();
    for (path, value) in base.metrics.numbers() {
        both.entry(path).or_default().0 = Some(value);
    }
    for (path, value) in target.metrics.numbers() {
        both.entry(path).or_default().1 = Some(value);
    }
    let changed = both.into_iter().filter(|(_, (base, target))| !same(*base, *target));
    changed.map(|(path, (base, target))| MetricChange { path, base, target }).collect()
}

fn same(base: Option<f64>, target: Option<f64>) -> bool {
    match (base, target) {
        (Some(base), Some(target)) => base == target || (base.is_nan() && target.is_nan()),
        _ => false,
    }
}

/// Finds the innermost places that differ. The depth is bounded: both values were admitted once.
fn changes(base: &Value, target: &Value, pointer: &mut String, found: &mut Vec<ConfigChange>) {
    match (base, target) {
        (Value::Object(base), Value::Object(target)) => {
            let keys: BTreeMap<&String, ()> =
                base.keys().chain(target.keys()).map(|key| (key, ())).collect();
            for key in keys.into_keys() {
                let step = key.replace('~', "~0").replace('/', "~1");
                within(base.get(key), target.get(key), &step, pointer, found);
            }
        }
        (Value::Array(base), Value::Array(target)) => {
            for index in 0..base.len().max(target.len()) {
                within(base.get(index), target.get(index), &index.to_string(), pointer, found);
            }
        }
        // Of two scalars, one contains the other when they are equal, numbers by value.
        _ if base.is_object() || target.is_object() || base.is_array() || target.is_array() => {
            found.push(changed(Some(base), Some(target), pointer));
        }
        _ if json::contains(base, target) => {}
        _ => found.push(changed(Some(base), Some(target), pointer)),
    }
}

fn within(
    base: Option<&Value>,
    target: Option<&Value>,
    step: &str,
    pointer: &mut String,
    found: &mut Vec<ConfigChange>,
) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(step);
    match (base, target) {
        (Some(base), Some(target)) => changes(base, target, pointer, found),
        _ => found.push(changed(base, target, pointer)),
    }
    pointer.truncate(length);
}

fn changed(base: Option<&Value>, target: Option<&Value>, pointer: &str) -> ConfigChange {
    ConfigChange { pointer: pointer.to_owned(), base: base.cloned(), target: target.cloned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configurations_differ_at_their_innermost_places() {
        let base = json!({"a": {"b": 1, "c~/": [1, 2, 3]}, "d": 1, "e": [], "f": null, "g": [1]});
        let target = json!({"a": {"b": 1.0, "c~/": [1, 4]}, "e": {}, "f": false, "g": 1, "h": 2});
        let mut found = Vec::new();
        changes(&base, &target, &mut String::new(), &mut found);
        let seen: Vec<_> = found.into_iter().map(|c| (c.pointer, c.base, c.target)).collect();
        let expected = [
            ("/a/c~0~1/1", Some(json!(2)), Some(json!(4))),
            ("/a/c~0~1/2", Some(json!(3)), None),
            ("/d", Some(json!(1)), None),
            ("/e", Some(json!([])), Some(json!({}))),
            ("/f", Some(json!(null)), Some(json!(false))),
            ("/g", Some(json!([1])), Some(json!(1))),
            ("/h", None, Some(json!(2))),
        ];
        assert_eq!(
            seen,
            expected.map(|(pointer, base, target)| (pointer.to_owned(), base, target))
        );
    }

    #[test]
    fn nan_does_not_differ_from_nan() {
        assert!(same(Some(f64::NAN), Some(f64::NAN)));
        assert!(same(Some(0.0), Some(-0.0)));
        assert!(!same(Some(f64::NAN), Some(1.0)));
        assert!(!same(None, Some(f64::NAN)));
    }
}
