//! The operations that are compared, and how a store carries them out.

use std::time::Duration;

use store_core::history::{
    Execution, ExecutionFilter, NewExecution, NewStep, NewTaskResult, PruneReport, PruneRequest,
    RunHistoryStore, Step, TaskExecution, TaskResult, UsageGroup, UsageTotal,
};
use store_core::{Error, ExecutionId, Order, Page, PageRequest};

/// One operation on run history.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is called as the method it stands for")]
pub enum Operation {
    Start(NewExecution),
    AppendStep(ExecutionId, NewStep),
    AppendSteps(ExecutionId, Vec<NewStep>),
    Succeed(ExecutionId),
    Fail(ExecutionId, String),
    Cancel(ExecutionId, Option<String>),
    Fetch(ExecutionId),
    FetchWithSteps(ExecutionId),
    List(ExecutionFilter, Order, u32),
    Usage(ExecutionFilter, UsageGroup),
    Steps(ExecutionId, Order, u32),
    RecordTask(TaskExecution),
    Tasks(ExecutionId, Order, u32),
    PutResult(NewTaskResult),
    Results(ExecutionId, Option<String>, u32),
    Delete(ExecutionId),
    Prune(PruneRequest),
    /// Moves the clock, in all that are compared.
    Advance(Duration),
}

/// What an operation answered; listings are walked to their end.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is called as what it holds")]
pub enum Answer {
    Nothing,
    Execution(Box<Execution>),
    Executions(Vec<Execution>),
    WithSteps(Box<Execution>, Vec<Step>),
    Steps(Vec<Step>),
    Tasks(Vec<TaskExecution>),
    Result(TaskResult),
    Results(Vec<TaskResult>),
    Totals(Vec<UsageTotal>),
    Pruned(PruneReport),
}

/// An error without its wording: what kind it is, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called as the error it stands for")]
pub enum Refusal {
    NotFound(&'static str, String),
    Conflict(&'static str, String),
    Invalid(String),
    InvalidState {
        entity: &'static str,
        id: String,
        from: String,
    },
    /// An error that no operation on sound data may answer with.
    Unexpected(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { entity, id } => Self::NotFound(entity, id),
            Error::Conflict { entity, id, .. } => Self::Conflict(entity, id),
            Error::Invalid { field, .. } => Self::Invalid(field),
            Error::InvalidState { entity, id, from, .. } => Self::InvalidState { entity, id, from },
            other => Self::Unexpected(other.to_string()),
        }
    }
}

/// Carries out an operation on a store. The clock is moved by the caller.
///
/// # Errors
/// What the store refused with.
pub async fn apply(store: &dyn RunHistoryStore, operation: &Operation) -> Result<Answer, Refusal> {
    let boxed = |execution| Answer::Execution(Box::new(execution));
    Ok(match operation.clone() {
        Operation::Start(new) => boxed(store.start(new).await?),
        Operation::AppendStep(id, step) => Answer::Steps(vec![store.append_step(&id, step).await?]),
        Operation::AppendSteps(id, steps) => Answer::Steps(store.append_steps(&id, steps).await?),
        Operation::Succeed(id) => boxed(store.succeed(&id).await?),
        Operation::Fail(id, error) => boxed(store.fail(&id, &error).await?),
        Operation::Cancel(id, reason) => boxed(store.cancel(&id, reason.as_deref()).await?),
        Operation::Fetch(id) => boxed(store.fetch(&id).await?),
        Operation::FetchWithSteps(id) => {
            let read = store.fetch_with_steps(&id).await?;
            Answer::WithSteps(Box::new(read.execution), read.steps)
        }
        Operation::RecordTask(task) => {
            store.record_task(task).await?;
            Answer::Nothing
        }
        Operation::PutResult(result) => Answer::Result(store.put_result(result).await?),
        Operation::Delete(id) => {
            store.delete(&id).await?;
            Answer::Nothing
        }
        Operation::Prune(request) => Answer::Pruned(store.prune(&request).await?),
        Operation::Usage(filter, group) => Answer::Totals(store.usage(&filter, group).await?),
        Operation::Advance(_) => Answer::Nothing,
        listing => list(store, &listing).await?,
    })
}

async fn list(store: &dyn RunHistoryStore, operation: &Operation) -> Result<Answer, Refusal> {
    let first = |order: &Order, limit: &u32| PageRequest::first(*limit).ordered(*order);
    Ok(match operation {
        Operation::List(filter, order, limit) => Answer::Executions(
            walk(first(order, limit), async |page| store.list(filter, page).await).await?,
        ),
        Operation::Steps(id, order, limit) => Answer::Steps(
            walk(first(order, limit), async |page| store.steps(id, page).await).await?,
        ),
        Operation::Tasks(id, order, limit) => Answer::Tasks(
            walk(first(order, limit), async |page| store.tasks(id, page).await).await?,
        ),
        Operation::Results(id, key, limit) => Answer::Results(
            walk(PageRequest::first(*limit), async |page| {
                store.results(id, key.as_deref(), page).await
            })
            .await?,
        ),
        other => unreachable!("no listing: {other:?}"),
    })
}

/// Reads a listing page by page.
async fn walk<T>(
    first: PageRequest,
    read: impl AsyncFn(&PageRequest) -> store_core::Result<Page<T>>,
) -> Result<Vec<T>, Refusal> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = read(&next).await?;
        assert!(page.items.len() <= next.limit as usize, "a page keeps to its limit");
        assert!(!page.items.is_empty() || page.next.is_none(), "no cursor follows an empty page");
        all.extend(page.items);
        request = page.next.map(|cursor| next.after(cursor));
    }
    Ok(all)
}
