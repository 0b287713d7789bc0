//! Rewrapping: every value under the current key, and what happens to one that does not open.

use std::sync::Arc;

use store_core::seal::KeyRing;
use store_core::vault::{Rewrapped, VaultStore};
use store_core::{CredentialId, ExposeSecret as _};

use super::governance::{issuance, issue, keep_template};
use super::keys::{assert_settings, counted, opens, ring};
use super::{assert_forbidden, assert_invalid};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::fixture::graph::{key, keys};
use crate::samples::{
    assert_vault_intact, caller, credential, credential_now, deeds_in_vault, insider, kept,
    kept_oauth, numbered_tokens, operator, rotate_secret, secret_of, secret_template, shown, time,
};

/// A vault whose current key is the second, and that can read the first.
pub(super) async fn changed(t: &Vaults) -> Arc<dyn VaultStore> {
    t.opened_with(ring(2, 1)).await.expect("the vault opens")
}

pub(super) async fn rewrap(vault: &Arc<dyn VaultStore>, batch: u32) -> Rewrapped {
    vault.rewrap(&operator(), batch).await.expect("the values are rewrapped")
}

/// What a rewrap comes to that leaves nothing under the first key.
pub(super) fn moved(values: u64) -> Rewrapped {
    Rewrapped { values, forgotten: vec!["k1".into()], tampered: vec![] }
}

/// Stores so many secrets; the names are numbers.
pub(super) async fn fill(t: &Vaults, count: usize) -> Vec<CredentialId> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(kept(t, &number.to_string()).await.id);
    }
    ids
}

/// Opens the vault with the second key alone.
pub(super) async fn with_the_new_key(t: &Vaults) -> Arc<dyn VaultStore> {
    t.opened_with(keys(2)).await.expect("the vault opens without the old key")
}

/// The secret of a credential, by whichever vault.
pub(super) async fn opened(vault: &Arc<dyn VaultStore>, id: CredentialId) -> String {
    let secret = vault.reveal(&operator(), id).await.expect("the secret opens");
    secret.expose_secret().to_owned()
}

/// How many rows name another key than the second.
async fn left(t: &Vaults) -> (i64, i64) {
    let secrets = t.count("SELECT COUNT(*) FROM vault_secrets WHERE key_id <> 'k2'").await;
    (secrets, t.count("SELECT COUNT(*) FROM vault_credentials WHERE key_id <> 'k2'").await)
}

