//! What is measured, and the data it is measured on.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use store_core::workflow::{
    CronConfig, NewRun, NewVersion, NewWorkflow, RunnableConfig, WorkflowStore,
};
use store_core::{Actor, RunId, Timestamp, WorkflowId, WorkflowVersionId};

use crate::common::Result;
use crate::common::args::Measured;

/// An operation of the store. Those that leave nothing behind come first, while the tables are
/// small and the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A run.
    FetchRun,
    /// A page of 20 of the 10,000 runs of a workflow.
    ListRuns,
    /// A run for each of 1,000 schedules that are due.
    Dispatch,
    /// A new run of one of 16 workflows.
    CreateRun,
    /// A pending run is started and succeeds: two calls.
    StartSucceed,
}

impl Measured for Operation {
    const ALL: &'static [Self] =
        &[Self::FetchRun, Self::ListRuns, Self::Dispatch, Self::CreateRun, Self::StartSucceed];

    fn name(self) -> &'static str {
        match self {
            Self::FetchRun => "fetch_run",
            Self::ListRuns => "list_runs",
            Self::Dispatch => "dispatch_due_cron",
            Self::CreateRun => "create_run",
            Self::StartSucceed => "start+succeed",
        }
    }

    /// One scheduler, and four at once.
    fn callers(self, asked: &[usize]) -> Vec<usize> {
        if self == Self::Dispatch { vec![1, 4] } else { asked.to_vec() }
    }
}

/// The workflows that runs are created of.
pub(crate) const WORKFLOWS: usize = 16;
/// The runs of the workflow that is listed …
pub(crate) const STORED: usize = 10_000;
/// … and those of a page.
pub(crate) const LISTED: u32 = 20;
/// The schedules that are due.
pub(crate) const DUE: u32 = 1_000;

/// A workflow with its only version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runnable {
    pub(crate) workflow: WorkflowId,
    pub(crate) version: WorkflowVersionId,
}

/// What was put into an empty database.
#[derive(Debug, Clone)]
pub(crate) struct Seeded {
    /// The workflow whose runs are listed.
    pub(crate) listed: Runnable,
    /// The run that is fetched.
    pub(crate) run: RunId,
    /// The workflows that runs are created of.
    pub(crate) active: Vec<Runnable>,
}

/// Fills empty tables with workflows; a thousand of them have a schedule, when that is asked for.
pub(crate) async fn seed(store: &dyn WorkflowStore, schedules: bool) -> Result<Seeded> {
    let listed = runnable(store).await?;
    let mut active = Vec::new();
    for _ in 0..WORKFLOWS {
        active.push(runnable(store).await?);
    }
    if schedules {
        let schedule = async |_: u32| {
            let Runnable { workflow, .. } = runnable(store).await?;
            store.configure_cron(&actor(), workflow, CronConfig::default()).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        stream::iter(0..DUE).map(schedule).buffer_unordered(8).try_collect::<()>().await?;
    }
    let fetched = store.create_run(&actor(), run(listed.workflow)?).await?;
    Ok(Seeded { listed, run: fetched.id, active })
}

async fn runnable(store: &dyn WorkflowStore) -> Result<Runnable> {
    let workflow = store.create_workflow(&actor(), NewWorkflow::named("Benchmark")).await?;
    let graph = json!({ "nodes": [{ "id": "a" }, { "id": "b" }], "edges": [["a", "b"]] });
    let config = RunnableConfig::from_value(version_config())?;
    let new = NewVersion { runnable_config: Some(config), ..NewVersion::new(workflow.id, graph) };
    let version = store.create_version(&actor(), new).await?;
    Ok(Runnable { workflow: workflow.id, version: version.id })
}

/// A run as `create_run` makes it.
pub(crate) fn run(workflow: WorkflowId) -> Result<NewRun> {
    let runnable_config = RunnableConfig::from_value(run_config())?;
    Ok(NewRun { input: input(), runnable_config, ..NewRun::new(workflow, TRIGGERED_BY) })
}

/// Who does everything.
pub(crate) const ACTOR: &str = "benchmark";
pub(crate) const TRIGGERED_BY: &str = "manual";

#[expect(clippy::expect_used, reason = "the name is valid")]
pub(crate) fn actor() -> Actor {
    Actor::new(ACTOR).expect("a valid actor")
}

fn input() -> Value {
    let text = "The nightly export of invoices stopped half-way. ".repeat(8);
    json!({ "request": text, "tickets": ["T-1", "T-2"] })
}

pub(crate) fn output() -> Value {
    json!({ "answer": "The disk was full. ".repeat(20), "confidence": 0.9 })
}

fn tags() -> Value {
    json!(["nightly", "finance"])
}

fn metadata() -> Value {
    json!({ "team": "billing", "region": "north" })
}

fn version_config() -> Value {
    json!({ "configurable": { "model": "large", "temperature": 0.2 }, "recursion_limit": 50 })
}

fn run_config() -> Value {
    json!({ "tags": tags(), "metadata": metadata() })
}

/// The JSON of a run that is created, in the form its row has.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) input: String,
    pub(crate) config: String,
    pub(crate) tags: String,
    pub(crate) callbacks: String,
    pub(crate) metadata: String,
}

impl Texts {
    /// A run as `create_run` makes it: both configurations in one.
    fn by_hand() -> Self {
        let (mut config, run) = (version_config(), run_config());
        if let (Some(config), Value::Object(run)) = (config.as_object_mut(), run) {
            config.extend(run);
        }
        Self {
            input: input().to_string(),
            config: config.to_string(),
            tags: tags().to_string(),
            callbacks: "[]".into(),
            metadata: metadata().to_string(),
        }
    }

    /// A run that a schedule starts; each has an input of its own.
    fn by_cron() -> Self {
        Self {
            input: String::new(),
            config: version_config().to_string(),
            tags: "[]".into(),
            callbacks: "[]".into(),
            metadata: "{}".into(),
        }
    }

    /// The bytes of everything but the input.
    pub(crate) fn bytes(&self) -> usize {
        [&self.config, &self.tags, &self.callbacks, &self.metadata].iter().map(|t| t.len()).sum()
    }
}

/// What the raw sides work with: they serialise nothing.
#[derive(Debug)]
pub(crate) struct Material {
    pub(crate) seeded: Seeded,
    pub(crate) by_hand: Texts,
    pub(crate) by_cron: Texts,
    pub(crate) output: String,
}

impl Material {
    pub(crate) fn new(seeded: Seeded) -> Self {
        Self {
            seeded,
            by_hand: Texts::by_hand(),
            by_cron: Texts::by_cron(),
            output: output().to_string(),
        }
    }
}

/// The input of a run that a schedule starts.
pub(crate) fn cron_input(scheduled_for: Timestamp, timezone: &str) -> String {
    json!({ "scheduled_for": scheduled_for, "timezone": timezone }).to_string()
}
