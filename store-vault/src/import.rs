//! What a tool needs that writes rows of a vault that was filled elsewhere.
//!
//! The rules its records have to meet, the columns that are made of them, their sealed values, and
//! the chains of their audits. Nothing here touches a database.

use std::sync::Arc;

use serde_json::{Map, Value};
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::vault::{
    AccessContext, Alert, Credential, CredentialKind, CredentialTemplate, HealthStatus, NewAlert,
    NewTemplate, OAuthTokens, VaultAuditAction, VaultSubject,
};
use store_core::{Actor, Error, ManualClock, Result, SecretString, SystemClock, Timestamp};

use crate::rules::Context;
use crate::rules::access::checked_scope;
use crate::rules::alert::{AlertTexts, checked_alert};
use crate::rules::chain::ReadyEntry;
use crate::rules::credential::{CredentialTexts, state_of};
use crate::rules::secret::{
    Field, ReadySecret, checked_secret, checked_tokens, sealed, sealed_tokens,
};
use crate::rules::template::{TemplateTexts, ready_template};
use crate::rules::text::{checked_long, checked_name, checked_set};

/// The rules of a vault, for records that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// The columns of a scope, as JSON arrays.
#[derive(Debug, Clone)]
pub struct ScopeColumns {
    /// The workflows.
    pub workflow_ids: String,
    /// The workspaces.
    pub workspace_ids: String,
    /// The roles.
    pub roles: String,
}

/// A credential and the columns of its rows that are made of it.
#[derive(Debug, Clone)]
pub struct CredentialColumns {
    /// The credential in the form of the rules, under the current key.
    pub credential: Credential,
    /// The name without regard to case.
    pub name_key: String,
    /// What it may do at the provider, as a JSON array.
    pub scopes: String,
    /// Where it may be used from.
    pub scope: ScopeColumns,
    /// The version of its tokens; 0 for none.
    pub tokens_version: i64,
    /// Its sealed values.
    pub secrets: Vec<SecretColumns>,
    /// The size of the row, as far as it varies much.
    pub record_bytes: i64,
}

/// A sealed value as its row has it.
#[derive(Debug, Clone)]
pub struct SecretColumns {
    /// What it is: `secret`, `access_token` or `refresh_token`.
    pub field: &'static str,
    /// Its version.
    pub version: i64,
    /// The envelope.
    pub envelope: Vec<u8>,
}

/// A template and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct TemplateColumns {
    /// The template in the form of the rules.
    pub template: CredentialTemplate,
    /// The name without regard to case.
    pub name_key: String,
    /// What its credentials may do at the provider, as a JSON array.
    pub scopes: String,
    /// Where it may be used from.
    pub scope: ScopeColumns,
    /// The size of the row, as far as it varies much.
    pub record_bytes: i64,
}

/// The columns of the row of an alert that are made of it.
#[derive(Debug, Clone)]
pub struct AlertColumns {
    /// Who sees it.
    pub scope: ScopeColumns,
    /// What alerts are one by.
    pub subject_key: String,
    /// The size of the row, as far as it varies much.
    pub record_bytes: i64,
}

/// An entry of an audit as its row has it.
#[derive(Debug, Clone)]
pub struct EntryColumns {
    /// Its place in the audit of its subject.
    pub sequence: i64,
    /// What there is to say, as JSON.
    pub details: String,
    /// The hash of the entry before it.
    pub previous_hash: [u8; 32],
}

impl Import {
    /// Takes the JSON policy of the target, and the keys it is sealed with.
    #[must_use]
    pub fn new(json: JsonPolicy, keys: KeyRing) -> Self {
        Self { context: Context { json, clock: Arc::new(SystemClock), keys } }
    }

