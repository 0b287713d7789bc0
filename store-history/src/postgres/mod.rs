//! Run history in PostgreSQL.

mod append;
mod error;
mod executions;
mod migrations;
// parity: SQLite has no partitions.
mod partitions;
mod results;
mod retention;
mod rows;
mod schema;
mod steps;
mod tasks;
mod usage;

pub use migrations::{MIGRATIONS, SCHEMA};
pub use partitions::{PartitionReport, PartitionRequest};

use std::sync::Arc;

use async_trait::async_trait;
use store_core::history::{
    Execution, ExecutionFilter, ExecutionStatus, ExecutionWithSteps, MaintenanceReport,
    MaintenanceRequest, NewExecution, NewStep, NewTaskResult, PruneReport, PruneRequest,
    RunHistoryStore, Step, TaskExecution, TaskResult, TaskResults, UsageGroup, UsageTotal,
};
use store_core::json::JsonPolicy;
use store_core::observe::in_current_operation;
use store_core::postgres::{Coalescer, Database};
use store_core::{
    Clock, Databases, Error, ExecutionId, Failure, Health, Listing, Order, Page, PageRequest,
    Result, SystemClock, observed, observed_read,
};

use self::append::{AppendBatch, AppendRequest};
use crate::rules::{
    Context, Finish, HEALTH_DEADLINE, ReadyExecution, ReadyFilter, ReadyResult, ReadyStep,
    ReadyTask, checked_batch, checked_batch_of_steps, checked_months,
};

/// Run history in PostgreSQL. Clones share the database.
#[derive(Debug, Clone)]
pub struct PostgresRunHistoryStore {
    db: Database,
    context: Context,
    // parity: SQLite's writer groups commits by itself.
    appends: Coalescer<AppendBatch>,
}

