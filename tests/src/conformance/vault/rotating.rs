//! Giving a credential another secret.

use std::sync::Arc;

use serde_json::json;
use store_core::vault::{Credential, CredentialUpdate, VaultStore};
use store_core::{ExposeSecret as _, SecretString};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, deeds_in_vault, kept,
    kept_oauth, revealed, revealed_tokens, rotate_secret, secret_of, time,
};

behaviours! {
    emits vault_rotating_tests from vault::rotating;

    /// A rotation gives the secret its next version, and changes nothing else about it.
    async fn a_rotation_is_the_next_version(t: &Vaults) {
        let before = kept(t, "a").await;
        t.clock.set(time("13:00:00"));
        let rotated = rotate_secret(t, before.id, "another secret").await;
        let expected = Credential {
            secret_version: 2,
            last_rotated_at: time("13:00:00"),
            updated_at: time("13:00:00"),
            row_version: 2,
            ..before
        };
        assert_eq!(rotated, expected);
        assert_eq!(credential_now(t, rotated.id).await, expected);
        assert_eq!(revealed(t, rotated.id).await, "another secret");
    }

    /// A rotation is in the audit with the number of the version.
    async fn a_rotation_is_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.clock.set(time("13:00:00"));
        let by = store_core::vault::AccessContext::new(actor("grace"));
        t.store.rotate(&by, id, SecretString::from("s3cret")).await.unwrap();
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.sequence), ("rotated", 2));
        assert_eq!((entry.actor, entry.at), (actor("grace"), time("13:00:00")));
        assert_eq!(entry.details, json!({"secret_version": 2}));
    }

    /// The secret that is there already is refused, and nothing is written.
    async fn the_same_secret_is_no_rotation(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let contents = t.contents().await;
        for _ in 0..2 {
            let same = SecretString::from(secret_of("a"));
            assert_invalid(t.store.rotate(&caller(), id, same).await, "secret");
        }
        assert_eq!(t.contents().await, contents);
    }

    /// A secret that differs in one character, in case or in space, is another.
    async fn a_secret_is_compared_byte_by_byte(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let same = secret_of("a");
        let others = [
            same.to_uppercase(),
            format!("{same} "),
            format!(" {same}"),
            format!("{same}\n"),
            same[..same.len() - 1].to_owned(),
            "a\u{301}".to_owned(),
            "á".to_owned(),
        ];
        for (number, other) in (2..).zip(others) {
            assert_eq!(rotate_secret(t, id, &other).await.secret_version, number);
            assert_eq!(revealed(t, id).await, other);
        }
    }

    /// A secret of an older version may come back as a new one.
    async fn an_older_secret_may_come_back(t: &Vaults) {
        let id = kept(t, "a").await.id;
        rotate_secret(t, id, "another").await;
        assert_eq!(rotate_secret(t, id, &secret_of("a")).await.secret_version, 3);
        assert_eq!(revealed(t, id).await, secret_of("a"));
    }

    /// The tokens of a credential stay when its secret changes.
    async fn a_rotation_keeps_the_tokens(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        let tokens = revealed_tokens(t, before.id).await;
        let rotated = rotate_secret(t, before.id, "another").await;
        assert_eq!(rotated.oauth, before.oauth);
        assert_eq!(revealed_tokens(t, before.id).await, tokens);
    }

    /// A secret that an update brings is a version like one of a rotation.
    async fn a_secret_of_an_update_is_a_version(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.clock.set(time("13:00:00"));
        let secret = Some(SecretString::from("another"));
        let update = CredentialUpdate { secret, ..Default::default() };
        let by = store_core::vault::AccessContext::new(actor("grace"));
        let updated = t.store.update(&by, id, update).await.unwrap();
        assert_eq!((updated.secret_version, updated.last_rotated_at), (2, time("13:00:00")));
        let versions = t.store.versions(&caller(), id).await.unwrap();
        let made: Vec<_> =
            versions.iter().map(|v| (v.version, v.created_at, v.created_by.as_str())).collect();
        let creator = caller().actor().to_string();
        assert_eq!(made, [(2, time("13:00:00"), "grace"), (1, noon(), creator.as_str())]);
    }

    /// Concurrent rotations are versions without gaps, and the newest is revealed.
    async fn concurrent_rotations_have_no_gaps(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            let secret = format!("secret {number}");
            let rotated = store.rotate(&caller(), id, SecretString::from(secret.clone())).await;
            (rotated.unwrap().secret_version, secret)
        };
        let mut rotated = t.at_once(24, work).await;
        rotated.sort();
        let versions: Vec<_> = rotated.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, (2..=25).collect::<Vec<_>>());
        assert_eq!(revealed(t, id).await, rotated[23].1);
        let kept: Vec<_> =
            t.store.versions(&caller(), id).await.unwrap().iter().map(|v| v.version).collect();
        assert_eq!(kept, [25, 24, 23, 22, 21]);
        assert_vault_intact(t, id, 26).await;
    }

    /// A reveal beside rotations returns one of the secrets, whole, and never fails.
    async fn reveals_beside_rotations_return_a_whole_secret(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            for round in 0..10 {
                if number < 4 {
                    let secret = format!("the secret of {number} in {round}");
                    store.rotate(&caller(), id, SecretString::from(secret)).await.unwrap();
                } else {
                    let secret = store.reveal(&caller(), id).await.unwrap();
                    let secret = secret.expose_secret();
                    assert!(secret.starts_with("the secret of "), "{secret}");
                }
            }
        };
        t.at_once(8, work).await;
        assert_vault_intact(t, id, 81).await;
    }

    /// Of concurrent rotations to one secret, one succeeds; to the others it is there already.
    async fn of_concurrent_rotations_to_one_secret_one_succeeds(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |_, store: Arc<dyn VaultStore>| async move {
            store.rotate(&caller(), id, SecretString::from("another")).await
        };
        let (good, bad): (Vec<_>, Vec<_>) =
            t.at_once(8, work).await.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 7));
        for answer in bad {
            assert_invalid(answer, "secret");
        }
        assert_eq!(deeds_in_vault(t, id).await, ["created", "rotated"]);
    }

    /// A credential that is gone is not rotated.
    async fn a_deleted_credential_is_not_rotated(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.delete(&caller(), id).await.unwrap();
        let contents = t.contents().await;
        assert_not_found(t.store.rotate(&caller(), id, SecretString::from("x")).await);
        assert_eq!(t.contents().await, contents);
    }
}
