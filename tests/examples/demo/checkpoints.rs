//! Checkpoints: of training, and of the state of a graph run.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use store_core::checkpoints::graph::{
    ChannelValue, GraphCheckpoint, GraphCheckpointer, GraphConfig, GraphFilter, GraphPrune,
    GraphWrite,
};
use store_core::checkpoints::{
    Checkpoint, CheckpointFilter, CheckpointPrune, CheckpointStore, Comparison, Goal,
    MetricCondition, MetricPath, Metrics, NewCheckpoint,
};
use store_core::{GraphCheckpointId, PageRequest, TaskId, ThreadId};

use crate::Result;
use crate::report::{self, Report, count, rate};

/// How many checkpoints the demo records.
const TRAINED: usize = 50;
/// How many steps the graph run has …
const STEPS: usize = 200;
/// … and how large each channel of its state is.
const CHANNELS: usize = 20;
const CHANNEL_BYTES: usize = 10 * 1024;

/// Tells of the checkpoints of training.
pub(crate) async fn train(report: &mut Report, store: &dyn CheckpointStore) -> Result<()> {
    // Of this run of the demo alone.
    let workflow = format!("triage-{}", ThreadId::new(GraphCheckpointId::mint().to_string())?);
    record(report, store, &workflow).await?;
    let best = compare(report, store, &workflow).await?;
    prune(report, store, &workflow, &best).await
}

async fn record(report: &mut Report, store: &dyn CheckpointStore, workflow: &str) -> Result<()> {
    report.section("Record checkpoints of training");
    let started = Instant::now();
    let mut parent_id = None;
    for (round, loss) in (0..TRAINED).zip((0_u32..).map(|round| 1.0 / f64::from(round + 1))) {
        // As in real training, one round diverges.
        let loss = if round == 20 { f64::NAN } else { loss };
        let metrics = Metrics::new().with("loss", loss)?.with("/eval/accuracy", 1.0 - loss)?;
        let new = NewCheckpoint {
            runnable_config: json!({ "temperature": 0.2, "round": round }),
            metrics,
            metadata: json!({ "dataset": "tickets-2026", "stage": round / 10 }),
            is_best: round % 10 == 0,
            parent_id,
            ..NewCheckpoint::new(workflow)
        };
        parent_id = Some(store.record(new).await?.id);
    }
    let took = started.elapsed();
    report::done(format!("{TRAINED} versions, {}", rate(TRAINED, took)), took);
    Ok(())
}

async fn compare(
    report: &mut Report,
    store: &dyn CheckpointStore,
    workflow: &str,
) -> Result<Checkpoint> {
    report.section("Find the best one");
    let loss = MetricPath::new("loss")?;
    let (least, took) = report::timed(store.best_by(workflow, &loss, Goal::Min)).await;
    let least = least?.ok_or("no checkpoint has a loss")?;
    report::done(format!("the least loss has version {}", least.config_version), took);
    let marked = store.mark_best(least.id).await?;
    let filter = CheckpointFilter {
        metrics: vec![MetricCondition {
            path: MetricPath::new("/eval/accuracy")?,
            comparison: Comparison::Ge,
            value: 0.95,
        }],
        metadata_contain: Some(json!({ "dataset": "tickets-2026" })),
        ..CheckpointFilter::default()
    };
    let (found, took) =
        report::timed(store.query(workflow, &filter, &PageRequest::default())).await;
    report::done(format!("{} versions are at least 95 % accurate", found?.items.len()), took);
    let lineage = store.lineage(least.id, &PageRequest::first(1000)).await?;
    let first = lineage.items.last().ok_or("a checkpoint is in its own lineage")?;
    let compared = store.compare(first.id, least.id).await?;
    report::note(format!("it descends from version {}; what changed:", first.config_version));
    for change in compared.metrics {
        let shown =
            |value: Option<f64>| value.map_or_else(|| "none".into(), |value| format!("{value:.2}"));
        let (base, target) = (shown(change.base), shown(change.target));
        report::note(format!("  {}: {base} to {target}", change.path));
    }
    Ok(marked)
}

