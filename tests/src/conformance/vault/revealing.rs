//! Revealing secrets: exactly what was stored, and who saw it.

use std::sync::Arc;

use serde_json::json;
use store_core::vault::{AccessContext, NewCredential, OAuthTokens, VaultStore};
use store_core::{CredentialId, ExposeSecret as _};

use super::{assert_forbidden, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, deeds_in_vault, insider,
    kept, kept_oauth, narrow_scope, numbered_tokens, operator, put_credential, revealed,
    rotate_secret, scoped, secret_of, time,
};

/// Secrets that something between the caller and the database might change.
fn hostile_secrets() -> Vec<String> {
    vec![
        "späße 日本語 🎉 \u{10ffff}".to_owned(),
        "-----BEGIN KEY-----\nline\r\nline\n-----END KEY-----\n".to_owned(),
        " \t leading and trailing \t ".to_owned(),
        "\n".to_owned(),
        "\u{feff}bom".to_owned(),
        "e\u{301} is not é".to_owned(),
        "a\0b\u{1}\u{7f}\u{85}".to_owned(),
        "'; DROP TABLE vault_secrets; --".to_owned(),
        "{\"json\": [1, null]}".to_owned(),
        "PSE\u{1} pretends to be an envelope".to_owned(),
        "[REDACTED]".to_owned(),
        "ä".repeat(512 * 1024),
        "x".repeat(1024 * 1024),
    ]
}

