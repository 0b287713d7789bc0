//! The cache of tokens that were looked up.

use std::time::Duration;

use store_core::tokens::{ServiceToken, TokenGrant};
use store_core::{Denial, Error};
use store_tokens::{AuthenticationRequest, CacheSettings, Rotation, ServiceTokenManager};

use super::{assert_denied, until};
use crate::behaviours;
use crate::fixture::{Held, Tokens};
use crate::samples::{
    anyone, authenticate, minted, minted_with, origin, ranges, rate, texts, time, token_id,
};

/// Makes a manager with a cache.
async fn caching(t: &Tokens) -> ServiceTokenManager {
    caching_with(t, CacheSettings::default()).await
}

async fn caching_with(t: &Tokens, settings: CacheSettings) -> ServiceTokenManager {
    let manager = t.builder(t.store.clone()).cache(settings).build().unwrap();
    listening(t, &manager).await;
    manager
}

/// Waits until a manager hears what the storage tells: it empties its cache before that.
async fn listening(t: &Tokens, manager: &ServiceTokenManager) {
    let (text, token) = minted(manager).await;
    authenticate(manager, &text).await.unwrap();
    t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
    until("the manager hears", async || authenticate(manager, &text).await.is_err()).await;
}

/// Mints a token and puts it into the cache.
async fn cached(manager: &ServiceTokenManager) -> (String, ServiceToken) {
    let (text, token) = minted(manager).await;
    authenticate(manager, &text).await.unwrap();
    (text, token)
}

/// How many statements it takes to authenticate.
async fn cost(t: &Tokens, manager: &ServiceTokenManager, text: &str) -> u64 {
    let before = t.statements();
    drop(authenticate(manager, text).await);
    t.statements() - before
}

