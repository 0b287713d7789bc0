//! Changing credentials: what an update writes, and what it does not.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store_core::vault::{Credential, CredentialScope, CredentialUpdate, HealthStatus};
use store_core::{Error, SecretString};

use super::{assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, audit_of_vault, caller, credential_now, deeds_in_vault, kept, kept_oauth, narrow_scope,
    operator, renamed, revealed, revealed_tokens, secret_of, texts, time,
};

/// An update of everything.
fn full_update() -> CredentialUpdate {
    CredentialUpdate {
        expected_row_version: Some(1),
        name: Some("  Späße  ".to_owned()),
        provider: Some(" github ".to_owned()),
        secret: Some(SecretString::from("another secret")),
        scopes: Some(texts([" write ", "read", "write", ""])),
        scope: Some(narrow_scope()),
    }
}

/// Updates that change nothing about a credential.
fn idle_updates(credential: &Credential) -> Vec<CredentialUpdate> {
    let none = CredentialUpdate::default;
    let same = CredentialUpdate {
        name: Some(credential.name.clone()),
        provider: Some(credential.provider.clone()),
        secret: Some(SecretString::from(secret_of("a"))),
        scopes: Some(credential.scopes.clone()),
        scope: Some(credential.scope.clone()),
        ..none()
    };
    let row_version = Some(credential.row_version);
    vec![
        none(),
        CredentialUpdate { expected_row_version: row_version, ..none() },
        renamed("  a "),
        CredentialUpdate { provider: Some(" slack\u{2003}".to_owned()), ..none() },
        CredentialUpdate { secret: same.secret.clone(), ..none() },
        CredentialUpdate { scopes: Some(texts(["", " "])), ..none() },
        CredentialUpdate { scope: Some(CredentialScope::default()), ..none() },
        CredentialUpdate { expected_row_version: row_version, ..same.clone() },
        same,
    ]
}

/// What the newest entry of an audit says.
async fn told(t: &Vaults, credential: &Credential) -> Value {
    audit_of_vault(t, credential.id).await.pop().unwrap().details
}