impl PostgresRunHistoryStore {
    /// Opens the store in the database of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases) -> Result<Self> {
        let db = databases.postgres().await?;
        if databases.settings().auto_migrate() {
            db.migrate(&SCHEMA).await?;
        } else {
            db.verify(&SCHEMA).await?;
        }
        Ok(Self::new(db, databases.json_policy(), Arc::new(SystemClock)))
    }

    /// Makes a store on a database that is migrated.
    #[must_use]
    pub fn new(db: Database, json: JsonPolicy, clock: Arc<dyn Clock>) -> Self {
        let appends = Coalescer::new(AppendBatch { db: db.clone(), json });
        Self { db, context: Context { json, clock }, appends }
    }

    // parity: SQLite has no partitions.
    /// Partitions the steps by the month in which their execution started, while the store is used.
    ///
    /// The table of steps becomes the first partition as it is: nothing is copied. Before that its
    /// new keys are built beside the old ones, without keeping anybody from writing; then it is locked
    /// for some milliseconds, and whoever appends waits. An interrupted call is repeated: it goes on
    /// where it was. With nothing to do it says so. `dry_run` only returns the statements.
    ///
    /// It goes over the migrator's DSN when there is one. What a role, a view or a trigger of one's
    /// own needs of the table: grants are carried over, views and triggers are refused.
    ///
    /// # Errors
    /// `Invalid` for months outside 1 to 120; `Settings` when the role may not change the table;
    /// `Conflict` when another process is at it; `InvalidState` for a table with views, triggers or
    /// policies of its own; `Timeout` when the table was in use all the time: nothing has changed for
    /// the store then, and it can be repeated.
    pub async fn partition_steps(&self, request: &PartitionRequest) -> Result<PartitionReport> {
        observed!("history", "partition_steps", "postgres", async {
            checked_months(request.months_ahead)?;
            Box::pin(partitions::switch(&self.db, self.context.clock.now(), request)).await
        })
        .await
    }

    async fn finish(
        &self,
        id: &ExecutionId,
        status: ExecutionStatus,
        error: Option<&str>,
    ) -> Result<Execution> {
        let finish = Finish::new(&self.context, id, status, error)?;
        self.db
            .write("execution_finish", || async {
                let mut conn = self.db.conn("execution_finish").await?;
                executions::execution_finish(&mut conn, &finish, &self.context.json).await
            })
            .await
    }

    async fn find_one(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        self.db
            .read("execution_find", || async {
                let mut conn = self.db.conn("execution_find").await?;
                executions::execution_find(&mut conn, id, &self.context.json).await
            })
            .await
    }

    async fn fetch_one(&self, id: &ExecutionId) -> Result<Execution> {
        self.db
            .read("execution_fetch", || async {
                let mut conn = self.db.conn("execution_fetch").await?;
                executions::execution_fetch(&mut conn, id, &self.context.json).await
            })
            .await
    }

    async fn append_one(&self, id: &ExecutionId, step: NewStep) -> Result<Step> {
        let step = ReadyStep::new(&self.context, step)?;
        let bytes = step.payload.text.len();
        let request = AppendRequest { id: id.clone(), step, now: self.context.clock.now() };
        self.appends.submit(id, request, bytes).await
    }

    async fn append_batch(&self, id: &ExecutionId, steps: Vec<NewStep>) -> Result<Vec<Step>> {
        let steps = checked_batch_of_steps(&self.context, steps)?;
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.context.clock.now();
        let this = self.clone();
        let id = id.clone();
        // A task of its own: once accepted, a caller that goes away does not cancel it.
        let append = async move {
            let json = &this.context.json;
            this.db
                .write("step_append_many", || async {
                    let mut conn = this.db.conn("step_append_many").await?;
                    append::step_append_many(&mut conn, &id, &steps, now, json).await
                })
                .await
        };
        let accepted = tokio::spawn(in_current_operation(append));
        accepted.await.unwrap_or_else(|gone| {
            let failure = Failure::Unavailable { outcome_unknown: true };
            Err(Error::backend("step_append_many", failure, gone))
        })
    }

    async fn load_steps(&self, executions: Vec<Execution>) -> Result<Vec<ExecutionWithSteps>> {
        self.db
            .read("step_load_for", || async {
                let mut conn = self.db.conn("step_load_for").await?;
                steps::step_load_for(&mut conn, executions.clone(), &self.context.json).await
            })
            .await
    }

    async fn list_page(
        &self,
        operation: &'static str,
        filter: &ExecutionFilter,
        page: &PageRequest,
        with_steps: bool,
    ) -> Result<Page<Execution>> {
        let listing = Listing::new(operation, filter, page, Order::Desc)?;
        let filter = ReadyFilter::new(&self.context, filter)?;
        let json = &self.context.json;
        self.db
            .read("execution_list", || async {
                let mut conn = self.db.conn("execution_list").await?;
                executions::execution_list(&mut conn, &filter, &listing, with_steps, json).await
            })
            .await
    }

    async fn prune_all(&self, request: &PruneRequest) -> Result<PruneReport> {
        let limit = checked_batch(request)?;
        let retention = request.retention;
        let doomed = self
            .db
            .read("prune_plan", || async {
                let mut conn = self.db.conn("prune_plan").await?;
                retention::prune_plan(&mut conn, retention).await
            })
            .await?;
        if request.dry_run {
            return self
                .db
                .read("prune_count", || async {
                    let mut conn = self.db.conn("prune_count").await?;
                    retention::prune_count(&mut conn, &doomed).await
                })
                .await;
        }
        let partitioned = partitions::detach_doomed(&self.db, &doomed).await?;
        let mut report = PruneReport::default();
        loop {
            let batch = self
                .db
                .write("prune_batch", || async {
                    let mut conn = self.db.conn("prune_batch").await?;
                    retention::prune_batch(&mut conn, &doomed, limit).await
                })
                .await?;
            if batch.executions == 0 {
                break;
            }
            report = report.plus(batch);
        }
        if partitioned {
            report = report.plus(partitions::drop_detached(&self.db).await?);
        }
        Ok(report)
    }

    async fn maintain_all(&self, request: &MaintenanceRequest) -> Result<MaintenanceReport> {
        let months = checked_months(request.months_ahead)?;
        partitions::maintain(&self.db, self.context.clock.now(), months).await
    }
}

#[async_trait]
impl RunHistoryStore for PostgresRunHistoryStore {
    async fn start(&self, new: NewExecution) -> Result<Execution> {
        observed!("history", "start", "postgres", async {
            let ready = ReadyExecution::new(&self.context, new)?;
            self.db
                .write("execution_insert", || async {
                    let mut conn = self.db.conn("execution_insert").await?;
                    executions::execution_insert(&mut conn, &ready).await
                })
                .await
                .map(|()| ready.execution)
        })
        .await
    }

    async fn append_step(&self, id: &ExecutionId, step: NewStep) -> Result<Step> {
        observed!("history", "append_step", "postgres", self.append_one(id, step)).await
    }

    async fn append_steps(&self, id: &ExecutionId, steps: Vec<NewStep>) -> Result<Vec<Step>> {
        observed!("history", "append_steps", "postgres", self.append_batch(id, steps)).await
    }

