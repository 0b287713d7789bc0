//! Ending a lease with new tokens: all of it, or nothing.

use std::sync::Arc;

use serde_json::json;
use store_core::vault::{Credential, HealthStatus, VaultStore};

use super::assert_lease_lost;
use super::leases::{acquire, assert_powerless, taken_over};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, audit_of_vault, caller, credential_now, kept_oauth, numbered_tokens,
    oauth_tokens, revealed_tokens, shown, time,
};

behaviours! {
    emits vault_completing_tests from vault::completing;

    /// Tokens that come late are stored as long as nobody took the lease: the provider has
    /// forgotten the old ones.
    async fn a_lease_that_nobody_took_is_completed_late(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        t.clock.set(time("18:00:00"));
        let tokens = numbered_tokens(2, None);
        t.store.complete_refresh(&caller(), &lease, tokens.clone()).await.unwrap();
        assert_eq!(revealed_tokens(t, id).await, (shown(&tokens), 2));
    }

    /// Completing puts the tokens in place and gives the lease back, as one change.
    async fn completing_stores_the_tokens_and_gives_the_lease_back(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        let unhealthy = HealthStatus::Unhealthy;
        t.store.mark_health(&caller(), before.id, unhealthy, Some("x")).await.unwrap();
        let lease = acquire(t, before.id, "a").await.unwrap();
        t.clock.set(time("12:00:10"));
        let tokens = oauth_tokens(Some("access"), None, Some(time("13:00:00")));
        let done = t.store.complete_refresh(&caller(), &lease, tokens.clone()).await.unwrap();
        assert_eq!(done.health.status, HealthStatus::Unknown);
        let expected = Credential {
            oauth: done.oauth,
            health: done.health.clone(),
            updated_at: time("12:00:10"),
            row_version: 3,
            ..before
        };
        assert_eq!(done, expected);
        let oauth = done.oauth.unwrap();
        assert_eq!((oauth.has_refresh_token, oauth.expires_at), (false, Some(time("13:00:00"))));
        assert_eq!(credential_now(t, done.id).await, done);
        assert_eq!(revealed_tokens(t, done.id).await, (shown(&tokens), 2));
        assert_eq!(acquire(t, done.id, "b").await.unwrap().epoch, 2);
        assert_powerless(t, &lease).await;
    }

    /// A refresh is in the audit with its epoch.
    async fn a_refresh_is_in_the_audit_with_its_epoch(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let (_, lease) = taken_over(t, id).await;
        t.store.complete_refresh(&caller(), &lease, numbered_tokens(2, None)).await.unwrap();
        let entry = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!(entry.action.as_str(), "tokens_updated");
        assert_eq!(entry.details, json!({"tokens_version": 2, "epoch": 2}));
        assert_vault_intact(t, id, 2).await;
    }

    /// Of an old and a new holder that complete at once, the new one does.
    async fn the_new_holder_completes_beside_the_old_one(t: &Vaults) {
        for round in 0..4 {
            let id = kept_oauth(t, &round.to_string()).await.id;
            let (old, new) = taken_over(t, id).await;
            let work = move |number: usize, store: Arc<dyn VaultStore>| {
                let lease = if number == 3 { new.clone() } else { old.clone() };
                async move {
                    let tokens = numbered_tokens(number, None);
                    store.complete_refresh(&caller(), &lease, tokens).await
                }
            };
            for (number, answer) in t.at_once(8, work).await.into_iter().enumerate() {
                if number == 3 {
                    answer.unwrap();
                } else {
                    assert_lease_lost(answer);
                }
            }
            assert_eq!(revealed_tokens(t, id).await, (shown(&numbered_tokens(3, None)), 2));
        }
    }

    /// Of concurrent completions of one lease, one stores its tokens.
    async fn of_concurrent_completions_one_stores_its_tokens(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        let work = move |number: usize, store: Arc<dyn VaultStore>| {
            let lease = lease.clone();
            async move {
                let tokens = numbered_tokens(number, None);
                (number, store.complete_refresh(&caller(), &lease, tokens).await)
            }
        };
        let (good, bad): (Vec<_>, Vec<_>) =
            t.at_once(8, work).await.into_iter().partition(|(_, answer)| answer.is_ok());
        assert_eq!((good.len(), bad.len()), (1, 7));
        bad.into_iter().for_each(|(_, answer)| assert_lease_lost(answer));
        let expected = shown(&numbered_tokens(good[0].0, None));
        assert_eq!(revealed_tokens(t, id).await, (expected, 2));
    }
}
