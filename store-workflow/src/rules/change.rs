//! The changes of a workflow: what each one makes of the record, and what the audit says.

use serde_json::{Map, Value, json};
use store_core::workflow::{AuditAction, Publication, Workflow, WorkflowUpdate};
use store_core::{Actor, Error, Result, Timestamp};

use super::workflow::chatkit_to_json;

/// A change that was asked for, checked as far as that needs no record.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Update(WorkflowUpdate),
    Archive,
    Unarchive,
    Publish(Publication),
    Unpublish,
}

/// What a change makes of a workflow.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) after: Workflow,
    pub(crate) audit: Vec<(AuditAction, Value)>,
}

/// Applies a change to the record; an update that changes nothing returns nothing.
pub(crate) fn apply(
    request: &Request,
    before: &Workflow,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<Change>> {
    let mut after = before.clone();
    let refuse = |to: &str| Error::invalid_state("workflow", before.id, state(before), to);
    let empty = || Value::Object(Map::new());
    let audit = match request {
        Request::Update(update) => {
            let changed = update_fields(update, &mut after)?;
            if changed.is_empty() {
                return Ok(None);
            }
            vec![(AuditAction::WorkflowUpdated, Value::Object(changed))]
        }
        Request::Archive if before.is_archived => return Err(refuse("archived")),
        Request::Archive => {
            after.is_archived = true;
            let mut audit = Vec::new();
            if before.is_public {
                unpublish(&mut after);
                audit.push((AuditAction::WorkflowUnpublished, empty()));
            }
            audit.push((AuditAction::WorkflowArchived, empty()));
            audit
        }
        Request::Unarchive if !before.is_archived => return Err(refuse("unarchived")),
        Request::Unarchive => {
            after.is_archived = false;
            vec![(AuditAction::WorkflowUnarchived, empty())]
        }
        Request::Publish(_) if before.is_public || before.is_archived => {
            return Err(refuse("published"));
        }
        Request::Publish(publication) => {
            after.is_public = true;
            after.published_at = Some(now);
            after.published_by = Some(actor.clone());
            after.require_login = publication.require_login;
            after.share_url.clone_from(&publication.share_url);
            vec![(
                AuditAction::WorkflowPublished,
                json!({"require_login": publication.require_login}),
            )]
        }
        Request::Unpublish if !before.is_public => return Err(refuse("unpublished")),
        Request::Unpublish => {
            unpublish(&mut after);
            vec![(AuditAction::WorkflowUnpublished, empty())]
        }
    };
    after.row_version += 1;
    after.updated_at = now;
    Ok(Some(Change { after, audit }))
}

/// Returns the state of a workflow as errors name it.
pub(crate) fn state(workflow: &Workflow) -> &'static str {
    match workflow {
        Workflow { is_archived: true, .. } => "archived",
        Workflow { is_public: true, .. } => "published",
        _ => "unpublished",
    }
}

fn unpublish(workflow: &mut Workflow) {
    workflow.is_public = false;
    workflow.published_at = None;
    workflow.published_by = None;
    workflow.require_login = false;
    workflow.share_url = None;
}

/// Sets the fields that an update mentions, and returns those that changed: `{from, to}`.
fn update_fields(update: &WorkflowUpdate, after: &mut Workflow) -> Result<Map<String, Value>> {
    if let Some(expected) = update.expected
        && expected != after.row_version
    {
        return Err(Error::conflict(
            "workflow",
            after.id,
            format!("row_version is {}, not {expected}: fetch it again", after.row_version),
        ));
    }
    let before = after.clone();
    if let Some(name) = &update.name {
        after.name.clone_from(name);
    }
    after.handle = update.handle.clone().apply(after.handle.take());
    after.description = update.description.clone().apply(after.description.take());
    if let Some(tags) = &update.tags {
        after.tags.clone_from(tags);
    }
    after.draft_access = update.draft_access.unwrap_or(after.draft_access);
    after.chatkit = update.chatkit.clone().apply(after.chatkit.take());

    let chatkit = |of: &Workflow| of.chatkit.as_ref().map(chatkit_to_json).transpose();
    let fields = [
        ("name", json!(before.name), json!(after.name)),
        ("handle", json!(before.handle), json!(after.handle)),
        ("description", json!(before.description), json!(after.description)),
        ("tags", json!(before.tags), json!(after.tags)),
        ("draft_access", json!(before.draft_access), json!(after.draft_access)),
        ("chatkit", json!(chatkit(&before)?), json!(chatkit(after)?)),
    ];
    let changed = fields.into_iter().filter(|(_, from, to)| from != to);
    Ok(changed.map(|(field, from, to)| (field.into(), json!({"from": from, "to": to}))).collect())
}
