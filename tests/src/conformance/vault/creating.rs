//! Storing credentials: every field, and what is made of them.

use std::collections::BTreeSet;

use serde_json::json;
use store_core::SecretString;
use store_core::vault::{
    Credential, CredentialHealth, CredentialKind, CredentialScope, HealthStatus, NewCredential,
    OAuthState, OAuthTokens,
};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    audit_of_vault, caller, credential, credential_now, deeds_in_vault, full_credential, kept,
    narrow_scope, oauth_credential, oauth_tokens, put_credential, revealed, revealed_tokens,
    secret_of, shown, texts, time,
};

const MEBIBYTE: usize = 1024 * 1024;

/// Texts of the length that the longest may have.
fn many(prefix: &str) -> BTreeSet<String> {
    let width = 255 - prefix.len();
    (0..1000).map(|number| format!("{prefix}{number:0>width$}")).collect()
}

behaviours! {
    emits vault_creating_tests from vault::creating;

    /// Every field of a credential is stored and read back, by another process too.
    async fn every_field_of_a_credential_round_trips(t: &Vaults) {
        let expires_at = time("18:00:00.123456");
        let new = full_credential("Späße & \"more\" 🎉", expires_at);
        let created = put_credential(t, new.clone()).await;
        let expected = Credential {
            id: created.id,
            name: new.name,
            provider: new.provider,
            scopes: new.scopes,
            scope: narrow_scope(),
            kind: CredentialKind::OAuth,
            template_id: None,
            health: CredentialHealth {
                status: HealthStatus::Unknown,
                last_checked_at: None,
                failure_reason: None,
            },
            key_id: "k1".to_owned(),
            secret_version: 1,
            last_rotated_at: noon(),
            oauth: Some(OAuthState {
                has_access_token: true,
                has_refresh_token: true,
                expires_at: Some(expires_at),
            }),
            created_at: noon(),
            updated_at: noon(),
            row_version: 1,
        };
        assert_eq!(created, expected);
        assert_eq!(credential_now(t, created.id).await, expected);
        let context = crate::samples::insider();
        let read = t.reopened().await.fetch(&context, created.id).await.unwrap();
        assert_eq!(read, expected);
    }

    /// The secret and the tokens of a credential are those it was stored with.
    async fn what_was_sealed_is_what_is_revealed(t: &Vaults) {
        let new = full_credential("a", time("18:00:00"));
        let id = put_credential(t, new).await.id;
        assert_eq!(revealed(t, id).await, "it's a \"secret\" \\ späße 🎉");
        let expected = (Some("access 1".into()), Some("refresh 1".into()), Some(time("18:00:00")));
        assert_eq!(revealed_tokens(t, id).await, (expected, 1));
    }

    /// A plain secret has no tokens, and nothing to say about them.
    async fn a_plain_secret_has_no_tokens(t: &Vaults) {
        let created = kept(t, "a").await;
        assert_eq!((created.kind, created.oauth), (CredentialKind::Secret, None));
        assert_eq!(created.scope, CredentialScope::default());
        assert_eq!(created.scopes, texts([]));
        assert_eq!(credential_now(t, created.id).await, created);
    }

    /// An OAuth credential may be stored before it has tokens.
    async fn an_oauth_credential_may_have_no_tokens_yet(t: &Vaults) {
        let new = NewCredential { oauth: None, ..oauth_credential("a") };
        let created = put_credential(t, new).await;
        assert_eq!(created.oauth, Some(OAuthState::default()));
        assert_eq!(credential_now(t, created.id).await, created);
        assert_eq!(revealed_tokens(t, created.id).await, ((None, None, None), 0));
    }

    /// An OAuth credential may have one of the two tokens.
    async fn one_of_the_two_tokens_is_enough(t: &Vaults) {
        let cases = [
            ("a", oauth_tokens(Some("access"), None, Some(time("13:00:00")))),
            ("b", oauth_tokens(None, Some("refresh"), None)),
        ];
        for (name, tokens) in cases {
            let expected = shown(&tokens);
            let new = NewCredential { oauth: Some(tokens), ..oauth_credential(name) };
            let created = put_credential(t, new).await;
            let state = OAuthState {
                has_access_token: expected.0.is_some(),
                has_refresh_token: expected.1.is_some(),
                expires_at: expected.2,
            };
            assert_eq!(created.oauth, Some(state));
            assert_eq!(revealed_tokens(t, created.id).await, (expected, 1));
        }
    }

    /// Space around names, providers and scopes is removed, within them it stays; scopes that are
    /// equal then are one, and empty ones are left out.
    async fn texts_are_trimmed(t: &Vaults) {
        let new = NewCredential {
            provider: " \u{a0} my  slack \u{2003}".to_owned(),
            scopes: texts(["read", " read ", "read\u{2003}", "", "  ", " chat  write"]),
            ..credential("  \u{2003}a  b\u{a0} ")
        };
        let created = put_credential(t, new).await;
        assert_eq!((created.name.as_str(), created.provider.as_str()), ("a  b", "my  slack"));
        assert_eq!(created.scopes, texts(["chat  write", "read"]));
        assert_eq!(credential_now(t, created.id).await, created);
    }

    /// Ids of a scope are kept as they are, roles in lower case and once.
    async fn roles_of_a_scope_are_kept_in_lower_case(t: &Vaults) {
        let scope = CredentialScope {
            workflow_ids: texts(["W1", "w1", " w1 "]),
            workspace_ids: texts(["WS", "ws"]),
            roles: texts(["OPS", "ops", "Ops", "SPÄHER", "ΣΟΦΟΣ"]),
        };
        let created = put_credential(t, credential("a").within(scope.clone())).await;
        let roles = texts(["ops", "späher", "σοφος"]);
        let expected = CredentialScope { roles, ..scope };
        assert_eq!(created.scope, expected);
        assert_eq!(credential_now(t, created.id).await, created);
    }

    /// The largest of everything is stored: names, sets, the secret and the tokens.
    async fn the_largest_credential_is_stored(t: &Vaults) {
        let large = "x".repeat(MEBIBYTE);
        let new = NewCredential {
            name: format!("  {}  ", "n".repeat(255)),
            provider: "p".repeat(255),
            secret: SecretString::from(large.clone()),
            scopes: many("s"),
            scope: CredentialScope {
                workflow_ids: many("w"),
                workspace_ids: many("x"),
                roles: many("r"),
            },
            kind: CredentialKind::OAuth,
            oauth: Some(oauth_tokens(Some(&large), Some(&large), None)),
        };
        let created = put_credential(t, new.clone()).await;
        assert_eq!((created.name.len(), created.provider.len()), (255, 255));
        assert_eq!((&created.scopes, &created.scope), (&new.scopes, &new.scope));
        assert_eq!(credential_now(t, created.id).await, created);
        assert!(revealed(t, created.id).await == large);
        let (tokens, version) = revealed_tokens(t, created.id).await;
        assert!(tokens == (Some(large.clone()), Some(large), None));
        assert_eq!(version, 1);
    }

    /// The smallest of everything is stored.
    async fn the_smallest_credential_is_stored(t: &Vaults) {
        let id = put_credential(t, NewCredential::secret("n", "p", "s")).await.id;
        assert_eq!(revealed(t, id).await, "s");
    }

    /// Texts that are SQL or JSON are stored as they are.
    async fn hostile_texts_are_stored_as_they_are(t: &Vaults) {
        let hostile = [
            "'; DROP TABLE vault_credentials; --", "\" OR \"\"=\"", "{\"a\": [1]}", "%_\\%",
            "$1", "?1", "NULL", "\u{202e}abc", "a\u{301}", "\u{fffd}\u{10ffff}",
        ];
        for text in hostile {
            let new = NewCredential {
                provider: text.to_owned(),
                scopes: texts([text]),
                scope: CredentialScope {
                    workflow_ids: texts([text]),
                    workspace_ids: texts([text]),
                    roles: BTreeSet::new(),
                },
                ..NewCredential::secret(text, text, text)
            };
            let created = put_credential(t, new.clone()).await;
            assert_eq!((&created.name, &created.provider), (&new.name, &new.provider));
            assert_eq!((&created.scopes, &created.scope), (&new.scopes, &new.scope));
            assert_eq!(credential_now(t, created.id).await, created);
            assert_eq!(revealed(t, created.id).await, text);
        }
    }

    /// Whoever stores a credential need not be within its scope.
    async fn a_credential_may_be_stored_for_others(t: &Vaults) {
        let created = put_credential(t, credential("a").within(narrow_scope())).await;
        let denied = t.store.fetch(&caller(), created.id).await;
        super::assert_forbidden(denied);
        assert_eq!(revealed(t, created.id).await, secret_of("a"));
    }

    /// The audit of a credential begins with its creation, which says nothing of the secret.
    async fn creating_is_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let entries = audit_of_vault(t, id).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].details, json!({}));
        assert_eq!((entries[0].sequence, entries[0].at), (1, noon()));
        assert_eq!(entries[0].actor, *caller().actor());
    }

    /// Each credential has an id of its own, and later ones have later ids.
    async fn ids_ascend(t: &Vaults) {
        let mut ids = Vec::new();
        for number in 0..10 {
            ids.push(kept(t, &number.to_string()).await.id);
        }
        assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    }

    /// Two databases do not see each other's credentials, whatever their names.
    async fn another_database_has_other_credentials(t: &Vaults) {
        let other = t.other().await;
        let created = kept(t, "a").await;
        let there = other.create(&caller(), credential("a")).await.unwrap();
        assert_ne!(there.id, created.id);
        super::assert_not_found(other.fetch(&caller(), created.id).await);
        super::assert_not_found(t.store.reveal(&caller(), there.id).await);
    }

    /// A create that is refused leaves nothing behind, no audit and no secret.
    async fn a_refused_create_leaves_nothing(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let before = t.contents().await;
        super::assert_conflict(t.store.create(&caller(), oauth_credential("A")).await);
        let bad = NewCredential { oauth: Some(OAuthTokens::default()), ..credential("b") };
        assert_invalid(t.store.create(&caller(), bad).await, "oauth");
        assert_eq!(t.contents().await, before);
        assert_eq!(deeds_in_vault(t, id).await, ["created"]);
    }
}