behaviours! {
    emits tokens_caching_tests from tokens::caching;

    /// A token that was looked up is not looked up again, and is the same.
    async fn a_cached_token_costs_no_statement(t: &Tokens) {
        let manager = caching(t).await;
        let (text, token) = minted(&manager).await;
        assert_eq!(cost(t, &manager, &text).await, 1);
        let before = t.statements();
        for _ in 0..100 {
            assert_eq!(*authenticate(&manager, &text).await.unwrap(), token);
        }
        assert_eq!(t.statements(), before);
    }

    /// Without a cache every token is looked up.
    async fn without_a_cache_every_token_is_looked_up(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        for _ in 0..3 {
            assert_eq!(cost(t, &manager, &text).await, 1);
        }
    }

    /// Uses of cached tokens are counted.
    async fn uses_of_cached_tokens_are_counted(t: &Tokens) {
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        for _ in 0..9 {
            authenticate(&manager, &text).await.unwrap();
        }
        manager.flush().await.unwrap();
        assert_eq!(t.store.fetch(&token.identifier).await.unwrap().use_count, 10);
    }

    /// An entry is looked up again once it has its age, and when the clock goes back.
    async fn an_entry_lives_as_long_as_its_age(t: &Tokens) {
        let max_age = Duration::from_secs(30);
        let manager = caching_with(t, CacheSettings { max_age, capacity: 10 }).await;
        let (text, _) = cached(&manager).await;
        t.clock.set(time("12:00:29.999999"));
        assert_eq!(cost(t, &manager, &text).await, 0);
        t.clock.set(time("12:00:30"));
        assert_eq!(cost(t, &manager, &text).await, 1);
        assert_eq!(cost(t, &manager, &text).await, 0, "it is younger now");
        t.clock.set(time("12:00:29"));
        assert_eq!(cost(t, &manager, &text).await, 1);
    }

    /// An entry is not kept for longer because it is used.
    async fn using_an_entry_does_not_keep_it(t: &Tokens) {
        let manager = caching(t).await;
        let (text, _) = cached(&manager).await;
        for second in 1..30 {
            t.clock.set(time(&format!("12:00:{second:02}")));
            assert_eq!(cost(t, &manager, &text).await, 0);
        }
        t.clock.set(time("12:00:30"));
        assert_eq!(cost(t, &manager, &text).await, 1);
    }

    /// There are never more entries than allowed; the least recently used one goes.
    async fn the_least_recently_used_entry_goes(t: &Tokens) {
        let settings = CacheSettings { capacity: 2, ..CacheSettings::default() };
        let manager = caching_with(t, settings).await;
        let (a, _) = cached(&manager).await;
        let (b, _) = cached(&manager).await;
        assert_eq!(cost(t, &manager, &a).await, 0);
        let (c, _) = cached(&manager).await;
        assert_eq!(cost(t, &manager, &a).await, 0);
        assert_eq!(cost(t, &manager, &c).await, 0);
        assert_eq!(cost(t, &manager, &b).await, 1);
    }

    /// A token that is not there is not remembered as such: it can be used once it is.
    async fn a_token_that_is_not_there_is_not_remembered(t: &Tokens) {
        let manager = caching(t).await;
        let text = "A".repeat(43);
        for _ in 0..2 {
            assert_eq!(cost(t, &manager, &text).await, 1);
        }
        let hash = store_core::tokens::SecretHash::of(&text);
        let new = crate::samples::token("late");
        let new = store_core::tokens::NewServiceToken { secret_hash: hash, ..new };
        t.store.create(new, &origin()).await.unwrap();
        authenticate(&manager, &text).await.unwrap();
    }

    /// A token that is revoked through the manager, or a clone of it, is refused at once.
    async fn a_revoked_token_is_forgotten_at_once(t: &Tokens) {
        let manager = caching(t).await;
        for changing in [manager.clone(), manager.clone()] {
            let (text, token) = cached(&manager).await;
            changing.revoke(&token.identifier, None, false, &origin()).await.unwrap();
            assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
        }
    }

    /// A token that is rotated without an overlap through the manager is refused at once.
    async fn a_rotated_token_is_forgotten_at_once(t: &Tokens) {
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        let (new, _) =
            manager.rotate(&token.identifier, Rotation::default(), &origin()).await.unwrap();
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
        authenticate(&manager, store_core::ExposeSecret::expose_secret(&new)).await.unwrap();
    }

    /// A token that is rotated with an overlap ends with it, though it is cached.
    async fn a_cached_token_ends_with_its_overlap(t: &Tokens) {
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        let rotation = Rotation { overlap: Duration::from_secs(10), ..Rotation::default() };
        drop(manager.rotate(&token.identifier, rotation, &origin()).await.unwrap());
        t.clock.set(time("12:00:09.999999"));
        authenticate(&manager, &text).await.unwrap();
        t.clock.set(time("12:00:10"));
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// A token that is deleted through the manager is refused at once.
    async fn a_deleted_token_is_forgotten_at_once(t: &Tokens) {
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        manager.delete(&token.identifier, &origin()).await.unwrap();
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// Every member of a family that is revoked through the manager is refused at once.
    async fn a_revoked_family_is_forgotten_at_once(t: &Tokens) {
        let manager = caching(t).await;
        let (first, token) = cached(&manager).await;
        let rotation = Rotation { overlap: Duration::from_secs(60), ..Rotation::default() };
        let (second, rotated) =
            manager.rotate(&token.identifier, rotation, &origin()).await.unwrap();
        let second = store_core::ExposeSecret::expose_secret(&second).to_owned();
        for text in [&first, &second] {
            authenticate(&manager, text).await.unwrap();
        }
        manager.revoke(&rotated.successor.identifier, None, true, &origin()).await.unwrap();
        for text in [&first, &second] {
            assert_denied(authenticate(&manager, text).await, Denial::Unauthenticated);
        }
    }

    /// A token that expires while it is cached is refused from that instant on.
    async fn a_cached_token_expires_at_its_instant(t: &Tokens) {
        let manager = caching(t).await;
        let expires_at = Some(time("12:00:10"));
        let (text, _) =
            minted_with(&manager, TokenGrant { expires_at, ..TokenGrant::default() }).await;
        authenticate(&manager, &text).await.unwrap();
        t.clock.set(time("12:00:10"));
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// What a request asks for is checked for cached tokens as for others.
    async fn requests_with_cached_tokens_are_checked(t: &Tokens) {
        let manager = caching(t).await;
        let grant = TokenGrant {
            scopes: texts(["read"]),
            workspace_ids: texts(["ws"]),
            allowed_ip_ranges: ranges(["10.0.0.0/8"]),
            ..TokenGrant::default()
        };
        let (text, _) = minted_with(&manager, grant).await;
        let good = AuthenticationRequest {
            required_scopes: &["read"],
            workspace_id: Some("ws"),
            ..crate::samples::from_address("10.0.0.1")
        };
        manager.authenticate(&text, &good).await.unwrap();
        let before = t.statements();
        for bad in [
            AuthenticationRequest { required_scopes: &["write"], ..good },
            AuthenticationRequest { workspace_id: Some("other"), ..good },
            AuthenticationRequest { ip: None, ..good },
            anyone(),
        ] {
            assert_denied(manager.authenticate(&text, &bad).await, Denial::Forbidden);
        }
        manager.authenticate(&text, &good).await.unwrap();
        assert_eq!(t.statements(), before);
    }

    /// Uses of cached tokens with a limit are taken out of the shared window.
    async fn limits_hold_for_cached_tokens(t: &Tokens) {
        let managers = [caching(t).await, t.builder(t.reopened().await).build().unwrap()];
        let rate_limit = Some(rate(4, 60));
        let (text, _) =
            minted_with(&managers[0], TokenGrant { rate_limit, ..TokenGrant::default() }).await;
        for number in 0..4 {
            authenticate(&managers[number % 2], &text).await.unwrap();
        }
        for manager in &managers {
            assert_denied(authenticate(manager, &text).await, Denial::RateLimited);
        }
    }

    /// A token that is changed by other parts of the process, past the manager, is forgotten.
    async fn a_change_past_the_manager_is_heard(t: &Tokens) {
        let manager = caching(t).await;
        let (revoked, token) = cached(&manager).await;
        let (deleted, other) = cached(&manager).await;
        t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        t.store.delete(&other.identifier, &origin()).await.unwrap();
        for text in [&revoked, &deleted] {
            until("it is refused", async || authenticate(&manager, text).await.is_err()).await;
        }
    }

    /// On PostgreSQL a token that another process revokes, rotates or deletes is forgotten.
    async fn a_change_by_another_process_is_heard(t: &Tokens) {
        if t.place.is_sqlite() {
            return;
        }
        let manager = caching(t).await;
        let other = t.builder(t.reopened().await).build().unwrap();
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(cached(&manager).await);
        }
        other.revoke(&all[0].1.identifier, None, false, &origin()).await.unwrap();
        let rotation = Rotation::default();
        drop(other.rotate(&all[1].1.identifier, rotation, &origin()).await.unwrap());
        other.delete(&all[2].1.identifier, &origin()).await.unwrap();
        for (text, _) in &all {
            until("it is refused", async || authenticate(&manager, text).await.is_err()).await;
        }
    }

    /// On SQLite a token that another process revokes is refused when its entry is too old.
    async fn a_change_that_is_not_heard_waits_for_the_age(t: &Tokens) {
        if !t.place.is_sqlite() {
            return;
        }
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        let other = t.reopened().await;
        other.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        t.clock.set(time("12:00:30"));
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// A look-up that began before a revocation does not put the token back into the cache.
    async fn a_look_up_beside_a_revocation_is_not_kept(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let cache = CacheSettings::default();
        let manager = t.builder(held.clone()).cache(cache).build().unwrap();
        listening(t, &manager).await;
        let (text, token) = minted(&manager).await;
        held.look_ups.close();
        let looking = {
            let (manager, text) = (manager.clone(), text.clone());
            tokio::spawn(async move { authenticate(&manager, &text).await })
        };
        held.look_ups.arrived(1).await;
        manager.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        held.look_ups.open();
        drop(looking.await.unwrap());
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// A look-up that began before another part of the process revoked the token is not kept.
    async fn a_look_up_beside_a_change_past_the_manager_is_not_kept(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let cache = CacheSettings::default();
        let manager = t.builder(held.clone()).cache(cache).build().unwrap();
        listening(t, &manager).await;
        let (text, token) = minted(&manager).await;
        held.look_ups.close();
        let looking = {
            let (manager, text) = (manager.clone(), text.clone());
            tokio::spawn(async move { authenticate(&manager, &text).await })
        };
        held.look_ups.arrived(1).await;
        t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        held.look_ups.open();
        drop(looking.await.unwrap());
        until("it is refused", async || authenticate(&manager, &text).await.is_err()).await;
    }

    /// On SQLite the writer carries out what it accepted: a revocation whose caller went away
    /// clears the cache. On PostgreSQL the server tells of it with the commit.
    async fn a_revocation_whose_caller_went_away_clears_the_cache(t: &Tokens) {
        if !t.place.is_sqlite() {
            return;
        }
        let manager = caching(t).await;
        let (text, token) = cached(&manager).await;
        let by = origin();
        // Polled once and dropped.
        let revocation = manager.revoke(&token.identifier, None, false, &by);
        assert!(futures_util::FutureExt::now_or_never(revocation).is_none());
        until("it is refused", async || authenticate(&manager, &text).await.is_err()).await;
        assert!(t.store.fetch(&token.identifier).await.unwrap().revoked_at.is_some());
    }

    /// A revocation that fails leaves the token usable, cached or not.
    async fn a_change_that_fails_does_no_harm(t: &Tokens) {
        let manager = caching(t).await;
        let (text, _) = cached(&manager).await;
        let never = manager.revoke(&token_id("never"), None, true, &origin()).await;
        assert!(matches!(never, Err(Error::NotFound { .. })), "{never:?}");
        authenticate(&manager, &text).await.unwrap();
    }
}
