//! The second process: reads what the first has written, and checks that it is the same.

use std::process::Command;
use std::str::FromStr;
use std::time::Instant;
use std::{env, fmt};

use futures_util::TryStreamExt as _;
use store_core::history::{RunHistoryStore, Step};
use store_core::{Databases, ExecutionId, Settings, WorkflowId};

use crate::Result;
use crate::digest::Digest;
use crate::report;
use crate::workflow::Tally;

/// What the first process tells the second one.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) workflow: WorkflowId,
    pub(crate) tally: Tally,
    pub(crate) digest: Digest,
    pub(crate) execution: ExecutionId,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.workflow, self.tally, self.digest, self.execution)
    }
}

impl FromStr for Written {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self> {
        // The id comes last, because it may hold anything.
        let parts: Vec<&str> = text.splitn(4, ',').collect();
        let [workflow, tally, digest, execution] = parts[..] else {
            return Err("is not WORKFLOW,TALLY,DIGEST,EXECUTION".into());
        };
        Ok(Self {
            workflow: workflow.parse()?,
            tally: tally.parse()?,
            digest: digest.parse()?,
            execution: execution.parse()?,
        })
    }
}

/// Starts this program again. Environment and working directory are inherited, and with them the
/// settings.
pub(crate) fn start(written: &Written) -> Result<()> {
    let started = Instant::now();
    let status =
        Command::new(env::current_exe()?).args(["--read-back", &written.to_string()]).status()?;
    if !status.success() {
        return Err(format!("the second process ended with {status}").into());
    }
    report::done("it ended well", started.elapsed());
    Ok(())
}

/// What the second process does.
pub(crate) async fn run(settings: Settings, written: &Written) -> Result<()> {
    let databases = Databases::new(settings);
    let started = Instant::now();
    let workflows = store_workflow::open(&databases).await?;
    let history = store_history::open(&databases).await?;
    let pid = std::process::id();
    report::done(format!("process {pid} has opened both stores"), started.elapsed());

    let (tally, took) = report::timed(Tally::read(workflows.as_ref(), written.workflow)).await;
    let tally = tally?;
    if tally != written.tally {
        return Err(format!("written were {}, read are {tally}", written.tally).into());
    }
    report::done("the workflow is as written:", took);
    report::note(tally.describe());
    execution(history.as_ref(), written).await?;
    databases.close().await;
    Ok(())
}

async fn execution(store: &dyn RunHistoryStore, written: &Written) -> Result<()> {
    let started = Instant::now();
    let execution = store.fetch(&written.execution).await?;
    let found = stream(store, &written.execution).await?;
    report::done(format!("the execution is {}", execution.status), started.elapsed());
    for (which, step) in [("first", &found.first), ("last", &found.last)] {
        report::note(format!("{which} step: {}", describe(step.as_ref())));
    }
    same(written.digest, found.digest)?;
    let Digest { steps, bytes, .. } = found.digest;
    let checksum = found.digest.checksum();
    let (steps, bytes) = (report::count(steps), report::count(bytes));
    report::note(format!("{steps} steps, {bytes} bytes, checksum {checksum}: as written"));
    Ok(())
}

/// What came out of a stream of steps.
pub(crate) struct Streamed {
    pub(crate) digest: Digest,
    pub(crate) first: Option<Step>,
    pub(crate) last: Option<Step>,
}

/// Streams all steps of an execution, one page in memory at a time, and checks their indices.
pub(crate) async fn stream(store: &dyn RunHistoryStore, id: &ExecutionId) -> Result<Streamed> {
    let mut steps = store.stream_steps(id);
    let mut found = Streamed { digest: Digest::default(), first: None, last: None };
    while let Some(step) = steps.try_next().await? {
        if u64::try_from(step.index) != Ok(found.digest.steps) {
            let expected = found.digest.steps;
            return Err(format!("step {} came where {expected} was expected", step.index).into());
        }
        found.digest.add(&step);
        found.first.get_or_insert_with(|| step.clone());
        found.last = Some(step);
    }
    Ok(found)
}

/// Compares what was written with what was read.
pub(crate) fn same(written: Digest, read: Digest) -> Result<()> {
    if written == read {
        return Ok(());
    }
    Err(format!("written were {written}, read are {read} (steps:bytes:checksum)").into())
}

fn describe(step: Option<&Step>) -> String {
    let Some(step) = step else { return "none".into() };
    let kind = step.kind.as_deref().unwrap_or("no kind");
    let name = step.name.as_deref().unwrap_or("no name");
    format!("{} at {}, {kind}, {name}", step.index, step.at)
}
