use std::collections::HashSet;

use serde_json::Value;
use store_core::json::{Admitted, JsonPolicy};
use store_core::workflow::{
    ChatSettings, NewWorkflow, Patch, Publication, Workflow, WorkflowFilter, WorkflowUpdate,
};
use store_core::{Error, Result, WorkflowId, check_short_text};

use super::Context;
use super::handle::{HANDLE_MAX, checked_handle, slug};
use super::text::{checked_long, distinct_tags, trimmed, trimmed_or_none};

const NAME_MAX: usize = 128;
const DESCRIPTION_MAX: usize = 1024;
const SLUG_MAX: usize = 255;
const SHARE_URL_MAX: usize = 2048;
const LIST_MAX: usize = 1000;

/// Checks a new workflow and fills in the rest of it.
pub(crate) fn new_workflow(context: &Context, new: NewWorkflow) -> Result<Workflow> {
    let name = trimmed("name", &new.name, 1, NAME_MAX)?;
    let given = trimmed("slug", new.slug.as_ref().unwrap_or(&name), 0, SLUG_MAX)?;
    let slug = slug(&given);
    let description = match &new.description {
        Some(text) => trimmed_or_none("description", text, DESCRIPTION_MAX)?,
        None => None,
    };
    let now = context.clock.now();
    Ok(Workflow {
        id: WorkflowId::mint(),
        handle: new.handle.as_deref().map(checked_handle).transpose()?,
        slug,
        description,
        tags: lowered_tags(&new.tags)?,
        is_archived: false,
        draft_access: new.draft_access,
        is_public: false,
        published_at: None,
        published_by: None,
        require_login: false,
        share_url: None,
        chatkit: new.chatkit.map(checked_chatkit).transpose()?.flatten(),
        row_version: 1,
        created_at: now,
        updated_at: now,
        name,
    })
}

/// Checks what an update sets.
pub(crate) fn checked_update(update: WorkflowUpdate) -> Result<WorkflowUpdate> {
    let none_if_empty = |patch: Patch<Option<_>>| match patch {
        Patch::Set(Some(value)) => Patch::Set(value),
        Patch::Set(None) | Patch::Clear => Patch::Clear,
        Patch::Keep => Patch::Keep,
    };
    let description = update
        .description
        .try_map(|text| trimmed_or_none("description", &text, DESCRIPTION_MAX))?;
    let chatkit = match update.chatkit.try_map(checked_chatkit)? {
        Patch::Set(Some(chatkit)) => Patch::Set(chatkit),
        Patch::Set(None) | Patch::Clear => Patch::Clear,
        Patch::Keep => Patch::Keep,
    };
    Ok(WorkflowUpdate {
        expected: update.expected,
        name: update.name.map(|name| trimmed("name", &name, 1, NAME_MAX)).transpose()?,
        handle: update.handle.try_map(|handle| checked_handle(&handle))?,
        description: none_if_empty(description),
        tags: update.tags.map(|tags| lowered_tags(&tags)).transpose()?,
        draft_access: update.draft_access,
        chatkit,
    })
}

/// Checks how a workflow is published.
pub(crate) fn checked_publication(publication: &Publication) -> Result<Publication> {
    let share_url = match &publication.share_url {
        Some(url) => {
            checked_long("share_url", url, SHARE_URL_MAX)?;
            trimmed_or_none("share_url", url, SHARE_URL_MAX)?
        }
        None => None,
    };
    Ok(Publication { share_url, ..*publication })
}

/// Brings the text by which a user means a workflow into the form of handles and ids. What is
/// neither, by its length or for a NUL, means nothing that is stored.
pub(crate) fn reference(text: &str) -> Result<String> {
    let reference = text.trim().to_lowercase();
    if reference.is_empty() || reference.len() > HANDLE_MAX || reference.contains('\0') {
        return Err(Error::not_found("workflow", text));
    }
    Ok(reference)
}

/// Checks a filter and brings its text into the form that is stored.
pub(crate) fn checked_filter(filter: &WorkflowFilter) -> Result<WorkflowFilter> {
    let mut filter = filter.clone();
    if let Some(tag) = &mut filter.tag {
        *tag = tag.trim().to_lowercase();
        check_short_text("tag", tag)?;
    }
    if let Some(text) = &mut filter.text {
        *text = text.to_lowercase();
        checked_long("text", text, DESCRIPTION_MAX)?;
    }
    Ok(filter)
}

