use std::collections::BTreeSet;

use store_core::vault::{AccessContext, CredentialScope};
use store_core::{Denial, Error, Result, check_external};

use super::text::{array, checked_entries};

/// What of a caller decides which records a listing shows: part of its cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) workflow_id: Option<String>,
    pub(crate) workspace_id: Option<String>,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) everything: bool,
}

impl Reach {
    pub(crate) fn of(context: &AccessContext) -> Result<Self> {
        checked_context(context)?;
        Ok(Self {
            workflow_id: context.workflow_id().map(str::to_owned),
            workspace_id: context.workspace_id().map(str::to_owned),
            roles: context.roles().clone(),
            everything: context.is_administrator(),
        })
    }
}

/// Checks who asks.
pub(crate) fn checked_context(context: &AccessContext) -> Result<()> {
    let ids = [
        ("context.workflow_id", context.workflow_id()),
        ("context.workspace_id", context.workspace_id()),
    ];
    for (field, id) in ids {
        id.map_or(Ok(()), |id| check_external(field, id))?;
    }
    checked_entries("context.roles", context.roles())
}

/// Checks that who asks is an administrator.
pub(crate) fn checked_administrator(context: &AccessContext) -> Result<()> {
    checked_context(context)?;
    if context.is_administrator() { Ok(()) } else { Err(denied()) }
}

/// Checks that a caller is within a scope.
pub(crate) fn checked_allowed(scope: &CredentialScope, context: &AccessContext) -> Result<()> {
    if scope.allows(context) { Ok(()) } else { Err(denied()) }
}

const fn denied() -> Error {
    Error::Denied { reason: Denial::Forbidden }
}

/// Checks a scope and brings it into the form that is stored.
pub(crate) fn checked_scope(scope: CredentialScope) -> Result<CredentialScope> {
    checked_entries("scope.workflow_ids", &scope.workflow_ids)?;
    checked_entries("scope.workspace_ids", &scope.workspace_ids)?;
    let roles: BTreeSet<String> = scope.roles.iter().map(|role| role.to_lowercase()).collect();
    checked_entries("scope.roles", &roles)?;
    Ok(CredentialScope { roles, ..scope })
}

/// The columns of a scope, as JSON arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeTexts {
    pub(crate) workflow_ids: String,
    pub(crate) workspace_ids: String,
    pub(crate) roles: String,
}

impl ScopeTexts {
    pub(crate) fn of(scope: &CredentialScope) -> Self {
        Self {
            workflow_ids: array(&scope.workflow_ids),
            workspace_ids: array(&scope.workspace_ids),
            roles: array(&scope.roles),
        }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.workflow_ids.len() + self.workspace_ids.len() + self.roles.len()
    }
}
