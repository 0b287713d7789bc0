//! The second process: reads what the first has written, and checks that it is the same.

use std::env;
use std::process::Command;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use store_core::history::{RunHistoryStore, Step};
use store_core::{Databases, ExecutionId, Settings};

use crate::Result;
use crate::digest::Digest;
use crate::report;

/// Starts this program again. Environment and working directory are inherited, and with them the
/// settings.
pub(crate) fn start(id: &ExecutionId, expected: Digest) -> Result<()> {
    let started = Instant::now();
    let status = Command::new(env::current_exe()?)
        .args(["--read-back", id.as_str(), "--expect", &expected.to_string()])
        .status()?;
    if !status.success() {
        return Err(format!("the second process ended with {status}").into());
    }
    report::done("it ended well", started.elapsed());
    Ok(())
}

/// What the second process does.
pub(crate) async fn run(settings: Settings, id: &str, expected: Digest) -> Result<()> {
    let id = ExecutionId::new(id)?;
    let databases = Databases::new(settings);
    let started = Instant::now();
    let store = store_history::open(&databases).await?;
    report::done(format!("process {} has opened the store", std::process::id()), started.elapsed());
    let started = Instant::now();
    let execution = store.fetch(&id).await?;
    let found = stream(store.as_ref(), &id).await?;
    report::done(format!("the execution is {}", execution.status), started.elapsed());
    for (which, step) in [("first", &found.first), ("last", &found.last)] {
        report::note(format!("{which} step: {}", describe(step.as_ref())));
    }
    same(expected, found.digest)?;
    let Digest { steps, bytes, .. } = found.digest;
    let checksum = found.digest.checksum();
    let (steps, bytes) = (report::count(steps), report::count(bytes));
    report::note(format!("{steps} steps, {bytes} bytes, checksum {checksum}: as written"));
    databases.close().await;
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
