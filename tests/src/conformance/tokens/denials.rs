//! Uses that were refused, in the audit.

use std::sync::Arc;

use serde_json::json;
use store_core::tokens::{DeniedUses, TokenAuditAction, TokenDenial};

use super::{Repository, assert_not_found};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, assert_intact, audited, deeds, denied, ip, origin, read, stored, time, token_id,
};

behaviours! {
    emits tokens_denials_tests from tokens::denials;

    /// An entry says why, how often and when last; from where and with what; the actor is the
    /// token itself.
    async fn an_entry_says_why_and_how_often(t: &Tokens) {
        stored(t, "a").await;
        t.clock.set(time("12:00:05"));
        let denial = DeniedUses {
            ip: Some(ip("192.0.2.7")),
            user_agent: Some("späße/1.0 🎉".into()),
            ..denied("a", TokenDenial::Address, 17, time("12:00:04.000001"))
        };
        t.store.record_denials(&[denial]).await.unwrap();
        let entry = audited(t, "a").await.pop().unwrap();
        assert_eq!((entry.identifier, entry.sequence), (token_id("a"), 2));
        assert_eq!((entry.action, entry.actor), (TokenAuditAction::Denied, actor("a")));
        assert_eq!((entry.ip, entry.at), (Some(ip("192.0.2.7")), time("12:00:05")));
        assert_eq!(entry.user_agent.as_deref(), Some("späße/1.0 🎉"));
        let last_at = "2026-03-02T12:00:04.000001+00:00";
        let details = json!({"reason": "address", "count": 17, "last_at": last_at});
        assert_eq!(entry.details, details);
        assert_intact(t, "a", 2).await;
    }

    /// Each reason has its word.
    async fn every_reason_is_told(t: &Tokens) {
        stored(t, "a").await;
        let all: Vec<_> =
            TokenDenial::ALL.iter().map(|reason| denied("a", *reason, 1, noon())).collect();
        t.store.record_denials(&all).await.unwrap();
        let entries = audited(t, "a").await;
        let reasons: Vec<_> =
            entries[1..].iter().map(|entry| entry.details["reason"].clone()).collect();
        let expected = ["revoked", "expired", "address", "scope", "workspace", "rate_limit"];
        assert_eq!(json!(reasons), json!(expected));
        assert_intact(t, "a", 7).await;
    }

    /// A token that is not there is left out, and gets no audit.
    async fn a_token_that_is_not_there_is_not_audited(t: &Tokens) {
        stored(t, "a").await;
        let all = ["never", "a"].map(|id| denied(id, TokenDenial::Expired, 1, noon()));
        t.store.record_denials(&all).await.unwrap();
        t.store.record_denials(&all[..1]).await.unwrap();
        assert_eq!(deeds(t, "a").await, ["created", "denied"]);
        assert_not_found(t.store.verify_audit(&token_id("never")).await);
    }

    /// A token that is gone by now gets no entry.
    async fn a_deleted_token_gets_no_more_entries(t: &Tokens) {
        stored(t, "a").await;
        t.store.delete(&token_id("a"), &origin()).await.unwrap();
        t.store.record_denials(&[denied("a", TokenDenial::Scope, 1, noon())]).await.unwrap();
        assert_eq!(deeds(t, "a").await, ["created", "deleted"]);
    }

    /// Refused uses are not counted as uses.
    async fn denials_are_no_uses(t: &Tokens) {
        let before = stored(t, "a").await;
        t.store.record_denials(&[denied("a", TokenDenial::Scope, 9, noon())]).await.unwrap();
        assert_eq!(read(t, "a").await, before);
    }

    /// A thousand entries are stored at once.
    async fn a_thousand_entries_are_stored_at_once(t: &Tokens) {
        for number in 0..10 {
            stored(t, &number.to_string()).await;
        }
        let one = |n: u32| denied(&(n % 10).to_string(), TokenDenial::Scope, n, noon());
        let all: Vec<_> = (0..1000).map(one).collect();
        t.store.record_denials(&all).await.unwrap();
        for number in 0..10 {
            assert_intact(t, &number.to_string(), 101).await;
            let counts: Vec<_> = audited(t, &number.to_string()).await[1..]
                .iter()
                .map(|entry| entry.details["count"].as_u64().unwrap())
                .collect();
            let expected: Vec<_> = (0..100).map(|n| n * 10 + number).collect();
            assert_eq!(counts, expected, "in the order given");
        }
    }

    /// Entries of two handles at once make one whole chain, whatever the order of the tokens.
    async fn concurrent_entries_make_a_whole_chain(t: &Tokens) {
        for identifier in ["a", "b", "c"] {
            stored(t, identifier).await;
        }
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            for _ in 0..5 {
                let mut all =
                    ["a", "b", "c"].map(|id| denied(id, TokenDenial::RateLimit, 1, noon()));
                all.rotate_left(number % 3);
                store.record_denials(&all).await.unwrap();
            }
        };
        t.at_once(12, work).await;
        for identifier in ["a", "b", "c"] {
            assert_intact(t, identifier, 61).await;
            let places: Vec<i64> =
                audited(t, identifier).await.iter().map(|entry| entry.sequence).collect();
            assert_eq!(places, (1..=61).collect::<Vec<_>>());
        }
    }
}
