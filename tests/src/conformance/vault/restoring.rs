//! The versions of a secret, and giving back an older one.

use std::sync::Arc;

use serde_json::json;
use store_core::vault::{AccessContext, Credential, VaultStore};
use store_core::{CredentialId, Error, SecretString};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, kept, revealed,
    rotate_secret, secret_of, time,
};

/// Rotates a credential until its secret has so many versions, the first of which it has.
async fn versioned_up_to(t: &Vaults, id: CredentialId, count: i64) {
    for version in 2..=count {
        let rotated = rotate_secret(t, id, &format!("secret {version}")).await;
        assert_eq!(rotated.secret_version, version);
    }
}

/// The numbers of the versions that are kept.
async fn kept_versions(t: &Vaults, id: CredentialId) -> Vec<i64> {
    let versions = t.store.versions(&caller(), id).await.unwrap();
    versions.into_iter().map(|version| version.version).collect()
}

behaviours! {
    emits vault_restoring_tests from vault::restoring;

    /// The last five versions are kept, newest first, and the newest is the current one.
    async fn the_last_five_versions_are_kept(t: &Vaults) {
        let id = kept(t, "a").await.id;
        for count in 1..=8 {
            if count > 1 {
                rotate_secret(t, id, &format!("secret {count}")).await;
            }
            let expected: Vec<i64> = ((count - 4).max(1)..=count).rev().collect();
            assert_eq!(kept_versions(t, id).await, expected);
            let versions = t.store.versions(&caller(), id).await.unwrap();
            let current: Vec<_> = versions.iter().map(|version| version.is_current).collect();
            assert!(current[0] && !current[1..].contains(&true), "{current:?}");
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_secrets").await, 5);
    }

    /// A version says who stored it and when, and with which key.
    async fn a_version_says_who_stored_it(t: &Vaults) {
        let id = kept(t, "a").await.id;
        for (version, name) in [(2, "grace"), (3, "bob")] {
            t.clock.set(time(&format!("12:00:0{version}")));
            let by = AccessContext::new(actor(name));
            t.store.rotate(&by, id, SecretString::from(name)).await.unwrap();
        }
        let versions = t.reopened().await.versions(&caller(), id).await.unwrap();
        let told: Vec<_> = versions
            .iter()
            .map(|v| (v.version, v.created_at, v.created_by.as_str(), v.key_id.as_str()))
            .collect();
        let first = caller().actor().to_string();
        let expected = [
            (3, time("12:00:03"), "bob", "k1"),
            (2, time("12:00:02"), "grace", "k1"),
            (1, time("12:00:00"), first.as_str(), "k1"),
        ];
        assert_eq!(told, expected);
    }

    /// Each credential has its own versions.
    async fn each_credential_has_its_own_versions(t: &Vaults) {
        let (a, b) = (kept(t, "a").await.id, kept(t, "b").await.id);
        versioned_up_to(t, a, 7).await;
        assert_eq!(kept_versions(t, b).await, [1]);
        assert_eq!(revealed(t, b).await, secret_of("b"));
    }

    /// An older secret comes back as the next version, and its old version stays.
    async fn an_older_secret_comes_back_as_the_next_version(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 4).await;
        let before = credential_now(t, id).await;
        t.clock.set(time("13:00:00"));
        let restored = t.store.restore_version(&caller(), id, 2).await.unwrap();
        let expected = Credential {
            secret_version: 5,
            last_rotated_at: time("13:00:00"),
            updated_at: time("13:00:00"),
            row_version: before.row_version + 1,
            ..before
        };
        assert_eq!(restored, expected);
        assert_eq!(credential_now(t, id).await, expected);
        assert_eq!(revealed(t, id).await, "secret 2");
        assert_eq!(kept_versions(t, id).await, [5, 4, 3, 2, 1]);
    }

    /// Every version that is kept can be restored, and a restored one again.
    async fn every_kept_version_can_be_restored(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 7).await;
        // Each restore makes a version, so that the oldest is dropped.
        for (version, secret) in [(3, "secret 3"), (4, "secret 4"), (8, "secret 3")] {
            t.store.restore_version(&caller(), id, version).await.unwrap();
            assert_eq!(revealed(t, id).await, secret);
        }
        assert_eq!(kept_versions(t, id).await, [10, 9, 8, 7, 6]);
    }

    /// A restore is in the audit: which version came back, and as which.
    async fn a_restore_is_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 3).await;
        let by = AccessContext::new(actor("grace"));
        t.store.restore_version(&by, id, 1).await.unwrap();
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.actor), ("restored", actor("grace")));
        assert_eq!(entry.details, json!({"restored": 1, "secret_version": 4}));
        let versions = t.store.versions(&caller(), id).await.unwrap();
        assert_eq!(versions[0].created_by, actor("grace"));
    }

    /// A version that is not kept any more, or never was, is not found.
    async fn a_version_that_is_not_kept_is_not_found(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 7).await;
        let contents = t.contents().await;
        for version in [2, 1, 0, -1, 8, i64::MAX, i64::MIN] {
            let error = t.store.restore_version(&caller(), id, version).await.unwrap_err();
            let Error::NotFound { entity, .. } = &error else { panic!("{version}: {error}") };
            assert_eq!(*entity, "secret version");
        }
        assert_not_found(t.store.restore_version(&caller(), CredentialId::mint(), 1).await);
        assert_eq!(t.contents().await, contents);
    }

    /// The current version is not restored.
    async fn the_current_version_is_not_restored(t: &Vaults) {
        let id = kept(t, "a").await.id;
        assert_invalid_state(t.store.restore_version(&caller(), id, 1).await);
        versioned_up_to(t, id, 3).await;
        let contents = t.contents().await;
        let error = t.store.restore_version(&caller(), id, 3).await.unwrap_err();
        assert_invalid_state(Err::<(), _>(error));
        assert_eq!(t.contents().await, contents);
    }

    /// A version that was restored opens as the new version only: nothing is moved.
    async fn a_restored_secret_is_sealed_again(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 2).await;
        t.store.restore_version(&caller(), id, 1).await.unwrap();
        let query = "SELECT COUNT(DISTINCT envelope) FROM vault_secrets";
        assert_eq!(t.count(query).await, 3);
        assert_eq!(t.reopened().await.versions(&caller(), id).await.unwrap().len(), 3);
        assert_eq!(revealed(t, id).await, secret_of("a"));
    }

    /// Concurrent restores and rotations are versions without gaps.
    async fn concurrent_restores_have_no_gaps(t: &Vaults) {
        let id = kept(t, "a").await.id;
        versioned_up_to(t, id, 5).await;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            let made = if number.is_multiple_of(2) {
                store.restore_version(&caller(), id, 4).await
            } else {
                let secret = SecretString::from(format!("other {number}"));
                store.rotate(&caller(), id, secret).await
            };
            match made {
                Ok(made) => Some(made.secret_version),
                // The others were faster, and it is kept no more.
                Err(Error::NotFound { .. }) if number.is_multiple_of(2) => None,
                Err(other) => panic!("{number}: {other}"),
            }
        };
        let mut versions: Vec<_> = t.at_once(16, work).await.into_iter().flatten().collect();
        versions.sort_unstable();
        let last = 5 + i64::try_from(versions.len()).unwrap();
        assert_eq!(versions, (6..=last).collect::<Vec<_>>());
        assert!(versions.len() >= 8, "all rotations: {versions:?}");
        assert_eq!(kept_versions(t, id).await, (last - 4..=last).rev().collect::<Vec<_>>());
        assert_vault_intact(t, id, last.unsigned_abs()).await;
    }
}
