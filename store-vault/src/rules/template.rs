use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use store_core::audit::ChainHead;
use store_core::vault::{
    AccessContext, CredentialKind, CredentialScope, CredentialTemplate, IssuancePolicy,
    NewCredential, NewIssuance, NewTemplate, TemplateUpdate,
};
use store_core::workflow::Patch;
use store_core::{Error, Result, TemplateId};

use super::Context;
use super::access::{ScopeTexts, checked_context, checked_scope};
use super::text::{array, checked_long, checked_name, checked_set, name_key};
use super::update::{change, change_scope};

/// The longest period of rotation: a hundred years.
const DAYS_MAX: u32 = 36_500;
/// The longest threshold: ten years.
const MINUTES_MAX: u32 = 5_256_000;

/// A template as a transaction holds it: nobody else changes it.
#[derive(Debug, Clone)]
pub(crate) struct HeldTemplate {
    pub(crate) template: CredentialTemplate,
    pub(crate) head: ChainHead,
}

/// The columns of a template that are made of its record.
#[derive(Debug, Clone)]
pub(crate) struct TemplateTexts {
    pub(crate) name_key: String,
    pub(crate) scopes: String,
    pub(crate) scope: ScopeTexts,
    description_bytes: usize,
}

impl TemplateTexts {
    pub(crate) fn of(template: &CredentialTemplate) -> Self {
        Self {
            name_key: name_key(&template.name),
            scopes: array(&template.scopes),
            scope: ScopeTexts::of(&template.scope),
            description_bytes: template.description.as_ref().map_or(0, String::len),
        }
    }

    /// The size of the row, as far as it varies much.
    pub(crate) fn record_bytes(&self) -> i64 {
        let bytes = self.scopes.len() + self.scope.bytes() + self.description_bytes;
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}

/// Checks a template that is to be stored.
pub(crate) fn ready_template(
    cx: &Context,
    access: &AccessContext,
    new: NewTemplate,
) -> Result<CredentialTemplate> {
    checked_context(access)?;
    if let Some(description) = &new.description {
        checked_long("description", description)?;
    }
    checked_policy(new.kind, new.issuance_policy)?;
    let now = cx.clock.now();
    Ok(CredentialTemplate {
        id: TemplateId::mint(),
        name: checked_name("name", &new.name)?,
        provider: checked_name("provider", &new.provider)?,
        description: new.description,
        scopes: checked_set("scopes", &new.scopes)?,
        scope: checked_scope(new.scope)?,
        kind: new.kind,
        issuance_policy: new.issuance_policy,
        created_at: now,
        updated_at: now,
        row_version: 1,
    })
}

/// Returns a number of a policy as it is stored.
pub(crate) fn column(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(|_range| Error::invalid("issuance_policy", "is out of range"))
}

/// Checks a policy, and that it fits the kind.
fn checked_policy(kind: CredentialKind, policy: IssuancePolicy) -> Result<()> {
    let within = |field: &str, value: u32, max: u32| {
        if (1..=max).contains(&value) {
            return Ok(());
        }
        let field = format!("issuance_policy.{field}");
        Err(Error::invalid(field, format!("is {value}, allowed is 1 to {max}")))
    };
    if let Some(days) = policy.rotation_period_days {
        within("rotation_period_days", days, DAYS_MAX)?;
    }
    within("expiry_threshold_minutes", policy.expiry_threshold_minutes, MINUTES_MAX)?;
    if policy.require_refresh_token && kind != CredentialKind::OAuth {
        let reason = "is for templates of the kind oauth";
        return Err(Error::invalid("issuance_policy.require_refresh_token", reason));
    }
    Ok(())
}

/// An update of a template whose parts were checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyTemplateUpdate {
    pub(crate) expected_row_version: Option<i64>,
    name: Option<String>,
    provider: Option<String>,
    description: Patch<String>,
    scopes: Option<BTreeSet<String>>,
    scope: Option<CredentialScope>,
    kind: Option<CredentialKind>,
    issuance_policy: Option<IssuancePolicy>,
}