    /// Checks a credential and seals what it holds. Its tokens are their version 1, and its secret
    /// keeps its version.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule; `Backend` without random numbers.
    pub fn credential(
        &self,
        given: Credential,
        secret: &SecretString,
        tokens: Option<&OAuthTokens>,
    ) -> Result<CredentialColumns> {
        let oauth = given.kind == CredentialKind::OAuth;
        if tokens.is_some() && !oauth {
            return Err(Error::invalid("oauth", "only credentials of the kind oauth have tokens"));
        }
        checked_secret("secret", secret)?;
        tokens.map_or(Ok(()), checked_tokens)?;
        let health = &given.health;
        let reason = health.failure_reason.as_deref();
        if reason.is_some() != (health.status == HealthStatus::Unhealthy) {
            let rule = "is for unhealthy credentials, and they have one";
            return Err(Error::invalid("health.failure_reason", rule));
        }
        reason.map_or(Ok(()), |reason| checked_long("health.failure_reason", reason))?;
        let credential = Credential {
            name: checked_name("name", &given.name)?,
            provider: checked_name("provider", &given.provider)?,
            scopes: checked_set("scopes", &given.scopes)?,
            scope: checked_scope(given.scope.clone())?,
            key_id: self.context.keys.current_id().to_owned(),
            oauth: oauth.then(|| state_of(tokens)),
            ..given
        };
        let (keys, id) = (&self.context.keys, credential.id);
        let tokens_version = i64::from(tokens.is_some());
        let version = credential.secret_version;
        let mut secrets = vec![sealed(keys, id, Field::Secret, version, secret)?];
        if let Some(tokens) = tokens {
            secrets.extend(sealed_tokens(keys, id, tokens_version, tokens)?);
        }
        let texts = CredentialTexts::of(&credential);
        Ok(CredentialColumns {
            tokens_version,
            record_bytes: texts.record_bytes(),
            name_key: texts.name_key,
            scopes: texts.scopes,
            scope: texts.scope.into(),
            secrets: secrets.into_iter().map(SecretColumns::from).collect(),
            credential,
        })
    }

    /// Checks a template.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn template(&self, given: CredentialTemplate) -> Result<TemplateColumns> {
        let new = NewTemplate {
            name: given.name,
            provider: given.provider,
            description: given.description,
            scopes: given.scopes,
            scope: given.scope,
            kind: given.kind,
            issuance_policy: given.issuance_policy,
        };
        let access = AccessContext::administrator(Actor::new("import")?);
        let template = CredentialTemplate {
            id: given.id,
            created_at: given.created_at,
            updated_at: given.updated_at,
            row_version: given.row_version,
            ..ready_template(&self.context, &access, new)?
        };
        let texts = TemplateTexts::of(&template);
        Ok(TemplateColumns {
            record_bytes: texts.record_bytes(),
            name_key: texts.name_key,
            scopes: texts.scopes,
            scope: texts.scope.into(),
            template,
        })
    }

    /// Checks an alert.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn alert(&self, given: &Alert) -> Result<AlertColumns> {
        let new = NewAlert {
            kind: given.kind,
            severity: given.severity,
            message: given.message.clone(),
            credential_id: given.credential_id,
            template_id: given.template_id,
        };
        checked_alert(&AccessContext::administrator(Actor::new("import")?), &new)?;
        let scope = checked_scope(given.scope.clone())?;
        let texts = AlertTexts::of(&Alert { scope, ..given.clone() });
        Ok(AlertColumns {
            scope: texts.scope.into(),
            subject_key: texts.subject_key,
            record_bytes: texts.record_bytes,
        })
    }

    /// Checks an entry of an audit and puts it behind the head of its chain.
    ///
    /// # Errors
    /// `Invalid` for what the JSON policy refuses; the head is what it was then.
    pub fn entry(
        &self,
        head: &mut ChainHead,
        subject: VaultSubject,
        action: VaultAuditAction,
        actor: &Actor,
        details: Map<String, Value>,
        at: Timestamp,
    ) -> Result<EntryColumns> {
        let context = Context { clock: Arc::new(ManualClock::new(at)), ..self.context.clone() };
        let access = AccessContext::administrator(actor.clone());
        let ready = ReadyEntry::new(&context, subject, action, &access, details)?;
        let link = ready.link(head);
        Ok(EntryColumns {
            sequence: link.sequence,
            previous_hash: link.previous,
            details: link.details.to_owned(),
        })
    }
}

impl From<crate::rules::access::ScopeTexts> for ScopeColumns {
    fn from(texts: crate::rules::access::ScopeTexts) -> Self {
        let crate::rules::access::ScopeTexts { workflow_ids, workspace_ids, roles } = texts;
        Self { workflow_ids, workspace_ids, roles }
    }
}

impl From<ReadySecret> for SecretColumns {
    fn from(ready: ReadySecret) -> Self {
        Self { field: ready.field.as_str(), version: ready.version, envelope: ready.envelope }
    }
}
