//! Versions and runs of one workflow, created by all processes.

use std::collections::HashMap;

use serde_json::{Value, json};
use store_core::workflow::{NewRun, NewVersion, Run, RunStatus, WorkflowVersion};
use store_core::{Actor, Error, Order, PageRequest, Result, RunId, WorkflowId};

use super::caller::{Caller, again};
use super::stores::Stores;
use super::verify::Findings;

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let actor = Actor::new(caller.name.clone())?;
    while caller.goes_on() {
        if caller.draw(50) == 0 {
            version(caller, &actor).await?;
        }
        let id = create(caller, &actor).await?;
        // The others are left to the workers.
        if caller.draw(2) == 0 {
            by_hand(caller, &actor, id).await?;
        }
    }
    Ok(())
}

async fn version(caller: &Caller, actor: &Actor) -> Result<()> {
    let stores = caller.stores();
    let workflow = caller.shared.workflow;
    let graph = json!({"key": caller.fresh()});
    let new = NewVersion::new(workflow, graph.clone());
    let look = async || {
        let all = versions(stores, workflow).await?;
        Ok(all.into_iter().find(|version| version.graph == graph))
    };
    let call = || stores.workflows.create_version(actor, new.clone());
    let version = caller.settle("version_create", call, look).await?;
    caller.acknowledged(&json!(["version", version.version, graph]));
    Ok(())
}

async fn create(caller: &Caller, actor: &Actor) -> Result<RunId> {
    let workflows = &caller.stores().workflows;
    let mut new = NewRun::new(caller.shared.workflow, "load");
    // Created again under its key, it is the run that is there.
    new.idempotency_key = Some(caller.fresh());
    let run =
        caller.settle("run_create", || workflows.create_run(actor, new.clone()), again).await?;
    caller.acknowledged(&json!(["run", run.id, new.idempotency_key]));
    Ok(run.id)
}

/// Starts a run and ends it, unless a worker was faster.
async fn by_hand(caller: &Caller, actor: &Actor, id: RunId) -> Result<()> {
    let workflows = &caller.stores().workflows;
    // A run that is running after an unknown outcome may be a worker's.
    let look =
        async || Ok((workflows.fetch_run(id).await?.status == RunStatus::Running).then_some(None));
    let call = async || workflows.start_run(actor, id).await.map(Some);
    match caller.settle("run_start", call, look).await {
        Ok(Some(_ours)) => {}
        Ok(None) | Err(Error::InvalidState { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    let look = |status| async move {
        let run = workflows.fetch_run(id).await?;
        Ok((run.status == status).then_some(run))
    };
    let ended = match caller.draw(4) {
        0 => {
            let call = async || Ok(workflows.fail_run(actor, id, "on purpose").await?.run);
            caller.settle("run_fail", call, || look(RunStatus::Failed)).await
        }
        1 => {
            let call = || workflows.cancel_run(actor, id, None);
            caller.settle("run_cancel", call, || look(RunStatus::Cancelled)).await
        }
        _ => {
            let call = || workflows.succeed_run(actor, id, Some(json!({"by": caller.name})));
            caller.settle("run_succeed", call, || look(RunStatus::Succeeded)).await
        }
    };
    let ended: Run = ended?;
    caller.acknowledged(&json!(["ended", id, ended.status.as_str()]));
    Ok(())
}

/// All versions of a workflow, the first one first.
async fn versions(stores: &Stores, workflow: WorkflowId) -> Result<Vec<WorkflowVersion>> {
    let mut all = Vec::new();
    let mut request = Some(PageRequest::first(1000).ordered(Order::Asc));
    while let Some(next) = request.take() {
        let page = stores.workflows.list_versions(workflow, &next).await?;
        all.extend(page.items);
        request = page.next.map(|cursor| next.after(cursor));
    }
    Ok(all)
}

/// Versions have no gaps, and are those that were acknowledged; runs have ended as was
/// acknowledged, and all of them have ended.
pub(super) async fn verify(found: &Findings, workflow: WorkflowId) -> Result<()> {
    let stored = versions(&found.stores, workflow).await?;
    for (place, version) in stored.iter().enumerate() {
        let number = usize::try_from(version.version).unwrap_or(0);
        found.check(number == place + 1, || format!("version {number} at {}", place + 1));
    }
    for fact in found.all("version") {
        let number = fact[1].as_u64().and_then(|number| usize::try_from(number).ok());
        let version = number.and_then(|number| stored.get(number - 1));
        found.check(version.is_some_and(|version| version.graph == fact[2]), || {
            format!("version {} is another one", fact[1])
        });
    }
    let ended: HashMap<String, Vec<Value>> = found.by_first("ended");
    found
        .each("run", async |fact: &Value| {
            let name = fact[1].as_str().expect("an id");
            let run = found.stores.workflows.fetch_run(name.parse()?).await?;
            let acknowledged = ended.get(name).and_then(|facts| facts[0][2].as_str());
            verify_one(found, fact, &run, acknowledged);
            Ok(())
        })
        .await
}

fn verify_one(found: &Findings, fact: &Value, run: &Run, acknowledged: Option<&str>) {
    let (id, status) = (run.id, run.status);
    found
        .check(run.idempotency_key.as_deref() == fact[2].as_str(), || format!("run {id}: its key"));
    match acknowledged {
        Some(acknowledged) => found.check(status.as_str() == acknowledged, || {
            format!("run {id} is {status}, and {acknowledged} was acknowledged")
        }),
        // One that was started by hand in a process that was killed is nobody's.
        None if status == RunStatus::Running => {}
        // Its worker vanished three times.
        None if run.error.as_deref() == Some("lease expired") => {}
        None => found.check(status.is_finished(), || format!("run {id} is {status}")),
    }
}
