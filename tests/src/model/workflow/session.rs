//! How a store carries out operations, and how its ids are translated.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};
use store_core::workflow::{
    AuditAction, AuditEntry, NewRun, NewVersion, Run, RunFilter, RunnableConfig, Workflow,
    WorkflowRepository, WorkflowVersion,
};
use store_core::{Page, PageRequest, Result};

use super::operation::{Answer, Operation, Outcome};
use super::{actor, run_id, version_id, workflow_id};

/// A store, and how the ids it minted are called.
#[derive(Debug)]
pub struct Session {
    store: Arc<dyn WorkflowRepository>,
    minted: HashMap<String, String>,
    called: HashMap<String, String>,
    counts: [usize; 3],
}

impl Session {
    /// Begins with a store in which nothing has been created.
    pub fn new(store: Arc<dyn WorkflowRepository>) -> Self {
        Self { store, minted: HashMap::new(), called: HashMap::new(), counts: [0; 3] }
    }

    /// Carries out an operation. The clock is moved by the caller.
    ///
    /// # Errors
    /// What the store refused with.
    pub async fn apply(&mut self, operation: &Operation) -> Outcome {
        let (store, actor) = (Arc::clone(&self.store), actor());
        Ok(match operation.clone() {
            Operation::Create(new) => self.workflow(store.create_workflow(&actor, new).await?),
            Operation::Fetch(id) => self.workflow(store.fetch_workflow(self.id(&id)).await?),
            Operation::Resolve(text, all) => {
                self.workflow(store.resolve_workflow(&self.text(&text), all).await?)
            }
            Operation::Update(id, update) => {
                self.workflow(store.update_workflow(&actor, self.id(&id), update).await?)
            }
            Operation::Archive(id) => {
                self.workflow(store.archive_workflow(&actor, self.id(&id)).await?)
            }
            Operation::Unarchive(id) => {
                self.workflow(store.unarchive_workflow(&actor, self.id(&id)).await?)
            }
            Operation::Publish(id, publication) => {
                self.workflow(store.publish_workflow(&actor, self.id(&id), publication).await?)
            }
            Operation::Unpublish(id) => {
                self.workflow(store.unpublish_workflow(&actor, self.id(&id)).await?)
            }
            Operation::Delete(id) => {
                store.delete_workflow(&actor, self.id(&id)).await?;
                Answer::Nothing
            }
            Operation::Advance(_) => Answer::Nothing,
            other => return self.apply_to_parts(other).await,
        })
    }

    /// Carries out what is about versions, runs and listings.
    async fn apply_to_parts(&mut self, operation: Operation) -> Outcome {
        let (store, actor) = (Arc::clone(&self.store), actor());
        Ok(match operation {
            Operation::CreateVersion(id, graph, runnable_config) => {
                let new = NewVersion { runnable_config, ..NewVersion::new(self.id(&id), graph) };
                self.version(Some(store.create_version(&actor, new).await?))
            }
            Operation::Configure(id, config) => {
                let id = self.id(&id);
                self.version(Some(store.update_runnable_config(&actor, id, config).await?))
            }
            Operation::Latest(id) => self.version(store.latest_version(self.id(&id)).await?),
            Operation::CreateRun(new) => {
                let workflow_id = self.id(&new.workflow_id);
                let workflow_version_id = new.workflow_version_id.map(|id| self.id(&id));
                let new = NewRun { workflow_id, workflow_version_id, ..new };
                self.run(store.create_run(&actor, new).await?)
            }
            Operation::Start(id) => self.run(store.start_run(&actor, self.id(&id)).await?),
            Operation::Succeed(id, output) => {
                self.run(store.succeed_run(&actor, self.id(&id), output).await?)
            }
            Operation::Fail(id, error) => {
                let failed = store.fail_run(&actor, self.id(&id), &error).await?;
                let run = self.shown_run(failed.run);
                let retry =
                    failed.retry.map(|retry| (self.call(2, &retry.run_id), retry.scheduled_for));
                Answer::Failed(Box::new(run), retry)
            }
            Operation::Cancel(id, reason) => {
                self.run(store.cancel_run(&actor, self.id(&id), reason.as_deref()).await?)
            }
            Operation::FetchRun(id) => self.run(store.fetch_run(self.id(&id)).await?),
            Operation::Retry(id, Some(policy)) => {
                Answer::Retry(store.configure_retry(&actor, self.id(&id), policy).await?)
            }
            Operation::Retry(id, None) => {
                store.delete_retry(&actor, self.id(&id)).await?;
                Answer::Nothing
            }
            Operation::DeleteRuns(cutoff, statuses, batch) => {
                Answer::Deleted(store.delete_runs_before(cutoff, &statuses, batch).await?)
            }
            listing => self.list(listing).await?,
        })
    }

