//! Run history in a SQLite file.

mod append;
mod error;
mod executions;
mod migrations;
mod results;
mod retention;
mod rows;
mod schema;
mod steps;
mod tasks;
mod usage;

pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use async_trait::async_trait;
use store_core::history::{
    Execution, ExecutionFilter, ExecutionStatus, ExecutionWithSteps, MaintenanceReport,
    MaintenanceRequest, NewExecution, NewStep, NewTaskResult, PruneReport, PruneRequest,
    RunHistoryStore, Step, TaskExecution, TaskResult, TaskResults, UsageGroup, UsageTotal,
};
use store_core::json::JsonPolicy;
use store_core::sqlite::Database;
use store_core::{
    Clock, Databases, Error, ExecutionId, Health, Listing, Order, Page, PageRequest, Result,
    Subsystem, SystemClock, observed, observed_read,
};

use crate::rules::{
    Context, Finish, HEALTH_DEADLINE, ReadyExecution, ReadyFilter, ReadyResult, ReadyStep,
    ReadyTask, checked_batch, checked_batch_of_steps, checked_months,
};

// parity: belongs to give_back_space.
/// How many unused pages are given back to the file system at a time.
const VACUUM_PAGES: u32 = 1000;

/// Run history in a SQLite file. Clones share the database.
#[derive(Debug, Clone)]
pub struct SqliteRunHistoryStore {
    db: Database,
    context: Context,
}

impl SqliteRunHistoryStore {
    /// Opens the store in the file of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases) -> Result<Self> {
        let db = databases.sqlite(Subsystem::History).await?;
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
        Self { db, context: Context { json, clock } }
    }

    async fn finish(
        &self,
        id: &ExecutionId,
        status: ExecutionStatus,
        error: Option<&str>,
    ) -> Result<Execution> {
        let finish = Finish::new(&self.context, id, status, error)?;
        let json = self.context.json;
        self.db
            .write("execution_finish", move |conn| {
                executions::execution_finish(conn, &finish, &json)
            })
            .await
    }

    async fn find_one(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        let (id, json) = (id.clone(), self.context.json);
        self.db
            .read("execution_find", move |conn| executions::execution_find(conn, &id, &json))
            .await
    }

    async fn fetch_one(&self, id: &ExecutionId) -> Result<Execution> {
        let (id, json) = (id.clone(), self.context.json);
        self.db
            .read("execution_fetch", move |conn| executions::execution_fetch(conn, &id, &json))
            .await
    }

    async fn append_one(&self, id: &ExecutionId, step: NewStep) -> Result<Step> {
        let step = ReadyStep::new(&self.context, step)?;
        let (id, now, json) = (id.clone(), self.context.clock.now(), self.context.json);
        self.db
            .write("step_append", move |conn| append::step_append(conn, &id, &step, now, &json))
            .await
    }

    async fn append_batch(&self, id: &ExecutionId, steps: Vec<NewStep>) -> Result<Vec<Step>> {
        let steps = checked_batch_of_steps(&self.context, steps)?;
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let (id, now, json) = (id.clone(), self.context.clock.now(), self.context.json);
        self.db
            .write("step_append_many", move |conn| {
                append::step_append_many(conn, &id, &steps, now, &json)
            })
            .await
    }

    async fn load_steps(&self, executions: Vec<Execution>) -> Result<Vec<ExecutionWithSteps>> {
        let json = self.context.json;
        self.db
            .read("step_load_for", move |conn| steps::step_load_for(conn, executions, &json))
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
        let json = self.context.json;
        self.db
            .read("execution_list", move |conn| {
                executions::execution_list(conn, &filter, &listing, with_steps, &json)
            })
            .await
    }

    async fn prune_all(&self, request: &PruneRequest) -> Result<PruneReport> {
        let limit = checked_batch(request)?;
        let retention = request.retention;
        let doomed =
            self.db.read("prune_plan", move |conn| retention::prune_plan(conn, retention)).await?;
        if request.dry_run {
            return self
                .db
                .read("prune_count", move |conn| retention::prune_count(conn, &doomed))
                .await;
        }
        let mut report = PruneReport::default();
        loop {
            let doomed = doomed.clone();
            let batch = self
                .db
                .write("prune_batch", move |conn| retention::prune_batch(conn, &doomed, limit))
                .await?;
            if batch.executions == 0 {
                break;
            }
            report = report.plus(batch);
        }
        if report.executions > 0 {
            self.give_back_space().await?;
        }
        Ok(report)
    }

    async fn maintain_all(&self, request: &MaintenanceRequest) -> Result<MaintenanceReport> {
        checked_months(request.months_ahead)?;
        self.give_back_space().await?;
        self.db.optimize().await?;
        Ok(MaintenanceReport::default())
    }

    // parity: PostgreSQL's autovacuum does this by itself.
    /// Gives unused pages back to the file system, a bounded number at a time.
    async fn give_back_space(&self) -> Result<()> {
        let mut before = i64::MAX;
        loop {
            let left = self.db.vacuum_step(VACUUM_PAGES).await?;
            // A file that others made without incremental vacuum keeps its pages.
            if left == 0 || left >= before {
                return self.db.checkpoint().await.map(drop);
            }
            before = left;
        }
    }
}

