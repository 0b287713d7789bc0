use serde_json::{Map, Value};

use super::{NewListener, RunnableConfig};
use crate::{Actor, Timestamp, WorkflowId, WorkflowVersionId};

/// One version of a workflow. Its graph never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowVersion {
    /// Its id.
    pub id: WorkflowVersionId,
    /// The workflow it is a version of.
    pub workflow_id: WorkflowId,
    /// Its number: 1, 2, 3 … without gaps.
    pub version: i32,
    /// What is run, an object.
    pub graph: Value,
    /// A drawing of the graph.
    pub mermaid: Option<String>,
    /// Free data, an object.
    pub metadata: Value,
    /// The configuration its runs begin with.
    pub runnable_config: Option<RunnableConfig>,
    /// What is new in it.
    pub notes: Option<String>,
    /// Who created it.
    pub created_by: Actor,
    /// SHA-256 of the graph as canonical JSON (keys sorted, no white space), in lower-case hex.
    pub checksum: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its configuration last changed.
    pub updated_at: Timestamp,
}

/// What `create_version` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The graph, an object.
    pub graph: Value,
    /// A drawing of it: up to 1 MiB.
    pub mermaid: Option<String>,
    /// Free data, an object.
    pub metadata: Value,
    /// The configuration its runs begin with.
    pub runnable_config: Option<RunnableConfig>,
    /// What is new in it: up to 64 KiB.
    pub notes: Option<String>,
    /// The listeners that the graph describes, up to 1000; others of the workflow are disabled.
    pub listeners: Vec<NewListener>,
}

impl NewVersion {
    /// Describes a version with nothing but a graph.
    #[must_use]
    pub fn new(workflow_id: WorkflowId, graph: Value) -> Self {
        Self {
            workflow_id,
            graph,
            mermaid: None,
            metadata: Value::Object(Map::new()),
            runnable_config: None,
            notes: None,
            listeners: Vec::new(),
        }
    }
}

/// What is different in the graphs of two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionDiff {
    /// The number of the version that is compared with.
    pub base_version: i32,
    /// The number of the version that is compared.
    pub target_version: i32,
    /// The lines of a unified diff of both graphs as indented JSON with sorted keys; without line
    /// ends, and empty when the graphs are equal.
    pub diff: Vec<String>,
}
