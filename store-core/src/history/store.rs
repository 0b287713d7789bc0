use std::fmt;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::{
    Execution, ExecutionFilter, ExecutionWithSteps, MaintenanceReport, MaintenanceRequest,
    NewExecution, NewStep, NewTaskResult, PruneReport, PruneRequest, Step, TaskExecution,
    TaskResult, UsageGroup, UsageTotal,
};
use crate::{ExecutionId, Health, Page, PageRequest, Result};

/// The history of executions: what each one was given, did, used and came to.
///
/// Every method that takes JSON applies the [`JsonPolicy`](crate::json::JsonPolicy), and every
/// check of input comes before a connection is taken: `Invalid` changes nothing. Any method can
/// fail with `Backend`, and with `Corrupt` when a stored row cannot be read.
#[async_trait]
pub trait RunHistoryStore: TaskResults + fmt::Debug {
    /// Starts an execution and returns it.
    ///
    /// What `new` leaves out of tags, callbacks, metadata and name is taken from its
    /// `runnable_config`; `trace_started_at` and `trace_last_span_at` begin at `started_at`.
    ///
    /// # Errors
    /// `Conflict` when the id is taken (the stored execution is unchanged); `Invalid`.
    async fn start(&self, new: NewExecution) -> Result<Execution>;

    /// Appends a step and returns it with its index.
    ///
    /// Indices start at 0 and have no gaps; concurrent appends to one execution are serialised, in
    /// any number of processes. The step's usage is added to the execution's, and
    /// `trace_last_span_at` moves forward to the step's instant, never back. A step whose
    /// `idempotency_key` is already there is not appended again: the stored one is returned, on a
    /// finished execution too. Once accepted, the append is carried out even if the caller goes
    /// away. One round trip on PostgreSQL; concurrent calls share statements and commits.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when the execution is finished; `Invalid`.
    async fn append_step(&self, id: &ExecutionId, step: NewStep) -> Result<Step>;

    /// Appends up to 1000 steps, all or none, and returns them in the order given.
    ///
    /// Like [`append_step`](Self::append_step) for each; no other append comes between them. An
    /// empty batch changes nothing and returns nothing.
    ///
    /// # Errors
    /// Those of `append_step`; `Invalid` for more than 1000 steps, more than 64 MiB of payload, or
    /// an `idempotency_key` that occurs twice in the batch.
    async fn append_steps(&self, id: &ExecutionId, steps: Vec<NewStep>) -> Result<Vec<Step>>;

    /// Finishes a running execution as succeeded and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is finished already.
    async fn succeed(&self, id: &ExecutionId) -> Result<Execution>;

    /// Finishes a running execution as failed and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is finished already; `Invalid` for an error text with
    /// NUL or of more than 1 MiB.
    async fn fail(&self, id: &ExecutionId, error: &str) -> Result<Execution>;

    /// Finishes a running execution as cancelled and returns it; the reason is kept as its error.
    ///
    /// # Errors
    /// Those of [`fail`](Self::fail).
    async fn cancel(&self, id: &ExecutionId, reason: Option<&str>) -> Result<Execution>;

    /// Returns an execution without its steps.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch(&self, id: &ExecutionId) -> Result<Execution>;

    /// Returns an execution without its steps, or nothing.
    async fn find(&self, id: &ExecutionId) -> Result<Option<Execution>>;

    /// Returns an execution with all of its steps: two queries. Steps that are appended meanwhile
    /// are not among them. For long executions, [`stream_steps`](Self::stream_steps).
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_with_steps(&self, id: &ExecutionId) -> Result<ExecutionWithSteps>;

    /// Lists the steps of an execution by index, oldest first unless asked otherwise: one query.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn steps(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<Step>>;

