//! A workflow and its versions.

use serde_json::{Value, json};
use store_core::workflow::{
    NewListener, NewVersion, NewWorkflow, Publication, RunnableConfig, WorkflowRepository,
    WorkflowVersion,
};
use store_core::{Actor, RunId, SecretString, WorkflowId, WorkflowVersionId};

use super::{Scene, TAG, refused, same};
use crate::Result;
use crate::report::{self, Report, timed};

/// Creates the workflow, under a handle of its own, so that the demo can be run again.
pub(super) async fn create(
    report: &mut Report,
    store: &dyn WorkflowRepository,
    operator: &Actor,
) -> Result<WorkflowId> {
    report.section("Create a workflow, and another one with the same handle");
    let random = RunId::mint().to_string();
    let new = NewWorkflow {
        handle: Some(format!("invoice-export-{}", &random[random.len() - 12..])),
        description: Some("Exports the invoices of a day to the ledger".into()),
        tags: vec![TAG.to_owned()],
        ..NewWorkflow::named("Nightly invoice export")
    };
    let (created, took) = timed(store.create_workflow(operator, new.clone())).await;
    let workflow = created?;
    report::done(format!("`{}` is workflow {}", workflow.name, workflow.id), took);
    let handle = workflow.handle.unwrap_or_default();
    report::note(format!("handle {handle}, slug {}", workflow.slug));
    refused("the second one", timed(store.create_workflow(operator, new)).await, 409)?;
    let resolved = store.resolve_workflow(&handle.to_uppercase(), false).await?;
    same("the workflow of the handle", &workflow.id, &resolved.id)?;
    Ok(workflow.id)
}

/// Creates the first version and publishes the workflow.
pub(super) async fn version_and_publish(
    report: &mut Report,
    scene: &Scene,
) -> Result<WorkflowVersionId> {
    report.section("Create a version with a graph and a listener, and publish");
    let config = json!({"tags": ["nightly"], "recursion_limit": 50});
    let new = NewVersion {
        runnable_config: Some(RunnableConfig::from_value(config)?),
        ..version(scene, graph(&["fetch", "check", "post"], 1000), "first draft")
    };
    let version = create_version(scene, new, 1).await?;
    let publication = Publication {
        require_login: true,
        share_url: Some(format!("https://workflows.example.com/{}", scene.id)),
    };
    let publishing = scene.store.publish_workflow(&scene.operator, scene.id, publication);
    let (published, took) = timed(publishing).await;
    let workflow = published?;
    same("whether it is public", &true, &workflow.is_public)?;
    report::done("published at", took);
    report::note(workflow.share_url.unwrap_or_default());
    Ok(version.id)
}

/// Creates a second version and compares it with the first.
pub(super) async fn change(report: &mut Report, scene: &Scene) -> Result<()> {
    report.section("Create a second version, and compare both");
    let graph = graph(&["fetch", "check", "sign", "post"], 500);
    let version = create_version(scene, version(scene, graph, "signed files"), 2).await?;
    let (diff, took) = timed(scene.store.diff_versions(scene.id, 1, 2)).await;
    let diff = diff?.diff;
    report::done(format!("the difference of their graphs has {} lines", diff.len()), took);
    for line in &diff {
        report::note(format!("  {line}"));
    }
    for expected in ["--- v1", "+++ v2", "+    \"batch_size\": 500"] {
        if !diff.iter().any(|line| line.starts_with(expected)) {
            return Err(format!("the difference lacks `{expected}`").into());
        }
    }
    let (verified, took) = timed(scene.store.verify_version(version.id)).await;
    verified?;
    report::done("the stored graph is the one of its checksum", took);
    Ok(())
}

async fn create_version(scene: &Scene, new: NewVersion, number: i32) -> Result<WorkflowVersion> {
    let (created, took) = timed(scene.store.create_version(&scene.operator, new)).await;
    let version = created?;
    same("the number of the version", &number, &version.version)?;
    let notes = version.notes.as_deref().unwrap_or_default();
    let checksum = &version.checksum[..16];
    report::done(format!("version {number}, `{notes}`, checksum {checksum}…"), took);
    Ok(version)
}

fn version(scene: &Scene, graph: Value, notes: &str) -> NewVersion {
    let bot_key = SecretString::from("110201543:example-of-a-bot-key");
    NewVersion {
        notes: Some(notes.to_owned()),
        listeners: vec![NewListener::new("questions", "telegram", &bot_key)],
        ..NewVersion::new(scene.id, graph)
    }
}

/// A chain of nodes.
fn graph(nodes: &[&str], batch_size: u32) -> Value {
    let edges: Vec<_> = nodes.windows(2).collect();
    json!({"nodes": nodes, "edges": edges, "settings": {"batch_size": batch_size}})
}
