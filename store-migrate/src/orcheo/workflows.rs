//! Workflows and who holds which handle.

use serde_json::{Map, Value};
use store_core::WorkflowId;
use store_core::workflow::{AuditAction, ChatSettings, DraftAccess, Workflow};

use super::audit::{self, About};
use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::row::Row;

const HOLD: &str = "INSERT INTO workflow_handles (handle, active, archived) VALUES (?, ?, ?) \
     ON CONFLICT (handle) DO UPDATE SET active = active + excluded.active, \
     archived = archived + excluded.archived";

/// Converts a workflow.
pub(super) fn convert(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let given = read(row, &mut payload)?;
    cx.compare(
        row,
        "handle",
        row.maybe_text("handle")?.map(|one| Some(one.to_owned())),
        &given.handle,
    );
    cx.compare(row, "is_archived", row.maybe_flag("is_archived")?, &given.is_archived);
    let before = given.clone();
    let columns = cx.rules.workflow.workflow(given).map_err(broken("payload"))?;
    let one = &columns.workflow;
    if *one != before {
        cx.tally.note("workflows: texts were trimmed or lowered, as the stores keep them");
    }
    check_published(one)?;
    cx.insert(
        "workflows",
        &[
            ("id", &one.id.to_string()),
            ("name", &one.name),
            ("handle", &one.handle),
            ("slug", &one.slug),
            ("description", &one.description),
            ("tags", &columns.tags),
            ("is_archived", &one.is_archived),
            ("draft_access", &one.draft_access.as_str()),
            ("is_public", &one.is_public),
            ("published_at", &one.published_at.map(|at| at.to_string())),
            ("published_by", &one.published_by.as_ref().map(|by| by.as_str())),
            ("require_login", &one.require_login),
            ("share_url", &one.share_url),
            ("chatkit", &columns.chatkit),
            ("search_text", &columns.search_text),
            ("row_version", &one.row_version),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &one.created_at.to_string()),
            ("updated_at", &one.updated_at.to_string()),
        ],
    )?;
    if let Some(handle) = &one.handle {
        let (active, archived) = (i64::from(!one.is_archived), i64::from(one.is_archived));
        cx.execute("workflow_handles", HOLD, (handle, active, archived))?;
    }
    let about = About { workflow_id: one.id, run_id: None, renamed: RENAMED, metadata: &[] };
    audit::collect(cx, row, &mut payload, &about)?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

const RENAMED: &[(&str, AuditAction)] = &[];

fn read(row: &Row, payload: &mut Fields) -> Checked<Workflow> {
    let id: WorkflowId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let tags: Vec<String> = payload.texts("tags")?;
    Ok(Workflow {
        id,
        name: payload.text("name")?,
        handle: match payload.maybe_text("handle")? {
            Some(handle) => Some(handle),
            None => row.maybe_text("handle")?.map(str::to_owned),
        },
        slug: slug(payload)?,
        description: payload.maybe_text("description")?,
        is_archived: match payload.take("is_archived") {
            Some(Value::Bool(archived)) => archived,
            None => row.maybe_flag("is_archived")?.unwrap_or(false),
            Some(_) => return Err(fault("payload.is_archived", "is neither true nor false")),
        },
        draft_access: match payload.maybe_parsed("draft_access")? {
            Some(access) => access,
            None => draft_access_of(&tags),
        },
        tags,
        is_public: payload.flag("is_public")?,
        published_at: payload.maybe_instant("published_at")?,
        published_by: payload.maybe_parsed("published_by")?,
        require_login: payload.flag("require_login")?,
        share_url: payload.maybe_text("share_url")?,
        chatkit: chatkit(payload)?,
        row_version: 1,
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
    })
}

/// Takes the slug; one that is not there is made of the name, as Orcheo does.
fn slug(payload: &mut Fields) -> Checked<String> {
    Ok(payload.maybe_text("slug")?.unwrap_or_default())
}

/// What Orcheo takes for the access of a workflow from before there was such a field.
fn draft_access_of(tags: &[String]) -> DraftAccess {
    let shared = tags.iter().any(|tag| tag.to_lowercase().starts_with("workspace:"));
    if shared { DraftAccess::Workspace } else { DraftAccess::Personal }
}

/// Takes how the chat looks: one object, or two fields of older releases.
fn chatkit(payload: &mut Fields) -> Checked<Option<ChatSettings>> {
    let whole = payload.maybe_read("chatkit")?;
    let mut parts = Map::new();
    for (old, new) in [
        ("chatkit_start_screen_prompts", "start_screen_prompts"),
        ("chatkit_supported_models", "supported_models"),
    ] {
        if let Some(value) = payload.take(old) {
            parts.insert(new.into(), value);
        }
    }
    if whole.is_some() || parts.is_empty() {
        return Ok(whole);
    }
    Fields::new(
        "payload",
        Value::Object([("chatkit".to_owned(), parts.into())].into_iter().collect()),
    )?
    .maybe_read("chatkit")
}

/// Checks what the schema says of published workflows, for a reason that can be read.
fn check_published(one: &Workflow) -> Checked<()> {
    let complete =
        one.is_public == one.published_at.is_some() && one.is_public == one.published_by.is_some();
    if !complete {
        let reason = "a published workflow has published_at and published_by, others have none";
        return Err(fault("payload.is_public", reason));
    }
    if one.is_public && one.is_archived {
        return Err(fault("payload.is_public", "an archived workflow is not published"));
    }
    Ok(())
}