behaviours! {
    emits vault_rewrapping_tests from vault::rewrapping;

    /// Secrets, their versions and tokens are under the new key afterwards: each opens with that
    /// key alone, and the old one is forgotten.
    async fn everything_opens_with_the_new_key_alone(t: &Vaults) {
        let plain = kept(t, "a").await.id;
        for number in 2..=7 {
            rotate_secret(t, plain, &format!("secret {number}")).await;
        }
        let oauth = kept_oauth(t, "b").await.id;
        let tokens = numbered_tokens(2, Some(time("18:00:00")));
        t.store.update_oauth_tokens(&operator(), oauth, tokens.clone()).await.unwrap();
        let template = keep_template(t, secret_template("c")).await.id;
        let issued = issue(t, template, issuance("d")).await.id;

        let vault = changed(t).await;
        assert_eq!(rewrap(&vault, 100).await, moved(9));
        assert_eq!(counted(vault.as_ref()).await, [opens(2, 9)]);
        assert_eq!(left(t).await, (0, 0));

        let vault = with_the_new_key(t).await;
        assert_eq!(opened(&vault, plain).await, "secret 7");
        assert_eq!(opened(&vault, oauth).await, secret_of("b"));
        assert_eq!(opened(&vault, issued).await, secret_of("d"));
        let stored = vault.reveal_oauth_tokens(&operator(), oauth).await.unwrap();
        assert_eq!((shown(&stored.tokens), stored.version), (shown(&tokens), 2));
        for version in vault.versions(&operator(), plain).await.unwrap() {
            assert_eq!(version.key_id, "k2");
        }
        for (kept, next) in [(3, 8), (4, 9), (5, 10), (6, 11)] {
            let restored = vault.restore_version(&operator(), plain, kept).await.unwrap();
            assert_eq!(restored.secret_version, next);
            assert_eq!(opened(&vault, plain).await, format!("secret {kept}"));
        }
    }

    /// A credential shows the key that its secret is under, and nothing else of it changes.
    async fn a_rewrap_changes_nothing_but_keys(t: &Vaults) {
        let before = kept(t, "a").await;
        let described = t.store.describe(&caller(), before.id).await.unwrap();
        t.clock.set(time("12:30:00"));
        let vault = changed(t).await;
        rewrap(&vault, 100).await;
        let after = credential_now(t, before.id).await;
        assert_eq!(after.key_id, "k2");
        assert_eq!((&after.name, after.secret_version), (&before.name, before.secret_version));
        assert_eq!(after.last_rotated_at, before.last_rotated_at);
        assert_eq!((after.health, after.created_at), (before.health, before.created_at));
        let now = vault.describe(&caller(), before.id).await.unwrap();
        assert_eq!(now.versions.len(), 1);
        assert_eq!(now.versions[0].created_at, described.versions[0].created_at);
        assert_eq!(now.versions[0].created_by, described.versions[0].created_by);
        assert_eq!(deeds_in_vault(t, before.id).await, ["created"]);
        assert_vault_intact(t, before.id, 1).await;
    }

    /// Batches of any size leave nothing under the old key.
    async fn batches_of_any_size_leave_nothing_behind(t: &Vaults) {
        fill(t, 10).await;
        for (number, batch) in [1, 3, 9, 10, 11, 1000].into_iter().enumerate() {
            let old = u8::try_from(number).unwrap() + 1;
            let vault = t.opened_with(ring(old + 1, old)).await.unwrap();
            let forgotten = vec![format!("k{old}")];
            let expected = Rewrapped { values: 10, forgotten, tampered: vec![] };
            assert_eq!(rewrap(&vault, batch).await, expected, "batch {batch}");
            assert_eq!(counted(vault.as_ref()).await, [opens(old + 1, 10)]);
        }
        let last = t.opened_with(keys(7)).await.unwrap();
        let page = last.list(&caller(), &Default::default()).await.unwrap();
        for credential in page.items {
            assert_eq!(opened(&last, credential.id).await, secret_of(&credential.name));
        }
    }

    /// Several old keys are replaced at once.
    async fn several_old_keys_are_replaced_at_once(t: &Vaults) {
        let first = kept(t, "first").await.id;
        let vault = changed(t).await;
        let second = vault.create(&caller(), credential("second")).await.unwrap().id;
        let ring = keys(3).with_readable(key(1)).unwrap().with_readable(key(2)).unwrap();
        let vault = t.opened_with(ring).await.unwrap();
        let third = vault.create(&caller(), credential("third")).await.unwrap().id;
        let mut rewrapped = rewrap(&vault, 100).await;
        rewrapped.forgotten.sort_unstable();
        let forgotten = vec!["k1".into(), "k2".into()];
        assert_eq!(rewrapped, Rewrapped { values: 2, forgotten, tampered: vec![] });
        let vault = t.opened_with(keys(3)).await.unwrap();
        for (id, name) in [(first, "first"), (second, "second"), (third, "third")] {
            assert_eq!(opened(&vault, id).await, secret_of(name));
        }
    }

    /// With one key there is nothing to do, and nothing is written.
    async fn with_one_key_there_is_nothing_to_do(t: &Vaults) {
        kept(t, "a").await;
        let before = t.contents().await;
        t.clock.set(time("12:30:00"));
        for batch in [1, 1000] {
            assert_eq!(rewrap(&t.store, batch).await, Rewrapped::default());
        }
        assert_eq!(t.contents().await, before);
        kept(t, "b").await;
    }

    /// A second rewrap finds nothing to do, and changes nothing.
    async fn a_second_rewrap_changes_nothing(t: &Vaults) {
        fill(t, 3).await;
        let vault = changed(t).await;
        assert_eq!(rewrap(&vault, 1).await, moved(3));
        let before = t.contents().await;
        assert_eq!(rewrap(&vault, 1).await, Rewrapped::default());
        assert_eq!(t.contents().await, before);
    }

    /// A key that never sealed anything is forgotten all the same.
    async fn a_key_that_opens_nothing_is_forgotten(t: &Vaults) {
        let vault = changed(t).await;
        assert_eq!(rewrap(&vault, 1).await, moved(0));
        assert_eq!(counted(vault.as_ref()).await, [opens(2, 0)]);
        with_the_new_key(t).await;
    }

    /// A key that was forgotten no longer opens the vault alone.
    async fn a_forgotten_key_does_not_open_the_vault(t: &Vaults) {
        kept(t, "a").await;
        rewrap(&changed(t).await, 100).await;
        let before = t.contents().await;
        assert_settings(t.opened_with(keys(1)).await);
        assert_eq!(t.contents().await, before);
    }

    /// Who seals with a key that was replaced is refused, and told so; nothing is written.
    async fn who_seals_with_a_replaced_key_is_refused(t: &Vaults) {
        let old = t.opened_with(ring(1, 2)).await.unwrap();
        let (plain, oauth) = (kept(t, "a").await.id, kept_oauth(t, "b").await.id);
        let template = keep_template(t, secret_template("c")).await.id;
        rewrap(&changed(t).await, 100).await;
        let before = t.contents().await;
        let secret = || super::governance::secret("another");
        let update = store_core::vault::CredentialUpdate {
            secret: Some(secret()),
            ..Default::default()
        };
        assert_settings(old.create(&operator(), credential("d")).await);
        assert_settings(old.rotate(&operator(), plain, secret()).await);
        assert_settings(old.update(&operator(), plain, update).await);
        let tokens = numbered_tokens(2, None);
        assert_settings(old.update_oauth_tokens(&operator(), oauth, tokens).await);
        let issued = old.issue_from_template(&operator(), template, issuance("e")).await;
        assert_settings(issued);
        assert_eq!(t.contents().await, before);
        // What seals nothing goes on.
        assert_eq!(opened(&old, plain).await, secret_of("a"));
        old.update(&operator(), plain, crate::samples::renamed("f")).await.unwrap();
        old.delete(&operator(), oauth).await.unwrap();
        with_the_new_key(t).await;
    }

    /// A ring without a key that still opens something cannot rewrap, and changes nothing.
    async fn a_ring_that_lacks_a_key_cannot_rewrap(t: &Vaults) {
        kept(t, "a").await;
        let other = changed(t).await;
        other.create(&caller(), credential("b")).await.unwrap();
        let before = t.contents().await;
        assert_settings(t.store.rewrap(&operator(), 100).await);
        assert_eq!(t.contents().await, before);
        assert_eq!(rewrap(&other, 100).await, moved(1));
    }

    /// Rewrapping is for operators; who is refused changes nothing.
    async fn rewrapping_is_for_operators_only(t: &Vaults) {
        kept(t, "a").await;
        let vault = changed(t).await;
        let before = t.contents().await;
        for context in [caller(), insider()] {
            assert_forbidden(vault.rewrap(&context, 100).await);
        }
        assert_eq!(t.contents().await, before);
    }

    /// A batch has 1 to 1000 credentials; another is refused before a statement is sent.
    async fn a_batch_has_a_limit(t: &Vaults) {
        kept(t, "a").await;
        let before = (t.contents().await, t.statements());
        for batch in [0, 1001, u32::MAX] {
            assert_invalid(t.store.rewrap(&operator(), batch).await, "batch");
        }
        assert_eq!((t.contents().await, t.statements()), before);
    }

    /// The values of another vault are none of its business.
    async fn a_rewrap_leaves_another_vault_alone(t: &Vaults) {
        kept(t, "a").await;
        let other = t.other().await;
        other.create(&caller(), credential("b")).await.unwrap();
        rewrap(&changed(t).await, 100).await;
        assert_eq!(counted(other.as_ref()).await, [opens(1, 1)]);
    }

    /// A vault can go back to a key that it forgot, as to any other.
    async fn a_vault_can_go_back_to_a_key(t: &Vaults) {
        let id = kept(t, "a").await.id;
        rewrap(&changed(t).await, 100).await;
        let back: KeyRing = ring(1, 2);
        let vault = t.opened_with(back).await.unwrap();
        let forgotten = vec!["k2".into()];
        let expected = Rewrapped { values: 1, forgotten, tampered: vec![] };
        assert_eq!(rewrap(&vault, 100).await, expected);
        assert_eq!(opened(&t.reopened().await, id).await, secret_of("a"));
    }
}
