//! All stores, opened where the environment says.

use std::sync::Arc;

use store_core::chatkit::ChatKitStore;
use store_core::checkpoints::CheckpointStore;
use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::history::RunHistoryStore;
use store_core::vault::VaultStore;
use store_core::workflow::WorkflowStore;
use store_core::{Actor, Databases, Settings};
use store_tokens::ServiceTokenManager;

pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The handle of the one workflow there is.
pub const WORKFLOW: &str = "assistant";

/// The name of the credential that its agent uses.
pub const MODEL_KEY: &str = "Model";

/// The stores. Nothing here says on which database they are.
pub struct Platform {
    pub workflows: Arc<dyn WorkflowStore>,
    pub history: Arc<dyn RunHistoryStore>,
    pub tokens: ServiceTokenManager,
    pub checkpoints: Arc<dyn CheckpointStore>,
    pub graph: Arc<dyn GraphCheckpointer>,
    pub chats: Arc<dyn ChatKitStore>,
    pub vault: Arc<dyn VaultStore>,
    databases: Databases,
}

impl Platform {
    /// Opens them. Tables that are missing are created: any number of processes may start at once.
    pub async fn open() -> Result<Self> {
        let databases = Databases::new(Settings::from_env()?);
        let tokens = store_tokens::open(&databases).await?;
        Ok(Self {
            workflows: store_workflow::open(&databases).await?,
            history: store_history::open(&databases).await?,
            tokens: ServiceTokenManager::builder(tokens).prefix("agent").build()?,
            checkpoints: store_checkpoints::open(&databases).await?,
            graph: store_checkpoints::open_graph(&databases).await?,
            chats: store_chatkit::open(&databases).await?,
            vault: store_vault::open(&databases).await?,
            databases,
        })
    }

    /// Writes what is still in memory, and closes the databases.
    pub async fn close(&self) -> Result<()> {
        self.tokens.close().await?;
        self.databases.close().await;
        Ok(())
    }
}

/// Who sets the platform up.
pub fn operator() -> Result<Actor> {
    Ok(Actor::new("operator@example.com")?)
}
