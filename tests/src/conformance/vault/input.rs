//! What is refused before anything is asked of the database.

use std::collections::BTreeSet;
use std::time::Duration;

use store_core::vault::{
    AccessContext, CredentialScope, CredentialUpdate, HealthStatus, NewCredential, OAuthTokens,
};
use store_core::{Error, PageRequest, Result, SecretString};

use super::assert_invalid;
use super::calls::every_call;
use super::leases::acquire;
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    caller, credential, kept, kept_oauth, oauth_credential, oauth_tokens, operator, renamed,
};

const MEBIBYTE: usize = 1024 * 1024;

/// Texts that neither a name nor an id can be.
fn bad_texts() -> [String; 7] {
    let (long, wide) = ("x".repeat(256), "ä".repeat(128));
    ["a\0b", "a\nb", "a\u{7f}b", "a\u{85}b", &long, &wide, ""].map(str::to_owned)
}

fn many(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Secrets that are too short and too long.
fn bad_secrets() -> [SecretString; 2] {
    [SecretString::from(""), SecretString::from("x".repeat(MEBIBYTE + 1))]
}

/// Scopes that break one rule each, and the field that breaks it.
fn bad_scopes() -> Vec<(&'static str, CredentialScope)> {
    let mut bad = Vec::new();
    let sets = bad_texts().into_iter().map(|text| [text].into()).chain([many(1001)]);
    for set in sets {
        let set: BTreeSet<String> = set;
        let none = CredentialScope::default;
        bad.push(("scope.workflow_ids", CredentialScope { workflow_ids: set.clone(), ..none() }));
        bad.push(("scope.workspace_ids", CredentialScope { workspace_ids: set.clone(), ..none() }));
        bad.push(("scope.roles", CredentialScope { roles: set, ..none() }));
    }
    bad
}

/// Tokens that break one rule each, and the field that breaks it.
fn bad_tokens() -> Vec<(&'static str, OAuthTokens)> {
    let mut bad = Vec::new();
    for secret in bad_secrets() {
        let token = || Some(secret.clone());
        let good = || oauth_tokens(Some("access"), Some("refresh"), None);
        bad.push(("oauth.access_token", OAuthTokens { access_token: token(), ..good() }));
        bad.push(("oauth.refresh_token", OAuthTokens { refresh_token: token(), ..good() }));
    }
    bad
}

/// Credentials that break one rule each, and the field that breaks it.
fn bad_credentials() -> Vec<(&'static str, NewCredential)> {
    let mut bad = Vec::new();
    for text in bad_texts() {
        bad.push(("name", NewCredential { name: text.clone(), ..credential("a") }));
        bad.push(("provider", NewCredential { provider: text.clone(), ..credential("a") }));
        if !text.is_empty() {
            bad.push(("scopes", NewCredential { scopes: [text].into(), ..credential("a") }));
        }
    }
    for blank in [" ", " \u{a0}\u{2003} "] {
        bad.push(("name", credential(blank)));
        bad.push(("provider", NewCredential { provider: blank.to_owned(), ..credential("a") }));
    }
    bad.push(("scopes", NewCredential { scopes: many(1001), ..credential("a") }));
    for (field, scope) in bad_scopes() {
        bad.push((field, credential("a").within(scope)));
    }
    for secret in bad_secrets() {
        bad.push(("secret", NewCredential { secret, ..credential("a") }));
    }
    for (field, tokens) in bad_tokens() {
        bad.push((field, NewCredential { oauth: Some(tokens), ..oauth_credential("a") }));
    }
    let tokens = oauth_tokens(Some("access"), None, None);
    bad.push(("oauth", NewCredential { oauth: Some(tokens), ..credential("a") }));
    bad.push(("oauth", NewCredential { oauth: Some(OAuthTokens::default()), ..credential("a") }));
    bad
}

/// Contexts that break one rule each, and the field that breaks it.
fn bad_contexts() -> Vec<(&'static str, AccessContext)> {
    let mut bad = Vec::new();
    for text in bad_texts().into_iter().filter(|text| !text.is_empty()) {
        for who in [caller(), operator()] {
            bad.push(("context.workflow_id", who.clone().in_workflow(text.clone())));
            bad.push(("context.workspace_id", who.clone().in_workspace(text.clone())));
            bad.push(("context.roles", who.with_roles([text.clone()])));
        }
    }
    bad
}

/// Asserts that a call names a field, all of it.
#[track_caller]
fn assert_names<T: std::fmt::Debug>(answer: Result<T>, expected: &str, call: &str) {
    match answer.expect_err(call) {
        Error::Invalid { field, .. } => assert_eq!(field, expected, "{call}"),
        other => panic!("{call}: {expected}: {other}"),
    }
}

behaviours! {
    emits vault_input_tests from vault::input;

    /// A field of a credential that breaks its rule is named, and no statement is sent.
    async fn every_field_of_a_credential_is_checked(t: &Vaults) {
        let before = t.statements();
        for (field, new) in bad_credentials() {
            assert_names(t.store.create(&caller(), new).await, field, "create");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_credentials").await, 0);
    }

    /// What an update changes is checked like what a credential is created with.
    async fn every_field_of_an_update_is_checked(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let contents = t.contents().await;
        let before = t.statements();
        for (field, new) in bad_credentials() {
            let none = CredentialUpdate::default;
            let update = match field {
                "name" => renamed(&new.name),
                "provider" => CredentialUpdate { provider: Some(new.provider), ..none() },
                "secret" => CredentialUpdate { secret: Some(new.secret), ..none() },
                "scopes" => CredentialUpdate { scopes: Some(new.scopes), ..none() },
                _ if field.starts_with("scope.") => {
                    CredentialUpdate { scope: Some(new.scope), ..none() }
                }
                _ => continue,
            };
            assert_names(t.store.update(&caller(), id, update).await, field, "update");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        assert_eq!(t.contents().await, contents);
    }

    /// A new secret is checked like the first one.
    async fn a_new_secret_is_checked(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let before = t.statements();
        for secret in bad_secrets() {
            assert_names(t.store.rotate(&caller(), id, secret).await, "secret", "rotate");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// New tokens are checked like the first ones, also those of a refresh.
    async fn new_tokens_are_checked(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "o").await.unwrap();
        let before = t.statements();
        for (field, tokens) in bad_tokens() {
            let update = t.store.update_oauth_tokens(&caller(), id, tokens.clone()).await;
            assert_names(update, field, "update_oauth_tokens");
            let completed = t.store.complete_refresh(&caller(), &lease, tokens).await;
            assert_names(completed, field, "complete_refresh");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        let good = oauth_tokens(Some("access"), None, None);
        t.store.complete_refresh(&caller(), &lease, good).await.unwrap();
    }

    /// A name that no credential can have is refused when it is looked up.
    async fn a_name_that_nothing_can_have_is_refused(t: &Vaults) {
        let before = t.statements();
        for bad in bad_texts().iter().map(String::as_str).chain(["  ", "\u{2003}"]) {
            assert_names(t.store.find_by_name(&caller(), bad).await, "name", "find_by_name");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// A credential is unhealthy for a reason of at most 4096 bytes without NUL, and only an
    /// unhealthy one has a reason.
    async fn the_reason_of_a_failed_check_is_checked(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let before = t.statements();
        let long = "x".repeat(4097);
        let bad = [
            (HealthStatus::Unhealthy, None),
            (HealthStatus::Unhealthy, Some("a\0b")),
            (HealthStatus::Unhealthy, Some(long.as_str())),
            (HealthStatus::Healthy, Some("why")),
            (HealthStatus::Unknown, Some("why")),
        ];
        for (status, reason) in bad {
            let marked = t.store.mark_health(&caller(), id, status, reason).await;
            assert_names(marked, "failure_reason", "mark_health");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// An owner of a lease has 1 to 255 bytes, and a lease lasts 1 millisecond to 1 hour.
    async fn owners_and_times_of_leases_are_checked(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "o").await.unwrap();
        let minute = Duration::from_secs(60);
        let before = t.statements();
        for bad in bad_texts() {
            let answer = t.store.acquire_refresh_lease(&caller(), id, &bad, minute).await;
            assert_names(answer, "owner", "acquire");
        }
        let hour = minute * 60;
        let micro = Duration::from_micros(1);
        for bad in [Duration::ZERO, Duration::from_micros(999), hour + micro, Duration::MAX] {
            let answer = t.store.acquire_refresh_lease(&caller(), id, "o", bad).await;
            assert_names(answer, "ttl", "acquire");
            let renewed = t.store.renew_refresh_lease(&caller(), &lease, bad).await;
            assert_names(renewed, "ttl", "renew");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        for good in [Duration::from_millis(1), hour] {
            t.store.renew_refresh_lease(&caller(), &lease, good).await.unwrap();
            let other = kept_oauth(t, &format!("{good:?}")).await.id;
            let owner = "ö".repeat(127);
            let taken = t.store.acquire_refresh_lease(&caller(), other, &owner, good).await;
            assert_eq!(taken.unwrap().unwrap().owner, owner);
        }
    }

    /// Pages have 1 to 1000 items.
    async fn the_size_of_a_page_of_the_vault_is_checked(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let before = t.statements();
        for limit in [0, 1001, u32::MAX] {
            let page = PageRequest::first(limit);
            assert_names(t.store.list(&caller(), &page).await, "limit", "list");
            assert_names(t.store.list_all(&operator(), &page).await, "limit", "list_all");
            assert_names(t.store.audit(&caller(), id.into(), &page).await, "limit", "audit");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        for limit in [1, 1000] {
            t.store.list(&caller(), &PageRequest::first(limit)).await.unwrap();
        }
    }

    /// The ids and the roles of a context are checked by every call, an operator's too.
    async fn the_context_is_checked_by_every_call(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "o").await.unwrap();
        let contents = t.contents().await;
        let before = t.statements();
        let page = &PageRequest::default();
        for (field, cx) in bad_contexts() {
            let (s, cx) = (&t.store, &cx);
            for (call, answer) in every_call(s.as_ref(), cx, id, &lease).await {
                assert_names(answer, field, call);
            }
            assert_names(s.create(cx, credential("b")).await, field, "create");
            assert_names(s.find_by_name(cx, "a").await, field, "find_by_name");
            assert_names(s.list(cx, page).await, field, "list");
            if cx.is_administrator() {
                assert_names(s.list_all(cx, page).await, field, "list_all");
                assert_names(s.keys(cx).await, field, "keys");
                assert_names(s.rewrap(cx, 100).await, field, "rewrap");
            }
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        assert_eq!(t.contents().await, contents);
    }

    /// The longest ids and roles of a context are taken.
    async fn the_longest_ids_of_a_context_are_taken(t: &Vaults) {
        let long = "x".repeat(255);
        let scope = CredentialScope {
            workflow_ids: [long.clone()].into(),
            workspace_ids: [long.clone()].into(),
            roles: [long.clone()].into(),
        };
        let id = t.store.create(&caller(), credential("a").within(scope)).await.unwrap().id;
        let cx = caller().in_workflow(long.clone()).in_workspace(long.clone()).with_roles([long]);
        assert_eq!(t.store.fetch(&cx, id).await.unwrap().created_at, noon());
        assert_eq!(t.store.list(&cx, &PageRequest::default()).await.unwrap().items.len(), 1);
    }

    /// A cursor that is none is refused.
    async fn a_damaged_cursor_of_the_vault_is_refused(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let page = PageRequest::first(1).after("AAAA".parse().unwrap());
        assert_invalid(t.store.list(&caller(), &page).await, "after");
        assert_invalid(t.store.list_all(&operator(), &page).await, "after");
        assert_invalid(t.store.audit(&caller(), id.into(), &page).await, "after");
    }
}
