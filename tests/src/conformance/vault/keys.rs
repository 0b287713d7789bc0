//! The keys that a vault knows: registered when it is opened, and what is refused then.

use store_core::seal::{Key, KeyRing};
use store_core::vault::{CredentialVault, VaultKey};
use store_core::{Error, ExposeSecret as _, Result};

use super::assert_forbidden;
use super::governance::{alert, issuance, issue, keep_template, secret};
use crate::behaviours;
use crate::fixture::graph::{key, keys};
use crate::fixture::{Vaults, noon};
use crate::samples::{
    caller, credential, credential_now, insider, kept, kept_oauth, numbered_tokens, operator,
    revealed, rotate_secret, secret_of, secret_template, time,
};

/// A ring of a current key and one that it can read.
pub(super) fn ring(current: u8, readable: u8) -> KeyRing {
    keys(current).with_readable(key(readable)).expect("another key")
}

/// The keys of a vault and how much each opens.
pub(super) async fn counted(vault: &dyn CredentialVault) -> Vec<(String, u64)> {
    let keys = vault.keys(&operator()).await.expect("the keys are listed");
    keys.into_iter().map(|key| (key.key_id, key.values)).collect()
}

/// A key and a number of values, to be compared.
pub(super) fn opens(number: u8, values: u64) -> (String, u64) {
    (format!("k{number}"), values)
}

/// Asserts that a key is missing or another one, and that this shows nothing of any.
#[track_caller]
pub(super) fn assert_settings<T: std::fmt::Debug>(answer: Result<T>) {
    let error = answer.expect_err("the key does not fit");
    match &error {
        Error::Settings { variable, .. } => assert_eq!(variable, "VAULT_KEY"),
        other => panic!("settings: {other}"),
    }
    let shown = format!("{error} {error:?}");
    for bytes in ["01010101", "02020202", "09090909", "1, 1, 1", "2, 2, 2", "9, 9, 9"] {
        assert!(!shown.contains(bytes), "{shown}");
    }
}

/// A little of everything: a secret, tokens, a template, an issued credential, an alert.
async fn fill(t: &Vaults) {
    kept(t, "a").await;
    kept_oauth(t, "b").await;
    let template = keep_template(t, secret_template("c")).await;
    issue(t, template.id, issuance("d")).await;
    let new = alert(store_core::vault::AlertKind::TokenExpiring, "soon");
    t.store.record_alert(&caller(), new).await.unwrap();
}

/// Asserts that a vault does not open with a ring, and that nothing is written then.
async fn assert_refused(t: &Vaults, ring: KeyRing) {
    let before = t.contents().await;
    assert_settings(t.opened_with(ring).await);
    assert_eq!(t.contents().await, before);
}

