//! Purging tokens that ended long enough ago.

use std::sync::Arc;
use std::time::Duration;

use store_core::tokens::{AuditOrigin, NewServiceToken, TokenFilter, TokenPurge};
use store_core::{Order, PageRequest, Timestamp};

use super::{Repository, assert_conflict};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, assert_intact, at, audited, deeds, expiring, full_origin, hash_of, identifiers, origin,
    put, revoke, rotate, rotation, stored, time, token, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn purged(t: &Tokens, before: Timestamp) -> u64 {
    t.store.purge_expired(&TokenPurge::before(before), &origin()).await.unwrap()
}

/// The identifiers of the tokens that are left.
async fn left(t: &Tokens) -> Vec<String> {
    let page = PageRequest::first(1000).ordered(Order::Asc);
    identifiers(&t.store.list(&TokenFilter::default(), &page).await.unwrap().items)
}

/// Stores tokens that expire a minute after noon.
async fn expiring_soon(t: &Tokens, count: usize) {
    expiring_as(t, "", count).await;
}

async fn expiring_as(t: &Tokens, prefix: &str, count: usize) {
    for number in 0..count {
        put(t, expiring(&format!("{prefix}{number:04}"), time("12:01:00"))).await;
    }
}

behaviours! {
    emits tokens_purge_tests from tokens::purge;

    /// A token that expired is purged when it did so before the instant, not at it.
    async fn tokens_are_purged_when_they_expired_before(t: &Tokens) {
        put(t, expiring("a", time("12:10:00"))).await;
        stored(t, "endless").await;
        t.clock.set(time("13:00:00"));
        assert_eq!(purged(t, time("12:10:00")).await, 0);
        assert_eq!(left(t).await, ["a", "endless"]);
        assert_eq!(purged(t, time("12:10:00.000001")).await, 1);
        assert_eq!(left(t).await, ["endless"]);
        assert_eq!(purged(t, at("9999-12-31T00:00:00Z")).await, 0);
        assert_eq!(left(t).await, ["endless"]);
    }

    /// A revoked token is purged when it was revoked before the instant, not at it.
    async fn tokens_are_purged_when_they_were_revoked_before(t: &Tokens) {
        stored(t, "a").await;
        put(t, expiring("b", time("18:00:00"))).await;
        t.clock.set(time("12:10:00"));
        revoke(t, "a", false).await;
        revoke(t, "b", false).await;
        t.clock.set(time("13:00:00"));
        assert_eq!(purged(t, time("12:10:00")).await, 0);
        assert_eq!(purged(t, time("12:10:00.000001")).await, 2);
    }

    /// A rotated token is purged when its overlap ended before the instant, not at it.
    async fn tokens_are_purged_when_they_were_rotated_out_before(t: &Tokens) {
        for identifier in ["a", "b"] {
            stored(t, identifier).await;
        }
        rotate(t, "a", rotation("a'", Duration::ZERO)).await;
        rotate(t, "b", rotation("b'", MINUTE * 10)).await;
        t.clock.set(time("13:00:00"));
        assert_eq!(purged(t, time("12:00:00")).await, 0);
        assert_eq!(purged(t, time("12:00:00.000001")).await, 1);
        assert_eq!(left(t).await, ["a'", "b", "b'"]);
        assert_eq!(purged(t, time("12:10:00")).await, 0);
        assert_eq!(purged(t, time("12:10:00.000001")).await, 1);
        assert_eq!(left(t).await, ["a'", "b'"]);
    }

    /// What ended a token first counts: one that expired and was revoked later goes as expired.
    async fn the_first_end_of_a_token_counts(t: &Tokens) {
        put(t, expiring("a", time("12:10:00"))).await;
        put(t, expiring("b", time("12:10:00"))).await;
        stored(t, "c").await;
        rotate(t, "b", rotation("b'", MINUTE)).await;
        rotate(t, "c", rotation("c'", MINUTE * 20)).await;
        revoke(t, "c", false).await;
        t.clock.set(time("13:00:00"));
        revoke(t, "a", false).await;
        revoke(t, "b", false).await;
        assert_eq!(purged(t, time("12:00:00.000001")).await, 1, "c was revoked at noon");
        assert_eq!(purged(t, time("12:01:00.000001")).await, 1, "b was rotated out");
        assert_eq!(purged(t, time("12:10:00.000001")).await, 2, "a expired, and so did b'");
        assert_eq!(left(t).await, ["c'"]);
    }

    /// A token that is still active is not purged, also when the instant is in the future.
    async fn a_token_that_is_active_is_not_purged(t: &Tokens) {
        put(t, expiring("a", time("12:10:00"))).await;
        stored(t, "b").await;
        rotate(t, "b", rotation("b'", MINUTE * 10)).await;
        assert_eq!(purged(t, time("18:00:00")).await, 0);
        assert_eq!(left(t).await, ["a", "b", "b'"]);
        t.clock.set(time("12:10:00.000001"));
        assert_eq!(purged(t, time("18:00:00")).await, 2);
        assert_eq!(left(t).await, ["b'"]);
    }

    /// However small the batches, all that ended is purged, and counted once.
    async fn a_purge_works_in_batches(t: &Tokens) {
        for batch in [1, 3, 100, 1000] {
            t.clock.set(noon());
            expiring_as(t, &format!("{batch}/"), 25).await;
            t.clock.set(time("13:00:00"));
            let purge = TokenPurge { before: time("13:00:00"), batch };
            assert_eq!(t.store.purge_expired(&purge, &origin()).await.unwrap(), 25, "{batch}");
            assert!(left(t).await.is_empty());
            assert_eq!(t.store.purge_expired(&purge, &origin()).await.unwrap(), 0);
        }
    }

    /// A batch costs as many statements with many tokens as with one.
    async fn a_batch_of_a_purge_is_a_few_statements(t: &Tokens) {
        expiring_soon(t, 1).await;
        t.clock.set(time("13:00:00"));
        let before = t.statements();
        purged(t, time("13:00:00")).await;
        let one = t.statements() - before;
        t.clock.set(noon());
        expiring_as(t, "b", 90).await;
        t.clock.set(time("13:00:00"));
        let before = t.statements();
        assert_eq!(purged(t, time("13:00:00")).await, 90);
        let most = if t.place.is_sqlite() { one + 89 * 3 } else { one };
        assert!(t.statements() - before <= most, "{} for one", one);
    }

    /// Each purged token has an entry about it, and its audit stays.
    async fn a_purge_is_audited(t: &Tokens) {
        expiring_soon(t, 2).await;
        t.clock.set(time("13:00:00"));
        let by = AuditOrigin { actor: actor("janitor"), ..full_origin() };
        let purge = TokenPurge::before(time("13:00:00"));
        assert_eq!(t.store.purge_expired(&purge, &by).await.unwrap(), 2);
        for identifier in ["0000", "0001"] {
            assert_eq!(deeds(t, identifier).await, ["created", "purged"]);
            let last = audited(t, identifier).await.pop().unwrap();
            assert_eq!((last.actor, last.at), (actor("janitor"), time("13:00:00")));
            assert_eq!((last.ip, last.user_agent), (by.ip, by.user_agent.clone()));
            assert_intact(t, identifier, 2).await;
        }
    }

    /// A purged token is found by nothing; its hash is free, its identifier is not.
    async fn a_purged_token_is_found_by_nothing(t: &Tokens) {
        expiring_soon(t, 1).await;
        t.clock.set(time("13:00:00"));
        purged(t, time("13:00:00")).await;
        assert_eq!(t.store.find(&token_id("0000")).await.unwrap(), None);
        assert_eq!(t.store.find_by_hash(&hash_of("0000")).await.unwrap(), None);
        assert_conflict(t.store.create(token("0000"), &origin()).await);
        let new = NewServiceToken { secret_hash: hash_of("0000"), ..token("new") };
        put(t, new).await;
    }

    /// Several purges at once delete each token once, and count each once.
    async fn concurrent_purges_count_each_token_once(t: &Tokens) {
        expiring_soon(t, 60).await;
        t.clock.set(time("13:00:00"));
        let work = |_: usize, store: Arc<dyn Repository>| async move {
            let purge = TokenPurge { before: time("13:00:00"), batch: 7 };
            store.purge_expired(&purge, &origin()).await.unwrap()
        };
        assert_eq!(t.at_once(4, work).await.into_iter().sum::<u64>(), 60);
        assert!(left(t).await.is_empty());
        for number in 0..60 {
            assert_intact(t, &format!("{number:04}"), 2).await;
        }
    }
}
