//! Opens the run history the environment names, and appends a step to it.

use serde_json::json;
use store_core::history::{NewExecution, NewStep};
use store_core::{Databases, ExecutionId, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> store_core::Result<()> {
    let databases = Databases::new(Settings::from_env()?);
    let history = store_history::open(&databases).await?;
    let id = ExecutionId::new(format!("downstream-{}", std::process::id()))?;
    history.start(NewExecution::new(id.clone(), "downstream")).await?;
    let step = history.append_step(&id, NewStep::new(json!({"hello": "world"}))).await?;
    println!("step {} of {id}", step.index);
    databases.close().await;
    Ok(())
}
