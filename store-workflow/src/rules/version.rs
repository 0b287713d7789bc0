use serde_json::Value;
use store_core::json::Admitted;
use store_core::workflow::{NewVersion, RunnableConfig, WorkflowVersion};
use store_core::{Actor, Error, Result, WorkflowVersionId};

use super::Context;
use super::config::{checked_config, config_to_json};
use super::graph::checksum;
use super::listener::{ReadyListener, checked_listeners};
use super::text::checked_long;

const MERMAID_MAX: usize = 1024 * 1024;
const NOTES_MAX: usize = 64 * 1024;

/// A version that may be stored: checked, and complete but for its number.
#[derive(Debug, Clone)]
pub(crate) struct ReadyVersion {
    pub(crate) version: WorkflowVersion,
    pub(crate) graph: Admitted,
    pub(crate) metadata: Admitted,
    pub(crate) runnable_config: Option<Admitted>,
    pub(crate) listeners: Vec<ReadyListener>,
    pub(crate) actor: Actor,
}

impl ReadyVersion {
    /// Checks a new version.
    pub(crate) fn new(context: &Context, actor: &Actor, new: NewVersion) -> Result<Self> {
        if !new.graph.is_object() {
            return Err(Error::invalid("graph", "must be an object"));
        }
        if !new.metadata.is_object() {
            return Err(Error::invalid("metadata", "must be an object"));
        }
        checked_long("mermaid", new.mermaid.as_deref().unwrap_or_default(), MERMAID_MAX)?;
        checked_long("notes", new.notes.as_deref().unwrap_or_default(), NOTES_MAX)?;
        let config = new.runnable_config.map(checked_config).transpose()?;
        let (runnable_config, config) = admit_config(context, config)?;
        let graph = context.json.admit("graph", new.graph)?;
        let metadata = context.json.admit("metadata", new.metadata)?;
        let now = context.clock.now();
        let version = WorkflowVersion {
            id: WorkflowVersionId::mint(),
            workflow_id: new.workflow_id,
            version: 0,
            mermaid: new.mermaid,
            metadata: metadata.value.clone(),
            runnable_config: config,
            notes: new.notes,
            created_by: actor.clone(),
            checksum: checksum(&graph.value),
            graph: graph.value.clone(),
            created_at: now,
            updated_at: now,
        };
        let listeners = checked_listeners(context, &version, new.listeners)?;
        Ok(Self { version, graph, metadata, runnable_config, listeners, actor: actor.clone() })
    }

    /// Returns the bytes of text and JSON in the row.
    pub(crate) fn bytes(&self) -> i64 {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = text(&self.version.mermaid) + text(&self.version.notes);
        i64::try_from(texts).unwrap_or(i64::MAX)
            + self.graph.bytes()
            + self.metadata.bytes()
            + self.runnable_config.as_ref().map_or(0, Admitted::bytes)
    }
}

/// Brings a configuration into its stored form; what it says is what is stored.
pub(crate) fn admit_config(
    context: &Context,
    config: Option<RunnableConfig>,
) -> Result<(Option<Admitted>, Option<RunnableConfig>)> {
    let Some(config) = config else { return Ok((None, None)) };
    let admitted = context.json.admit("runnable_config", config_to_json(&config)?)?;
    let config = RunnableConfig::from_value(admitted.value.clone())?;
    Ok((Some(admitted), Some(config)))
}

/// Checks that a graph is the one the checksum was made of.
pub(crate) fn verified(version: &WorkflowVersion) -> Result<()> {
    if checksum(&version.graph) == version.checksum {
        return Ok(());
    }
    let cause = store_core::Message("is not what its checksum was made of".into());
    Err(Error::corrupt("workflow_versions", "graph", version.id, cause))
}

/// The graph of a version with its number, for a diff.
pub(crate) fn numbered(version: &WorkflowVersion) -> (i32, &Value) {
    (version.version, &version.graph)
}
