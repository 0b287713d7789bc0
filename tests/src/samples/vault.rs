//! Records of the vault.

use store_core::vault::{
    AccessContext, Credential, CredentialKind, CredentialScope, CredentialTemplate,
    CredentialUpdate, NewCredential, NewTemplate, OAuthTokens, VaultAuditEntry, VaultSubject,
};
use store_core::{CredentialId, ExposeSecret as _, PageRequest, SecretString, Timestamp};

use super::{actor, ada, texts};
use crate::fixture::Vaults;

/// Somebody outside of any workflow and workspace, without a role.
pub fn caller() -> AccessContext {
    AccessContext::new(ada())
}

/// An operator, whom no scope restricts.
pub fn operator() -> AccessContext {
    AccessContext::administrator(actor("root"))
}

/// A scope of all three kinds, that [`insider`] is within.
pub fn narrow_scope() -> CredentialScope {
    CredentialScope {
        workflow_ids: texts(["w1", "wörk/flow"]),
        workspace_ids: texts(["ws-1", "日本語"]),
        roles: texts(["ops", "späher"]),
    }
}

/// Somebody whom [`narrow_scope`] allows.
pub fn insider() -> AccessContext {
    caller().in_workflow("w1").in_workspace("ws-1").with_roles(["ops"])
}

/// The secret that the credential with this name has in tests, unless it is given another.
pub fn secret_of(name: &str) -> String {
    format!("the secret of {name}")
}

/// A secret that may be used from everywhere.
pub fn credential(name: &str) -> NewCredential {
    NewCredential::secret(name, "slack", secret_of(name))
}

/// A secret that may be used where a scope says.
pub fn scoped(name: &str, scope: CredentialScope) -> NewCredential {
    credential(name).within(scope)
}

/// An OAuth credential with an access token and a refresh token, and no end.
pub fn oauth_credential(name: &str) -> NewCredential {
    let access = format!("the access token of {name}");
    let refresh = format!("the refresh token of {name}");
    let tokens = oauth_tokens(Some(&access), Some(&refresh), None);
    NewCredential::oauth(name, "google", secret_of(name), tokens)
}

/// Tokens of OAuth.
pub fn oauth_tokens(
    access: Option<&str>,
    refresh: Option<&str>,
    expires_at: Option<Timestamp>,
) -> OAuthTokens {
    OAuthTokens {
        access_token: access.map(SecretString::from),
        refresh_token: refresh.map(SecretString::from),
        expires_at,
    }
}

/// Both tokens, named after a number, and their end.
pub fn numbered_tokens(number: usize, expires_at: Option<Timestamp>) -> OAuthTokens {
    let (access, refresh) = (format!("access {number}"), format!("refresh {number}"));
    oauth_tokens(Some(&access), Some(&refresh), expires_at)
}

/// The texts of tokens and their end, to be compared.
pub fn shown(tokens: &OAuthTokens) -> (Option<String>, Option<String>, Option<Timestamp>) {
    let text =
        |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
    (text(&tokens.access_token), text(&tokens.refresh_token), tokens.expires_at)
}

/// A credential with every field of its kind.
pub fn full_credential(name: &str, expires_at: Timestamp) -> NewCredential {
    NewCredential {
        name: name.to_owned(),
        provider: "späße & \"more\" 🎉".to_owned(),
        secret: SecretString::from("it's a \"secret\" \\ späße 🎉"),
        scopes: texts(["chat:write", "späße", "日本語", "it's \"x\" \\"]),
        scope: narrow_scope(),
        kind: CredentialKind::OAuth,
        oauth: Some(numbered_tokens(1, Some(expires_at))),
    }
}

/// Stores a credential.
pub async fn put_credential(t: &Vaults, new: NewCredential) -> Credential {
    t.store.create(&caller(), new).await.expect("the credential is stored")
}

/// Stores a secret that may be used from everywhere.
pub async fn kept(t: &Vaults, name: &str) -> Credential {
    put_credential(t, credential(name)).await
}

/// Stores an OAuth credential that may be used from everywhere.
pub async fn kept_oauth(t: &Vaults, name: &str) -> Credential {
    put_credential(t, oauth_credential(name)).await
}

/// Reads a credential as an operator.
pub async fn credential_now(t: &Vaults, id: CredentialId) -> Credential {
    t.store.fetch(&operator(), id).await.expect("the credential is there")
}

/// Reveals the secret of a credential to an operator.
pub async fn revealed(t: &Vaults, id: CredentialId) -> String {
    let secret = t.store.reveal(&operator(), id).await.expect("the secret opens");
    secret.expose_secret().to_owned()
}

/// Reveals the tokens of a credential to an operator: texts and end, and their version.
pub async fn revealed_tokens(
    t: &Vaults,
    id: CredentialId,
) -> ((Option<String>, Option<String>, Option<Timestamp>), i64) {
    let stored = t.store.reveal_oauth_tokens(&operator(), id).await.expect("the tokens open");
    (shown(&stored.tokens), stored.version)
}

/// Gives a credential another secret.
pub async fn rotate_secret(t: &Vaults, id: CredentialId, secret: &str) -> Credential {
    let rotated = t.store.rotate(&operator(), id, SecretString::from(secret)).await;
    rotated.expect("the secret is rotated")
}

/// An update of the name.
pub fn renamed(name: &str) -> CredentialUpdate {
    CredentialUpdate { name: Some(name.to_owned()), ..CredentialUpdate::default() }
}

/// The names of credentials.
pub fn credential_names(credentials: &[Credential]) -> Vec<&str> {
    credentials.iter().map(|credential| credential.name.as_str()).collect()
}

/// A template that restricts nothing, of secrets.
pub fn secret_template(name: &str) -> NewTemplate {
    NewTemplate::new(name, "slack", CredentialKind::Secret)
}

/// A template that restricts nothing, of OAuth credentials.
pub fn oauth_template(name: &str) -> NewTemplate {
    NewTemplate::new(name, "google", CredentialKind::OAuth)
}

/// Stores a template.
pub async fn put_template(t: &Vaults, new: NewTemplate) -> CredentialTemplate {
    t.store.create_template(&caller(), new).await.expect("the template is stored")
}

/// The audit of a credential or a template, oldest first.
pub async fn audit_of_vault(t: &Vaults, subject: impl Into<VaultSubject>) -> Vec<VaultAuditEntry> {
    let page = PageRequest::first(1000);
    let page = t.store.audit(&operator(), subject.into(), &page).await;
    page.expect("the audit is readable").items
}

/// What the audit of a credential or a template says was done, oldest first.
pub async fn deeds_in_vault(t: &Vaults, subject: impl Into<VaultSubject>) -> Vec<&'static str> {
    let entries = audit_of_vault(t, subject).await;
    entries.into_iter().map(|entry| entry.action.as_str()).collect()
}

/// Asserts that an audit has so many entries, and that nothing is wrong with it.
pub async fn assert_vault_intact(t: &Vaults, subject: impl Into<VaultSubject>, entries: u64) {
    let subject = subject.into();
    let report = t.store.verify_audit(&operator(), subject).await.expect("there is an audit");
    assert!(report.is_intact(), "{subject}: {report:?}");
    assert_eq!(report.entries, entries, "{subject}");
}
