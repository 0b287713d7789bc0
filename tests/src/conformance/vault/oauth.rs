//! The tokens of OAuth credentials.

use std::sync::Arc;

use serde_json::json;
use store_core::vault::{
    AccessContext, Credential, CredentialHealth, NewCredential, OAuthState, VaultStore,
};
use store_core::{CredentialId, Error};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, at, audit_of_vault, caller, credential_now, deeds_in_vault, kept,
    kept_oauth, numbered_tokens, oauth_credential, oauth_tokens, operator, put_credential,
    revealed, revealed_tokens, secret_of, shown, time,
};

behaviours! {
    emits vault_oauth_tests from vault::oauth;

    /// New tokens take the place of the old ones, and nothing else of the credential changes.
    async fn new_tokens_take_the_place_of_the_old_ones(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        t.clock.set(time("13:00:00"));
        let tokens = numbered_tokens(2, Some(time("14:00:00.000001")));
        let updated = t.store.update_oauth_tokens(&caller(), before.id, tokens.clone()).await;
        let updated = updated.unwrap();
        let expected = Credential {
            oauth: Some(OAuthState {
                has_access_token: true,
                has_refresh_token: true,
                expires_at: Some(time("14:00:00.000001")),
            }),
            updated_at: time("13:00:00"),
            row_version: 2,
            ..before
        };
        assert_eq!(updated, expected);
        assert_eq!(credential_now(t, updated.id).await, expected);
        assert_eq!(revealed_tokens(t, updated.id).await, (shown(&tokens), 2));
        assert_eq!(revealed(t, updated.id).await, secret_of("a"));
    }

    /// What the new tokens lack is gone: they are not mixed with the old ones.
    async fn tokens_are_not_mixed_with_the_old_ones(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let cases = [
            oauth_tokens(Some("access"), None, None),
            oauth_tokens(None, Some("refresh"), None),
            oauth_tokens(Some("access"), Some("refresh"), Some(time("18:00:00"))),
            oauth_tokens(Some("access"), None, Some(time("19:00:00"))),
            oauth_tokens(None, None, None),
            oauth_tokens(None, Some("refresh"), None),
        ];
        for (version, tokens) in (2..).zip(cases) {
            let expected = shown(&tokens);
            let updated = t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
            let state = OAuthState {
                has_access_token: expected.0.is_some(),
                has_refresh_token: expected.1.is_some(),
                expires_at: expected.2,
            };
            assert_eq!(updated.oauth, Some(state));
            assert_eq!(revealed_tokens(t, id).await, (expected, version));
        }
    }

    /// Tokens of which there are newer ones are not kept.
    async fn old_tokens_are_not_kept(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        for number in 2..=7 {
            let tokens = numbered_tokens(number, None);
            t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
        }
        let query = "SELECT field, version FROM vault_secrets WHERE field <> 'secret' ORDER BY 1";
        assert_eq!(t.rows(query).await, [["access_token", "7"], ["refresh_token", "7"]]);
    }

    /// The version of tokens counts from their first storage, and restoring a secret does not
    /// move it.
    async fn the_version_counts_how_often_tokens_were_stored(t: &Vaults) {
        let new = NewCredential { oauth: None, ..oauth_credential("a") };
        let id = put_credential(t, new).await.id;
        assert_eq!(revealed_tokens(t, id).await.1, 0);
        for version in 1..=3 {
            // The same tokens count as well: the provider gave them anew.
            let tokens = numbered_tokens(1, None);
            t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
            assert_eq!(revealed_tokens(t, id).await.1, version);
        }
        t.store.rotate(&caller(), id, "another".into()).await.unwrap();
        assert_eq!(revealed_tokens(t, id).await.1, 3);
        assert_eq!(credential_now(t, id).await.secret_version, 2);
    }

    /// New tokens are in the audit with their version, and no token is.
    async fn new_tokens_are_in_the_audit(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let by = AccessContext::new(actor("grace"));
        t.store.update_oauth_tokens(&by, id, numbered_tokens(2, None)).await.unwrap();
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.actor), ("tokens_updated", actor("grace")));
        assert_eq!(entry.details, json!({"tokens_version": 2}));
    }

    /// A credential of another kind has no tokens: they are neither stored nor revealed.
    async fn a_plain_secret_gets_no_tokens(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let contents = t.contents().await;
        let tokens = numbered_tokens(1, None);
        assert_invalid_state(t.store.update_oauth_tokens(&caller(), id, tokens).await);
        assert_invalid_state(t.store.reveal_oauth_tokens(&caller(), id).await);
        let minute = std::time::Duration::from_secs(60);
        let answer = t.store.acquire_refresh_lease(&caller(), id, "o", minute).await;
        let error = answer.unwrap_err();
        let Error::InvalidState { entity, id: named, .. } = &error else { panic!("{error}") };
        assert_eq!((*entity, named), ("credential", &id.to_string()));
        assert_eq!(t.contents().await, contents);
    }

    /// Tokens may end at any instant, in the past too.
    async fn tokens_may_end_at_any_instant(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        for end in ["0001-01-01T00:00:00Z", "2026-03-02T11:59:59Z", "9999-12-31T23:59:59.999999Z"] {
            let tokens = numbered_tokens(1, Some(at(end)));
            let updated = t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
            assert_eq!(updated.oauth.unwrap().expires_at, Some(at(end)));
            assert_eq!(revealed_tokens(t, id).await.0.2, Some(at(end)));
        }
    }

    /// New tokens need no lease, and end none.
    async fn new_tokens_do_not_end_a_lease(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let minute = std::time::Duration::from_secs(60);
        let lease = t.store.acquire_refresh_lease(&caller(), id, "o", minute).await;
        let lease = lease.unwrap().unwrap();
        let tokens = numbered_tokens(2, None);
        t.store.update_oauth_tokens(&operator(), id, tokens).await.unwrap();
        let taken = t.store.acquire_refresh_lease(&operator(), id, "p", minute).await;
        assert_eq!(taken.unwrap(), None);
        let done = t.store.complete_refresh(&caller(), &lease, numbered_tokens(3, None)).await;
        assert_eq!(done.unwrap().oauth.unwrap().expires_at, None);
        assert_eq!(revealed_tokens(t, id).await.1, 3);
    }

    /// Concurrent updates all count, and the tokens are those of the last, whole.
    async fn concurrent_tokens_are_whole(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            let tokens = numbered_tokens(number, None);
            store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
            let stored = store.reveal_oauth_tokens(&caller(), id).await.unwrap();
            let (access, refresh, _) = shown(&stored.tokens);
            let (access, refresh) = (access.unwrap(), refresh.unwrap());
            // The first ones are "the access token of a" and "the refresh token of a".
            assert_eq!(access.rsplit(' ').next(), refresh.rsplit(' ').next());
        };
        t.at_once(16, work).await;
        assert_eq!(revealed_tokens(t, id).await.1, 17);
        assert_vault_intact(t, id, 34).await;
    }

    /// A reveal of tokens beside new ones returns one pair, and never fails.
    async fn reveals_beside_new_tokens_return_a_pair(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        t.store.update_oauth_tokens(&caller(), id, numbered_tokens(0, None)).await.unwrap();
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            for round in 0..10 {
                if number == 0 {
                    let tokens = match round % 3 {
                        0 => oauth_tokens(Some("access 7"), None, Some(time("19:07:00"))),
                        1 => oauth_tokens(None, Some("refresh 8"), None),
                        _ => numbered_tokens(0, None),
                    };
                    store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
                } else {
                    let stored = store.reveal_oauth_tokens(&caller(), id).await.unwrap();
                    let expected = match stored.version % 3 {
                        // Version 2 is the pair that was there before.
                        2 => shown(&numbered_tokens(0, None)),
                        0 => shown(&oauth_tokens(Some("access 7"), None, Some(time("19:07:00")))),
                        _ => shown(&oauth_tokens(None, Some("refresh 8"), None)),
                    };
                    assert_eq!(shown(&stored.tokens), expected, "version {}", stored.version);
                }
            }
        };
        t.at_once(6, work).await;
    }

    /// Nothing is stored for a credential that is gone, or never was.
    async fn tokens_of_a_deleted_credential_are_not_stored(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        t.store.delete(&caller(), id).await.unwrap();
        for id in [id, CredentialId::mint()] {
            let tokens = numbered_tokens(2, None);
            assert_not_found(t.store.update_oauth_tokens(&operator(), id, tokens).await);
            assert_not_found(t.store.reveal_oauth_tokens(&operator(), id).await);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_secrets").await, 0);
        assert_eq!(deeds_in_vault(t, id).await, ["created", "deleted"]);
    }

    /// A credential that was never checked has no instant of a check, with new tokens either.
    async fn new_tokens_are_no_check(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        let tokens = numbered_tokens(2, None);
        let updated = t.store.update_oauth_tokens(&caller(), before.id, tokens).await.unwrap();
        let CredentialHealth { last_checked_at, .. } = updated.health;
        assert_eq!(last_checked_at, None);
    }
}
