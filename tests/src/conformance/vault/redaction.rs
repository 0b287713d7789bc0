//! No secret is shown: not by `Debug`, not in an error, not in the database.

use std::fmt::Debug;

use store_core::vault::{CredentialUpdate, NewCredential, NewIssuance, OAuthTokens, StoredTokens};
use store_core::{Result, SecretString};

use super::envelopes::{Sealed, hex, swap};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, credential, kept_oauth, oauth_credential, oauth_tokens, put_credential, rotate_secret,
};

const PLANTED: &str = "pl4nted";

/// Tokens that must not be seen.
fn planted_tokens() -> OAuthTokens {
    oauth_tokens(Some("pl4nted access"), Some("pl4nted refresh"), None)
}

/// A credential whose secret and tokens must not be seen.
fn planted() -> NewCredential {
    NewCredential {
        secret: SecretString::from("pl4nted secret"),
        oauth: Some(planted_tokens()),
        ..oauth_credential("a")
    }
}

#[track_caller]
fn assert_hidden(shown: &str) {
    assert!(!shown.contains(PLANTED), "{shown}");
    // As a list of bytes, either.
    assert!(!shown.contains("112, 108, 52"), "{shown}");
}

/// Asserts that an answer is an error that shows no secret.
#[track_caller]
fn assert_silent<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("it is refused");
    assert_hidden(&format!("{error} {error:?} {error:#?}"));
}

behaviours! {
    emits vault_redaction_tests from vault::redaction;

    /// `Debug` of what is given to a vault, and of what it gives, shows no secret.
    async fn debug_shows_no_secret(t: &Vaults) {
        let new = planted();
        let update = CredentialUpdate { secret: Some(new.secret.clone()), ..Default::default() };
        let stored = StoredTokens { tokens: planted_tokens(), version: 1 };
        let issuance = NewIssuance { oauth: Some(planted_tokens()), ..NewIssuance::of("pl4nted") };
        for shown in [
            format!("{new:?} {new:#?}"),
            format!("{update:?} {update:#?}"),
            format!("{stored:?} {stored:#?}"),
            format!("{issuance:?} {issuance:#?}"),
        ] {
            assert_hidden(&shown);
        }
        let created = put_credential(t, new).await;
        let secret = t.store.reveal(&caller(), created.id).await.unwrap();
        let tokens = t.store.reveal_oauth_tokens(&caller(), created.id).await.unwrap();
        let described = t.store.describe(&caller(), created.id).await.unwrap();
        for shown in [
            format!("{created:?}"),
            format!("{secret:?}"),
            format!("{tokens:?}"),
            format!("{described:?}"),
            format!("{:?} {:#?}", t.store, t.store),
        ] {
            assert_hidden(&shown);
        }
    }

    /// `Debug` of a vault shows no key.
    async fn debug_of_a_vault_shows_no_key(t: &Vaults) {
        let shown = format!("{:?}", t.store);
        for key in ["1, 1, 1, 1", &"01".repeat(32), "AQEBAQEB"] {
            assert!(!shown.contains(key), "{shown}");
        }
    }

    /// A value that is refused is not in the error.
    async fn a_refused_value_of_the_vault_is_not_shown(t: &Vaults) {
        let long = SecretString::from(PLANTED.repeat(200_000));
        let too_long = NewCredential { secret: long.clone(), ..credential("a") };
        assert_silent(t.store.create(&caller(), too_long).await);
        let wrong_kind = NewCredential { oauth: Some(planted_tokens()), ..credential("a") };
        assert_silent(t.store.create(&caller(), wrong_kind).await);
        let bad_name = NewCredential { name: format!("{PLANTED}\0"), ..planted() };
        assert_silent(t.store.create(&caller(), bad_name).await);
        let id = put_credential(t, planted()).await.id;
        assert_silent(t.store.create(&caller(), planted()).await);
        assert_silent(t.store.rotate(&caller(), id, long.clone()).await);
        assert_silent(t.store.rotate(&caller(), id, "pl4nted secret".into()).await);
        let tokens = OAuthTokens { access_token: Some(long), ..planted_tokens() };
        assert_silent(t.store.update_oauth_tokens(&caller(), id, tokens).await);
        let stale = CredentialUpdate {
            expected_row_version: Some(9),
            secret: Some(SecretString::from("pl4nted new")),
            ..Default::default()
        };
        assert_silent(t.store.update(&caller(), id, stale).await);
    }

    /// Whatever goes wrong with a stored secret, the error does not show it.
    async fn what_goes_wrong_shows_no_secret(t: &Vaults) {
        let id = put_credential(t, planted()).await.id;
        let other = kept_oauth(t, "b").await.id;
        swap(t, Sealed::secret(id), Sealed::secret(other)).await;
        swap(t, Sealed::access(id), Sealed::refresh(id)).await;
        assert_silent(t.store.reveal(&caller(), id).await);
        assert_silent(t.store.reveal(&caller(), other).await);
        assert_silent(t.store.reveal_oauth_tokens(&caller(), id).await);
        assert_silent(t.store.rotate(&caller(), id, "pl4nted new".into()).await);
        t.sql("ALTER TABLE vault_secrets RENAME TO hidden").await;
        assert_silent(t.store.reveal(&caller(), id).await);
        assert_silent(t.store.update_oauth_tokens(&caller(), id, planted_tokens()).await);
        t.sql("ALTER TABLE hidden RENAME TO vault_secrets").await;
    }

    /// The database holds no secret in the clear, in no table.
    async fn the_database_holds_no_secret_in_the_clear(t: &Vaults) {
        let id = put_credential(t, planted()).await.id;
        rotate_secret(t, id, "pl4nted another").await;
        t.store.update_oauth_tokens(&caller(), id, planted_tokens()).await.unwrap();
        t.store.reveal(&caller(), id).await.unwrap();
        t.store.restore_version(&caller(), id, 1).await.unwrap();
        let contents = format!("{:?}", t.contents().await);
        assert_hidden(&contents);
        // PostgreSQL shows bytes in hex.
        assert!(!contents.to_lowercase().contains(&hex(PLANTED.as_bytes())), "{contents}");
        let envelope = Sealed::secret(id).envelope(t).await;
        assert!(envelope.starts_with(&hex(b"PSE\x01")), "{envelope}");
        assert!(!envelope.contains(&hex(PLANTED.as_bytes())), "{envelope}");
    }

    /// A sealed value is longer than the secret by what `docs/sealing.md` says, and no more is
    /// stored of it.
    async fn a_secret_is_stored_once(t: &Vaults) {
        let id = put_credential(t, planted()).await.id;
        for (sealed, text) in [
            (Sealed::secret(id), "pl4nted secret"),
            (Sealed::access(id), "pl4nted access"),
            (Sealed::refresh(id), "pl4nted refresh"),
        ] {
            let envelope = sealed.envelope(t).await;
            assert_eq!(envelope.len() / 2, 93 + "k1".len() + text.len());
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_secrets").await, 3);
    }
}