behaviours! {
    emits vault_updating_tests from vault::updating;

    /// An update changes what it names, and moves the row version and the instant once.
    async fn an_update_changes_what_it_names(t: &Vaults) {
        let before = kept(t, "a").await;
        t.clock.set(time("13:00:00"));
        let updated = t.store.update(&caller(), before.id, full_update()).await.unwrap();
        let expected = Credential {
            name: "Späße".to_owned(),
            provider: "github".to_owned(),
            scopes: texts(["read", "write"]),
            scope: narrow_scope(),
            secret_version: 2,
            last_rotated_at: time("13:00:00"),
            updated_at: time("13:00:00"),
            row_version: 2,
            ..before
        };
        assert_eq!(updated, expected);
        assert_eq!(credential_now(t, updated.id).await, expected);
        assert_eq!(revealed(t, updated.id).await, "another secret");
    }

    /// What an update does not name stays, one field at a time.
    async fn what_an_update_does_not_name_stays(t: &Vaults) {
        let mut expected = kept_oauth(t, "a").await;
        let tokens = revealed_tokens(t, expected.id).await;
        t.clock.set(time("13:00:00"));
        let full = full_update();
        let none = CredentialUpdate::default;
        let updates = [
            renamed("b"),
            CredentialUpdate { provider: Some("p".to_owned()), ..none() },
            CredentialUpdate { scopes: Some(texts(["read"])), ..none() },
            CredentialUpdate { scope: full.scope, ..none() },
            CredentialUpdate { secret: full.secret, ..none() },
        ];
        for (number, update) in updates.into_iter().enumerate() {
            let updated = t.store.update(&operator(), expected.id, update).await.unwrap();
            match number {
                0 => expected.name = "b".to_owned(),
                1 => expected.provider = "p".to_owned(),
                2 => expected.scopes = texts(["read"]),
                3 => expected.scope = narrow_scope(),
                _ => {
                    expected.secret_version = 2;
                    expected.last_rotated_at = time("13:00:00");
                }
            }
            expected.row_version += 1;
            expected.updated_at = time("13:00:00");
            assert_eq!(updated, expected);
            assert_eq!(credential_now(t, expected.id).await, expected);
        }
        assert_eq!(revealed_tokens(t, expected.id).await, tokens);
    }

    /// An update that changes nothing writes nothing: no row version, no instant, no audit.
    async fn an_update_that_changes_nothing_writes_nothing(t: &Vaults) {
        let before = kept(t, "a").await;
        let contents = t.contents().await;
        t.clock.set(time("13:00:00"));
        for update in idle_updates(&before) {
            let shown = format!("{update:?}");
            let answer = t.store.update(&caller(), before.id, update).await.unwrap();
            assert_eq!(answer, before, "{shown}");
            assert_eq!(t.contents().await, contents, "{shown}");
        }
    }

    /// Another case of the same name is a change, and no conflict with itself.
    async fn another_case_of_a_name_is_a_change(t: &Vaults) {
        let before = kept(t, "späße").await;
        let updated = t.store.update(&caller(), before.id, renamed("SPÄßE")).await.unwrap();
        assert_eq!((updated.name.as_str(), updated.row_version), ("SPÄßE", 2));
        assert_eq!(told(t, &before).await, json!({"name": {"from": "späße", "to": "SPÄßE"}}));
    }

    /// The audit tells each field that is another now, from what and to what, and no secret.
    async fn an_update_is_told_field_by_field(t: &Vaults) {
        let before = kept(t, "a").await;
        let by = store_core::vault::AccessContext::administrator(actor("grace"));
        t.store.update(&by, before.id, full_update()).await.unwrap();
        let entry = audit_of_vault(t, before.id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), &entry.actor), ("updated", &actor("grace")));
        let mut details = entry.details;
        let scope = details.as_object_mut().unwrap().remove("scope").unwrap();
        let expected = json!({
            "name": {"from": "a", "to": "Späße"},
            "provider": {"from": "slack", "to": "github"},
            "scopes": {"from": [], "to": ["read", "write"]},
            "secret_version": {"from": 1, "to": 2},
        });
        assert_eq!(details, expected);
        let keys: BTreeSet<_> = scope.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["from", "to"].into());
        assert_ne!(scope["from"], scope["to"]);
        assert!(scope["to"].to_string().contains("späher"), "{scope}");
        assert_eq!(deeds_in_vault(t, before.id).await, ["created", "updated"]);
    }

    /// A field that an update names and does not change is not told.
    async fn a_field_that_stays_is_not_told(t: &Vaults) {
        let before = kept(t, "a").await;
        let update = CredentialUpdate {
            provider: Some("github".to_owned()),
            secret: Some(SecretString::from(secret_of("a"))),
            ..renamed("a")
        };
        let updated = t.store.update(&caller(), before.id, update).await.unwrap();
        assert_eq!(updated.secret_version, 1);
        let expected = json!({"provider": {"from": "slack", "to": "github"}});
        assert_eq!(told(t, &before).await, expected);
    }

    /// An update with the row version that is there succeeds, with any other it conflicts and
    /// changes nothing.
    async fn another_row_version_than_expected_conflicts(t: &Vaults) {
        let before = kept(t, "a").await;
        let first = t.store.update(&caller(), before.id, renamed("b")).await.unwrap();
        let contents = t.contents().await;
        for version in [1, 3, 0, -1, i64::MAX] {
            // One that would change something, and one that would not.
            for name in ["c", "b"] {
                let expected_row_version = Some(version);
                let update = CredentialUpdate { expected_row_version, ..renamed(name) };
                assert_conflict(t.store.update(&caller(), before.id, update).await);
            }
        }
        assert_eq!(t.contents().await, contents);
        let fresh = CredentialUpdate {
            expected_row_version: Some(first.row_version),
            ..renamed("c")
        };
        assert_eq!(t.store.update(&caller(), before.id, fresh).await.unwrap().row_version, 3);
    }

    /// A conflict of row versions names the credential.
    async fn a_conflict_of_row_versions_names_the_credential(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let stale = CredentialUpdate { expected_row_version: Some(2), ..renamed("b") };
        let error = t.store.update(&caller(), id, stale).await.unwrap_err();
        let Error::Conflict { entity, id: named, .. } = &error else { panic!("{error}") };
        assert_eq!((*entity, named.as_str()), ("credential", id.to_string().as_str()));
    }

    /// Of concurrent updates with one expected row version, one succeeds.
    async fn of_concurrent_updates_of_one_version_one_succeeds(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: std::sync::Arc<dyn store_core::vault::VaultStore>| {
            let update = CredentialUpdate {
                expected_row_version: Some(1),
                ..renamed(&format!("name {number}"))
            };
            async move { store.update(&caller(), id, update).await }
        };
        let answers = t.at_once(16, work).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 15));
        bad.into_iter().for_each(assert_conflict);
        assert_eq!(credential_now(t, id).await, good[0].as_ref().unwrap().clone());
        assert_eq!(deeds_in_vault(t, id).await, ["created", "updated"]);
    }

    /// Concurrent updates without an expected row version all count.
    async fn every_concurrent_update_counts(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: std::sync::Arc<dyn store_core::vault::VaultStore>| {
            let update = CredentialUpdate {
                secret: Some(SecretString::from(format!("secret {number}"))),
                ..renamed(&format!("name {number}"))
            };
            async move { store.update(&caller(), id, update).await.unwrap() }
        };
        let mut versions: Vec<_> =
            t.at_once(16, work).await.iter().map(|c| (c.row_version, c.secret_version)).collect();
        versions.sort_unstable();
        assert_eq!(versions, (2..=17).map(|version| (version, version)).collect::<Vec<_>>());
        crate::samples::assert_vault_intact(t, id, 17).await;
        let last = credential_now(t, id).await;
        let number = last.name.strip_prefix("name ").unwrap();
        assert_eq!(revealed(t, id).await, format!("secret {number}"));
    }

    /// An update does not touch what a check came to, nor another credential.
    async fn an_update_touches_nothing_else(t: &Vaults) {
        let (a, b) = (kept(t, "a").await, kept(t, "b").await);
        t.store.mark_health(&caller(), a.id, HealthStatus::Unhealthy, Some("x")).await.unwrap();
        let health = credential_now(t, a.id).await.health;
        let updated = t.store.update(&caller(), a.id, renamed("c")).await.unwrap();
        assert_eq!(updated.health, health);
        assert_eq!(credential_now(t, b.id).await, b);
        assert_eq!(revealed(t, b.id).await, secret_of("b"));
    }

    /// A credential that is gone is not updated.
    async fn a_deleted_credential_is_not_updated(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.delete(&caller(), id).await.unwrap();
        let contents = t.contents().await;
        assert_not_found(t.store.update(&operator(), id, full_update()).await);
        assert_not_found(t.store.update(&operator(), id, CredentialUpdate::default()).await);
        assert_eq!(t.contents().await, contents);
    }
}
