use serde::{Deserialize, Serialize};

use super::Patch;
use crate::words::words;
use crate::{Actor, Timestamp, WorkflowId};

/// A workflow, without its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Its id.
    pub id: WorkflowId,
    /// Its name for people: 1 to 128 characters.
    pub name: String,
    /// Its name in URLs, unique among workflows that are in use.
    pub handle: Option<String>,
    /// A readable form of the name it was created with; neither unique nor ever changed.
    pub slug: String,
    /// What it is for: up to 1024 characters.
    pub description: Option<String>,
    /// Labels, in the order they were given.
    pub tags: Vec<String>,
    /// Whether it is put away: it starts no runs and takes no new versions.
    pub is_archived: bool,
    /// Who may see drafts of it.
    pub draft_access: DraftAccess,
    /// Whether it is published.
    pub is_public: bool,
    /// Since when it is published.
    pub published_at: Option<Timestamp>,
    /// Who published it.
    pub published_by: Option<Actor>,
    /// Whether those who use the published workflow have to log in.
    pub require_login: bool,
    /// Where the published workflow is reached.
    pub share_url: Option<String>,
    /// How its chat looks.
    pub chatkit: Option<ChatSettings>,
    /// Increases with every change of this record.
    pub row_version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When this record last changed.
    pub updated_at: Timestamp,
}

words! {
    /// Who may see drafts of a workflow.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum DraftAccess of "draft_access" {
        /// Its author.
        #[default]
        Personal = "personal",
        /// Everybody who is logged in.
        Authenticated = "authenticated",
        /// Everybody in the workspace.
        Workspace = "workspace",
    }
}

/// How the chat of a workflow looks. With neither part it is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSettings {
    /// What the start screen suggests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_screen_prompts: Option<Vec<StartPrompt>>,
    /// The models that can be chosen; ids are unique, at most one is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported_models: Option<Vec<ChatModel>>,
}

/// A suggestion on the start screen of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartPrompt {
    /// What is shown: 1 to 120 characters.
    pub label: String,
    /// What is sent: 1 to 2000 characters.
    pub prompt: String,
    /// The name of an icon: up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

/// A model that can be chosen in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatModel {
    /// Its id: 1 to 200 characters.
    pub id: String,
    /// What is shown: up to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is good for: up to 240 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is shown but cannot be chosen.
    #[serde(default)]
    pub disabled: bool,
    /// Whether it is chosen at first.
    #[serde(default)]
    pub default: bool,
}

/// What `create_workflow` takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewWorkflow {
    /// The name: 1 to 128 characters once trimmed.
    pub name: String,
    /// The handle: lower-cased; letters, digits and single hyphens, up to 64.
    pub handle: Option<String>,
    /// What the slug is made of; the name, when none is given.
    pub slug: Option<String>,
    /// The description: up to 1024 characters; empty is none.
    pub description: Option<String>,
    /// Labels: trimmed, lower-cased, without repeats; up to 1000 of 255 bytes.
    pub tags: Vec<String>,
    /// Who may see drafts.
    pub draft_access: DraftAccess,
    /// How its chat looks.
    pub chatkit: Option<ChatSettings>,
}

impl NewWorkflow {
    /// Describes a workflow with nothing but a name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What `update_workflow` changes; what is not mentioned stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkflowUpdate {
    /// The `row_version` the change is based on: another one is a `Conflict`.
    pub expected: Option<i64>,
    /// The name. The slug does not follow it.
    pub name: Option<String>,
    /// The handle.
    pub handle: Patch<String>,
    /// The description.
    pub description: Patch<String>,
    /// The labels, all of them.
    pub tags: Option<Vec<String>>,
    /// Who may see drafts.
    pub draft_access: Option<DraftAccess>,
    /// How its chat looks.
    pub chatkit: Patch<ChatSettings>,
}

/// What `publish_workflow` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    /// Whether those who use it have to log in.
    pub require_login: bool,
    /// Where it is reached: up to 2048 bytes.
    pub share_url: Option<String>,
}

/// Which workflows are meant. Every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowFilter {
    /// Archived or not; both, when not given.
    pub archived: Option<bool>,
    /// Carrying this tag.
    pub tag: Option<String>,
    /// With this text in name, handle, slug or description, whatever its case.
    pub text: Option<String>,
    /// With these drafts.
    pub draft_access: Option<DraftAccess>,
    /// Published or not.
    pub public: Option<bool>,
}
