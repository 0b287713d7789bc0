use async_trait::async_trait;
use serde_json::Value;
use store_core::workflow::{AuditEntry, FailedRun, NewRun, Run, RunFilter, RunStatus, Runs};
use store_core::{
    Actor, Listing, Order, Page, PageRequest, Result, RunId, Timestamp, observed, observed_read,
};

use crate::postgres::{PostgresWorkflowRepository, audit, runs, transitions};
use crate::rules::run::{RUN_QUEUE, ReadyRun, ReadyRunFilter, Transition, checked_deletion};

impl PostgresWorkflowRepository {
    async fn transition(&self, transition: Transition) -> Result<Run> {
        let (id, bytes) = (transition.id, usize::try_from(transition.bytes()).unwrap_or(0));
        self.transitions.submit(&id, transition, bytes).await
    }

    /// Tells those who wait for work of runs that can begin.
    pub(super) fn ring_for_runs(&self, runs: &[Run]) {
        let now = self.context.clock.now();
        let begins = |run: &Run| run.scheduled_for.is_none_or(|at| at <= now);
        if runs.iter().any(begins) {
            self.bells.ring(RUN_QUEUE);
        }
    }
}

#[async_trait]
impl Runs for PostgresWorkflowRepository {
    async fn create_run(&self, actor: &Actor, new: NewRun) -> Result<Run> {
        observed!("workflow", "create_run", "postgres", async {
            let ready = ReadyRun::new(&self.context, actor, new)?;
            let (id, bytes) = (ready.workflow_id, ready.input.text.len());
            let run = self.creations.submit(&id, ready, bytes).await?;
            self.ring_for_runs(std::slice::from_ref(&run));
            Ok(run)
        })
        .await
    }

    async fn start_run(&self, actor: &Actor, id: RunId) -> Result<Run> {
        observed!("workflow", "start_run", "postgres", async {
            self.transition(Transition::start(&self.context, actor, id)?).await
        })
        .await
    }

    async fn succeed_run(&self, actor: &Actor, id: RunId, output: Option<Value>) -> Result<Run> {
        observed!("workflow", "succeed_run", "postgres", async {
            self.transition(Transition::succeed(&self.context, actor, id, output)?).await
        })
        .await
    }

    async fn fail_run(&self, actor: &Actor, id: RunId, error: &str) -> Result<FailedRun> {
        observed!("workflow", "fail_run", "postgres", async {
            let transition = Transition::fail(&self.context, actor, id, error)?;
            writing!(self, "run_fail", |conn, cx| transitions::run_fail(conn, cx, &transition))
        })
        .await
    }

    async fn cancel_run(&self, actor: &Actor, id: RunId, reason: Option<&str>) -> Result<Run> {
        observed!("workflow", "cancel_run", "postgres", async {
            self.transition(Transition::cancel(&self.context, actor, id, reason)?).await
        })
        .await
    }

    async fn fetch_run(&self, id: RunId) -> Result<Run> {
        observed_read!("workflow", "fetch_run", "postgres", async {
            reading!(self, "run_fetch", |conn, cx| runs::run_fetch(conn, cx, id))
        })
        .await
    }

    async fn find_run(&self, id: RunId) -> Result<Option<Run>> {
        observed_read!("workflow", "find_run", "postgres", async {
            reading!(self, "run_find", |conn, cx| runs::run_find(conn, cx, id))
        })
        .await
    }

    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>> {
        observed_read!("workflow", "list_runs", "postgres", async {
            let listing = Listing::new("workflow.runs", filter, page, Order::Desc)?;
            let filter = ReadyRunFilter::new(&self.context, filter)?;
            reading!(self, "run_list", |conn, cx| runs::run_list(conn, cx, &filter, &listing))
        })
        .await
    }

    async fn list_run_audit(&self, id: RunId, page: &PageRequest) -> Result<Page<AuditEntry>> {
        observed_read!("workflow", "list_run_audit", "postgres", async {
            let listing = Listing::new("workflow.run_audit", &id, page, Order::Asc)?;
            reading!(self, "run_audit_list", |conn, cx| {
                audit::run_audit_list(conn, cx, id, &listing)
            })
        })
        .await
    }

    async fn delete_runs_before(
        &self,
        cutoff: Timestamp,
        statuses: &[RunStatus],
        batch: u32,
    ) -> Result<u64> {
        observed!("workflow", "delete_runs_before", "postgres", async {
            let (statuses, limit) = checked_deletion(statuses, batch)?;
            writing!(self, "run_delete_before", |conn, _cx| {
                runs::run_delete_before(conn, cutoff, &statuses, limit)
            })
        })
        .await
    }
}
