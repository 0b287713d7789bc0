use serde_json::Value;
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

/// Returns SHA-256, in lower-case hex, of the canonical JSON of a value: keys sorted by their
/// bytes, no white space, strings and numbers as `serde_json` writes them.
pub(crate) fn checksum(value: &Value) -> String {
    let digest = Sha256::digest(canonical(value).to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the lines of a unified diff, with three lines of context, of two graphs as indented
/// JSON with sorted keys; nothing when they are equal.
pub(crate) fn diff(base: (i32, &Value), target: (i32, &Value)) -> Vec<String> {
    let pretty = |value: &Value| format!("{:#}\n", canonical(value));
    let (old, new) = (pretty(base.1), pretty(target.1));
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .header(&format!("v{}", base.0), &format!("v{}", target.0))
        .to_string()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Sorts the keys of all objects: an application may switch `serde_json` to insertion order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_sorted_compact_json() {
        // printf '{"a":[1,2.5,null,"\xc3\xa4"],"b":{"c":true,"d":{}}}' | sha256sum
        let graph = json!({"b": {"d": {}, "c": true}, "a": [1, 2.5, null, "ä"]});
        assert_eq!(
            checksum(&graph),
            "007eba02bf05cccb5ee25e489ff8fa91078d4d9bc1415b216ed422d499035a9b"
        );
    }

    #[test]
    fn a_diff_names_the_versions_and_shows_what_changed() {
        let (old, new) = (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 3}));
        assert_eq!(
            diff((1, &old), (2, &new)),
            [
                "--- v1",
                "+++ v2",
                "@@ -1,4 +1,4 @@",
                " {",
                "-  \"a\": 1,",
                "+  \"a\": 3,",
                "   \"b\": 2",
                " }"
            ]
        );
        assert!(diff((1, &old), (2, &old)).is_empty());
    }
}