    /// Streams the steps of an execution by index.
    ///
    /// It reads page by page and holds no connection between pages and no more than one page in
    /// memory. Steps that are appended while it runs are included; it ends at the last one.
    fn stream_steps(&self, id: &ExecutionId) -> BoxStream<'_, Result<Step>> {
        let id = id.clone();
        let first = Some(PageRequest::first(256));
        stream::try_unfold(first, move |request| {
            let id = id.clone();
            async move {
                let Some(request) = request else { return Ok(None) };
                let page = self.steps(&id, &request).await?;
                let next = page.next.map(|cursor| request.after(cursor));
                let steps = stream::iter(page.items.into_iter().map(Ok));
                Ok::<_, crate::Error>(Some((steps, next)))
            }
        })
        .try_flatten()
        .boxed()
    }

    /// Lists executions without steps, newest start first unless asked otherwise; executions of
    /// one instant are ordered by id: one query, which reads no payload of a step.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000, a cursor of another listing, or a metadata filter
    /// that is not an object.
    async fn list(&self, filter: &ExecutionFilter, page: &PageRequest) -> Result<Page<Execution>>;

    /// Lists executions with all of their steps: two queries for the page, whatever its size. An
    /// execution that is deleted between the two is left out.
    ///
    /// # Errors
    /// Those of [`list`](Self::list); the cursors of the two are not interchangeable.
    async fn list_with_steps(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionWithSteps>>;

    /// Sums the usage of executions, in one query, ordered by key.
    ///
    /// # Errors
    /// `Invalid` for a metadata filter that is not an object.
    async fn usage(
        &self,
        filter: &ExecutionFilter,
        group_by: UsageGroup,
    ) -> Result<Vec<UsageTotal>>;

    /// Deletes an execution, running or not, with its steps, tasks and results.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete(&self, id: &ExecutionId) -> Result<()>;

    /// Deletes finished executions by age or number, oldest first, and says how much that was.
    ///
    /// Each batch is a transaction of its own, so that an interrupted run keeps what it did; an
    /// execution goes as a whole. Several processes may prune at once. A dry run changes nothing
    /// and reports what the run would. On SQLite the space is given back to the file system. Where
    /// steps are partitioned, a month of which nothing is kept is dropped before its executions are
    /// deleted: meanwhile one of them may be found whose steps are `NotFound`.
    ///
    /// # Errors
    /// `Invalid` for a batch outside 1 to 1000.
    async fn prune(&self, request: &PruneRequest) -> Result<PruneReport>;

    /// Does what keeps the database fast and says what that was: to be called once a day or so, by
    /// any number of processes.
    ///
    /// On SQLite unused space is given back to the file system and the statistics of the planner are
    /// refreshed. On PostgreSQL, where steps are partitioned, the partitions of this month and the
    /// next ones are made, and steps without a partition of their own are moved into one; everything
    /// else is left to autovacuum. Answers of the store do not change.
    ///
    /// # Errors
    /// `Invalid` for months outside 1 to 120; `Settings` when partitions are needed and the role may
    /// not make them.
    async fn maintain(&self, request: &MaintenanceRequest) -> Result<MaintenanceReport>;

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}

/// What the tasks of executions did and left behind.
#[async_trait]
pub trait TaskResults: Send + Sync {
    /// Records an attempt at a task, new or again: one row per `(execution_id, task_id, attempt)`.
    ///
    /// While the stored attempt is running, recording it again replaces it; once it is finished,
    /// recording the same again changes nothing and succeeds. The execution may be finished.
    ///
    /// # Errors
    /// `NotFound` for an unknown execution; `InvalidState` when the attempt is finished and the
    /// record differs; `Invalid`, also for a finished attempt without `completed_at` and a running
    /// one with it.
    async fn record_task(&self, task: TaskExecution) -> Result<()>;

    /// Lists the attempts at tasks of an execution by task id and attempt, ascending unless asked
    /// otherwise. An unknown execution has none.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn tasks(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<TaskExecution>>;

    /// Puts a value under `(execution_id, task_id, key)`, replacing what was there.
    ///
    /// Keys of different tasks never collide.
    ///
    /// # Errors
    /// `NotFound` for an unknown execution; `Invalid`.
    async fn put_result(&self, result: NewTaskResult) -> Result<TaskResult>;

    /// Lists the results of an execution by task id and key, of one key when given, ascending
    /// unless asked otherwise. An unknown execution has none.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn results(
        &self,
        id: &ExecutionId,
        key: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<TaskResult>>;
}
