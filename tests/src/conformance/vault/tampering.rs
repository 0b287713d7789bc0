//! Sealed values that somebody changed behind the back of the vault: none is revealed.

use store_core::seal::{Key, KeyRing, SealContext};
use store_core::vault::CredentialUpdate;
use store_core::{CredentialId, Error, SecretString};

use super::assert_tampered;
use super::envelopes::{Sealed, hex, swap};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::fixture::graph::{key, keys};
use crate::samples::{
    assert_vault_intact, caller, deeds_in_vault, kept, kept_oauth, numbered_tokens, operator,
    revealed, revealed_tokens, rotate_secret, secret_of,
};

/// Asserts that a secret is not revealed, and that the audit says nothing of the attempt.
async fn assert_unrevealed(t: &Vaults, id: CredentialId) {
    let before = deeds_in_vault(t, id).await;
    for cx in [caller(), operator()] {
        let answer = t.store.reveal(&cx, id).await;
        assert!(!format!("{answer:?}").contains("the secret of"), "{answer:?}");
        assert_tampered(answer, id);
    }
    assert_tampered(t.reopened().await.reveal(&caller(), id).await, id);
    assert_eq!(deeds_in_vault(t, id).await, before);
    assert_vault_intact(t, id, before.len() as u64).await;
}

/// Asserts that tokens are not revealed, and that the audit says nothing of the attempt.
async fn assert_tokens_unrevealed(t: &Vaults, id: CredentialId) {
    let before = deeds_in_vault(t, id).await;
    let answer = t.store.reveal_oauth_tokens(&caller(), id).await;
    assert!(!format!("{answer:?}").contains("token of"), "{answer:?}");
    assert_tampered(answer, id);
    assert_eq!(deeds_in_vault(t, id).await, before);
}

/// A secret that a vault with these keys would have sealed for a place.
fn sealed_by(ring: &KeyRing, sealed: Sealed, text: &str) -> String {
    let id = sealed.id.to_string();
    let Sealed { field, version, .. } = sealed;
    let context = SealContext { table: "vault_secrets", id: &id, field, version };
    hex(&ring.seal(&context, text.as_bytes()).unwrap())
}