impl ReadyTemplateUpdate {
    pub(crate) fn new(access: &AccessContext, update: TemplateUpdate) -> Result<Self> {
        checked_context(access)?;
        if let Patch::Set(description) = &update.description {
            checked_long("description", description)?;
        }
        if let Some(policy) = update.issuance_policy {
            // What it says of itself; whether it fits the kind is known with the template.
            checked_policy(CredentialKind::OAuth, policy)?;
        }
        Ok(Self {
            expected_row_version: update.expected_row_version,
            name: update.name.map(|name| checked_name("name", &name)).transpose()?,
            provider: update
                .provider
                .map(|provider| checked_name("provider", &provider))
                .transpose()?,
            description: update.description,
            scopes: update.scopes.map(|scopes| checked_set("scopes", &scopes)).transpose()?,
            scope: update.scope.map(checked_scope).transpose()?,
            kind: update.kind,
            issuance_policy: update.issuance_policy,
        })
    }

    /// Changes a template, and returns what the audit says of it.
    pub(crate) fn apply(&self, template: &mut CredentialTemplate) -> Result<Map<String, Value>> {
        let mut changes = Map::new();
        change(&mut changes, "name", &mut template.name, self.name.clone());
        change(&mut changes, "provider", &mut template.provider, self.provider.clone());
        let description = self.description.clone().apply(template.description.clone());
        change(&mut changes, "description", &mut template.description, Some(description));
        change(&mut changes, "scopes", &mut template.scopes, self.scopes.clone());
        change_scope(&mut changes, &mut template.scope, self.scope.clone());
        if let Some(kind) = self.kind.filter(|kind| *kind != template.kind) {
            let shown = json!({"from": template.kind.as_str(), "to": kind.as_str()});
            changes.insert("kind".to_owned(), shown);
            template.kind = kind;
        }
        if let Some(policy) = self.issuance_policy.filter(|new| *new != template.issuance_policy) {
            let shown = json!({"from": shown(template.issuance_policy), "to": shown(policy)});
            changes.insert("issuance_policy".to_owned(), shown);
            template.issuance_policy = policy;
        }
        checked_policy(template.kind, template.issuance_policy)?;
        Ok(changes)
    }
}

fn shown(policy: IssuancePolicy) -> Value {
    json!({
        "require_refresh_token": policy.require_refresh_token,
        "rotation_period_days": policy.rotation_period_days,
        "expiry_threshold_minutes": policy.expiry_threshold_minutes,
    })
}

/// Makes the credential that is to be issued, and checks it against the policy.
pub(crate) fn issued(template: &CredentialTemplate, new: NewIssuance) -> Result<NewCredential> {
    let refresh_token = new.oauth.as_ref().and_then(|tokens| tokens.refresh_token.as_ref());
    if template.issuance_policy.require_refresh_token && refresh_token.is_none() {
        let reason = "is missing: the policy of the template requires one";
        return Err(Error::invalid("oauth.refresh_token", reason));
    }
    Ok(NewCredential {
        name: new.name.unwrap_or_else(|| template.name.clone()),
        provider: template.provider.clone(),
        secret: new.secret,
        scopes: new.scopes.unwrap_or_else(|| template.scopes.clone()),
        scope: template.scope.clone(),
        kind: template.kind,
        oauth: new.oauth,
    })
}

/// Checks what of an issuance needs no template.
pub(crate) fn checked_issuance(access: &AccessContext, new: &NewIssuance) -> Result<()> {
    checked_context(access)?;
    super::secret::checked_secret("secret", &new.secret)?;
    if let Some(tokens) = &new.oauth {
        super::secret::checked_tokens(tokens)?;
    }
    if let Some(name) = &new.name {
        checked_name("name", name)?;
    }
    if let Some(scopes) = &new.scopes {
        checked_set("scopes", scopes)?;
    }
    Ok(())
}
