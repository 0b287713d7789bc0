//! Records of workflows.

use serde_json::{Value, json};
use store_core::workflow::{
    ChatModel, ChatSettings, NewRun, NewVersion, NewWorkflow, Run, RunStatus, RunnableConfig,
    StartPrompt, Workflow, WorkflowVersion,
};
use store_core::{Actor, PageRequest, WorkflowId};

use crate::fixture::Workflows;

/// Who does what nobody in particular has to do.
pub fn ada() -> Actor {
    actor("ada")
}

/// Makes an actor.
pub fn actor(name: &str) -> Actor {
    Actor::new(name).expect("a valid actor")
}

/// A workflow with a handle and nothing else.
pub fn handled(handle: &str) -> NewWorkflow {
    NewWorkflow { handle: Some(handle.to_owned()), ..NewWorkflow::named("Workflow") }
}

/// A workflow with every field that can be given.
pub fn full_workflow() -> NewWorkflow {
    NewWorkflow {
        name: "Späße & more 🎉".into(),
        handle: Some("spaesse".into()),
        slug: Some("The Slug".into()),
        description: Some("What it is for: \"quotes\", 日本語".into()),
        tags: vec!["red".into(), "grün".into(), "it's".into()],
        draft_access: store_core::workflow::DraftAccess::Workspace,
        chatkit: Some(chat()),
    }
}

/// Chat settings with every field.
pub fn chat() -> ChatSettings {
    let bare = ChatModel {
        id: "bare".into(),
        label: None,
        description: None,
        disabled: true,
        default: false,
    };
    let full = ChatModel {
        id: "full".into(),
        label: Some("Full 🎉".into()),
        description: Some("Knows it all".into()),
        disabled: false,
        default: true,
    };
    ChatSettings {
        start_screen_prompts: Some(vec![prompt("Hello", Some("sun")), prompt("späße", None)]),
        supported_models: Some(vec![bare, full]),
    }
}

/// A suggestion on the start screen.
pub fn prompt(label: &str, icon: Option<&str>) -> StartPrompt {
    let icon = icon.map(str::to_owned);
    StartPrompt { label: label.to_owned(), prompt: "Say something".into(), icon }
}

/// A graph as an application may have it.
pub fn graph() -> Value {
    json!({"nodes": [{"id": "a", "type": "start"}, {"id": "b"}], "edges": [["a", "b"]]})
}

/// Reads a configuration out of JSON.
pub fn config(value: Value) -> RunnableConfig {
    RunnableConfig::from_value(value).expect("a valid configuration")
}

/// Creates a workflow with nothing but a name.
pub async fn created(t: &Workflows) -> Workflow {
    let new = NewWorkflow::named("Workflow");
    t.store.create_workflow(&ada(), new).await.expect("the workflow is created")
}

/// Creates a version of a workflow.
pub async fn versioned(t: &Workflows, workflow_id: WorkflowId) -> WorkflowVersion {
    let new = NewVersion::new(workflow_id, graph());
    t.store.create_version(&ada(), new).await.expect("the version is created")
}

/// Creates a workflow that has a version, so that it can run.
pub async fn runnable(t: &Workflows) -> Workflow {
    let workflow = created(t).await;
    versioned(t, workflow.id).await;
    workflow
}

/// Creates an archived workflow that has a version.
pub async fn archived(t: &Workflows) -> Workflow {
    let workflow = runnable(t).await;
    t.store.archive_workflow(&ada(), workflow.id).await.expect("the workflow is archived")
}

/// A run that somebody starts by hand.
pub fn new_run(workflow_id: WorkflowId) -> NewRun {
    NewRun::new(workflow_id, "manual")
}

/// A run under an idempotency key.
pub fn keyed_run(workflow_id: WorkflowId, key: &str) -> NewRun {
    NewRun { idempotency_key: Some(key.to_owned()), ..new_run(workflow_id) }
}

/// Creates a pending run.
pub async fn pending(t: &Workflows, workflow_id: WorkflowId) -> Run {
    t.store.create_run(&ada(), new_run(workflow_id)).await.expect("the run is created")
}

/// Creates a run and brings it into a status.
pub async fn run_in(t: &Workflows, workflow_id: WorkflowId, status: RunStatus) -> Run {
    let (store, ada) = (&t.store, ada());
    let run = pending(t, workflow_id).await;
    if matches!(status, RunStatus::Running | RunStatus::Succeeded) {
        store.start_run(&ada, run.id).await.expect("the run is started");
    }
    match status {
        RunStatus::Succeeded => drop(store.succeed_run(&ada, run.id, None).await.expect("it ends")),
        RunStatus::Failed => drop(store.fail_run(&ada, run.id, "error").await.expect("it ends")),
        RunStatus::Cancelled => drop(store.cancel_run(&ada, run.id, None).await.expect("it ends")),
        RunStatus::Pending | RunStatus::Running => {}
    }
    store.fetch_run(run.id).await.expect("the run is there")
}

/// All entries of the audit of a workflow, as (action, actor, metadata).
pub async fn audit_of(t: &Workflows, id: WorkflowId) -> Vec<(String, String, Value)> {
    let page = t.store.list_workflow_audit(id, &PageRequest::first(1000)).await;
    let entries = page.expect("the audit is readable").items;
    entries
        .into_iter()
        .map(|entry| (entry.action.to_string(), entry.actor.into_string(), entry.metadata))
        .collect()
}

/// The actions in the audit of a workflow.
pub async fn actions_of(t: &Workflows, id: WorkflowId) -> Vec<String> {
    audit_of(t, id).await.into_iter().map(|(action, _, _)| action).collect()
}
