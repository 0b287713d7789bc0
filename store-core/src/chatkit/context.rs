use serde_json::{Map, Value};

use crate::OwnerId;

/// Who asks, and on whose behalf: every call of a store of conversations takes one.
///
/// A thread belongs to the owner who first saved it. With another owner's context it does not
/// exist: it is in no list, and by its id it is `NotFound`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatContext {
    owner: Option<OwnerId>,
    workflow_id: Option<String>,
    metadata: Map<String, Value>,
}

impl ChatContext {
    /// Acts for an owner: their threads and attachments are all there is.
    #[must_use]
    pub fn new(owner: OwnerId) -> Self {
        Self { owner: Some(owner), workflow_id: None, metadata: Map::new() }
    }

    /// Sees the threads and attachments of all owners, for operators and their tools.
    ///
    /// It changes what is there and makes nothing that needs an owner: saving a thread or an
    /// attachment that does not exist is `Invalid`. Calls on one thread or attachment look up its
    /// owner first, which is one more query.
    #[must_use]
    pub fn administrator() -> Self {
        Self { owner: None, workflow_id: None, metadata: Map::new() }
    }

    /// Names the workflow that threads belong to when they are saved and do not say so
    /// themselves. It does not narrow what is read: see
    /// [`ThreadFilter`](super::ThreadFilter::workflow_id).
    #[must_use]
    pub fn with_workflow(self, workflow_id: impl Into<String>) -> Self {
        Self { workflow_id: Some(workflow_id.into()), ..self }
    }

    /// Sets what is laid over the metadata of each thread that is saved, key by key.
    #[must_use]
    pub fn with_metadata(self, metadata: Map<String, Value>) -> Self {
        Self { metadata, ..self }
    }

    /// Returns the owner; none for an administrator.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerId> {
        self.owner.as_ref()
    }

    /// Returns the workflow.
    #[must_use]
    pub fn workflow_id(&self) -> Option<&str> {
        self.workflow_id.as_deref()
    }

    /// Returns what is laid over the metadata of threads that are saved.
    #[must_use]
    pub const fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }
}
