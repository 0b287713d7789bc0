use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Result};

/// How a graph is run. What is absent, or null, says nothing.
///
/// The fields are those of `LangChain`'s `RunnableConfig`, with `prompts` beside them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunnableConfig {
    /// Values for the configurable fields of the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configurable: Option<Map<String, Value>>,
    /// Labels of the run: trimmed, without repeats in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Free data of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Callbacks, as the application describes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callbacks: Option<Vec<Value>>,
    /// A name for people; empty is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
    /// How many steps a run may take: 1 to 250.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursion_limit: Option<u32>,
    /// How many of its tasks may run at once: 1 to 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Prompts by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Map<String, Value>>,
}

impl RunnableConfig {
    /// Reads a configuration out of JSON.
    ///
    /// # Errors
    /// `Invalid` for anything but an object, for unknown fields and for wrong types.
    pub fn from_value(value: Value) -> Result<Self> {
        // An array would be read as the fields in their order.
        if !value.is_object() {
            return Err(Error::invalid("runnable_config", "must be an object"));
        }
        serde_json::from_value(value)
            .map_err(|cause| Error::invalid("runnable_config", cause.to_string()))
    }
}