behaviours! {
    emits vault_revealing_tests from vault::revealing;

    /// A secret comes back byte by byte: unicode, line ends, space, NUL, a whole mebibyte.
    async fn a_secret_comes_back_byte_by_byte(t: &Vaults) {
        let other = t.reopened().await;
        for (number, secret) in hostile_secrets().into_iter().enumerate() {
            let new = NewCredential::secret(number.to_string(), "p", secret.clone());
            let id = put_credential(t, new).await.id;
            assert!(revealed(t, id).await == secret, "{number}");
            let again = other.reveal(&caller(), id).await.unwrap();
            assert!(again.expose_secret() == secret, "{number}");
        }
    }

    /// Tokens come back byte by byte.
    async fn tokens_come_back_byte_by_byte(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        for secret in hostile_secrets() {
            let tokens = OAuthTokens {
                access_token: Some(secret.clone().into()),
                refresh_token: Some(secret.to_lowercase().into()),
                expires_at: None,
            };
            let expected = crate::samples::shown(&tokens);
            t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
            let (read, _) = crate::samples::revealed_tokens(t, id).await;
            assert!(read == expected);
        }
    }

    /// A reveal is in the audit: who, when, and which version.
    async fn a_reveal_is_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        rotate_secret(t, id, "another").await;
        t.clock.set(time("13:00:00"));
        let by = AccessContext::new(actor("grace"));
        t.store.reveal(&by, id).await.unwrap();
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.sequence), ("revealed", 3));
        assert_eq!((entry.actor, entry.at), (actor("grace"), time("13:00:00")));
        assert_eq!(entry.details, json!({"secret_version": 2}));
    }

    /// Each reveal has an entry of its own, also of the same caller at the same instant.
    async fn each_reveal_has_its_own_entry(t: &Vaults) {
        let id = kept(t, "a").await.id;
        for _ in 0..3 {
            t.store.reveal(&caller(), id).await.unwrap();
        }
        assert_eq!(deeds_in_vault(t, id).await, ["created", "revealed", "revealed", "revealed"]);
    }

    /// A reveal is no change of the credential.
    async fn a_reveal_is_no_change(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        t.clock.set(time("13:00:00"));
        t.store.reveal(&caller(), before.id).await.unwrap();
        t.store.reveal_oauth_tokens(&caller(), before.id).await.unwrap();
        assert_eq!(credential_now(t, before.id).await, before);
    }

    /// A reveal that is denied shows nothing, and the audit has nothing of it.
    async fn a_denied_reveal_is_not_in_the_audit(t: &Vaults) {
        let new = scoped("planted", narrow_scope());
        let id = put_credential(t, new).await.id;
        let contents = t.contents().await;
        let answer = t.store.reveal(&caller(), id).await;
        let shown = format!("{answer:?}");
        assert_forbidden(answer);
        assert!(!shown.contains("planted"), "{shown}");
        assert_eq!(t.contents().await, contents);
        let secret = t.store.reveal(&insider(), id).await.unwrap();
        assert_eq!(secret.expose_secret(), secret_of("planted"));
    }

    /// Nothing is revealed of what is not there, or not there any more.
    async fn a_secret_that_is_not_there_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        assert_not_found(t.store.reveal(&operator(), CredentialId::mint()).await);
        t.store.delete(&caller(), id).await.unwrap();
        assert_not_found(t.store.reveal(&operator(), id).await);
        assert_eq!(deeds_in_vault(t, id).await, ["created", "deleted"]);
    }

    /// Each credential reveals its own secret, also one with the same text as another.
    async fn each_credential_reveals_its_own_secret(t: &Vaults) {
        let mut ids = Vec::new();
        for number in 0..20 {
            let secret = format!("secret {}", number % 3);
            let new = NewCredential::secret(number.to_string(), "p", secret.clone());
            ids.push((put_credential(t, new).await.id, secret));
        }
        for (id, secret) in ids {
            assert_eq!(revealed(t, id).await, secret);
        }
    }

    /// Equal secrets are not stored equal.
    async fn equal_secrets_are_not_stored_equal(t: &Vaults) {
        for name in ["a", "b", "c"] {
            put_credential(t, NewCredential::secret(name, "p", "the same secret")).await;
        }
        assert_eq!(t.count("SELECT COUNT(DISTINCT envelope) FROM vault_secrets").await, 3);
    }

    /// A reveal always shows what is now: after a change by another process too.
    async fn a_reveal_shows_what_is_now(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let other = t.reopened().await;
        for number in 0..5 {
            let secret = format!("secret {number}");
            other.rotate(&caller(), id, secret.clone().into()).await.unwrap();
            assert_eq!(revealed(t, id).await, secret);
        }
    }

    /// Concurrent reveals all succeed, and the audit has all of them.
    async fn concurrent_reveals_are_all_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            let by = AccessContext::new(actor(&format!("actor {number}")));
            store.reveal(&by, id).await.unwrap().expose_secret().to_owned()
        };
        let secrets = t.at_once(32, work).await;
        assert!(secrets.iter().all(|secret| *secret == secret_of("a")));
        assert_vault_intact(t, id, 33).await;
        let actors: std::collections::BTreeSet<_> =
            audit_of_vault(t, id).await.into_iter().map(|entry| entry.actor).collect();
        assert_eq!(actors.len(), 33, "each of them, and who stored it");
    }

    /// Concurrent reveals of different credentials do not mix them up.
    async fn concurrent_reveals_are_not_mixed_up(t: &Vaults) {
        let mut ids = Vec::new();
        for number in 0..8 {
            ids.push(kept(t, &number.to_string()).await.id);
        }
        let work = move |number: usize, store: Arc<dyn VaultStore>| {
            let ids = ids.clone();
            async move {
                for (place, id) in ids.iter().cycle().skip(number).take(8).enumerate() {
                    let secret = store.reveal(&caller(), *id).await.unwrap();
                    let expected = secret_of(&((number + place) % 8).to_string());
                    assert_eq!(secret.expose_secret(), expected);
                }
            }
        };
        t.at_once(16, work).await;
    }

    /// Tokens that are revealed are in the audit with their version.
    async fn revealed_tokens_are_in_the_audit(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let tokens = numbered_tokens(2, None);
        t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
        let by = AccessContext::new(actor("grace"));
        let stored = t.store.reveal_oauth_tokens(&by, id).await.unwrap();
        assert_eq!(stored.version, 2);
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.actor), ("tokens_revealed", actor("grace")));
        assert_eq!(entry.details, json!({"tokens_version": 2}));
    }
}
