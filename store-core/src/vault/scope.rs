use std::collections::BTreeSet;

use super::AccessContext;

/// Where a credential, a template or an alert may be used from.
///
/// Each of the three kinds that is not empty has to be met (AND), by one of its entries (OR). An empty
/// scope restricts nothing. Ids are compared byte by byte, roles without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialScope {
    /// The workflows: at most 1000 of 1 to 255 bytes.
    pub workflow_ids: BTreeSet<String>,
    /// The workspaces: at most 1000 of 1 to 255 bytes.
    pub workspace_ids: BTreeSet<String>,
    /// The roles: at most 1000 of 1 to 255 bytes. They are kept in lower case.
    pub roles: BTreeSet<String>,
}

impl CredentialScope {
    /// Restricts to one workflow.
    #[must_use]
    pub fn of_workflow(workflow_id: impl Into<String>) -> Self {
        Self { workflow_ids: [workflow_id.into()].into(), ..Self::default() }
    }

    /// Restricts to one workspace.
    #[must_use]
    pub fn of_workspace(workspace_id: impl Into<String>) -> Self {
        Self { workspace_ids: [workspace_id.into()].into(), ..Self::default() }
    }

    /// Restricts to those who have one of these roles.
    #[must_use]
    pub fn of_roles<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Self {
        let roles = roles.into_iter().map(|role| role.into().to_lowercase()).collect();
        Self { roles, ..Self::default() }
    }

    /// Tells whether nothing is restricted.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.workflow_ids.is_empty() && self.workspace_ids.is_empty() && self.roles.is_empty()
    }

    /// Tells whether a caller is within the scope; an administrator always is.
    #[must_use]
    pub fn allows(&self, context: &AccessContext) -> bool {
        let named = |allowed: &BTreeSet<String>, id: Option<&str>| {
            allowed.is_empty() || id.is_some_and(|id| allowed.contains(id))
        };
        let has_role = |role: &String| context.roles().contains(&role.to_lowercase());
        context.is_administrator()
            || (named(&self.workflow_ids, context.workflow_id())
                && named(&self.workspace_ids, context.workspace_id())
                && (self.roles.is_empty() || self.roles.iter().any(has_role)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Actor;

    fn ada() -> AccessContext {
        AccessContext::new(Actor::new("ada").unwrap())
    }

    #[test]
    fn kinds_are_joined_by_and_their_entries_by_or() {
        let scope = CredentialScope {
            workflow_ids: ["w1".into(), "w2".into()].into(),
            workspace_ids: BTreeSet::new(),
            roles: ["ops".into()].into(),
        };
        assert!(scope.allows(&ada().in_workflow("w2").with_roles(["OPS", "dev"])));
        assert!(!scope.allows(&ada().in_workflow("w3").with_roles(["ops"])));
        assert!(!scope.allows(&ada().in_workflow("w1").with_roles(["dev"])));
        assert!(!scope.allows(&ada().with_roles(["ops"])), "no workflow is not any workflow");
        assert!(scope.allows(&AccessContext::administrator(Actor::new("root").unwrap())));
        assert!(CredentialScope::default().allows(&ada()));
    }
}
