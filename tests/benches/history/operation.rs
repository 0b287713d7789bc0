//! What is measured, and the data it is measured on.

use serde_json::{Value, json};
use store_core::history::{NewExecution, NewStep, RunHistoryStore};
use store_core::{ExecutionId, Timestamp};

use crate::common::Result;
use crate::common::args::Measured;

/// An operation of the store. Reads come first, while the tables are small and the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// An execution without its steps.
    Fetch,
    /// A page of 20 executions.
    List,
    /// The same with all of their steps, 400 of 1 KiB.
    ListWithSteps,
    /// A page of 50 steps of an execution that has 1000.
    Steps,
    /// A new execution.
    Start,
    /// A step of 1 KiB, on one of at most 16 executions.
    AppendStep,
}

impl Measured for Operation {
    const ALL: &'static [Self] =
        &[Self::Fetch, Self::List, Self::ListWithSteps, Self::Steps, Self::Start, Self::AppendStep];

    fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::List => "list",
            Self::ListWithSteps => "list_with_steps",
            Self::Steps => "steps",
            Self::Start => "start",
            Self::AppendStep => "append_step",
        }
    }
}

/// The executions callers append to.
pub(crate) const APPENDED: usize = 16;
/// The executions of a listing.
pub(crate) const LISTED: u32 = 20;
/// The steps of a page.
pub(crate) const PAGE: u32 = 50;
/// The execution `steps` pages through; `fetch` reads it too.
pub(crate) const LONG: &str = "long";
/// The instant from which on the seeded executions start: after everything that starts later, so
/// that a listing always holds the same ones.
const SEEDED_FROM: &str = "2100-01-01T00:00:00Z";

/// Fills empty tables: 40 executions of 20 steps, a long one, and those to append to.
pub(crate) async fn seed(store: &dyn RunHistoryStore) -> Result<()> {
    let from: Timestamp = SEEDED_FROM.parse()?;
    for nth in 0..40_u64 {
        let at = from.plus(std::time::Duration::from_secs(nth))?;
        let id = format!("seeded-{nth}");
        start(store, &id, Some(at)).await?;
        store.append_steps(&ExecutionId::new(id)?, steps(20)).await?;
    }
    start(store, LONG, None).await?;
    store.append_steps(&ExecutionId::new(LONG)?, steps(1000)).await?;
    for side in ["store", "raw"] {
        for nth in 0..APPENDED {
            start(store, appended(side, nth).as_str(), None).await?;
        }
    }
    Ok(())
}

async fn start(store: &dyn RunHistoryStore, id: &str, at: Option<Timestamp>) -> Result<()> {
    let new = NewExecution { started_at: at, ..execution(ExecutionId::new(id)?) };
    store.start(new).await?;
    Ok(())
}

fn steps(count: usize) -> Vec<NewStep> {
    (0..count).map(|_| step()).collect()
}

/// An execution as `start` makes it.
pub(crate) fn execution(id: ExecutionId) -> NewExecution {
    NewExecution { runnable_config: config(), inputs: inputs(), ..NewExecution::new(id, WORKFLOW) }
}

pub(crate) const WORKFLOW: &str = "benchmark";

pub(crate) fn inputs() -> Value {
    json!({ "request": "Find out why the export failed", "tickets": ["T-1", "T-2"] })
}

pub(crate) fn tags() -> Value {
    json!(["nightly", "finance"])
}

pub(crate) fn metadata() -> Value {
    json!({ "team": "billing", "region": "north" })
}

pub(crate) fn config() -> Value {
    json!({ "tags": tags(), "metadata": metadata(), "callbacks": [] })
}

/// A step as `append_step` appends it.
pub(crate) fn step() -> NewStep {
    NewStep { kind: Some(KIND.into()), name: Some(NAME.into()), ..NewStep::new(payload()) }
}

pub(crate) const KIND: &str = "tool_result";
pub(crate) const NAME: &str = "shell.run";

/// A payload of 1 KiB of JSON.
pub(crate) fn payload() -> Value {
    let around = json!({ "text": "" }).to_string().len();
    let words = "the quick brown fox jumps over the lazy dog ".repeat(30);
    json!({ "text": &words[..1024 - around] })
}

/// The id of an execution that a side appends to. The sides share tables, not rows.
pub(crate) fn appended(side: &str, caller: usize) -> String {
    format!("appended-{side}-{}", caller % APPENDED)
}
