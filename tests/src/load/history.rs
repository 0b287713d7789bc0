//! Executions that several callers append to at once.

use std::collections::HashMap;
use std::sync::PoisonError;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use store_core::history::{
    ExecutionStatus, NewExecution, NewStep, NewTaskResult, RunHistoryStore, Usage,
};
use store_core::{Error, ExecutionId, PageRequest, Result, TaskId};

use super::caller::{Caller, again};
use super::verify::Findings;

/// Executions of a process that are open at once.
const OPEN: usize = 8;

/// What each step says it used.
const USAGE: Usage = Usage { input_tokens: 1, output_tokens: 2, cost_micros: 3 };

pub(super) async fn run(caller: &Caller) -> Result<()> {
    while caller.goes_on() {
        let Some(id) = any_open(caller) else {
            start(caller).await?;
            continue;
        };
        match caller.draw(200) {
            0 => finish(caller, id).await?,
            1..=20 => append(caller, &id, 5).await?,
            21..=30 => put_result(caller, &id).await?,
            _ => append(caller, &id, 1).await?,
        }
    }
    Ok(())
}

/// An execution to append to, once there are enough of them.
fn any_open(caller: &Caller) -> Option<ExecutionId> {
    let open = caller.shared.executions.lock().unwrap_or_else(PoisonError::into_inner);
    let enough = u64::try_from(open.len()).ok().filter(|_| open.len() >= OPEN)?;
    open.get(usize::try_from(caller.draw(enough)).ok()?).cloned()
}

async fn start(caller: &Caller) -> Result<()> {
    let history = &caller.stores().history;
    let id = ExecutionId::new(caller.fresh())?;
    let new = NewExecution::new(id.clone(), "load");
    let call = || history.start(new.clone());
    caller.settle("execution_start", call, || history.find(&id)).await?;
    caller.acknowledged(&json!(["execution", id]));
    caller.shared.executions.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    Ok(())
}

async fn append(caller: &Caller, id: &ExecutionId, count: usize) -> Result<()> {
    let history = &caller.stores().history;
    let steps: Vec<NewStep> = (0..count).map(|_| step(caller)).collect();
    // Under their keys they can be appended again: the answer is then what is stored.
    let appended = if let [one] = steps.as_slice() {
        let call = || history.append_step(id, one.clone());
        caller.settle("step_append", call, again).await.map(|step| vec![step])
    } else {
        let call = || history.append_steps(id, steps.clone());
        caller.settle("step_append_many", call, again).await
    };
    match appended {
        Ok(steps) => {
            for step in steps {
                let key = step.idempotency_key;
                caller.acknowledged(&json!(["step", id, step.index, key]));
            }
            Ok(())
        }
        // Another caller has finished the execution.
        Err(Error::InvalidState { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn step(caller: &Caller) -> NewStep {
    let payload = json!({"by": caller.name, "text": "x".repeat(256)});
    let idempotency_key = Some(caller.fresh());
    NewStep { idempotency_key, usage: Some(USAGE), ..NewStep::new(payload) }
}

async fn put_result(caller: &Caller, id: &ExecutionId) -> Result<()> {
    let history = &caller.stores().history;
    let task_id = TaskId::new(caller.fresh())?;
    let value = json!({"by": caller.name});
    let new = NewTaskResult { execution_id: id.clone(), task_id, key: "out".into(), value };
    caller.settle("result_put", || history.put_result(new.clone()), again).await?;
    caller.acknowledged(&json!(["result", id, new.task_id]));
    Ok(())
}

/// Takes an execution away from the others, unless another one did.
fn close(caller: &Caller, id: &ExecutionId) -> bool {
    let mut open = caller.shared.executions.lock().unwrap_or_else(PoisonError::into_inner);
    let before = open.len();
    open.retain(|other| other != id);
    open.len() < before
}

async fn finish(caller: &Caller, id: ExecutionId) -> Result<()> {
    let history = &caller.stores().history;
    if !close(caller, &id) {
        return Ok(());
    }
    let look = async || {
        let stored = history.fetch(&id).await?;
        Ok((stored.status == ExecutionStatus::Succeeded).then_some(stored))
    };
    caller.settle("execution_finish", || history.succeed(&id), look).await?;
    caller.acknowledged(&json!(["finished", id]));
    Ok(())
}

/// Every acknowledged step is in its place, there are no gaps, and the counters are the sums.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let steps = found.by_first("step");
    let results = found.by_first("result");
    let finished = found.by_first("finished");
    found
        .each("execution", async |fact: &Value| {
            let name = fact[1].as_str().expect("an id");
            let none = Vec::new();
            let of = |facts: &HashMap<String, Vec<Value>>| facts.get(name).unwrap_or(&none).clone();
            verify_one(found, name, &of(&steps), &of(&results), !of(&finished).is_empty()).await
        })
        .await
}

async fn verify_one(
    found: &Findings,
    name: &str,
    steps: &[Value],
    results: &[Value],
    finished: bool,
) -> Result<()> {
    let history = &found.stores.history;
    let id = ExecutionId::new(name)?;
    let stored = history.fetch(&id).await?;
    let mut keys = HashMap::new();
    let mut stream = history.stream_steps(&id);
    let mut count = 0;
    while let Some(step) = stream.try_next().await? {
        found.check(step.index == count, || format!("{name}: step {} at {count}", step.index));
        count += 1;
        keys.insert(step.idempotency_key.unwrap_or_default(), step.index);
    }
    found.check(stored.step_count == count, || format!("{name}: {} steps", stored.step_count));
    found.check(keys.len() as i64 == count, || format!("{name}: a step is there twice"));
    let used = (1..=count).fold(Usage::default(), |sum, _| sum.plus(USAGE));
    found.check(stored.usage == used, || format!("{name}: usage {:?}", stored.usage));
    for fact in steps {
        let key = fact[3].as_str().expect("a key");
        let index = fact[2].as_i64();
        found.check(keys.get(key).copied() == index, || format!("{name}: step {key} is lost"));
    }
    let status = stored.status;
    found.check(!finished || status == ExecutionStatus::Succeeded, || format!("{name}: {status}"));
    verify_results(found, history.as_ref(), &id, results).await
}

async fn verify_results(
    found: &Findings,
    history: &dyn RunHistoryStore,
    id: &ExecutionId,
    results: &[Value],
) -> Result<()> {
    let mut stored = Vec::new();
    let mut request = Some(PageRequest::first(1000));
    while let Some(next) = request.take() {
        let page = history.results(id, None, &next).await?;
        stored.extend(page.items.into_iter().map(|result| result.task_id.to_string()));
        request = page.next.map(|cursor| next.after(cursor));
    }
    for fact in results {
        let task = fact[2].as_str().expect("a task");
        found.check(stored.iter().any(|other| other == task), || format!("{id}: no result {task}"));
    }
    Ok(())
}