#[async_trait]
impl RunHistoryStore for SqliteRunHistoryStore {
    async fn start(&self, new: NewExecution) -> Result<Execution> {
        observed!("history", "start", "sqlite", async {
            let ready = ReadyExecution::new(&self.context, new)?;
            self.db
                .write("execution_insert", move |conn| {
                    executions::execution_insert(conn, &ready).map(|()| ready.execution)
                })
                .await
        })
        .await
    }

    async fn append_step(&self, id: &ExecutionId, step: NewStep) -> Result<Step> {
        observed!("history", "append_step", "sqlite", self.append_one(id, step)).await
    }

    async fn append_steps(&self, id: &ExecutionId, steps: Vec<NewStep>) -> Result<Vec<Step>> {
        observed!("history", "append_steps", "sqlite", self.append_batch(id, steps)).await
    }

    async fn succeed(&self, id: &ExecutionId) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Succeeded, None);
        observed!("history", "succeed", "sqlite", finish).await
    }

    async fn fail(&self, id: &ExecutionId, error: &str) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Failed, Some(error));
        observed!("history", "fail", "sqlite", finish).await
    }

    async fn cancel(&self, id: &ExecutionId, reason: Option<&str>) -> Result<Execution> {
        let finish = self.finish(id, ExecutionStatus::Cancelled, reason);
        observed!("history", "cancel", "sqlite", finish).await
    }

    async fn fetch(&self, id: &ExecutionId) -> Result<Execution> {
        observed_read!("history", "fetch", "sqlite", self.fetch_one(id)).await
    }

    async fn find(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        observed_read!("history", "find", "sqlite", self.find_one(id)).await
    }

    async fn fetch_with_steps(&self, id: &ExecutionId) -> Result<ExecutionWithSteps> {
        observed_read!("history", "fetch_with_steps", "sqlite", async {
            let execution = self.fetch_one(id).await?;
            let mut loaded = self.load_steps(vec![execution]).await?;
            loaded.pop().ok_or_else(|| Error::not_found("execution", id))
        })
        .await
    }

    async fn steps(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<Step>> {
        observed_read!("history", "steps", "sqlite", async {
            let listing = Listing::new("history.steps", id, page, Order::Asc)?;
            let (id, json) = (id.clone(), self.context.json);
            self.db
                .read("step_list", move |conn| steps::step_list(conn, &id, &listing, &json))
                .await
        })
        .await
    }

    async fn list(&self, filter: &ExecutionFilter, page: &PageRequest) -> Result<Page<Execution>> {
        let list = self.list_page("history.list", filter, page, false);
        observed_read!("history", "list", "sqlite", list).await
    }

    async fn list_with_steps(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionWithSteps>> {
        observed_read!("history", "list_with_steps", "sqlite", async {
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
        observed_read!("history", "usage", "sqlite", async {
            let filter = ReadyFilter::new(&self.context, filter)?;
            self.db
                .read("usage_total", move |conn| usage::usage_total(conn, &filter, group_by))
                .await
        })
        .await
    }

    async fn delete(&self, id: &ExecutionId) -> Result<()> {
        observed!("history", "delete", "sqlite", async {
            let id = id.clone();
            self.db
                .write("execution_delete", move |conn| executions::execution_delete(conn, &id))
                .await
        })
        .await
    }

    async fn prune(&self, request: &PruneRequest) -> Result<PruneReport> {
        observed!("history", "prune", "sqlite", self.prune_all(request)).await
    }

    async fn maintain(&self, request: &MaintenanceRequest) -> Result<MaintenanceReport> {
        observed!("history", "maintain", "sqlite", self.maintain_all(request)).await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}

#[async_trait]
impl TaskResults for SqliteRunHistoryStore {
    async fn record_task(&self, task: TaskExecution) -> Result<()> {
        observed!("history", "record_task", "sqlite", async {
            let ready = ReadyTask::new(&self.context, task)?;
            let json = self.context.json;
            self.db.write("task_record", move |conn| tasks::task_record(conn, &ready, &json)).await
        })
        .await
    }

    async fn tasks(&self, id: &ExecutionId, page: &PageRequest) -> Result<Page<TaskExecution>> {
        observed_read!("history", "tasks", "sqlite", async {
            let listing = Listing::new("history.tasks", id, page, Order::Asc)?;
            let (id, json) = (id.clone(), self.context.json);
            self.db
                .read("task_list", move |conn| tasks::task_list(conn, &id, &listing, &json))
                .await
        })
        .await
    }

    async fn put_result(&self, result: NewTaskResult) -> Result<TaskResult> {
        observed!("history", "put_result", "sqlite", async {
            let ready = ReadyResult::new(&self.context, result)?;
            self.db
                .write("result_put", move |conn| {
                    results::result_put(conn, &ready).map(|()| ready.into_record())
                })
                .await
        })
        .await
    }

    async fn results(
        &self,
        id: &ExecutionId,
        key: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<TaskResult>> {
        observed_read!("history", "results", "sqlite", async {
            let listing = Listing::new("history.results", &(id, key), page, Order::Asc)?;
            let (id, key, json) = (id.clone(), key.map(str::to_owned), self.context.json);
            self.db
                .read("result_list", move |conn| {
                    results::result_list(conn, &id, key.as_deref(), &listing, &json)
                })
                .await
        })
        .await
    }
}
