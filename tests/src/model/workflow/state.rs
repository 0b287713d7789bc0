//! The model: maps, and the rules of the traits' documentation. Workflows and versions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store_core::workflow::{
    AuditAction, AuditEntry, ChatSettings, NewWorkflow, Patch, Publication, RetryPolicy, Run,
    RunnableConfig, Workflow, WorkflowUpdate, WorkflowVersion,
};
use store_core::{Order, RunId, Timestamp, WorkflowId, WorkflowVersionId};

use super::operation::{Answer, Operation, Outcome, Refusal};
use super::rules::{
    changes, check_config, hidden, kept_handle, kept_name, kept_tags, kept_text, matches, slug,
};
use super::session::without_empty_maps;
use super::{actor, version_id, workflow_id};

/// Workflows and runs in memory.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub(super) workflows: BTreeMap<WorkflowId, Workflow>,
    pub(super) versions: BTreeMap<WorkflowVersionId, WorkflowVersion>,
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) retries: BTreeMap<WorkflowId, RetryPolicy>,
    audit: Vec<AuditEntry>,
    /// How many workflows, versions and runs were created, those that are gone included.
    pub(super) created: [usize; 3],
}

impl Model {
    /// Carries out an operation at an instant.
    ///
    /// # Errors
    /// What a store should refuse with.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        match operation.clone() {
            Operation::Create(new) => self.create(new, now),
            Operation::Fetch(id) => Ok(answer(self.workflow(id)?)),
            Operation::Resolve(text, all) => self.resolve(&text, all),
            Operation::List(filter, order, _) => {
                let wanted = |one: &&Workflow| matches(one, &filter);
                let found = self.workflows.values().filter(wanted).cloned().collect();
                Ok(Answer::Workflows(ordered(found, order)))
            }
            Operation::Update(id, update) => self.update(id, update, now),
            Operation::Archive(id) => self.archive(id, now),
            Operation::Unarchive(id) => self.unarchive(id, now),
            Operation::Publish(id, publication) => self.publish(id, publication, now),
            Operation::Unpublish(id) => self.unpublish(id, now),
            Operation::Delete(id) => self.delete(id, now),
            Operation::Audit(id, order, _) => {
                let of = |entry: &&AuditEntry| entry.workflow_id == id && entry.run_id.is_none();
                Ok(Answer::Audit(ordered(self.audit.iter().filter(of).cloned().collect(), order)))
            }
            Operation::RunAudit(id, order, _) => {
                let of = |entry: &&AuditEntry| entry.run_id == Some(id);
                Ok(Answer::Audit(ordered(self.audit.iter().filter(of).cloned().collect(), order)))
            }
            Operation::CreateVersion(id, graph, config) => {
                self.create_version(id, graph, config, now)
            }
            Operation::Configure(id, config) => self.configure(id, config, now),
            Operation::Latest(id) => {
                let latest = self.versions_of(id).pop();
                Ok(Answer::Version(latest.map(Box::new)))
            }
            Operation::Versions(id, order, _) => {
                Ok(Answer::Versions(ordered(self.versions_of(id), order)))
            }
            Operation::Advance(_) => Ok(Answer::Nothing),
            of_runs => self.apply_to_runs(of_runs, now),
        }
    }

    /// Writes down what was done.
    pub(super) fn note(
        &mut self,
        (workflow_id, run_id): (WorkflowId, Option<RunId>),
        action: AuditAction,
        metadata: Value,
        at: Timestamp,
    ) {
        let (seq, actor) = (0, actor());
        self.audit.push(AuditEntry { seq, workflow_id, run_id, actor, action, at, metadata });
    }

    /// Forgets the audit of a run.
    pub(super) fn forget(&mut self, run: RunId) {
        self.audit.retain(|entry| entry.run_id != Some(run));
    }

    pub(super) fn workflow(&self, id: WorkflowId) -> Result<&Workflow, Refusal> {
        self.workflows.get(&id).ok_or(Refusal::NotFound)
    }

    /// The versions of a workflow, oldest first.
    pub(super) fn versions_of(&self, id: WorkflowId) -> Vec<WorkflowVersion> {
        self.versions.values().filter(|one| one.workflow_id == id).cloned().collect()
    }

    fn create(&mut self, new: NewWorkflow, now: Timestamp) -> Outcome {
        let name = kept_name(&new.name)?;
        let handle = new.handle.as_deref().map(kept_handle).transpose()?;
        if handle.as_ref().is_some_and(|handle| self.holders(handle, None).next().is_some()) {
            return Err(Refusal::Conflict);
        }
        let id = workflow_id(self.created[0]);
        self.created[0] += 1;
        let workflow = Workflow {
            id,
            slug: slug(new.slug.as_deref().unwrap_or(&new.name)),
            name,
            handle,
            description: new.description.and_then(|text| kept_text(&text)),
            tags: kept_tags(&new.tags),
            is_archived: false,
            draft_access: new.draft_access,
            is_public: false,
            published_at: None,
            published_by: None,
            require_login: false,
            share_url: None,
            chatkit: new.chatkit.filter(|chat| *chat != ChatSettings::default()),
            row_version: 1,
            created_at: now,
            updated_at: now,
        };
        self.workflows.insert(id, workflow);
        self.note((id, None), AuditAction::WorkflowCreated, Value::Null, now);
        Ok(answer(&self.workflows[&id]))
    }

    fn resolve(&self, text: &str, all: bool) -> Outcome {
        let text = text.trim().to_lowercase();
        let usable = |one: &&Workflow| all || !one.is_archived;
        let mut holders: Vec<&Workflow> = self.holders(&text, None).filter(usable).collect();
        // The active one is last, else the latest of the archived ones.
        holders.sort_by_key(|one| (!one.is_archived, one.id));
        let by_id = || self.workflows.values().find(|one| one.id.to_string() == text);
        let found = holders.pop().or_else(|| by_id().filter(usable));
        found.map(answer).ok_or(Refusal::NotFound)
    }

    fn update(&mut self, id: WorkflowId, update: WorkflowUpdate, now: Timestamp) -> Outcome {
        let name = update.name.as_deref().map(kept_name).transpose()?;
        let handle = match &update.handle {
            Patch::Set(handle) => Patch::Set(kept_handle(handle)?),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        let before = self.workflow(id)?.clone();
        if update.expected.is_some_and(|expected| expected != before.row_version) {
            return Err(Refusal::Conflict);
        }
        let description = match &update.description {
            Patch::Set(text) => kept_text(text),
            other => other.clone().apply(before.description.clone()),
        };
        let chatkit = update.chatkit.apply(before.chatkit.clone());
        let after = Workflow {
            name: name.unwrap_or_else(|| before.name.clone()),
            handle: handle.apply(before.handle.clone()),
            description,
            tags: update.tags.as_deref().map_or_else(|| before.tags.clone(), kept_tags),
            draft_access: update.draft_access.unwrap_or(before.draft_access),
            chatkit: chatkit.filter(|chat| *chat != ChatSettings::default()),
            ..before.clone()
        };
        let changes = changes(&before, &after);
        if changes.is_empty() {
            return Ok(answer(&before));
        }
        if after.handle != before.handle && self.is_taken(&after) {
            return Err(Refusal::Conflict);
        }
        self.note((id, None), AuditAction::WorkflowUpdated, Value::Object(changes), now);
        Ok(self.put(after, now))
    }

    fn archive(&mut self, id: WorkflowId, now: Timestamp) -> Outcome {
        let before = self.workflow(id)?.clone();
        if before.is_archived {
            return Err(Refusal::InvalidState);
        }
        if before.is_public {
            self.note((id, None), AuditAction::WorkflowUnpublished, Value::Null, now);
        }
        self.note((id, None), AuditAction::WorkflowArchived, Value::Null, now);
        Ok(self.put(Workflow { is_archived: true, ..hidden(before) }, now))
    }

    fn unarchive(&mut self, id: WorkflowId, now: Timestamp) -> Outcome {
        let before = self.workflow(id)?.clone();
        if !before.is_archived {
            return Err(Refusal::InvalidState);
        }
        let after = Workflow { is_archived: false, ..before };
        if self.is_taken(&after) {
            return Err(Refusal::Conflict);
        }
        self.note((id, None), AuditAction::WorkflowUnarchived, Value::Null, now);
        Ok(self.put(after, now))
    }

    fn publish(&mut self, id: WorkflowId, how: Publication, now: Timestamp) -> Outcome {
        let before = self.workflow(id)?.clone();
        if before.is_archived || before.is_public {
            return Err(Refusal::InvalidState);
        }
        let after = Workflow {
            is_public: true,
            published_at: Some(now),
            published_by: Some(actor()),
            require_login: how.require_login,
            share_url: how.share_url,
            ..before
        };
        self.note((id, None), AuditAction::WorkflowPublished, Value::Null, now);
        Ok(self.put(after, now))
    }

    fn unpublish(&mut self, id: WorkflowId, now: Timestamp) -> Outcome {
        let before = self.workflow(id)?.clone();
        if !before.is_public {
            return Err(Refusal::InvalidState);
        }
        self.note((id, None), AuditAction::WorkflowUnpublished, Value::Null, now);
        Ok(self.put(hidden(before), now))
    }

    fn delete(&mut self, id: WorkflowId, now: Timestamp) -> Outcome {
        if !self.workflow(id)?.is_archived {
            return Err(Refusal::InvalidState);
        }
        self.workflows.remove(&id);
        self.versions.retain(|_, one| one.workflow_id != id);
        self.runs.retain(|_, one| one.workflow_id != id);
        self.retries.remove(&id);
        self.audit.retain(|entry| entry.workflow_id != id || entry.run_id.is_none());
        self.note((id, None), AuditAction::WorkflowDeleted, Value::Null, now);
        Ok(Answer::Nothing)
    }

    fn create_version(
        &mut self,
        id: WorkflowId,
        graph: Value,
        config: Option<RunnableConfig>,
        now: Timestamp,
    ) -> Outcome {
        if !graph.is_object() {
            return Err(Refusal::invalid("graph"));
        }
        check_config(config.as_ref())?;
        if self.workflow(id)?.is_archived {
            self.note((id, None), AuditAction::VersionRefused, Value::Null, now);
            return Err(Refusal::InvalidState);
        }
        let version = WorkflowVersion {
            id: version_id(self.created[1]),
            workflow_id: id,
            version: i32::try_from(self.versions_of(id).len() + 1).expect("few versions"),
            graph,
            mermaid: None,
            metadata: json!({}),
            runnable_config: config.map(without_empty_maps),
            notes: None,
            created_by: actor(),
            checksum: String::new(),
            created_at: now,
            updated_at: now,
        };
        self.created[1] += 1;
        let metadata = json!({"version_id": version.id, "version": version.version});
        self.note((id, None), AuditAction::VersionCreated, metadata, now);
        self.versions.insert(version.id, version.clone());
        Ok(Answer::Version(Some(Box::new(version))))
    }

    fn configure(
        &mut self,
        id: WorkflowVersionId,
        config: Option<RunnableConfig>,
        now: Timestamp,
    ) -> Outcome {
        check_config(config.as_ref())?;
        let version = self.versions.get_mut(&id).ok_or(Refusal::NotFound)?;
        version.runnable_config = config.map(without_empty_maps);
        version.updated_at = now;
        let version = version.clone();
        let metadata = json!({"version_id": id});
        let about = (version.workflow_id, None);
        self.note(about, AuditAction::VersionConfigured, metadata, now);
        Ok(Answer::Version(Some(Box::new(version))))
    }

    fn put(&mut self, mut after: Workflow, now: Timestamp) -> Answer {
        after.row_version += 1;
        after.updated_at = now;
        self.workflows.insert(after.id, after.clone());
        answer(&after)
    }

    /// Who else holds a handle.
    fn holders<'a>(
        &'a self,
        handle: &'a str,
        but: Option<WorkflowId>,
    ) -> impl Iterator<Item = &'a Workflow> {
        let holds = move |one: &&Workflow| one.handle.as_deref() == Some(handle);
        self.workflows.values().filter(holds).filter(move |one| Some(one.id) != but)
    }

    fn is_taken(&self, by: &Workflow) -> bool {
        let Some(handle) = &by.handle else { return false };
        self.holders(handle, Some(by.id)).any(|other| !(other.is_archived && by.is_archived))
    }
}

fn answer(workflow: &Workflow) -> Answer {
    Answer::Workflow(Box::new(workflow.clone()))
}

pub(super) fn ordered<T>(mut items: Vec<T>, order: Order) -> Vec<T> {
    if order == Order::Desc {
        items.reverse();
    }
    items
}
