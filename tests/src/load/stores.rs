use std::sync::Arc;

use serde_json::json;
use store_core::chatkit::ChatKitStore;
use store_core::checkpoints::CheckpointStore;
use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::history::RunHistoryStore;
use store_core::vault::VaultStore;
use store_core::workflow::{NewVersion, NewWorkflow, WorkflowStore};
use store_core::{Actor, Databases, Result, Settings, WorkflowId};
use store_tokens::ServiceTokenManager;

use crate::fixture::graph::keys;

/// All stores of one database.
#[derive(Debug, Clone)]
pub struct Stores {
    pub(super) workflows: Arc<dyn WorkflowStore>,
    pub(super) history: Arc<dyn RunHistoryStore>,
    pub(super) tokens: ServiceTokenManager,
    pub(super) checkpoints: Arc<dyn CheckpointStore>,
    pub(super) graph: Arc<dyn GraphCheckpointer>,
    pub(super) chats: Arc<dyn ChatKitStore>,
    pub(super) vault: Arc<dyn VaultStore>,
}

impl Stores {
    /// Opens all stores on the databases of the environment's settings; the vault has a key of its
    /// own.
    ///
    /// # Errors
    /// Those of the settings, and of opening a store.
    pub async fn open() -> Result<Self> {
        let databases = Databases::new(Settings::from_env()?);
        let tokens = store_tokens::open(&databases).await?;
        Ok(Self {
            workflows: store_workflow::open(&databases).await?,
            history: store_history::open(&databases).await?,
            tokens: ServiceTokenManager::builder(tokens).build()?,
            checkpoints: store_checkpoints::open(&databases).await?,
            graph: store_checkpoints::open_graph(&databases).await?,
            chats: store_chatkit::open(&databases).await?,
            vault: store_vault::open_with(&databases, &keys(1)).await?,
        })
    }

    /// Makes the workflow whose runs the load creates.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prepare(&self) -> Result<WorkflowId> {
        let actor = Actor::new("load")?;
        let workflow = self.workflows.create_workflow(&actor, NewWorkflow::named("Load")).await?;
        let first = NewVersion::new(workflow.id, json!({"key": "first"}));
        self.workflows.create_version(&actor, first).await?;
        Ok(workflow.id)
    }
}
