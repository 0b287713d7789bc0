//! What a rotation changes: how long the successor lives, and what it may do.

use std::time::Duration;

use store_core::tokens::{
    Lifetime, NewRotation, NewServiceToken, RotationChanges, ServiceToken, TokenGrant,
};
use store_core::workflow::Patch;
use store_core::{Clock as _, Timestamp};

use super::{assert_invalid, assert_invalid_state};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    at, deeds, expiring, full_grant, granted, origin, put, ranges, rate, read, rotate, rotation,
    stored, texts, time, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn living(new: &str, lifetime: Lifetime) -> NewRotation {
    changed(new, RotationChanges { lifetime, ..RotationChanges::default() })
}

fn changed(new: &str, changes: RotationChanges) -> NewRotation {
    NewRotation { changes, ..rotation(new, MINUTE) }
}

/// Rotates an hour after noon, and returns when the successor ends.
async fn end_of_successor(t: &Tokens, old: &str, lifetime: Lifetime) -> Option<Timestamp> {
    t.clock.set(noon().plus(HOUR).unwrap());
    let successor = rotate(t, old, living(&format!("{old}'"), lifetime)).await.successor;
    assert_eq!(read(t, successor.identifier.as_str()).await, successor);
    successor.expires_at
}

/// A successor with everything changed.
async fn altered(t: &Tokens, changes: RotationChanges) -> [ServiceToken; 2] {
    let old = put(t, granted("old", full_grant(time("18:00:00")))).await;
    let rotated = rotate(t, "old", changed("new", changes)).await;
    assert_eq!(read(t, "new").await, rotated.successor);
    assert_eq!(rotated.predecessor.scopes, old.scopes, "the old token is not changed");
    assert_eq!(rotated.predecessor.rate_limit, old.rate_limit);
    [old, rotated.successor]
}

