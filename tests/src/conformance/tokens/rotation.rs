//! Rotating: what a successor inherits, and when the old token ends.

use std::sync::Arc;
use std::time::Duration;

use store_core::Clock as _;
use store_core::Error;
use store_core::tokens::{NewRotation, Rotated, RotationChanges, ServiceToken, TokenState};

use super::{Repository, assert_conflict, assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, assert_intact, deeds, expiring, full_grant, full_origin, granted, hash_of, origin, put,
    read, revoke, rotate, rotation, stored, time, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);

fn state(t: &Tokens, token: &ServiceToken) -> TokenState {
    token.state_at(t.clock.now())
}

/// Tries to rotate a token.
async fn attempt(
    t: &Tokens,
    identifier: &str,
    rotation: NewRotation,
) -> store_core::Result<Rotated> {
    t.store.rotate(&token_id(identifier), rotation, &origin()).await
}

behaviours! {
    emits tokens_rotation_tests from tokens::rotation;

    /// A successor inherits everything but its identifier, its secret and its history.
    async fn a_successor_inherits_everything(t: &Tokens) {
        let old = put(t, granted("old", full_grant(time("18:00:00")))).await;
        t.clock.set(time("12:30:00"));
        let by = store_core::tokens::AuditOrigin { actor: actor("bob"), ..full_origin() };
        let rotated =
            t.store.rotate(&token_id("old"), rotation("new", MINUTE), &by).await.unwrap();
        let successor = ServiceToken {
            identifier: token_id("new"),
            secret_hash: hash_of("new"),
            created_at: time("12:30:00"),
            created_by: actor("bob"),
            issued_at: time("12:30:00"),
            rotated_from: Some(token_id("old")),
            ..old.clone()
        };
        let predecessor = ServiceToken {
            rotated_to: Some(token_id("new")),
            rotated_at: Some(time("12:30:00")),
            rotation_expires_at: Some(time("12:31:00")),
            ..old
        };
        assert_eq!(rotated, Rotated { predecessor, successor });
        let other = t.reopened().await;
        assert_eq!(other.fetch(&token_id("old")).await.unwrap(), rotated.predecessor);
        assert_eq!(other.fetch(&token_id("new")).await.unwrap(), rotated.successor);
        let found = other.find_by_hash(&hash_of("new")).await.unwrap();
        assert_eq!(found, Some(rotated.successor));
    }

    /// Uses are not inherited.
    async fn a_successor_begins_without_uses(t: &Tokens) {
        stored(t, "old").await;
        t.store.record_uses(&[crate::samples::uses("old", 7, noon())]).await.unwrap();
        let rotated = rotate(t, "old", rotation("new", MINUTE)).await;
        assert_eq!((rotated.predecessor.use_count, rotated.successor.use_count), (7, 0));
        assert_eq!(rotated.predecessor.last_used_at, Some(noon()));
        assert_eq!(rotated.successor.last_used_at, None);
    }

    /// Both tokens may be used during the overlap, and then only the new one.
    async fn both_tokens_may_be_used_during_the_overlap(t: &Tokens) {
        stored(t, "old").await;
        rotate(t, "old", rotation("new", MINUTE)).await;
        let states = async || [state(t, &read(t, "old").await), state(t, &read(t, "new").await)];
        assert_eq!(states().await, [TokenState::Active, TokenState::Active]);
        t.clock.set(time("12:00:59.999999"));
        assert_eq!(states().await, [TokenState::Active, TokenState::Active]);
        t.clock.set(time("12:01:00"));
        assert_eq!(states().await, [TokenState::Expired, TokenState::Active]);
    }

    /// With an overlap of zero the old token has ended, and stays so when the clock goes back.
    async fn without_an_overlap_the_old_token_has_ended(t: &Tokens) {
        stored(t, "old").await;
        let rotated = rotate(t, "old", rotation("new", Duration::ZERO)).await;
        assert_eq!(state(t, &rotated.predecessor), TokenState::Expired);
        assert_eq!(rotated.predecessor.rotation_expires_at, Some(noon()));
        for instant in ["11:59:59.999999", "11:00:00", "12:00:00", "12:00:01"] {
            t.clock.set(time(instant));
            assert_eq!(state(t, &read(t, "old").await), TokenState::Expired, "{instant}");
            assert_eq!(state(t, &read(t, "new").await), TokenState::Active, "{instant}");
        }
    }

    /// An overlap that no instant can show is one of zero.
    async fn an_overlap_below_a_microsecond_is_none(t: &Tokens) {
        stored(t, "old").await;
        let rotated = rotate(t, "old", rotation("new", Duration::from_nanos(999))).await;
        t.clock.set(time("11:00:00"));
        assert_eq!(state(t, &rotated.predecessor), TokenState::Expired);
    }

    /// An overlap does not let a token live for longer than it would have.
    async fn an_overlap_does_not_extend_a_lifetime(t: &Tokens) {
        put(t, expiring("old", time("12:00:30"))).await;
        let rotated = rotate(t, "old", rotation("new", MINUTE)).await;
        assert_eq!(rotated.predecessor.expires_at, Some(time("12:00:30")));
        t.clock.set(time("12:00:30"));
        assert_eq!(state(t, &read(t, "old").await), TokenState::Expired);
    }

    /// A token that is not there is not rotated.
    async fn a_token_that_is_not_there_is_not_rotated(t: &Tokens) {
        assert_not_found(attempt(t, "never", rotation("new", MINUTE)).await);
        assert_eq!(t.store.find(&token_id("new")).await.unwrap(), None);
        assert!(deeds(t, "never").await.is_empty() && deeds(t, "new").await.is_empty());
        assert_not_found(t.store.verify_audit(&token_id("never")).await);
        assert_not_found(t.store.verify_audit(&token_id("new")).await);
    }

    /// A token that was revoked, has expired or was rotated is not rotated, and nothing changes.
    async fn ended_tokens_are_not_rotated(t: &Tokens) {
        put(t, expiring("expired", time("12:01:00"))).await;
        for identifier in ["revoked", "rotated", "overlapping"] {
            stored(t, identifier).await;
        }
        revoke(t, "revoked", false).await;
        rotate(t, "rotated", rotation("x1", Duration::ZERO)).await;
        rotate(t, "overlapping", rotation("x2", MINUTE * 5)).await;
        t.clock.set(time("12:01:00"));
        let expected = [
            ("expired", "expired"), ("revoked", "revoked"), ("rotated", "rotated"),
            ("overlapping", "rotated"),
        ];
        for (identifier, is) in expected {
            let before = (read(t, identifier).await, deeds(t, identifier).await);
            let error = attempt(t, identifier, rotation("new", MINUTE)).await.unwrap_err();
            let Error::InvalidState { id, from, .. } = &error else { panic!("{error}") };
            assert_eq!((id.as_str(), from.as_str()), (identifier, is));
            assert_eq!((read(t, identifier).await, deeds(t, identifier).await), before);
            assert_eq!(t.store.find(&token_id("new")).await.unwrap(), None);
            assert!(deeds(t, "new").await.is_empty());
        }
    }

    /// A token of which both are true is revoked rather than expired.
    async fn a_revoked_token_is_refused_as_revoked(t: &Tokens) {
        put(t, expiring("a", time("12:01:00"))).await;
        rotate(t, "a", rotation("b", MINUTE)).await;
        revoke(t, "a", false).await;
        t.clock.set(time("13:00:00"));
        let error = attempt(t, "a", rotation("c", MINUTE)).await.unwrap_err();
        assert!(matches!(&error, Error::InvalidState { from, .. } if from == "revoked"), "{error}");
    }

    /// A successor can be rotated at once, and so on.
    async fn a_successor_can_be_rotated(t: &Tokens) {
        stored(t, "1").await;
        for number in 1..10 {
            let (old, new) = (number.to_string(), (number + 1).to_string());
            let rotated = rotate(t, &old, rotation(&new, MINUTE)).await;
            assert_eq!(rotated.successor.family, token_id("1"));
            assert_eq!(rotated.successor.rotated_from, Some(token_id(&old)));
        }
        let fifth = read(t, "5").await;
        assert_eq!(fifth.rotated_from, Some(token_id("4")));
        assert_eq!(fifth.rotated_to, Some(token_id("6")));
        for number in 1..10 {
            assert_intact(t, &number.to_string(), 2).await;
        }
        assert_intact(t, "10", 1).await;
    }

    /// The identifier and the hash of a successor must be free; otherwise nothing changes.
    async fn a_successor_needs_a_free_identifier_and_hash(t: &Tokens) {
        let old = stored(t, "old").await;
        stored(t, "taken").await;
        let same_hash = |new: NewRotation, of| NewRotation { secret_hash: hash_of(of), ..new };
        let refused = [
            rotation("taken", MINUTE),
            rotation("old", MINUTE),
            same_hash(rotation("taken", MINUTE), "free"),
            same_hash(rotation("new", MINUTE), "taken"),
            same_hash(rotation("new", MINUTE), "old"),
            same_hash(rotation("old", Duration::ZERO), "free"),
        ];
        for rotation in refused {
            assert_conflict(attempt(t, "old", rotation).await);
            assert_eq!(read(t, "old").await, old);
            assert_eq!(t.store.find(&token_id("new")).await.unwrap(), None);
        }
        assert_intact(t, "old", 1).await;
        assert_intact(t, "taken", 1).await;
        rotate(t, "old", rotation("new", MINUTE)).await;
    }

    /// Of 20 rotations at once one succeeds, and the others find a rotated token.
    async fn concurrent_rotations_give_one_successor(t: &Tokens) {
        for round in 0..3 {
            let old = format!("old {round}");
            stored(t, &old).await;
            let work = |number: usize, store: Arc<dyn Repository>| {
                let (old, new) = (token_id(&old), format!("new {round}/{number}"));
                async move { store.rotate(&old, rotation(&new, MINUTE), &origin()).await }
            };
            let answers = t.at_once(20, work).await;
            let (mut done, refused): (Vec<_>, Vec<_>) =
                answers.into_iter().partition(Result::is_ok);
            assert_eq!((done.len(), refused.len()), (1, 19));
            for answer in refused {
                assert_invalid_state(answer);
            }
            let rotated = done.remove(0).unwrap();
            assert_eq!(read(t, &old).await, rotated.predecessor);
            let family =
                format!("SELECT COUNT(*) FROM service_tokens WHERE family = '{old}'");
            assert_eq!(t.count(&family).await, 2);
            assert_intact(t, &old, 2).await;
            assert_intact(t, rotated.successor.identifier.as_str(), 1).await;
        }
    }

    /// Rotations of many tokens at once do not get in each other's way.
    async fn concurrent_rotations_of_many_tokens_succeed(t: &Tokens) {
        for number in 0..20 {
            stored(t, &format!("old {number}")).await;
        }
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            let (old, new) = (format!("old {number}"), format!("new {}", 19 - number));
            store.rotate(&token_id(&old), rotation(&new, MINUTE), &origin()).await.unwrap();
        };
        t.at_once(20, work).await;
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 40);
    }

    /// A rotation in which two tokens want the same successor gives it to one of them.
    async fn a_successor_has_one_predecessor(t: &Tokens) {
        for number in 0..10 {
            stored(t, &format!("old {number}")).await;
        }
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            let old = token_id(&format!("old {number}"));
            store.rotate(&old, rotation("new", MINUTE), &origin()).await
        };
        let answers = t.at_once(10, work).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (1, 9));
        refused.into_iter().for_each(assert_conflict);
        let rotated = "SELECT COUNT(*) FROM service_tokens WHERE rotated_to = 'new'";
        assert_eq!(t.count(rotated).await, 1);
        assert_intact(t, "new", 1).await;
    }

    /// A rotation without changes is the default.
    async fn the_default_changes_nothing(t: &Tokens) {
        let old = put(t, granted("old", full_grant(time("18:00:00")))).await;
        let changes = RotationChanges::default();
        let rotation = NewRotation { changes, ..rotation("new", MINUTE) };
        let new = rotate(t, "old", rotation).await.successor;
        assert_eq!((new.name, new.scopes), (old.name, old.scopes));
        assert_eq!((new.expires_at, new.rate_limit), (old.expires_at, old.rate_limit));
    }
}
