//! The second part: the life of an execution, which is what a run did.

use std::sync::Arc;
use std::time::Instant;

use store_core::history::{
    ExecutionFilter, NewStep, PruneRequest, Retention, RunHistoryStore, UsageGroup,
};
use store_core::{Clock as _, Error, ExecutionId, PageRequest, SystemClock};

use crate::digest::Digest;
use crate::input::Input;
use crate::report::{self, Report, count};
use crate::{Result, appending, read_back, tasks};

/// Tells the whole part; returns the execution and what its steps came to.
pub(crate) async fn tell(
    report: &mut Report,
    store: &Arc<dyn RunHistoryStore>,
    input: Input,
) -> Result<(ExecutionId, Digest)> {
    let (id, digest) = write(report, store, input).await?;
    prune(report, store.as_ref(), &id).await?;
    Ok((id, digest))
}

/// Writes the execution and looks at it from all sides.
async fn write(
    report: &mut Report,
    store: &Arc<dyn RunHistoryStore>,
    input: Input,
) -> Result<(ExecutionId, Digest)> {
    report.section("Start an execution: what the run does");
    let started = Instant::now();
    let execution = store.start(input.execution).await?;
    let id = execution.execution_id;
    report::done(format!("{id} is {}", execution.status), started.elapsed());

    let keyed = input.lines.iter().find(|line| line.step.idempotency_key.is_some());
    let keyed = keyed.map(|line| line.step.clone());
    let names = tasks::tally(&input.lines);
    let mut digest = appending::append_all(report, store, &id, input.lines).await?;
    repeat(report, store.as_ref(), &id, keyed, &mut digest).await?;
    tasks::record(report, store.as_ref(), &id, &names).await?;
    finish(report, store.as_ref(), &id).await?;

    let filter = ExecutionFilter {
        tag: Some(input.tag),
        metadata_contains: Some(input.metadata),
        ..ExecutionFilter::default()
    };
    list(report, store.as_ref(), &id, &filter).await?;
    read(report, store.as_ref(), &id, digest).await?;
    let workflow =
        ExecutionFilter { workflow_id: Some(execution.workflow_id), ..ExecutionFilter::default() };
    usage(report, store.as_ref(), &workflow).await?;
    Ok((id, digest))
}

async fn repeat(
    report: &mut Report,
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    keyed: Option<NewStep>,
    digest: &mut Digest,
) -> Result<()> {
    report.section("Append a step again under its idempotency key");
    let step = match keyed {
        Some(step) => step,
        None => {
            let note = serde_json::json!({ "note": "added, because no line has a key" });
            let key = Some("demo:repeated".to_owned());
            let step = NewStep { idempotency_key: key, ..NewStep::new(note) };
            let added = store.append_step(id, step.clone()).await?;
            digest.add(&added);
            report::note(format!("no line has a key: one was added as step {}", added.index));
            step
        }
    };
    let key = step.idempotency_key.clone().unwrap_or_default();
    let started = Instant::now();
    let stored = store.append_step(id, step).await?;
    let took = started.elapsed();
    let steps = store.fetch(id).await?.step_count;
    if u64::try_from(steps) != Ok(digest.steps) {
        return Err(format!("the repeated step was appended again: {steps} steps").into());
    }
    report::done(format!("`{key}` is step {} already, still {steps} steps", stored.index), took);
    Ok(())
}

async fn finish(report: &mut Report, store: &dyn RunHistoryStore, id: &ExecutionId) -> Result<()> {
    report.section("Finish it, and try to finish it again");
    let started = Instant::now();
    let execution = store.succeed(id).await?;
    report::done(format!("it is {}", execution.status), started.elapsed());
    let started = Instant::now();
    match store.fail(id, "too late").await {
        Err(error @ Error::InvalidState { .. }) => {
            report::done("refused, as expected:", started.elapsed());
            report::note(error);
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Err("a finished execution was finished again".into()),
    }
}

async fn list(
    report: &mut Report,
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    filter: &ExecutionFilter,
) -> Result<()> {
    let tag = filter.tag.as_deref().unwrap_or_default();
    let metadata = filter.metadata_contains.clone().unwrap_or_default();
    report.section(&format!("List executions with tag `{tag}` and metadata {metadata}"));
    let started = Instant::now();
    let mut request = PageRequest::first(20);
    let (mut found, mut here) = (0, false);
    loop {
        let page = store.list(filter, &request).await?;
        found += page.items.len();
        here |= page.items.iter().any(|execution| execution.execution_id == *id);
        let Some(next) = page.next else { break };
        request = request.after(next);
    }
    if !here {
        return Err("the listing lacks the execution".into());
    }
    report::done(format!("{found} found, this one among them"), started.elapsed());
    Ok(())
}

async fn read(
    report: &mut Report,
    store: &dyn RunHistoryStore,
    id: &ExecutionId,
    written: Digest,
) -> Result<()> {
    report.section("Page through its steps, 50 at a time");
    let started = Instant::now();
    let mut request = PageRequest::first(50);
    let (mut pages, mut steps) = (0, 0);
    loop {
        let page = store.steps(id, &request).await?;
        pages += 1;
        steps += page.items.len();
        let Some(next) = page.next else { break };
        request = request.after(next);
    }
    report::done(format!("{pages} pages, {} steps", count(steps as u64)), started.elapsed());
    if u64::try_from(steps) != Ok(written.steps) {
        return Err(format!("{} steps were written", written.steps).into());
    }

    report.section("Stream all of its steps");
    let started = Instant::now();
    let found = read_back::stream(store, id).await?.digest;
    let (steps, bytes) = (count(found.steps), count(found.bytes));
    report::done(format!("{steps} steps, {bytes} bytes of payload"), started.elapsed());
    read_back::same(written, found)
}

async fn usage(
    report: &mut Report,
    store: &dyn RunHistoryStore,
    filter: &ExecutionFilter,
) -> Result<()> {
    let workflow = filter.workflow_id.as_deref().unwrap_or_default();
    report.section(&format!("Sum the usage of `{workflow}` by workflow, day and status"));
    for group in [UsageGroup::Workflow, UsageGroup::Day, UsageGroup::Status] {
        let started = Instant::now();
        let totals = store.usage(filter, group).await?;
        let took = started.elapsed();
        for total in totals {
            let used = total.usage;
            let (key, executions) = (total.key, total.executions);
            let tokens = used.input_tokens + used.output_tokens;
            let what = format!(
                "{key}: executions {executions}, steps {}, tokens {}, cost {}",
                count(total.steps),
                count(tokens),
                count(used.cost_micros)
            );
            report::done(what, took);
        }
    }
    Ok(())
}

async fn prune(report: &mut Report, store: &dyn RunHistoryStore, id: &ExecutionId) -> Result<()> {
    report.section("Prune everything that is finished, in a dry run");
    let started = Instant::now();
    // A moment ahead, so that what was finished just now is older than that.
    let limit = SystemClock.now().plus(std::time::Duration::from_secs(1))?;
    let request = PruneRequest::new(Retention::OlderThan(limit)).dry_run();
    let doomed = store.prune(&request).await?;
    let (executions, steps) = (count(doomed.executions), count(doomed.steps));
    let what =
        format!("would go: {executions} executions, {steps} steps, {} bytes", count(doomed.bytes));
    report::done(what, started.elapsed());
    store.fetch(id).await?;
    if doomed.executions == 0 {
        return Err("the finished execution was not counted".into());
    }
    report::note("nothing was deleted");
    Ok(())
}
