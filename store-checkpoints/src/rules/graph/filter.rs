//! A filter that may be asked of a database.

use store_core::checkpoints::graph::GraphFilter;
use store_core::json::Admitted;
use store_core::{GraphCheckpointId, Result};

use super::GraphContext;
use super::input::{checked_namespace, checked_object};

/// A filter that was checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyGraphFilter {
    pub(crate) checkpoint_ns: Option<String>,
    pub(crate) metadata: Option<Admitted>,
    pub(crate) before: Option<GraphCheckpointId>,
}

impl ReadyGraphFilter {
    /// Checks a filter.
    pub(crate) fn new(cx: &GraphContext, filter: &GraphFilter) -> Result<Self> {
        filter.checkpoint_ns.as_deref().map_or(Ok(()), checked_namespace)?;
        let metadata = filter.metadata.as_ref();
        metadata.map_or(Ok(()), |wanted| checked_object("metadata", wanted))?;
        let admit = |wanted| cx.json.admit("metadata", wanted);
        Ok(Self {
            checkpoint_ns: filter.checkpoint_ns.clone(),
            metadata: metadata.cloned().map(admit).transpose()?,
            before: filter.before,
        })
    }
}