    async fn list(&mut self, operation: Operation) -> Result<Answer> {
        let store = Arc::clone(&self.store);
        let first = |order, limit| PageRequest::first(limit).ordered(order);
        Ok(match operation {
            Operation::List(filter, order, limit) => {
                let read = async |page: &PageRequest| store.list_workflows(&filter, page).await;
                let all = walk(first(order, limit), read).await?;
                Answer::Workflows(all.into_iter().map(|one| self.shown_workflow(one)).collect())
            }
            Operation::Versions(id, order, limit) => {
                let id = self.id(&id);
                let read = async |page: &PageRequest| store.list_versions(id, page).await;
                let all = walk(first(order, limit), read).await?;
                Answer::Versions(all.into_iter().map(|one| self.shown_version(one)).collect())
            }
            Operation::Runs(filter, order, limit) => {
                let workflow_id = filter.workflow_id.map(|id| self.id(&id));
                let filter = RunFilter { workflow_id, ..filter };
                let read = async |page: &PageRequest| store.list_runs(&filter, page).await;
                let all = walk(first(order, limit), read).await?;
                Answer::Runs(all.into_iter().map(|one| self.shown_run(one)).collect())
            }
            Operation::Audit(id, order, limit) => {
                let id = self.id(&id);
                let read = async |page: &PageRequest| store.list_workflow_audit(id, page).await;
                let all = walk(first(order, limit), read).await?;
                Answer::Audit(all.into_iter().map(|one| self.shown_entry(one)).collect())
            }
            Operation::RunAudit(id, order, limit) => {
                let id = self.id(&id);
                let read = async |page: &PageRequest| store.list_run_audit(id, page).await;
                let all = walk(first(order, limit), read).await?;
                Answer::Audit(all.into_iter().map(|one| self.shown_entry(one)).collect())
            }
            other => unreachable!("no listing: {other:?}"),
        })
    }

    fn workflow(&mut self, workflow: Workflow) -> Answer {
        Answer::Workflow(Box::new(self.shown_workflow(workflow)))
    }

    fn version(&mut self, version: Option<WorkflowVersion>) -> Answer {
        Answer::Version(version.map(|version| Box::new(self.shown_version(version))))
    }

    fn run(&mut self, run: Run) -> Answer {
        Answer::Run(Box::new(self.shown_run(run)))
    }

    fn shown_workflow(&mut self, workflow: Workflow) -> Workflow {
        Workflow { id: self.call(0, &workflow.id), ..workflow }
    }

    fn shown_version(&mut self, version: WorkflowVersion) -> WorkflowVersion {
        assert_eq!(version.checksum.len(), 64, "a checksum is SHA-256 in hex");
        WorkflowVersion {
            id: self.call(1, &version.id),
            workflow_id: self.call(0, &version.workflow_id),
            runnable_config: version.runnable_config.map(without_empty_maps),
            checksum: String::new(),
            ..version
        }
    }

    fn shown_run(&mut self, run: Run) -> Run {
        Run {
            id: self.call(2, &run.id),
            workflow_id: self.call(0, &run.workflow_id),
            workflow_version_id: self.call(1, &run.workflow_version_id),
            retry_of: run.retry_of.map(|id| self.call(2, &id)),
            runnable_config: without_empty_maps(run.runnable_config),
            ..run
        }
    }

    /// An entry with the metadata that its action promises.
    fn shown_entry(&mut self, entry: AuditEntry) -> AuditEntry {
        let metadata = match entry.action {
            AuditAction::WorkflowUpdated
            | AuditAction::VersionCreated
            | AuditAction::VersionConfigured
            | AuditAction::RunRefused
            | AuditAction::RunFailed
            | AuditAction::RunCancelled
            | AuditAction::TriggerConfigured
            | AuditAction::TriggerDeleted => self.shown_json(entry.metadata),
            _ => Value::Null,
        };
        AuditEntry {
            seq: 0,
            workflow_id: self.call(0, &entry.workflow_id),
            run_id: entry.run_id.map(|id| self.call(2, &id)),
            metadata,
            ..entry
        }
    }

    fn shown_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.called.get(&text).cloned().unwrap_or(text).into(),
            Value::Object(map) => {
                let entries = map.into_iter().map(|(key, value)| (key, self.shown_json(value)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            other => other,
        }
    }

    /// What is called `called` by the store; the same, if it is nothing.
    fn text(&self, called: &str) -> String {
        self.minted.get(called).cloned().unwrap_or_else(|| called.to_owned())
    }

    fn id<T: Display + FromStr>(&self, called: &T) -> T {
        parsed(&self.text(&called.to_string()))
    }

    /// How an id is called here; one that is new gets the next number of its kind.
    fn call<T: Display + FromStr>(&mut self, kind: usize, minted: &T) -> T {
        let minted = minted.to_string();
        if !self.called.contains_key(&minted) {
            let number = self.counts[kind];
            self.counts[kind] += 1;
            let called = match kind {
                0 => workflow_id(number).to_string(),
                1 => version_id(number).to_string(),
                _ => run_id(number).to_string(),
            };
            self.minted.insert(called.clone(), minted.clone());
            self.called.insert(minted.clone(), called);
        }
        parsed(&self.called[&minted])
    }
}

fn parsed<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("an id: {text}"))
}

/// Whether a map that was cleared is empty or none is not promised.
pub(super) fn without_empty_maps(config: RunnableConfig) -> RunnableConfig {
    let filled = |map: Option<Map<String, Value>>| map.filter(|map| !map.is_empty());
    RunnableConfig {
        configurable: filled(config.configurable),
        metadata: filled(config.metadata),
        prompts: filled(config.prompts),
        ..config
    }
}

/// Reads a listing page by page.
async fn walk<T>(
    first: PageRequest,
    read: impl AsyncFn(&PageRequest) -> Result<Page<T>>,
) -> Result<Vec<T>> {
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
