//! Runs that somebody starts by hand.

use serde_json::json;
use store_core::workflow::{ManualDispatch, ManualPolicy, ManualRun};
use store_core::{Actor, RunId, WorkflowVersionId};

use super::{Scene, refused, runs_by, same};
use crate::Result;
use crate::report::{self, Report, timed};

const LABEL: &str = "backfill";

/// Sets a policy and starts a batch under it.
pub(super) async fn dispatch(
    report: &mut Report,
    scene: &Scene,
    first_version: WorkflowVersionId,
) -> Result<Vec<RunId>> {
    report.section("Trigger it by hand: a batch of 3, all or none, under a policy");
    let policy = ManualPolicy {
        allowed_actors: vec![scene.operator.clone()],
        require_comment: true,
        default_payload: Some(json!({"dry_run": true})),
        cooldown_seconds: 3600,
        ..ManualPolicy::default()
    };
    let (set, took) = timed(scene.store.configure_manual(&scene.operator, scene.id, policy)).await;
    let policy = set?.policy;
    let what = format!("only {}, every {} seconds", scene.operator, policy.cooldown_seconds);
    report::done(format!("{what}, with a comment"), took);

    let somebody = Actor::new("somebody")?;
    let batch = batch(scene, first_version);
    let by_somebody = timed(scene.store.dispatch_manual(&somebody, batch.clone())).await;
    refused("a dispatch by somebody else", by_somebody, 403)?;
    let (started, took) = timed(scene.store.dispatch_manual(&scene.operator, batch.clone())).await;
    let runs = started?;
    report::done(format!("{} runs, triggered by `{LABEL}`", runs.len()), took);
    for run in &runs {
        report::note(format!("{} with input {}", run.id, run.input));
    }
    let again = timed(scene.store.dispatch_manual(&scene.operator, batch)).await;
    refused("the next batch, so early,", again, 429)?;
    same("runs by hand", &3, &runs_by(scene, LABEL).await?.len())?;
    Ok(runs.iter().map(|run| run.id).collect())
}

/// A run of the first version, and two of the latest with what the policy gives them and without.
fn batch(scene: &Scene, first_version: WorkflowVersionId) -> ManualDispatch {
    let day = |day: &str| Some(json!({"date": day}));
    ManualDispatch {
        workflow_id: scene.id,
        runs: vec![
            ManualRun { workflow_version_id: Some(first_version), input: day("2026-02-27") },
            ManualRun { workflow_version_id: None, input: day("2026-02-28") },
            ManualRun::default(),
        ],
        label: Some(LABEL.to_owned()),
        comment: Some("the days of the outage".to_owned()),
    }
}
