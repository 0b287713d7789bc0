use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use store_core::vault::{
    AccessContext, Credential, CredentialHealth, CredentialScope, CredentialUpdate, HealthStatus,
};
use store_core::{Error, Result, SecretString};

use super::Context;
use super::access::{checked_context, checked_scope};
use super::credential::Held;
use super::secret::checked_secret;
use super::text::{checked_long, checked_name, checked_set};

/// An update whose parts were checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyUpdate {
    pub(crate) expected_row_version: Option<i64>,
    name: Option<String>,
    provider: Option<String>,
    pub(crate) secret: Option<SecretString>,
    scopes: Option<BTreeSet<String>>,
    scope: Option<CredentialScope>,
}

impl ReadyUpdate {
    pub(crate) fn new(access: &AccessContext, update: CredentialUpdate) -> Result<Self> {
        checked_context(access)?;
        let CredentialUpdate { expected_row_version, name, provider, secret, scopes, scope } =
            update;
        if let Some(secret) = &secret {
            checked_secret("secret", secret)?;
        }
        Ok(Self {
            expected_row_version,
            name: name.map(|name| checked_name("name", &name)).transpose()?,
            provider: provider.map(|provider| checked_name("provider", &provider)).transpose()?,
            secret,
            scopes: scopes.map(|scopes| checked_set("scopes", &scopes)).transpose()?,
            scope: scope.map(checked_scope).transpose()?,
        })
    }

    /// Changes what is not a secret, and returns what the audit says of it.
    pub(crate) fn apply(&self, credential: &mut Credential) -> Map<String, Value> {
        let mut changes = Map::new();
        change(&mut changes, "name", &mut credential.name, self.name.clone());
        change(&mut changes, "provider", &mut credential.provider, self.provider.clone());
        change(&mut changes, "scopes", &mut credential.scopes, self.scopes.clone());
        change_scope(&mut changes, &mut credential.scope, self.scope.clone());
        changes
    }
}

/// Changes one field, if it becomes another, and notes it.
pub(crate) fn change<T: PartialEq + serde::Serialize>(
    changes: &mut Map<String, Value>,
    field: &str,
    current: &mut T,
    new: Option<T>,
) {
    if let Some(new) = new.filter(|new| new != current) {
        changes.insert(field.to_owned(), json!({"from": &*current, "to": &new}));
        *current = new;
    }
}

/// Changes a scope, if it becomes another, and notes it.
pub(crate) fn change_scope(
    changes: &mut Map<String, Value>,
    current: &mut CredentialScope,
    new: Option<CredentialScope>,
) {
    if let Some(new) = new.filter(|new| new != current) {
        let shown = |scope: &CredentialScope| {
            json!({
                "workflow_ids": scope.workflow_ids,
                "workspace_ids": scope.workspace_ids,
                "roles": scope.roles,
            })
        };
        changes.insert("scope".to_owned(), json!({"from": shown(current), "to": shown(&new)}));
        *current = new;
    }
}

/// Checks that a row is the one that an update was made for.
pub(crate) fn checked_row_version(
    entity: &'static str,
    id: impl std::fmt::Display,
    expected: Option<i64>,
    found: i64,
) -> Result<()> {
    match expected {
        Some(expected) if expected != found => {
            let reason = format!("its row version is {found}, not {expected}: read it again");
            Err(Error::conflict(entity, id, reason))
        }
        _ => Ok(()),
    }
}

/// Checks what somebody says of a credential's health.
pub(crate) fn checked_health(
    access: &AccessContext,
    status: HealthStatus,
    failure_reason: Option<&str>,
) -> Result<()> {
    checked_context(access)?;
    match (status, failure_reason) {
        (HealthStatus::Unhealthy, Some(reason)) => checked_long("failure_reason", reason),
        (HealthStatus::Unhealthy, None) => {
            Err(Error::invalid("failure_reason", "is missing: say why it is unhealthy"))
        }
        (_, Some(_)) => Err(Error::invalid("failure_reason", "is for what is unhealthy")),
        (_, None) => Ok(()),
    }
}

/// Notes the health of a credential.
pub(crate) fn mark_health(
    cx: &Context,
    held: &mut Held,
    status: HealthStatus,
    failure_reason: Option<&str>,
) {
    let now = cx.clock.now();
    held.credential.health = CredentialHealth {
        status,
        last_checked_at: Some(now),
        failure_reason: failure_reason.map(str::to_owned),
    };
    held.changed(now);
}
