//! What an operator sees of a conversation.

use store_core::chatkit::ChatContext;
use store_core::checkpoints::{Goal, MetricPath};
use store_core::vault::AccessContext;
use store_core::workflow::RunFilter;
use store_core::{ExecutionId, PageRequest, ThreadId};

use crate::platform::{MODEL_KEY, Platform, Result, WORKFLOW, operator};

/// Prints a conversation, its run, the steps of its agent, and whether the audit is intact.
pub async fn show(platform: &Platform, conversation: &str) -> Result<()> {
    let thread = ThreadId::new(conversation)?;
    let everybody = ChatContext::administrator();
    let page = PageRequest::default();
    for item in platform.chats.load_thread_items(&everybody, &thread, &page).await?.items {
        let text = item.content["content"][0]["text"].as_str().unwrap_or_default();
        println!("{}: {text}", item.item_type);
    }

    let workflow = platform.workflows.resolve_workflow(WORKFLOW, false).await?;
    let filter = RunFilter { workflow_id: Some(workflow.id), ..RunFilter::default() };
    let runs = platform.workflows.list_runs(&filter, &PageRequest::first(1000)).await?.items;
    let asked = |run: &&_| is_of(run, &thread);
    let run = runs.iter().find(asked).ok_or("there is no run for this conversation")?;
    println!("run {}: {}", run.id, run.status);
    let output = run.output.as_ref();
    if let Some(execution) = output.and_then(|output| output["execution"].as_str()) {
        let execution = platform.history.fetch(&ExecutionId::new(execution)?).await?;
        let (id, steps) = (&execution.execution_id, execution.step_count);
        println!("history {id}: {}, {steps} steps", execution.status);
    }

    let state = platform.graph.fetch(&thread, "", None).await?;
    println!("graph state: {} channels", state.map_or(0, |state| state.values.len()));
    let longest = MetricPath::new("characters")?;
    let best = platform.checkpoints.best_by(WORKFLOW, &longest, Goal::Max).await?;
    println!("longest answer: evaluation {}", best.map_or(0, |best| best.config_version));

    let administrator = AccessContext::administrator(operator()?);
    if let Some(key) = platform.vault.find_by_name(&administrator, MODEL_KEY).await? {
        let audit = platform.vault.verify_audit(&administrator, key.id.into()).await?;
        println!("audit of the key: {}", if audit.is_intact() { "intact" } else { "TAMPERED" });
    }
    Ok(())
}

fn is_of(run: &store_core::workflow::Run, thread: &ThreadId) -> bool {
    run.idempotency_key.as_deref() == Some(thread.as_str())
}