behaviours! {
    emits tokens_lifetimes_tests from tokens::lifetimes;

    /// A successor ends when the old token would have, unless something else is asked for.
    async fn a_successor_has_the_remaining_lifetime(t: &Tokens) {
        put(t, expiring("a", time("15:00:00"))).await;
        stored(t, "b").await;
        assert_eq!(Lifetime::default(), Lifetime::Remaining);
        assert_eq!(end_of_successor(t, "a", Lifetime::Remaining).await, Some(time("15:00:00")));
        assert_eq!(end_of_successor(t, "b", Lifetime::Remaining).await, None);
    }

    /// A full lifetime is that for which the old token was issued, from now on.
    async fn a_successor_may_have_the_full_lifetime(t: &Tokens) {
        put(t, expiring("a", time("15:00:00"))).await;
        let issued = NewServiceToken {
            issued_at: Some(time("10:00:00")), ..expiring("b", time("15:00:00"))
        };
        put(t, issued).await;
        stored(t, "c").await;
        assert_eq!(end_of_successor(t, "a", Lifetime::Full).await, Some(time("16:00:00")));
        assert_eq!(end_of_successor(t, "b", Lifetime::Full).await, Some(time("18:00:00")));
        assert_eq!(end_of_successor(t, "c", Lifetime::Full).await, None);
    }

    /// A full lifetime stays the same over many rotations, late ones too.
    async fn a_full_lifetime_does_not_shrink(t: &Tokens) {
        put(t, expiring("0", time("13:00:00"))).await;
        for number in 0..5 {
            t.clock.advance(MINUTE * 59).unwrap();
            let new = (number + 1).to_string();
            let rotated = rotate(t, &number.to_string(), living(&new, Lifetime::Full)).await;
            let end = t.clock.now().plus(HOUR).unwrap();
            assert_eq!(rotated.successor.expires_at, Some(end));
        }
    }

    /// A successor may live for so long from now on, longer or shorter than the old token.
    async fn a_successor_may_live_for_so_long(t: &Tokens) {
        put(t, expiring("a", time("15:00:00"))).await;
        put(t, expiring("b", time("15:00:00"))).await;
        stored(t, "c").await;
        let day = Lifetime::For(HOUR * 24);
        let tick = Lifetime::For(Duration::from_micros(1));
        assert_eq!(end_of_successor(t, "a", day).await, Some(at("2026-03-03T13:00:00Z")));
        assert_eq!(end_of_successor(t, "b", tick).await, Some(time("13:00:00.000001")));
        assert_eq!(end_of_successor(t, "c", day).await, Some(at("2026-03-03T13:00:00Z")));
    }

    /// No lifetime makes the successor of a token that expires live for ever.
    async fn no_successor_outlives_for_ever(t: &Tokens) {
        for (identifier, lifetime) in
            [("a", Lifetime::Remaining), ("b", Lifetime::Full), ("c", Lifetime::For(HOUR))]
        {
            t.clock.set(noon());
            put(t, expiring(identifier, time("15:00:00"))).await;
            assert!(end_of_successor(t, identifier, lifetime).await.is_some());
        }
    }

    /// A lifetime that cannot be told is refused, and nothing changes.
    async fn a_lifetime_after_the_year_9999_is_refused(t: &Tokens) {
        let old = put(t, expiring("old", at("9999-12-31T23:30:00Z"))).await;
        t.clock.set(time("13:00:00"));
        let id = token_id("old");
        let refused = t.store.rotate(&id, living("new", Lifetime::Full), &origin()).await;
        assert!(matches!(refused, Err(store_core::Error::Invalid { .. })), "{refused:?}");
        let forever = Lifetime::For(Duration::MAX);
        assert_invalid(t.store.rotate(&id, living("new", forever), &origin()).await, "lifetime");
        assert_eq!(read(t, "old").await, old);
        assert_eq!(deeds(t, "old").await, ["created"]);
        assert_eq!(t.store.find(&token_id("new")).await.unwrap(), None);
    }

    /// An overlap until after the year 9999 is refused.
    async fn an_overlap_after_the_year_9999_is_refused(t: &Tokens) {
        let old = stored(t, "old").await;
        for overlap in [HOUR * 24 * 366 * 8000, Duration::MAX] {
            let rotation = rotation("new", overlap);
            let refused = t.store.rotate(&token_id("old"), rotation, &origin()).await;
            assert_invalid(refused, "overlap");
        }
        assert_eq!(read(t, "old").await, old);
    }

    /// Name, scopes, workspaces, ranges and limit are set when they are given.
    async fn a_successor_has_what_is_changed(t: &Tokens) {
        let changes = RotationChanges {
            lifetime: Lifetime::Remaining,
            name: Patch::Set("other".into()),
            scopes: Some(texts(["other", "and"])),
            workspace_ids: Some(texts(["ws-9"])),
            allowed_ip_ranges: Some(ranges(["203.0.113.9/24"])),
            rate_limit: Patch::Set(rate(5, 10)),
        };
        let [old, new] = altered(t, changes).await;
        assert_eq!(new.name.as_deref(), Some("other"));
        assert_eq!(new.scopes, texts(["and", "other"]));
        assert_eq!(new.workspace_ids, texts(["ws-9"]));
        assert_eq!(new.allowed_ip_ranges, ranges(["203.0.113.0/24"]));
        assert_eq!(new.rate_limit, Some(rate(5, 10)));
        assert_eq!(new.expires_at, old.expires_at);
    }

    /// What can be none can be made none.
    async fn a_successor_can_have_less(t: &Tokens) {
        let changes = RotationChanges {
            lifetime: Lifetime::Remaining,
            name: Patch::Clear,
            scopes: Some(texts([])),
            workspace_ids: Some(texts([])),
            allowed_ip_ranges: Some(ranges([])),
            rate_limit: Patch::Clear,
        };
        let [_, new] = altered(t, changes).await;
        assert!(new.scopes.is_empty() && new.workspace_ids.is_empty());
        assert!(new.allowed_ip_ranges.is_empty());
        assert_eq!((new.name, new.rate_limit), (None, None));
    }

    /// What one rotation changes is inherited by the next.
    async fn changes_are_inherited(t: &Tokens) {
        put(t, granted("1", TokenGrant { scopes: texts(["a"]), ..TokenGrant::default() })).await;
        let scopes = Some(texts(["b"]));
        let changes = RotationChanges { scopes, ..RotationChanges::default() };
        rotate(t, "1", changed("2", changes)).await;
        let third = rotate(t, "2", rotation("3", MINUTE)).await.successor;
        assert_eq!(third.scopes, texts(["b"]));
    }

    /// A token can be rotated in its last microsecond, and not after it.
    async fn a_token_is_rotated_until_it_expires(t: &Tokens) {
        for identifier in ["a", "b"] {
            put(t, expiring(identifier, time("12:01:00"))).await;
        }
        t.clock.set(time("12:00:59.999999"));
        rotate(t, "a", living("a'", Lifetime::Full)).await;
        t.clock.set(time("12:01:00"));
        let late = t.store.rotate(&token_id("b"), living("b'", Lifetime::Full), &origin()).await;
        assert_invalid_state(late);
    }
}
