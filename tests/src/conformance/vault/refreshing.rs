//! `with_refresh_lease`: one call of the provider, whatever the number of callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use store_core::vault::{OAuthTokens, RefreshLease, VaultStore};
use store_core::{CredentialId, Denial, Error, Result};
use store_vault::{RefreshOptions, with_refresh_lease};

use super::{assert_forbidden, assert_invalid_state, assert_lease_lost, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, credential_now, deeds_in_vault, insider, kept, kept_oauth, narrow_scope,
    numbered_tokens, oauth_credential, oauth_tokens, operator, put_credential, revealed_tokens,
    shown, time,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Options that go by the clock of the fixture.
fn options(t: &Vaults) -> RefreshOptions {
    RefreshOptions { clock: Arc::new(t.clock.clone()), ..RefreshOptions::default() }
}

/// Refreshes the tokens of a credential by a provider.
async fn refresh(
    t: &Vaults,
    id: CredentialId,
    provider: impl AsyncFnOnce(OAuthTokens) -> Result<OAuthTokens>,
) -> Result<OAuthTokens> {
    with_refresh_lease(t.store.as_ref(), &caller(), id, &options(t), provider).await
}

/// A provider that must not be called.
async fn uncalled(_tokens: OAuthTokens) -> Result<OAuthTokens> {
    panic!("the provider is not called")
}

/// Stores an OAuth credential with tokens.
async fn with_tokens(t: &Vaults, name: &str, tokens: OAuthTokens) -> CredentialId {
    let new = store_core::vault::NewCredential { oauth: Some(tokens), ..oauth_credential(name) };
    put_credential(t, new).await.id
}

/// Takes the lease for a minute, as somebody else.
async fn held(t: &Vaults, id: CredentialId) -> RefreshLease {
    let lease = t.store.acquire_refresh_lease(&operator(), id, "somebody", MINUTE).await;
    lease.expect("the credential has tokens").expect("the lease is free")
}

/// The end that the lease of a credential has in the database.
async fn end_of_lease(t: &Vaults, id: CredentialId) -> String {
    let query = "SELECT CAST(lease_expires_at AS TEXT) FROM vault_credentials";
    t.rows(&format!("{query} WHERE CAST(id AS TEXT) = '{id}'")).await.remove(0).remove(0)
}

behaviours! {
    emits vault_refreshing_tests from vault::refreshing;

    /// Tokens that end later than the margin are returned as they are: the provider is not called
    /// and no lease taken.
    async fn fresh_tokens_are_returned_without_a_call(t: &Vaults) {
        let tokens = numbered_tokens(1, Some(time("12:01:00.000001")));
        let id = with_tokens(t, "a", tokens.clone()).await;
        let lease = held(t, id).await;
        let answer = refresh(t, id, uncalled).await.unwrap();
        assert_eq!(shown(&answer), shown(&tokens));
        t.store.release_refresh_lease(&operator(), &lease).await.unwrap();
    }

    /// Tokens that end within the margin, or have no end, are refreshed: the provider gets those
    /// that are stored, and what it answers is stored and returned.
    async fn tokens_that_end_soon_are_refreshed(t: &Vaults) {
        for (name, end) in [("a", Some("12:01:00")), ("b", Some("11:00:00")), ("c", None)] {
            let old = numbered_tokens(1, end.map(time));
            let id = with_tokens(t, name, old.clone()).await;
            let new = numbered_tokens(2, Some(time("13:00:00")));
            let given = new.clone();
            let answer = refresh(t, id, async move |tokens: OAuthTokens| {
                assert_eq!(shown(&tokens), shown(&old));
                Ok(given)
            });
            assert_eq!(shown(&answer.await.unwrap()), shown(&new));
            assert_eq!(revealed_tokens(t, id).await, (shown(&new), 2));
            // The lease is given back.
            held(t, id).await;
        }
    }

    /// The margin is that of the options.
    async fn the_margin_is_that_of_the_options(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, Some(time("12:10:00")))).await;
        let ten = RefreshOptions { margin: MINUTE * 10, ..options(t) };
        let less = RefreshOptions { margin: Duration::from_secs(599), ..options(t) };
        let (s, cx) = (t.store.as_ref(), caller());
        with_refresh_lease(s, &cx, id, &less, uncalled).await.unwrap();
        let provider = async |_| Ok(numbered_tokens(2, Some(time("13:00:00"))));
        let answer = with_refresh_lease(s, &cx, id, &ten, provider).await.unwrap();
        assert_eq!(shown(&answer).0.as_deref(), Some("access 2"));
    }

    /// Of 20 concurrent refreshes one calls the provider, and all return what it answered.
    async fn of_20_concurrent_refreshes_one_calls_the_provider(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, Some(time("12:00:10")))).await;
        let calls = Arc::new(AtomicUsize::new(0));
        let (clock, counted) = (t.clock.clone(), calls.clone());
        let work = move |_: usize, store: Arc<dyn VaultStore>| {
            let options =
                RefreshOptions { clock: Arc::new(clock.clone()), ..RefreshOptions::default() };
            let calls = counted.clone();
            async move {
                let provider = async move |_: OAuthTokens| {
                    calls.fetch_add(1, Ordering::SeqCst);
                    for _ in 0..1000 {
                        tokio::task::yield_now().await;
                    }
                    Ok(numbered_tokens(2, Some(time("13:00:00"))))
                };
                with_refresh_lease(store.as_ref(), &caller(), id, &options, provider).await
            }
        };
        let expected = numbered_tokens(2, Some(time("13:00:00")));
        for answer in t.at_once(20, work).await {
            assert_eq!(shown(&answer.unwrap()), shown(&expected));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(revealed_tokens(t, id).await, (shown(&expected), 2));
        let deeds = deeds_in_vault(t, id).await;
        assert_eq!(deeds.iter().filter(|deed| **deed == "tokens_updated").count(), 1);
    }

    /// Refreshes of different credentials do not wait for each other.
    async fn refreshes_of_different_credentials_are_apart(t: &Vaults) {
        let a = with_tokens(t, "a", numbered_tokens(1, None)).await;
        let b = with_tokens(t, "b", numbered_tokens(1, None)).await;
        let inner = refresh(t, a, async |_| {
            refresh(t, b, async |_| Ok(numbered_tokens(2, None))).await?;
            Ok(numbered_tokens(3, None))
        });
        inner.await.unwrap();
        assert_eq!(revealed_tokens(t, a).await.0.0.as_deref(), Some("access 3"));
        assert_eq!(revealed_tokens(t, b).await.0.0.as_deref(), Some("access 2"));
    }

    /// An error of the provider is returned, the lease given back and nothing stored.
    async fn an_error_of_the_provider_gives_the_lease_back(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        let tokens = revealed_tokens(t, before.id).await;
        let failing = async |_| Err(Error::Denied { reason: Denial::Unauthenticated });
        match refresh(t, before.id, failing).await.unwrap_err() {
            Error::Denied { reason } => assert_eq!(reason, Denial::Unauthenticated),
            other => panic!("{other}"),
        }
        assert_eq!(revealed_tokens(t, before.id).await, tokens);
        assert_eq!(credential_now(t, before.id).await, before);
        assert!(!deeds_in_vault(t, before.id).await.contains(&"tokens_updated"));
        assert_eq!(held(t, before.id).await.epoch, 2);
    }

    /// The next caller tries again after an error.
    async fn the_next_caller_tries_again_after_an_error(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let failing = async |_| Err(Error::Denied { reason: Denial::RateLimited });
        refresh(t, id, failing).await.unwrap_err();
        let answer = refresh(t, id, async |_| Ok(numbered_tokens(2, None))).await.unwrap();
        assert_eq!(shown(&answer), shown(&numbered_tokens(2, None)));
    }

    /// A provider that sends no refresh token means the old one.
    async fn the_refresh_token_is_kept_when_none_comes(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, None)).await;
        let end = Some(time("13:00:00"));
        let provider = async |_| Ok(oauth_tokens(Some("access 2"), None, Some(time("13:00:00"))));
        let answer = refresh(t, id, provider).await.unwrap();
        let expected = (Some("access 2".into()), Some("refresh 1".into()), end);
        assert_eq!(shown(&answer), expected);
        assert_eq!(revealed_tokens(t, id).await, (expected, 2));
    }

    /// A provider that sends another refresh token means that one.
    async fn the_refresh_token_is_replaced_when_one_comes(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, None)).await;
        refresh(t, id, async |_| Ok(numbered_tokens(2, None))).await.unwrap();
        assert_eq!(revealed_tokens(t, id).await, (shown(&numbered_tokens(2, None)), 2));
    }

    /// Who lost the lease while the provider was asked stores nothing.
    async fn a_refresh_without_its_lease_stores_nothing(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, None)).await;
        let answer = refresh(t, id, async |_| {
            t.clock.advance(MINUTE).unwrap();
            let lease = held(t, id).await;
            let tokens = numbered_tokens(2, Some(time("18:00:00")));
            t.store.complete_refresh(&operator(), &lease, tokens).await?;
            Ok(numbered_tokens(3, None))
        });
        assert_lease_lost(answer.await);
        let expected = shown(&numbered_tokens(2, Some(time("18:00:00"))));
        assert_eq!(revealed_tokens(t, id).await, (expected, 2));
    }

    /// A credential that is deleted while the provider is asked gets no tokens.
    async fn a_refresh_of_a_deleted_credential_stores_nothing(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let answer = refresh(t, id, async |_| {
            t.store.delete(&operator(), id).await?;
            Ok(numbered_tokens(2, None))
        });
        assert_lease_lost(answer.await);
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_secrets").await, 0);
    }

    /// Who waits for another's refresh returns the tokens of that one without a call.
    async fn who_waits_for_a_refresh_returns_its_tokens(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, Some(time("12:00:10")))).await;
        let lease = held(t, id).await;
        let waiting = refresh(t, id, uncalled);
        let completing = async {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            let tokens = numbered_tokens(2, Some(time("13:00:00")));
            t.store.complete_refresh(&operator(), &lease, tokens).await.unwrap();
        };
        let (answer, ()) = futures_util::future::join(waiting, completing).await;
        let expected = shown(&numbered_tokens(2, Some(time("13:00:00"))));
        assert_eq!(shown(&answer.unwrap()), expected);
    }

    /// Who waits for a lease that its holder lets expire refreshes in its place.
    async fn who_waits_for_a_dead_holder_takes_its_place(t: &Vaults) {
        let id = with_tokens(t, "a", numbered_tokens(1, None)).await;
        let dead = held(t, id).await;
        let waiting = refresh(t, id, async |_| Ok(numbered_tokens(2, None)));
        let dying = async {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            t.clock.advance(MINUTE).unwrap();
        };
        let (answer, ()) = futures_util::future::join(waiting, dying).await;
        assert_eq!(shown(&answer.unwrap()), shown(&numbered_tokens(2, None)));
        assert_lease_lost(t.store.release_refresh_lease(&operator(), &dead).await);
    }

    /// While the provider is asked, the lease is renewed again and again.
    async fn the_lease_is_renewed_while_the_provider_is_asked(t: &Vaults) {
        const PATIENCE: Duration = Duration::from_secs(30);
        let id = kept_oauth(t, "a").await.id;
        let short = RefreshOptions { ttl: Duration::from_millis(300), ..options(t) };
        let provider = async |_: OAuthTokens| {
            for _ in 0..3 {
                let before = end_of_lease(t, id).await;
                // More than a third of its time, and less than all of it.
                t.clock.advance(Duration::from_millis(200)).unwrap();
                let deadline = Instant::now() + PATIENCE;
                while end_of_lease(t, id).await == before {
                    assert!(Instant::now() < deadline, "not renewed within {PATIENCE:?}");
                    tokio::task::yield_now().await;
                }
            }
            Ok(numbered_tokens(2, None))
        };
        with_refresh_lease(t.store.as_ref(), &caller(), id, &short, provider).await.unwrap();
        assert_eq!(revealed_tokens(t, id).await, (shown(&numbered_tokens(2, None)), 2));
    }

    /// A refresh needs a credential that is there, within reach, and has tokens.
    async fn a_refresh_needs_tokens_within_reach(t: &Vaults) {
        let plain = kept(t, "plain").await.id;
        let new = oauth_credential("narrow").within(narrow_scope());
        let narrow = put_credential(t, new).await.id;
        assert_not_found(refresh(t, CredentialId::mint(), uncalled).await);
        assert_invalid_state(refresh(t, plain, uncalled).await);
        assert_forbidden(refresh(t, narrow, uncalled).await);
        let provider = async |_| Ok(numbered_tokens(2, None));
        let (cx, options) = (insider(), options(t));
        let answer = with_refresh_lease(t.store.as_ref(), &cx, narrow, &options, provider).await;
        assert_eq!(shown(&answer.unwrap()), shown(&numbered_tokens(2, None)));
    }

    /// Tokens that the provider made up wrongly are refused, and the lease is given back.
    async fn tokens_that_break_a_rule_are_refused(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let provider = async |_| Ok(oauth_tokens(Some(""), None, None));
        super::assert_invalid(refresh(t, id, provider).await, "oauth");
        assert_eq!(revealed_tokens(t, id).await.1, 1);
        assert_eq!(held(t, id).await.epoch, 2);
    }

    /// Each caller has an owner of its own unless it names one.
    async fn owners_are_random_unless_named(_t: &Vaults) {
        let (one, other) = (RefreshOptions::default(), RefreshOptions::default());
        assert_ne!(one.owner, other.owner);
        assert!((1..=255).contains(&one.owner.len()));
        assert_eq!((one.ttl, one.margin), (Duration::from_secs(30), MINUTE));
    }
}