behaviours! {
    emits vault_keys_tests from vault::keys;

    /// The current key is registered when a vault is opened, with its check value, and opens
    /// nothing yet.
    async fn the_current_key_is_registered_when_a_vault_is_opened(t: &Vaults) {
        let expected = VaultKey {
            key_id: "k1".into(),
            check_value: key(1).check_value(),
            derivation: None,
            registered_at: noon(),
            retired_at: None,
            values: 0,
        };
        assert_eq!(t.store.keys(&operator()).await.unwrap(), [expected]);
    }

    /// A vault that is opened again with its key knows it as before.
    async fn a_key_is_registered_once(t: &Vaults) {
        fill(t).await;
        let before = (t.contents().await, t.store.keys(&operator()).await.unwrap());
        t.clock.set(time("12:30:00"));
        for _ in 0..2 {
            let again = t.reopened().await;
            assert_eq!(again.keys(&operator()).await.unwrap(), before.1);
        }
        assert_eq!(t.contents().await, before.0);
    }

    /// Another current key is registered beside the first, and the keys are listed by id.
    async fn another_key_is_registered_beside_the_first(t: &Vaults) {
        t.clock.set(time("12:30:00"));
        let ring = keys(0).with_readable(key(1)).unwrap();
        let other = t.opened_with(ring).await.unwrap();
        let known = other.keys(&operator()).await.unwrap();
        let ids: Vec<_> = known.iter().map(|key| key.key_id.as_str()).collect();
        assert_eq!(ids, ["k0", "k1"]);
        assert_eq!((known[0].registered_at, known[1].registered_at), (time("12:30:00"), noon()));
        assert_eq!(known[0].check_value, key(0).check_value());
        assert!(known.iter().all(|key| key.retired_at.is_none()));
        assert_eq!(t.store.keys(&operator()).await.unwrap(), known);
    }

    /// Eight that open a vault with another key at once register it once.
    async fn concurrent_openings_register_a_key_once(t: &Vaults) {
        kept(t, "a").await;
        let openings = (0..8).map(|_| t.opened_with(ring(2, 1)));
        for opened in futures_util::future::join_all(openings).await {
            opened.unwrap();
        }
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 1), opens(2, 0)]);
    }

    /// Each key counts the values that it opens: secrets, their versions, and tokens.
    async fn a_key_counts_the_values_that_it_opens(t: &Vaults) {
        let one = kept(t, "a").await.id;
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 1)]);
        let oauth = kept_oauth(t, "b").await.id;
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 4)]);
        rotate_secret(t, one, "another").await;
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 5)]);
        for number in 0..10 {
            rotate_secret(t, one, &format!("secret {number}")).await;
        }
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 8)], "five versions are kept");
        let tokens = numbered_tokens(2, None);
        t.store.update_oauth_tokens(&operator(), oauth, tokens).await.unwrap();
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 8)], "tokens have one version");
        t.store.delete(&operator(), one).await.unwrap();
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 3)]);
    }

    /// The keys are for operators.
    async fn the_keys_are_listed_for_operators_only(t: &Vaults) {
        for context in [caller(), insider(), caller().with_roles(["administrator"])] {
            assert_forbidden(t.store.keys(&context).await);
        }
        assert_eq!(t.store.keys(&operator()).await.unwrap().len(), 1);
    }

    /// A vault does not open without the key that sealed its values, and nothing is written.
    async fn a_vault_does_not_open_without_its_key(t: &Vaults) {
        fill(t).await;
        assert_refused(t, keys(2)).await;
        assert_refused(t, ring(2, 3)).await;
        assert_eq!(counted(t.reopened().await.as_ref()).await, [opens(1, 5)]);
    }

    /// Nor does it before there is anything to open: the key in the settings is the wrong one.
    async fn an_empty_vault_does_not_open_without_its_key(t: &Vaults) {
        assert_refused(t, keys(2)).await;
        t.reopened().await;
    }

    /// Another key of the same id is refused, current or readable, and nothing is written.
    async fn another_key_of_the_same_id_is_refused(t: &Vaults) {
        let impostor = || Key::new("k1", [9; 32]).unwrap();
        assert_refused(t, KeyRing::new(impostor())).await;
        fill(t).await;
        assert_refused(t, KeyRing::new(impostor())).await;
        assert_refused(t, keys(2).with_readable(impostor()).unwrap()).await;
        assert_eq!(counted(t.store.as_ref()).await, [opens(1, 5)]);
    }

    /// The same key of another id is another key: what was sealed under the first id is not opened.
    async fn the_same_key_of_another_id_is_refused(t: &Vaults) {
        fill(t).await;
        assert_refused(t, KeyRing::new(Key::new("renamed", [1; 32]).unwrap())).await;
    }

    /// A vault that was refused opens with the right key, and has lost nothing.
    async fn a_refusal_harms_nothing(t: &Vaults) {
        let stored = kept(t, "a").await;
        assert_settings(t.opened_with(keys(2)).await);
        let again = t.reopened().await;
        let seen = again.reveal(&operator(), stored.id).await.unwrap();
        assert_eq!(seen.expose_secret(), secret_of("a"));
    }

    /// With the old key readable, old values are opened, and new ones sealed by the new key.
    async fn with_the_old_key_readable_everything_opens(t: &Vaults) {
        let (one, oauth) = (kept(t, "a").await, kept_oauth(t, "b").await);
        assert_eq!(one.key_id, "k1");
        let changed = t.opened_with(ring(2, 1)).await.unwrap();
        let seen = changed.reveal(&operator(), one.id).await.unwrap();
        assert_eq!(seen.expose_secret(), secret_of("a"));
        let tokens = changed.reveal_oauth_tokens(&operator(), oauth.id).await.unwrap().tokens;
        assert_eq!(tokens.access_token.unwrap().expose_secret(), "the access token of b");
        let new = changed.create(&caller(), credential("c")).await.unwrap();
        assert_eq!(new.key_id, "k2");
        assert_eq!(counted(changed.as_ref()).await, [opens(1, 4), opens(2, 1)]);
    }

    /// A rotation seals with the current key, and leaves older versions under theirs; so do tokens.
    async fn a_rotation_takes_a_credential_to_the_current_key(t: &Vaults) {
        let (one, oauth) = (kept(t, "a").await.id, kept_oauth(t, "b").await.id);
        let changed = t.opened_with(ring(2, 1)).await.unwrap();
        let rotated = changed.rotate(&operator(), one, secret("another")).await.unwrap();
        assert_eq!(rotated.key_id, "k2");
        let versions = changed.versions(&operator(), one).await.unwrap();
        let sealed: Vec<_> =
            versions.iter().map(|version| (version.version, version.key_id.as_str())).collect();
        assert_eq!(sealed, [(2, "k2"), (1, "k1")]);
        let tokens = numbered_tokens(2, None);
        let updated = changed.update_oauth_tokens(&operator(), oauth, tokens).await.unwrap();
        assert_eq!(updated.key_id, "k1", "the key of its secret");
        assert_eq!(counted(changed.as_ref()).await, [opens(1, 2), opens(2, 3)]);
        let restored = changed.restore_version(&operator(), one, 1).await.unwrap();
        assert_eq!((restored.key_id.as_str(), restored.secret_version), ("k2", 3));
        let seen = changed.reveal(&operator(), one).await.unwrap();
        assert_eq!(seen.expose_secret(), secret_of("a"));
    }

    /// Who lacks a key cannot open what it sealed, and is told so; everything else goes on.
    async fn who_lacks_a_key_is_told_so(t: &Vaults) {
        let old = kept(t, "a").await.id;
        let changed = t.opened_with(ring(2, 1)).await.unwrap();
        let new = changed.create(&caller(), credential("b")).await.unwrap().id;
        let oauth = crate::samples::oauth_credential("c");
        let oauth = changed.create(&caller(), oauth).await.unwrap().id;
        assert_settings(t.store.reveal(&operator(), new).await.map(drop));
        assert_settings(t.store.reveal_oauth_tokens(&operator(), oauth).await.map(drop));
        assert_eq!(credential_now(t, new).await.key_id, "k2");
        assert_eq!(revealed(t, old).await, secret_of("a"));
        kept(t, "still").await;
    }

    /// A rotation by who lacks the key of the secret that is there fails and changes nothing:
    /// whether it is the same cannot be told.
    async fn a_rotation_without_the_key_of_the_secret_changes_nothing(t: &Vaults) {
        kept(t, "a").await;
        let changed = t.opened_with(ring(2, 1)).await.unwrap();
        let id = changed.create(&caller(), credential("b")).await.unwrap().id;
        let before = t.contents().await;
        assert_settings(t.store.rotate(&operator(), id, secret("another")).await);
        assert_eq!(t.contents().await, before);
    }

    /// Readers and writers with either ring work side by side until a rewrap.
    async fn rings_before_and_after_a_change_work_side_by_side(t: &Vaults) {
        let oauth = kept_oauth(t, "shared").await.id;
        let old = t.opened_with(ring(1, 2)).await.unwrap();
        let new = t.opened_with(ring(2, 1)).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..32_usize {
            let vault = if number % 2 == 0 { old.clone() } else { new.clone() };
            tasks.spawn(async move {
                let name = format!("credential {number}");
                let stored = vault.create(&caller(), credential(&name)).await.unwrap();
                let tokens = numbered_tokens(number, None);
                vault.update_oauth_tokens(&caller(), oauth, tokens).await.unwrap();
                vault.reveal_oauth_tokens(&caller(), oauth).await.unwrap();
                (stored.id, name)
            });
        }
        for (id, name) in tasks.join_all().await {
            for vault in [&old, &new] {
                let seen = vault.reveal(&operator(), id).await.unwrap();
                assert_eq!(seen.expose_secret(), secret_of(&name));
            }
        }
        let tokens = new.reveal_oauth_tokens(&operator(), oauth).await.unwrap();
        assert_eq!(tokens.version, 33);
    }
}