behaviours! {
    emits vault_tampering_tests from vault::tampering;

    /// Two secrets that changed places are not revealed; those of other credentials are.
    async fn swapped_secrets_are_not_revealed(t: &Vaults) {
        let (a, b, c) = (kept(t, "a").await.id, kept(t, "b").await.id, kept(t, "c").await.id);
        swap(t, Sealed::secret(a), Sealed::secret(b)).await;
        assert_unrevealed(t, a).await;
        assert_unrevealed(t, b).await;
        assert_eq!(revealed(t, c).await, secret_of("c"));
        swap(t, Sealed::secret(a), Sealed::secret(b)).await;
        assert_eq!(revealed(t, a).await, secret_of("a"));
        assert_eq!(revealed(t, b).await, secret_of("b"));
    }

    /// Two fields of one credential that changed places are not revealed.
    async fn swapped_fields_are_not_revealed(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let [secret, access, refresh] =
            [Sealed::secret(id), Sealed::access(id), Sealed::refresh(id)];
        swap(t, access, refresh).await;
        assert_tokens_unrevealed(t, id).await;
        assert_eq!(revealed(t, id).await, secret_of("a"));
        swap(t, access, refresh).await;
        for token in [access, refresh] {
            swap(t, secret, token).await;
            assert_unrevealed(t, id).await;
            assert_tokens_unrevealed(t, id).await;
            swap(t, secret, token).await;
        }
        assert_eq!(revealed_tokens(t, id).await.1, 1);
    }

    /// Tokens of two credentials that changed places are not revealed.
    async fn swapped_tokens_are_not_revealed(t: &Vaults) {
        let ids = [kept_oauth(t, "a").await.id, kept_oauth(t, "b").await.id];
        swap(t, Sealed::refresh(ids[0]), Sealed::refresh(ids[1])).await;
        for id in ids {
            assert_tokens_unrevealed(t, id).await;
        }
    }

    /// A secret that was put back to an older version is not revealed.
    async fn a_secret_rolled_back_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let old = Sealed::secret(id).envelope(t).await;
        rotate_secret(t, id, "the secret of today").await;
        let current = Sealed::secret(id).at(2).envelope(t).await;
        Sealed::secret(id).at(2).put(t, &old).await;
        assert_unrevealed(t, id).await;
        Sealed::secret(id).at(2).put(t, &current).await;
        assert_eq!(revealed(t, id).await, "the secret of today");
    }

    /// The row of an older version that took the place of the newest is not revealed.
    async fn a_row_that_was_renumbered_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        rotate_secret(t, id, "the secret of today").await;
        Sealed::secret(id).at(2).remove(t).await;
        Sealed::secret(id).set(t, "version = 2").await;
        assert_unrevealed(t, id).await;
    }

    /// Tokens that were put back to older ones are not revealed.
    async fn tokens_rolled_back_are_not_revealed(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let old = [Sealed::access(id), Sealed::refresh(id)];
        let envelopes = [old[0].envelope(t).await, old[1].envelope(t).await];
        t.store.update_oauth_tokens(&caller(), id, numbered_tokens(2, None)).await.unwrap();
        for (token, envelope) in old.into_iter().zip(envelopes) {
            let current = token.at(2).envelope(t).await;
            token.at(2).put(t, &envelope).await;
            assert_tokens_unrevealed(t, id).await;
            token.at(2).put(t, &current).await;
        }
        assert_eq!(revealed_tokens(t, id).await.1, 2);
    }

    /// An older version that was changed is not restored, and nothing changes.
    async fn a_changed_version_is_not_restored(t: &Vaults) {
        let id = kept(t, "a").await.id;
        rotate_secret(t, id, "two").await;
        rotate_secret(t, id, "three").await;
        swap(t, Sealed::secret(id), Sealed::secret(id).at(2)).await;
        let contents = t.contents().await;
        for version in [1, 2] {
            assert_tampered(t.store.restore_version(&caller(), id, version).await, id);
        }
        assert_eq!(t.contents().await, contents);
        assert_eq!(revealed(t, id).await, "three");
    }

    /// A secret that does not open is not compared with a new one: nothing is rotated.
    async fn a_changed_secret_is_not_rotated(t: &Vaults) {
        let (a, b) = (kept(t, "a").await.id, kept(t, "b").await.id);
        swap(t, Sealed::secret(a), Sealed::secret(b)).await;
        let contents = t.contents().await;
        assert_tampered(t.store.rotate(&caller(), a, SecretString::from("new")).await, a);
        assert_eq!(t.contents().await, contents);
    }

    /// A bit that flipped in any byte of an envelope keeps it closed.
    async fn a_flipped_bit_in_any_byte_is_found(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let secret = Sealed::secret(id);
        let envelope = secret.envelope(t).await;
        let contents = t.contents().await;
        for at in 0..envelope.len() / 2 {
            let byte = u8::from_str_radix(&envelope[at * 2..at * 2 + 2], 16).unwrap();
            let mut changed = envelope.clone();
            let flipped = format!("{:02x}", byte ^ (1 << (at % 8)));
            changed.replace_range(at * 2..at * 2 + 2, &flipped);
            secret.put(t, &changed).await;
            let answer = t.store.reveal(&caller(), id).await;
            assert!(matches!(answer, Err(Error::Tampered { .. })), "byte {at}: {answer:?}");
        }
        secret.put(t, &envelope).await;
        assert_eq!(t.contents().await, contents, "no attempt is in the audit");
        assert_eq!(revealed(t, id).await, secret_of("a"));
    }

    /// An envelope that was cut, or grew, keeps closed.
    async fn a_truncated_envelope_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let secret = Sealed::secret(id);
        let envelope = secret.envelope(t).await;
        let last = envelope.len() - 2;
        let changed = [
            String::new(),
            envelope[..2].to_owned(),
            envelope[..8].to_owned(),
            envelope[..last / 4 * 2].to_owned(),
            envelope[..last].to_owned(),
            envelope[2..].to_owned(),
            format!("{envelope}00"),
            format!("{envelope}{envelope}"),
            hex(b"the secret of a"),
        ];
        for bytes in changed {
            secret.put(t, &bytes).await;
            assert_unrevealed(t, id).await;
        }
    }

    /// A secret that was copied to another credential is not revealed there.
    async fn a_secret_moved_to_another_credential_is_not_revealed(t: &Vaults) {
        let (a, b) = (kept(t, "a").await.id, kept(t, "b").await.id);
        let columns = "field, version, key_id, envelope, created_at, created_by";
        let target = Sealed::secret(b);
        let copy = format!(
            "CREATE TABLE saved AS SELECT credential_id, {columns} FROM vault_secrets WHERE {}; \
             DELETE FROM vault_secrets WHERE {}; \
             INSERT INTO vault_secrets (credential_id, {columns}) \
             SELECT (SELECT credential_id FROM saved), {columns} FROM vault_secrets WHERE {}; \
             DROP TABLE saved",
            target.condition(),
            target.condition(),
            Sealed::secret(a).condition(),
        );
        t.sql(&copy).await;
        assert_unrevealed(t, b).await;
        assert_eq!(revealed(t, a).await, secret_of("a"));
    }

    /// A row that names another key than its envelope is not revealed.
    async fn a_row_with_another_key_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let ring = KeyRing::new(key(2)).with_readable(key(1)).unwrap();
        let both = t.opened_with(ring).await.unwrap();
        Sealed::secret(id).set(t, "key_id = 'k2'").await;
        assert_tampered(t.store.reveal(&caller(), id).await, id);
        assert_tampered(both.reveal(&caller(), id).await, id);
        Sealed::secret(id).set(t, "key_id = 'k1'").await;
        assert_eq!(revealed(t, id).await, secret_of("a"));
        both.reveal(&caller(), id).await.unwrap();
    }

    /// A secret sealed by a stranger, with a key of the same name, is not revealed.
    async fn a_secret_of_a_stranger_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let secret = Sealed::secret(id);
        let stranger = KeyRing::new(Key::new("k1", [99; 32]).unwrap());
        secret.put(t, &sealed_by(&stranger, secret, "forged")).await;
        assert_unrevealed(t, id).await;
        let renamed = KeyRing::new(Key::new("k9", [1; 32]).unwrap());
        secret.put(t, &sealed_by(&renamed, secret, "forged")).await;
        assert_unrevealed(t, id).await;
    }

    /// Secrets are bound to what `docs/sealing.md` says: one that is sealed for its place opens.
    async fn a_secret_is_bound_to_its_credential_field_and_version(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        rotate_secret(t, id, "two").await;
        let secret = Sealed::secret(id).at(2);
        secret.put(t, &sealed_by(&keys(1), secret, "sealed elsewhere")).await;
        assert_eq!(revealed(t, id).await, "sealed elsewhere");
        for wrong in [Sealed::secret(id), Sealed::access(id).at(2), secret.at(3)] {
            secret.put(t, &sealed_by(&keys(1), wrong, "sealed elsewhere")).await;
            assert_unrevealed(t, id).await;
        }
        let refresh = Sealed::refresh(id);
        refresh.put(t, &sealed_by(&keys(1), refresh, "sealed elsewhere")).await;
        let (tokens, _) = revealed_tokens(t, id).await;
        assert_eq!(tokens.1.as_deref(), Some("sealed elsewhere"));
    }

    /// A secret whose row is gone is an error, and no empty secret.
    async fn a_secret_that_was_removed_is_an_error(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        Sealed::secret(id).remove(t).await;
        Sealed::refresh(id).remove(t).await;
        let before = deeds_in_vault(t, id).await;
        let unreadable =
            |error: Error| matches!(error, Error::Tampered { .. } | Error::Corrupt { .. });
        assert!(unreadable(t.store.reveal(&caller(), id).await.unwrap_err()));
        assert!(unreadable(t.store.reveal_oauth_tokens(&caller(), id).await.unwrap_err()));
        assert_eq!(deeds_in_vault(t, id).await, before);
    }

    /// What is not revealed can still be read, listed, changed otherwise, and deleted.
    async fn a_changed_secret_keeps_nothing_else_from_working(t: &Vaults) {
        let (a, b) = (kept(t, "a").await, kept(t, "b").await);
        swap(t, Sealed::secret(a.id), Sealed::secret(b.id)).await;
        assert_eq!(t.store.fetch(&caller(), a.id).await.unwrap(), a);
        assert_eq!(t.store.list(&caller(), &Default::default()).await.unwrap().items.len(), 2);
        assert_eq!(t.store.versions(&caller(), a.id).await.unwrap().len(), 1);
        t.store.describe(&caller(), a.id).await.unwrap();
        let update = CredentialUpdate { name: Some("c".into()), ..Default::default() };
        t.store.update(&caller(), a.id, update).await.unwrap();
        t.store.delete(&caller(), a.id).await.unwrap();
        assert_unrevealed(t, b.id).await;
    }

    /// A secret that does not open is no secret that a vault on another database would open.
    async fn a_secret_of_another_database_is_not_revealed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let other = t.other().await.create(&caller(), crate::samples::credential("a")).await;
        let other = Sealed::secret(other.unwrap().id);
        let secret = Sealed::secret(id);
        secret.put(t, &sealed_by(&keys(1), other, "the secret of a")).await;
        assert_unrevealed(t, id).await;
    }
}