async fn prune(
    report: &mut Report,
    store: &dyn CheckpointStore,
    workflow: &str,
    best: &Checkpoint,
) -> Result<()> {
    report.section("Prune checkpoints of training");
    let request = CheckpointPrune { keep_referenced: false, ..CheckpointPrune::new(workflow, 5) };
    let (pruned, took) = report::timed(store.prune(&request)).await;
    report::done(format!("{} deleted; five and the best stay", pruned?.checkpoints), took);
    if store.find(best.id).await?.is_none() {
        return Err("the best checkpoint was pruned".into());
    }
    Ok(())
}

/// Tells of the state of a graph run.
pub(crate) async fn graph(report: &mut Report, store: &dyn GraphCheckpointer) -> Result<()> {
    let thread = ThreadId::new(format!("demo-{}", GraphCheckpointId::mint()))?;
    let last = put(report, store, &thread).await?;
    resume(report, store, &thread, last).await?;
    branch(report, store, &thread).await
}

async fn put(
    report: &mut Report,
    store: &dyn GraphCheckpointer,
    thread: &ThreadId,
) -> Result<GraphCheckpointId> {
    report.section("Save the state of a graph run after each step");
    let started = Instant::now();
    let mut config = GraphConfig::new(thread.clone());
    let mut versions = BTreeMap::new();
    for step in 0..STEPS {
        // The first step fills all channels, each later one changes one of them.
        let changed = if step == 0 { 0..CHANNELS } else { step % CHANNELS..step % CHANNELS + 1 };
        let mut values = BTreeMap::new();
        for channel in changed {
            let name = format!("channel {channel}");
            versions.insert(name.clone(), step.to_string());
            let text = format!("{name} after step {step}. ");
            let bytes = text.bytes().cycle().take(CHANNEL_BYTES).collect::<Vec<_>>();
            values.insert(name, ChannelValue::new("text", bytes));
        }
        let mut checkpoint = GraphCheckpoint::new(GraphCheckpointId::mint());
        checkpoint.channel_versions.clone_from(&versions);
        let id = checkpoint.id;
        store.put(&config, checkpoint, values, json!({ "step": step, "source": "loop" })).await?;
        config = config.after(id);
    }
    let took = started.elapsed();
    let state = count((CHANNELS * CHANNEL_BYTES / 1024) as u64);
    report::done(format!("{STEPS} steps of {state} KiB, {}", rate(STEPS, took)), took);
    Ok(config.parent_id.ok_or("no step was put")?)
}

async fn resume(
    report: &mut Report,
    store: &dyn GraphCheckpointer,
    thread: &ThreadId,
    last: GraphCheckpointId,
) -> Result<()> {
    report.section("Resume from it");
    let at = GraphConfig::new(thread.clone()).checkpoint(last);
    let answer = ChannelValue::new("json", br#"{"approved": true}"#.to_vec());
    let writes = GraphWrite::numbered([("answers".to_owned(), answer)]);
    let task = TaskId::new("ask-a-human")?;
    // Twice, as after a crash: the second one changes nothing.
    for _ in 0..2 {
        store.put_writes(&at, &task, "", writes.clone()).await?;
    }
    let (state, took) = report::timed(store.fetch(thread, "", None)).await;
    let state = state?.ok_or("the thread has no checkpoint")?;
    if (state.checkpoint.id, state.values.len()) != (last, CHANNELS) {
        return Err("the latest state is not the one that was put last".into());
    }
    let (values, writes) = (state.values.len(), state.pending_writes.len());
    report::done(format!("the latest state: {values} channels, {writes} pending write"), took);
    let filter = GraphFilter { metadata: Some(json!({ "step": 3 })), ..GraphFilter::default() };
    let listed = store.list(thread, &filter, &PageRequest::default()).await?.items.len();
    report::note(format!("by metadata {{\"step\": 3}}: {listed} checkpoint"));
    Ok(())
}

async fn branch(
    report: &mut Report,
    store: &dyn GraphCheckpointer,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Copy the thread, and prune the copy");
    let copy = ThreadId::new(format!("{thread}-copy"))?;
    let (copied, took) = report::timed(store.copy_thread(thread, &copy)).await;
    copied?;
    report::done("copied", took);
    let (pruned, took) = report::timed(store.prune(&GraphPrune::new(copy.clone(), 3))).await;
    let pruned = pruned?;
    let (checkpoints, bytes) = (pruned.checkpoints, count(pruned.bytes));
    report::done(format!("pruned to 3: {checkpoints} checkpoints, {bytes} bytes of values"), took);
    store.delete_thread(&copy).await?;
    report::note("the copy is deleted");
    Ok(())
}
