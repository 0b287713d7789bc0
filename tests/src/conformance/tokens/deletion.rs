//! Deleting single tokens.

use std::sync::Arc;
use std::time::Duration;

use store_core::tokens::NewServiceToken;

use super::{Repository, assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    assert_intact, audited, deeds, expiring, full_origin, hash_of, origin, put, rate, read, revoke,
    rotate, rotation, stored, time, token, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn delete(t: &Tokens, identifier: &str) {
    t.store.delete(&token_id(identifier), &origin()).await.unwrap();
}

behaviours! {
    emits tokens_deletion_tests from tokens::deletion;

    /// A token is deleted in whatever state it is.
    async fn a_token_is_deleted_in_any_state(t: &Tokens) {
        put(t, expiring("expired", time("12:01:00"))).await;
        for identifier in ["active", "revoked", "rotated"] {
            stored(t, identifier).await;
        }
        revoke(t, "revoked", false).await;
        rotate(t, "rotated", rotation("next", MINUTE)).await;
        t.clock.set(time("12:01:00"));
        for identifier in ["active", "expired", "revoked", "rotated", "next"] {
            delete(t, identifier).await;
            assert_eq!(t.store.find(&token_id(identifier)).await.unwrap(), None);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 0);
    }

    /// A token that is not there, or not anymore, is `NotFound`.
    async fn a_token_is_deleted_once(t: &Tokens) {
        stored(t, "a").await;
        delete(t, "a").await;
        for identifier in ["a", "never"] {
            assert_not_found(t.store.delete(&token_id(identifier), &origin()).await);
        }
        assert_eq!(deeds(t, "a").await, ["created", "deleted"]);
        assert_not_found(t.store.verify_audit(&token_id("never")).await);
    }

    /// The audit of a deleted token stays and says who deleted it.
    async fn the_audit_outlives_its_token(t: &Tokens) {
        stored(t, "a").await;
        revoke(t, "a", false).await;
        t.store.delete(&token_id("a"), &full_origin()).await.unwrap();
        assert_eq!(deeds(t, "a").await, ["created", "revoked", "deleted"]);
        let last = audited(t, "a").await.pop().unwrap();
        assert_eq!((last.ip, last.user_agent), (full_origin().ip, full_origin().user_agent));
        assert_intact(t, "a", 3).await;
    }

    /// A hash is free again once its token is deleted.
    async fn the_hash_of_a_deleted_token_is_free(t: &Tokens) {
        stored(t, "a").await;
        delete(t, "a").await;
        put(t, NewServiceToken { secret_hash: hash_of("a"), ..token("b") }).await;
        let found = t.store.find_by_hash(&hash_of("a")).await.unwrap().unwrap();
        assert_eq!(found.identifier, token_id("b"));
    }

    /// The identifier of a deleted token is not given again: its audit and its family are kept.
    async fn the_identifier_of_a_deleted_token_stays_taken(t: &Tokens) {
        for identifier in ["a", "old"] {
            stored(t, identifier).await;
        }
        delete(t, "a").await;
        let other = NewServiceToken { secret_hash: hash_of("other"), ..token("a") };
        for new in [token("a"), other] {
            assert_conflict(t.store.create(new.clone(), &origin()).await);
            assert_conflict(t.store.bootstrap(new, &origin()).await);
        }
        let successor = t.store.rotate(&token_id("old"), rotation("a", MINUTE), &origin()).await;
        assert_conflict(successor);
        assert_eq!(t.store.find(&token_id("a")).await.unwrap(), None);
        assert_eq!(read(t, "old").await.rotated_to, None);
        assert_intact(t, "a", 2).await;
        assert_intact(t, "old", 1).await;
    }

    /// The window of a deleted token goes with it.
    async fn the_window_of_a_deleted_token_goes_with_it(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        assert!(t.store.take_use(&id, rate(1, 60)).await.unwrap());
        delete(t, "a").await;
        assert_eq!(t.count("SELECT COUNT(*) FROM service_token_windows").await, 0);
    }

    /// Those a deleted token was rotated from and to stay what they are.
    async fn neighbours_of_a_deleted_token_stay(t: &Tokens) {
        stored(t, "1").await;
        rotate(t, "1", rotation("2", MINUTE)).await;
        rotate(t, "2", rotation("3", MINUTE)).await;
        let (first, third) = (read(t, "1").await, read(t, "3").await);
        delete(t, "2").await;
        assert_eq!((read(t, "1").await, read(t, "3").await), (first, third));
    }

    /// Of 10 deletions at once one deletes, and the others find nothing.
    async fn concurrent_deletions_delete_once(t: &Tokens) {
        stored(t, "a").await;
        let work = |_: usize, store: Arc<dyn Repository>| async move {
            store.delete(&token_id("a"), &origin()).await
        };
        let answers = t.at_once(10, work).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        refused.into_iter().for_each(assert_not_found);
        assert_intact(t, "a", 2).await;
    }

    /// A token that is deleted beside its rotation is gone, and its audit is whole.
    async fn a_rotation_beside_a_deletion_leaves_a_whole_audit(t: &Tokens) {
        for round in 0..10 {
            let old = round.to_string();
            stored(t, &old).await;
            let work = |number: usize, store: Arc<dyn Repository>| {
                let (old, new) = (token_id(&old), rotation(&format!("{round}/{number}"), MINUTE));
                async move {
                    if number == 0 {
                        store.delete(&old, &origin()).await.unwrap();
                    } else {
                        drop(store.rotate(&old, new, &origin()).await);
                    }
                }
            };
            t.at_once(2, work).await;
            assert_eq!(t.store.find(&token_id(&old)).await.unwrap(), None);
            let rotated = deeds(t, &old).await == ["created", "rotated", "deleted"];
            let successor = t.store.find(&token_id(&format!("{round}/1"))).await.unwrap();
            assert_eq!(successor.is_some(), rotated);
            assert_intact(t, &old, if rotated { 3 } else { 2 }).await;
        }
    }
}
