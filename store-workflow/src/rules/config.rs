use serde_json::{Map, Value};
use store_core::workflow::RunnableConfig;
use store_core::{Error, Result};

use super::text::{distinct_tags, trimmed_or_none};

const RUN_NAME_MAX: usize = 255;

/// Checks a configuration and brings it into its stored form.
pub(crate) fn checked_config(config: RunnableConfig) -> Result<RunnableConfig> {
    let tags = config.tags.map(|tags| distinct_tags("runnable_config.tags", &tags)).transpose()?;
    let run_name = match &config.run_name {
        Some(name) => trimmed_or_none("runnable_config.run_name", name, RUN_NAME_MAX)?,
        None => None,
    };
    in_range("runnable_config.recursion_limit", config.recursion_limit, 250)?;
    in_range("runnable_config.max_concurrency", config.max_concurrency, 32)?;
    Ok(RunnableConfig { tags, run_name, ..config })
}

/// Merges what a run overrides into the configuration of its version.
///
/// Only fields that are present count. Maps are merged by their keys, one level deep, and an empty
/// map clears; everything else replaces.
pub(crate) fn merged(base: Option<RunnableConfig>, over: RunnableConfig) -> RunnableConfig {
    let base = base.unwrap_or_default();
    RunnableConfig {
        configurable: merged_map(base.configurable, over.configurable),
        tags: over.tags.or(base.tags),
        metadata: merged_map(base.metadata, over.metadata),
        callbacks: over.callbacks.or(base.callbacks),
        run_name: over.run_name.or(base.run_name),
        recursion_limit: over.recursion_limit.or(base.recursion_limit),
        max_concurrency: over.max_concurrency.or(base.max_concurrency),
        prompts: merged_map(base.prompts, over.prompts),
    }
}

/// Returns a configuration as the JSON that is stored.
pub(crate) fn config_to_json(config: &RunnableConfig) -> Result<Value> {
    serde_json::to_value(config)
        .map_err(|cause| Error::invalid("runnable_config", cause.to_string()))
}

fn in_range(field: &str, value: Option<u32>, max: u32) -> Result<()> {
    match value {
        Some(value) if !(1..=max).contains(&value) => {
            Err(Error::invalid(field, format!("is {value}, allowed is 1 to {max}")))
        }
        _ => Ok(()),
    }
}

fn merged_map(
    base: Option<Map<String, Value>>,
    over: Option<Map<String, Value>>,
) -> Option<Map<String, Value>> {
    match (base, over) {
        (Some(mut base), Some(over)) if !over.is_empty() => {
            base.extend(over);
            Some(base)
        }
        (base, None) => base,
        (_, over) => over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> RunnableConfig {
        checked_config(RunnableConfig::from_value(value).unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_present_overrides() {
        let base = config(json!({
            "configurable": {"a": {"x": 1}, "b": 2}, "tags": ["t"], "run_name": "base",
            "recursion_limit": 7, "prompts": {"p": "1", "q": "2"}
        }));
        let same = merged(Some(base.clone()), RunnableConfig::default());
        assert_eq!(same, base);
        let over = config(json!({
            "configurable": {"a": {"y": 2}, "c": 3}, "tags": [], "run_name": "over",
            "metadata": {"m": 1}, "prompts": {}, "max_concurrency": 2
        }));
        let expected = config(json!({
            "configurable": {"a": {"y": 2}, "b": 2, "c": 3}, "tags": [], "run_name": "over",
            "recursion_limit": 7, "metadata": {"m": 1}, "prompts": {}, "max_concurrency": 2
        }));
        assert_eq!(merged(Some(base), over), expected);
        assert_eq!(merged(None, expected.clone()), expected);
    }

    #[test]
    fn configurations_are_checked() {
        let tidy = config(json!({"tags": [" A ", "a"], "run_name": "  "}));
        assert_eq!(tidy, config(json!({"tags": ["A"]})));
        for bad in [
            json!({"recursion_limit": 0}),
            json!({"recursion_limit": 251}),
            json!({"max_concurrency": 0}),
            json!({"max_concurrency": 33}),
            json!({"run_name": "x".repeat(256)}),
        ] {
            let config = RunnableConfig::from_value(bad.clone()).unwrap();
            assert!(checked_config(config).is_err(), "{bad}");
        }
        for bad in [json!({"unknown": 1}), json!([]), json!({"tags": "t"}), json!(null)] {
            assert!(RunnableConfig::from_value(bad.clone()).is_err(), "{bad}");
        }
    }
}
