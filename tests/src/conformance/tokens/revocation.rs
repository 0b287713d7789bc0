//! Revoking a token.

use std::sync::Arc;
use std::time::Duration;

use store_core::Clock as _;
use store_core::tokens::{AuditOrigin, ServiceToken, TokenState};

use super::{Repository, assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, assert_intact, deeds, expiring, full_grant, full_origin, granted, origin, put, read,
    revoke, rotate, rotation, stored, time, token_id, uses,
};

const MINUTE: Duration = Duration::from_secs(60);

behaviours! {
    emits tokens_revocation_tests from tokens::revocation;

    /// A revoked token says when, by whom and why, and is otherwise what it was.
    async fn a_revoked_token_says_when_by_whom_and_why(t: &Tokens) {
        let token = put(t, granted("a", full_grant(time("18:00:00")))).await;
        t.clock.set(time("12:30:00.000001"));
        let by = AuditOrigin { actor: actor("Böb"), ..full_origin() };
        let reason = Some("leaked: späße \"🎉\"\nsee the log");
        let revoked = t.store.revoke(&token_id("a"), reason, false, &by).await.unwrap();
        let expected = ServiceToken {
            revoked_at: Some(time("12:30:00.000001")),
            revoked_by: Some(actor("Böb")),
            revocation_reason: reason.map(str::to_owned),
            ..token
        };
        assert_eq!(revoked, std::slice::from_ref(&expected));
        assert_eq!(t.reopened().await.fetch(&token_id("a")).await.unwrap(), expected);
    }

    /// A revoked token is revoked at any instant.
    async fn a_revoked_token_is_revoked_at_any_instant(t: &Tokens) {
        stored(t, "a").await;
        assert_eq!(revoke(t, "a", false).await, ["a"]);
        for instant in ["12:00:00", "11:00:00", "18:00:00"] {
            t.clock.set(time(instant));
            let token = read(t, "a").await;
            assert_eq!(token.state_at(t.clock.now()), TokenState::Revoked, "{instant}");
        }
    }

    /// Revoking again keeps the first instant and reason, returns nothing and is not audited.
    async fn revoking_again_changes_nothing(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        t.store.revoke(&id, Some("first"), false, &origin()).await.unwrap();
        let first = read(t, "a").await;
        t.clock.set(time("13:00:00"));
        for family in [false, true] {
            let by = AuditOrigin::of(actor("bob"));
            let again = t.store.revoke(&id, Some("second"), family, &by).await.unwrap();
            assert!(again.is_empty(), "{again:?}");
        }
        assert_eq!(read(t, "a").await, first);
        assert_eq!(deeds(t, "a").await, ["created", "revoked"]);
    }

    /// A reason may be missing.
    async fn a_reason_may_be_missing(t: &Tokens) {
        stored(t, "a").await;
        revoke(t, "a", false).await;
        assert_eq!(read(t, "a").await.revocation_reason, None);
    }

    /// A token that is not there is `NotFound`, and gets no audit.
    async fn a_token_that_is_not_there_is_not_revoked(t: &Tokens) {
        for family in [false, true] {
            let answer = t.store.revoke(&token_id("never"), None, family, &origin()).await;
            assert_not_found(answer);
        }
        assert_not_found(t.store.verify_audit(&token_id("never")).await);
    }

    /// Without its family a token is revoked alone.
    async fn a_token_is_revoked_alone(t: &Tokens) {
        stored(t, "1").await;
        rotate(t, "1", rotation("2", MINUTE)).await;
        rotate(t, "2", rotation("3", MINUTE)).await;
        stored(t, "other").await;
        assert_eq!(revoke(t, "2", false).await, ["2"]);
        for (identifier, revoked) in [("1", false), ("2", true), ("3", false), ("other", false)] {
            assert_eq!(read(t, identifier).await.revoked_at.is_some(), revoked, "{identifier}");
        }
    }

    /// Expired and rotated tokens can be revoked: they are not forgotten by that.
    async fn ended_tokens_can_be_revoked(t: &Tokens) {
        put(t, expiring("expired", time("12:01:00"))).await;
        stored(t, "rotated").await;
        rotate(t, "rotated", rotation("next", Duration::ZERO)).await;
        t.clock.set(time("13:00:00"));
        for identifier in ["expired", "rotated"] {
            assert_eq!(revoke(t, identifier, false).await, [identifier]);
            let token = read(t, identifier).await;
            assert_eq!(token.state_at(t.clock.now()), TokenState::Revoked);
        }
        assert_eq!(read(t, "rotated").await.rotated_to, Some(token_id("next")));
    }

    /// Of 20 revocations at once one revokes the token, and writes the only entry.
    async fn concurrent_revocations_revoke_once(t: &Tokens) {
        stored(t, "a").await;
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            let reason = number.to_string();
            let family = number.is_multiple_of(3);
            store.revoke(&token_id("a"), Some(&reason), family, &origin()).await.unwrap()
        };
        let revoked: Vec<_> = t.at_once(20, work).await.into_iter().flatten().collect();
        assert_eq!(revoked, [read(t, "a").await]);
        assert_eq!(deeds(t, "a").await, ["created", "revoked"]);
        assert_intact(t, "a", 2).await;
    }

    /// A token that is revoked and rotated at the same time is revoked in any case.
    async fn a_rotation_beside_a_revocation_does_not_save_the_token(t: &Tokens) {
        for round in 0..10 {
            let old = round.to_string();
            stored(t, &old).await;
            let work = |number: usize, store: Arc<dyn Repository>| {
                let (old, new) = (token_id(&old), format!("{round}/{number}"));
                async move {
                    if number == 1 {
                        store.revoke(&old, None, false, &origin()).await.unwrap();
                    } else {
                        drop(store.rotate(&old, rotation(&new, MINUTE), &origin()).await);
                    }
                }
            };
            t.at_once(4, work).await;
            assert!(read(t, &old).await.revoked_at.is_some());
            let after = rotation(&format!("{round}/after"), MINUTE);
            assert_invalid_state(t.store.rotate(&token_id(&old), after, &origin()).await);
        }
    }

    /// Counts of uses that come after a revocation are still added.
    async fn uses_before_a_revocation_are_not_lost(t: &Tokens) {
        stored(t, "a").await;
        revoke(t, "a", false).await;
        t.store.record_uses(&[uses("a", 3, noon())]).await.unwrap();
        let token = read(t, "a").await;
        assert_eq!((token.use_count, token.last_used_at), (3, Some(noon())));
        assert!(token.revoked_at.is_some());
    }
}
