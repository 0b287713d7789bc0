use std::collections::BTreeSet;

use crate::Actor;

/// Who asks, and from where: every call of a vault takes one.
///
/// What it says is believed: the application has authenticated the actor, and knows which workflow
/// runs in which workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessContext {
    actor: Actor,
    workflow_id: Option<String>,
    workspace_id: Option<String>,
    roles: BTreeSet<String>,
    administrator: bool,
}

impl AccessContext {
    /// Acts for somebody outside of any workflow and workspace, without a role: only credentials
    /// without restrictions are open to them.
    #[must_use]
    pub const fn new(actor: Actor) -> Self {
        Self {
            actor,
            workflow_id: None,
            workspace_id: None,
            roles: BTreeSet::new(),
            administrator: false,
        }
    }

    /// Acts for an operator: no scope restricts what they see and change. Everything they do is in
    /// the audit like anybody's.
    #[must_use]
    pub fn administrator(actor: Actor) -> Self {
        Self { administrator: true, ..Self::new(actor) }
    }

    /// Names the workflow that asks.
    #[must_use]
    pub fn in_workflow(self, workflow_id: impl Into<String>) -> Self {
        Self { workflow_id: Some(workflow_id.into()), ..self }
    }

    /// Names the workspace that asks.
    #[must_use]
    pub fn in_workspace(self, workspace_id: impl Into<String>) -> Self {
        Self { workspace_id: Some(workspace_id.into()), ..self }
    }

    /// Names the roles of who asks; their case does not matter.
    #[must_use]
    pub fn with_roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let roles = roles.into_iter().map(|role| role.into().to_lowercase()).collect();
        Self { roles, ..self }
    }

    /// Returns who asks: what the audit keeps.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns the workflow that asks.
    #[must_use]
    pub fn workflow_id(&self) -> Option<&str> {
        self.workflow_id.as_deref()
    }

    /// Returns the workspace that asks.
    #[must_use]
    pub fn workspace_id(&self) -> Option<&str> {
        self.workspace_id.as_deref()
    }

    /// Returns the roles, in lower case.
    #[must_use]
    pub const fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    /// Tells whether scopes do not restrict this caller.
    #[must_use]
    pub const fn is_administrator(&self) -> bool {
        self.administrator
    }
}