/// A workflow in the form its row has.
#[derive(Debug, Clone)]
pub(crate) struct StoredWorkflow {
    pub(crate) workflow: Workflow,
    pub(crate) tags: Admitted,
    pub(crate) chatkit: Option<Admitted>,
    pub(crate) search_text: String,
    pub(crate) record_bytes: i64,
}

impl StoredWorkflow {
    pub(crate) fn new(json: &JsonPolicy, workflow: Workflow) -> Result<Self> {
        let tags = json.admit("tags", Value::from(workflow.tags.clone()))?;
        let chatkit = match &workflow.chatkit {
            Some(chatkit) => Some(json.admit("chatkit", chatkit_to_json(chatkit)?)?),
            None => None,
        };
        let texts = [
            Some(&workflow.name),
            workflow.handle.as_ref(),
            Some(&workflow.slug),
            workflow.description.as_ref(),
        ];
        let texts: Vec<&str> = texts.into_iter().flatten().map(String::as_str).collect();
        // A line each, so that nothing is found across two of them.
        let search_text = texts.join("\n").to_lowercase();
        let record_bytes = i64::try_from(search_text.len()).unwrap_or(i64::MAX)
            + tags.bytes()
            + chatkit.as_ref().map_or(0, Admitted::bytes);
        Ok(Self { workflow, tags, chatkit, search_text, record_bytes })
    }
}

/// Returns how a chat looks as the JSON that is stored.
pub(crate) fn chatkit_to_json(chatkit: &ChatSettings) -> Result<Value> {
    serde_json::to_value(chatkit).map_err(|cause| Error::invalid("chatkit", cause.to_string()))
}

fn lowered_tags(tags: &[String]) -> Result<Vec<String>> {
    let tags = distinct_tags("tags", tags)?;
    Ok(tags.into_iter().map(|tag| tag.to_lowercase()).collect())
}

/// Checks how a chat looks; with neither part it is none.
fn checked_chatkit(chatkit: ChatSettings) -> Result<Option<ChatSettings>> {
    let ChatSettings { mut start_screen_prompts, mut supported_models } = chatkit;
    if start_screen_prompts.is_none() && supported_models.is_none() {
        return Ok(None);
    }
    let lengths = [
        start_screen_prompts.as_ref().map_or(0, Vec::len),
        supported_models.as_ref().map_or(0, Vec::len),
    ];
    if lengths.into_iter().any(|length| length > LIST_MAX) {
        return Err(Error::invalid("chatkit", format!("lists more than {LIST_MAX} entries")));
    }
    for prompt in start_screen_prompts.iter_mut().flatten() {
        prompt.label = trimmed("chatkit.start_screen_prompts.label", &prompt.label, 1, 120)?;
        prompt.prompt = trimmed("chatkit.start_screen_prompts.prompt", &prompt.prompt, 1, 2000)?;
        optional("chatkit.start_screen_prompts.icon", &mut prompt.icon, 64)?;
    }
    let mut ids = HashSet::new();
    let mut defaults = 0;
    for model in supported_models.iter_mut().flatten() {
        model.id = trimmed("chatkit.supported_models.id", &model.id, 1, 200)?;
        optional("chatkit.supported_models.label", &mut model.label, 120)?;
        optional("chatkit.supported_models.description", &mut model.description, 240)?;
        defaults += usize::from(model.default);
        if !ids.insert(model.id.clone()) {
            return Err(Error::invalid("chatkit.supported_models.id", "occurs twice"));
        }
    }
    if defaults > 1 {
        return Err(Error::invalid("chatkit.supported_models.default", "is set more than once"));
    }
    Ok(Some(ChatSettings { start_screen_prompts, supported_models }))
}

fn optional(field: &str, text: &mut Option<String>, max: usize) -> Result<()> {
    if let Some(given) = text.take() {
        *text = trimmed_or_none(field, &given, max)?;
    }
    Ok(())
}
