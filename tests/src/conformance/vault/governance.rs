//! What governs credentials, and their keys: the list of these areas, and what they share.

use std::time::Duration;

use store_core::vault::{
    Alert, AlertKind, AlertSeverity, Credential, CredentialScope, CredentialTemplate,
    IssuancePolicy, NewAlert, NewIssuance, NewTemplate, OAuthTokens,
};
use store_core::{CredentialId, SecretString, TemplateId};

use crate::fixture::Vaults;
use crate::samples::{operator, secret_of, texts};

/// Emits every behaviour of templates, alerts and keys on the fixture of one backend.
#[macro_export]
macro_rules! vault_governance_suite {
    ($fixture:path) => {
        $crate::vault_templates_tests!($fixture);
        $crate::vault_template_input_tests!($fixture);
        $crate::vault_template_updates_tests!($fixture);
        $crate::vault_template_races_tests!($fixture);
        $crate::vault_template_listing_tests!($fixture);
        $crate::vault_issuing_tests!($fixture);
        $crate::vault_issuing_races_tests!($fixture);
        $crate::vault_due_tests!($fixture);
        $crate::vault_expiring_tests!($fixture);
        $crate::vault_alerts_tests!($fixture);
        $crate::vault_alert_subjects_tests!($fixture);
        $crate::vault_alert_races_tests!($fixture);
        $crate::vault_alert_listing_tests!($fixture);
        $crate::vault_governance_rows_tests!($fixture);
        $crate::vault_keys_tests!($fixture);
        $crate::vault_rewrapping_tests!($fixture);
        $crate::vault_rewrapping_tampered_tests!($fixture);
        $crate::vault_rewrapping_races_tests!($fixture);
        $crate::vault_unsealed_tests!($fixture);
    };
}

/// The finest step of the clock.
pub(super) const MICROSECOND: Duration = Duration::from_micros(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// A template with every field of its kind.
pub(super) fn full_template(name: &str) -> NewTemplate {
    NewTemplate {
        description: Some("What it is for:\n\"quotes\", it's, \\, 日本語 🎉".into()),
        scopes: texts(["chat:write", "späße", "日本語", "it's \"x\" \\"]),
        scope: crate::samples::narrow_scope(),
        issuance_policy: IssuancePolicy {
            require_refresh_token: true,
            rotation_period_days: Some(90),
            expiry_threshold_minutes: 15,
        },
        ..crate::samples::oauth_template(name)
    }
}

/// A template whose credentials are due after so many days.
pub(super) fn rotated_every(name: &str, days: u32) -> NewTemplate {
    let issuance_policy =
        IssuancePolicy { rotation_period_days: Some(days), ..IssuancePolicy::default() };
    NewTemplate { issuance_policy, ..crate::samples::secret_template(name) }
}

/// Stores a template as an operator.
pub(super) async fn keep_template(t: &Vaults, new: NewTemplate) -> CredentialTemplate {
    t.store.create_template(&operator(), new).await.expect("the template is stored")
}

/// Reads a template as an operator.
pub(super) async fn template_now(t: &Vaults, id: TemplateId) -> CredentialTemplate {
    t.store.fetch_template(&operator(), id).await.expect("the template is there")
}

/// The names of templates.
pub(super) fn template_names(templates: &[CredentialTemplate]) -> Vec<&str> {
    templates.iter().map(|template| template.name.as_str()).collect()
}

/// A credential with a name and a secret, and the rest as the template says.
pub(super) fn issuance(name: &str) -> NewIssuance {
    NewIssuance { name: Some(name.to_owned()), ..NewIssuance::of(secret_of(name)) }
}

/// A credential with a name, a secret and tokens.
pub(super) fn oauth_issuance(name: &str, tokens: OAuthTokens) -> NewIssuance {
    NewIssuance { oauth: Some(tokens), ..issuance(name) }
}

/// Issues a credential as an operator.
pub(super) async fn issue(t: &Vaults, template: TemplateId, new: NewIssuance) -> Credential {
    let issued = t.store.issue_from_template(&operator(), template, new).await;
    issued.expect("the credential is issued")
}

/// Restricts to one workspace.
pub(super) fn workspace(id: &str) -> CredentialScope {
    CredentialScope::of_workspace(id)
}

/// A secret as calls take it.
pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// An alert that nothing in particular is about.
pub(super) fn alert(kind: AlertKind, message: &str) -> NewAlert {
    NewAlert {
        kind,
        severity: AlertSeverity::Warning,
        message: message.to_owned(),
        credential_id: None,
        template_id: None,
    }
}

/// An alert about a credential.
pub(super) fn alert_about(credential: CredentialId, kind: AlertKind, message: &str) -> NewAlert {
    NewAlert { credential_id: Some(credential), ..alert(kind, message) }
}

/// Records an alert as an operator.
pub(super) async fn record(t: &Vaults, new: NewAlert) -> Alert {
    t.store.record_alert(&operator(), new).await.expect("the alert is recorded")
}