    async fn succeed(&self, id: &ExecutionId) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Succeeded, None);
        observed!("history", "succeed", "postgres", finish).await
    }

    async fn fail(&self, id: &ExecutionId, error: &str) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Failed, Some(error));
        observed!("history", "fail", "postgres", finish).await
    }

    async fn cancel(&self, id: &ExecutionId, reason: Option<&str>) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Cancelled, reason);
        observed!("history", "cancel", "postgres", finish).await
    }

    async fn fetch(&self, id: &ExecutionId) -> Result<Execution> {
        observed_read!("history", "fetch", "postgres", self.fetch_one(id)).await
    }

    async fn find(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        observed_read!("history", "find", "postgres", self.find_one(id)).await
    }

    async fn fetch_with_steps(&self, id: &ExecutionId) -> Result<ExecutionWithSteps> {
        observed_read!("history", "fetch_with_steps", "postgres", async {
            let execution = self.fetch_one(id).await?;
            let mut loaded = self.load_steps(vec![execution]).await?;
            loaded.pop().ok_or_else(|| Error::not_found("execution", id))
        })
        .await
    }

    async fn steps(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<Step>> {
        observed_read!("history", "steps", "postgres", async {
            let listing = Listing::new("history.steps", id, page, Order::Asc)?;
            self.db
                .read("step_list", || async {
                    let mut conn = self.db.conn("step_list").await?;
                    steps::step_list(&mut conn, id, &listing, &self.context.json).await
                })
                .await
        })
        .await
    }

    async fn list(&self, filter: &ExecutionFilter, page: &PageRequest) -> Result<Page<Execution>> {
        let list = self.list_page("history.list", filter, page, false);
        observed_read!("history", "list", "postgres", list).await
    }

    async fn list_with_steps(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionWithSteps>> {
        observed_read!("history", "list_with_steps", "postgres", async {
            let page = self.list_page("history.list_with_steps", filter, page, true).await?;
            let next = page.next;
            Ok(Page { items: self.load_steps(page.items).await?, next })
        })
        .await
    }

    async fn usage(
        &self,
        filter: &ExecutionFilter,
        group_by: UsageGroup,
    ) -> Result<Vec<UsageTotal>> {
        observed_read!("history", "usage", "postgres", async {
            let filter = ReadyFilter::new(&self.context, filter)?;
            self.db
                .read("usage_total", || async {
                    let mut conn = self.db.conn("usage_total").await?;
                    usage::usage_total(&mut conn, &filter, group_by).await
                })
                .await
        })
        .await
    }

    async fn delete(&self, id: &ExecutionId) -> Result<()> {
        observed!("history", "delete", "postgres", async {
            self.db
                .write("execution_delete", || async {
                    let mut conn = self.db.conn("execution_delete").await?;
                    executions::execution_delete(&mut conn, id).await
                })
                .await
        })
        .await
    }

    async fn prune(&self, request: &PruneRequest) -> Result<PruneReport> {
        observed!("history", "prune", "postgres", Box::pin(self.prune_all(request))).await
    }

    async fn maintain(&self, request: &MaintenanceRequest) -> Result<MaintenanceReport> {
        observed!("history", "maintain", "postgres", Box::pin(self.maintain_all(request))).await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}

#[async_trait]
impl TaskResults for PostgresRunHistoryStore {
    async fn record_task(&self, task: TaskExecution) -> Result<()> {
        observed!("history", "record_task", "postgres", async {
            let ready = ReadyTask::new(&self.context, task)?;
            self.db
                .write("task_record", || async {
                    let mut conn = self.db.conn("task_record").await?;
                    tasks::task_record(&mut conn, &ready, &self.context.json).await
                })
                .await
        })
        .await
    }

    async fn tasks(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<TaskExecution>> {
        observed_read!("history", "tasks", "postgres", async {
            let listing = Listing::new("history.tasks", id, page, Order::Asc)?;
            self.db
                .read("task_list", || async {
                    let mut conn = self.db.conn("task_list").await?;
                    tasks::task_list(&mut conn, id, &listing, &self.context.json).await
                })
                .await
        })
        .await
    }

    async fn put_result(&self, result: NewTaskResult) -> Result<TaskResult> {
        observed!("history", "put_result", "postgres", async {
            let ready = ReadyResult::new(&self.context, result)?;
            self.db
                .write("result_put", || async {
                    let mut conn = self.db.conn("result_put").await?;
                    results::result_put(&mut conn, &ready).await
                })
                .await
                .map(|()| ready.into_record())
        })
        .await
    }

    async fn results(
        &self,
        id: &ExecutionId,
        key: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<TaskResult>> {
        observed_read!("history", "results", "postgres", async {
            let listing = Listing::new("history.results", &(id, key), page, Order::Asc)?;
            self.db
                .read("result_list", || async {
                    let mut conn = self.db.conn("result_list").await?;
                    results::result_list(&mut conn, id, key, &listing, &self.context.json).await
                })
                .await
        })
        .await
    }
}
