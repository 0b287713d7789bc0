//! Reading single tokens, and what their state is.

use std::time::Duration;

use store_core::tokens::{SecretHash, TokenState};
use store_core::{Clock as _, Error};

use super::assert_not_found;
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    assert_intact, expiring, hash_of, origin, put, read, revoke, rotate, rotation, stored, time,
    token_id,
};

const MINUTE: Duration = Duration::from_secs(60);

behaviours! {
    emits tokens_lookup_tests from tokens::lookup;

    /// A token that is not there is `NotFound` to fetch, and nothing to find.
    async fn a_token_that_is_not_there_is_not_found(t: &Tokens) {
        let id = token_id("never");
        let error = t.store.fetch(&id).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { id, .. } if id == "never"), "{error}");
        assert_eq!(error.http_status(), Some(404));
        assert_eq!(t.store.find(&id).await.unwrap(), None);
        assert_eq!(t.store.find_by_hash(&hash_of("never")).await.unwrap(), None);
    }

    /// A token is found by the whole hash, and by nothing near it.
    async fn a_token_is_found_by_its_whole_hash(t: &Tokens) {
        let token = stored(t, "a").await;
        assert_eq!(t.store.find_by_hash(&hash_of("a")).await.unwrap(), Some(token));
        for byte in [0, 15, 31] {
            let mut near = *hash_of("a").as_bytes();
            near[byte] ^= 1;
            let near = SecretHash::from_bytes(near);
            assert_eq!(t.store.find_by_hash(&near).await.unwrap(), None);
        }
        for bytes in [[0; 32], [0xff; 32]] {
            assert_eq!(t.store.find_by_hash(&SecretHash::from_bytes(bytes)).await.unwrap(), None);
        }
    }

    /// A look-up is one query, whether something is found or not.
    async fn a_look_up_is_one_query(t: &Tokens) {
        stored(t, "a").await;
        for identifier in ["a", "never"] {
            let before = t.statements();
            t.store.find_by_hash(&hash_of(identifier)).await.unwrap();
            assert_eq!(t.statements() - before, 1);
            t.store.find(&token_id(identifier)).await.unwrap();
            assert_eq!(t.statements() - before, 2);
        }
    }

    /// Concurrent look-ups get each their own token, and those without one nothing.
    async fn concurrent_look_ups_get_their_own_token(t: &Tokens) {
        for number in 0..50 {
            stored(t, &number.to_string()).await;
        }
        let find = |number: usize, store: std::sync::Arc<dyn super::Repository>| async move {
            let identifier = (number % 100).to_string();
            store.find_by_hash(&hash_of(&identifier)).await.unwrap()
        };
        for (number, found) in t.at_once(400, find).await.into_iter().enumerate() {
            let number = number % 100;
            let expected = (number < 50).then(|| token_id(&number.to_string()));
            assert_eq!(found.map(|token| token.identifier), expected);
        }
    }

    /// On PostgreSQL concurrent look-ups share queries.
    async fn concurrent_look_ups_share_queries(t: &Tokens) {
        stored(t, "a").await;
        let before = t.statements();
        let unknown = SecretHash::from_bytes([1; 32]);
        let looks = (0..400).map(|_| t.store.find_by_hash(&unknown));
        for found in futures_util::future::join_all(looks).await {
            assert_eq!(found.unwrap(), None);
        }
        let sent = t.statements() - before;
        let most = if t.place.is_sqlite() { 400 } else { 200 };
        assert!(sent <= most, "{sent}");
    }

    /// Ended tokens stay readable until they are deleted.
    async fn ended_tokens_are_readable(t: &Tokens) {
        put(t, expiring("expired", time("12:00:01"))).await;
        stored(t, "revoked").await;
        stored(t, "rotated").await;
        revoke(t, "revoked", false).await;
        rotate(t, "rotated", rotation("next", Duration::ZERO)).await;
        t.clock.advance(MINUTE).unwrap();
        for (identifier, state) in [
            ("expired", TokenState::Expired),
            ("revoked", TokenState::Revoked),
            ("rotated", TokenState::Expired),
            ("next", TokenState::Active),
        ] {
            let token = read(t, identifier).await;
            assert_eq!(token.state_at(t.clock.now()), state, "{identifier}");
            assert_eq!(t.store.find_by_hash(&hash_of(identifier)).await.unwrap(), Some(token));
        }
    }

    /// A token is active until the microsecond at which it expires.
    async fn a_token_expires_at_its_instant(t: &Tokens) {
        let token = put(t, expiring("a", time("12:00:00.000002"))).await;
        assert_eq!(token.state_at(noon()), TokenState::Active);
        assert_eq!(token.state_at(time("12:00:00.000001")), TokenState::Active);
        assert_eq!(token.state_at(time("12:00:00.000002")), TokenState::Expired);
    }

    /// A deleted token is found by nothing.
    async fn a_deleted_token_is_found_by_nothing(t: &Tokens) {
        stored(t, "a").await;
        t.store.delete(&token_id("a"), &origin()).await.unwrap();
        assert_not_found(t.store.fetch(&token_id("a")).await);
        assert_eq!(t.store.find(&token_id("a")).await.unwrap(), None);
        assert_eq!(t.store.find_by_hash(&hash_of("a")).await.unwrap(), None);
        assert_intact(t, "a", 2).await;
    }

    /// A repository tells how its database is doing.
    async fn a_repository_is_healthy(t: &Tokens) {
        let health = t.store.health().await;
        assert!(health.is_ready(), "{health:?}");
    }
}
