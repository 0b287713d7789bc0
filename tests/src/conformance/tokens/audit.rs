//! The audit of tokens: what is written down, by whom, and how it is read.

use std::time::Duration;

use serde_json::json;
use store_core::tokens::{AuditOrigin, TokenAuditAction, TokenAuditEntry, TokenDenial};
use store_core::{Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, ada, assert_intact, audited, deeds, denied, full_origin, origin, rate, revoke, rotate,
    rotation, stored, time, token, token_id, uses,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Stores a token with an audit of so many entries.
async fn audited_often(t: &Tokens, identifier: &str, entries: u32) {
    stored(t, identifier).await;
    let one = |n| denied(identifier, TokenDenial::Scope, n, noon());
    let denials: Vec<_> = (2..=entries).map(one).collect();
    t.store.record_denials(&denials).await.unwrap();
}

/// Walks all pages of an audit and returns the places.
async fn walk(t: &Tokens, identifier: &str, first: PageRequest) -> Vec<i64> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.audit(&token_id(identifier), &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.iter().map(|entry| entry.sequence));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits tokens_audit_tests from tokens::audit;

    /// An entry says which token, what, by whom, from where, with what and when.
    async fn an_entry_says_who_did_what_from_where(t: &Tokens) {
        t.store.create(token("a"), &full_origin()).await.unwrap();
        let expected = TokenAuditEntry {
            identifier: token_id("a"),
            sequence: 1,
            action: TokenAuditAction::Created,
            actor: ada(),
            ip: full_origin().ip,
            user_agent: full_origin().user_agent,
            details: json!({}),
            at: noon(),
            previous_hash: [0; 32],
        };
        assert_eq!(audited(t, "a").await, std::slice::from_ref(&expected));
        let page = t.reopened().await.audit(&token_id("a"), &PageRequest::default()).await;
        assert_eq!(page.unwrap().items, [expected]);
    }

    /// Each change of a token has its own action.
    async fn every_change_of_a_token_has_its_action(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        t.store.record_denials(&[denied("a", TokenDenial::Scope, 1, noon())]).await.unwrap();
        rotate(t, "a", rotation("b", MINUTE)).await;
        revoke(t, "a", false).await;
        t.store.delete(&id, &origin()).await.unwrap();
        let expected = ["created", "denied", "rotated", "revoked", "deleted"];
        assert_eq!(deeds(t, "a").await, expected);
        assert_eq!(deeds(t, "b").await, ["created"]);
        assert_intact(t, "a", 5).await;
    }

    /// A rotation is told in both audits.
    async fn a_rotation_is_told_in_both_audits(t: &Tokens) {
        stored(t, "a").await;
        let by = AuditOrigin { actor: actor("bob"), ..full_origin() };
        t.clock.set(time("12:00:01"));
        t.store.rotate(&token_id("a"), rotation("b", MINUTE), &by).await.unwrap();
        let (old, new) = (audited(t, "a").await.pop().unwrap(), audited(t, "b").await.remove(0));
        assert_eq!(old.details, json!({"rotated_to": "b", "overlap_ms": 60_000}));
        assert_eq!(new.details, json!({"rotated_from": "a"}));
        for entry in [old, new] {
            assert_eq!((entry.actor, entry.at), (actor("bob"), time("12:00:01")));
            assert_eq!((entry.ip, entry.user_agent), (by.ip, by.user_agent.clone()));
        }
    }

    /// Whatever the overlap was, its entry is what was written.
    async fn every_overlap_can_be_told(t: &Tokens) {
        stored(t, "0").await;
        let overlaps = [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(100),
            Duration::from_nanos(333_333_333),
            Duration::new(1_234_567, 890_123_456),
            MINUTE * 60 * 24 * 365 * 1000,
        ];
        for (number, overlap) in overlaps.into_iter().enumerate() {
            let (old, new) = (number.to_string(), (number + 1).to_string());
            rotate(t, &old, rotation(&new, overlap)).await;
            let told = audited(t, &old).await.pop().unwrap().details["overlap_ms"].as_u64();
            assert_eq!(told.map(u128::from), Some(overlap.as_millis()));
            assert_intact(t, &old, 2).await;
        }
    }

    /// A revocation is told with its reason, if it has one.
    async fn a_revocation_is_told_with_its_reason(t: &Tokens) {
        for identifier in ["a", "b"] {
            stored(t, identifier).await;
        }
        let reason = "späße \"\\ \n🎉\u{1f}";
        t.store.revoke(&token_id("a"), Some(reason), false, &origin()).await.unwrap();
        revoke(t, "b", false).await;
        let details = audited(t, "a").await.pop().unwrap().details;
        assert_eq!(details, json!({"reason": reason, "family": false}));
        assert_eq!(audited(t, "b").await.pop().unwrap().details, json!({"family": false}));
        assert_intact(t, "a", 2).await;
    }

    /// What changes no token is not told: uses, windows, reading, and what is refused.
    async fn what_changes_no_token_is_not_told(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        t.store.record_uses(&[uses("a", 1, noon())]).await.unwrap();
        t.store.take_use(&id, rate(1, 1)).await.unwrap();
        t.store.fetch(&id).await.unwrap();
        t.store.rotate(&id, rotation("a", MINUTE), &origin()).await.unwrap_err();
        t.store.create(token("a"), &origin()).await.unwrap_err();
        t.store.bootstrap(token("a"), &origin()).await.unwrap();
        assert_eq!(deeds(t, "a").await, ["created"]);
        assert_intact(t, "a", 1).await;
    }

    /// The oldest entry comes first, or the newest when asked; entries of one instant too.
    async fn entries_are_listed_in_their_order(t: &Tokens) {
        audited_often(t, "a", 7).await;
        let mut expected: Vec<i64> = (1..=7).collect();
        for limit in [1, 2, 3, 6, 7, 8] {
            assert_eq!(walk(t, "a", PageRequest::first(limit)).await, expected);
        }
        expected.reverse();
        for limit in [1, 3, 7, 8] {
            let page = PageRequest::first(limit).ordered(Order::Desc);
            assert_eq!(walk(t, "a", page).await, expected);
        }
    }

    /// Entries of other tokens are not listed.
    async fn each_token_has_its_own_audit(t: &Tokens) {
        for identifier in ["a", "A", "a ", "ä"] {
            audited_often(t, identifier, 3).await;
        }
        for identifier in ["a", "A", "a ", "ä"] {
            let entries = audited(t, identifier).await;
            assert!(entries.iter().all(|entry| entry.identifier.as_str() == identifier));
            assert_eq!(entries.len(), 3);
        }
    }

    /// An identifier that never was a token's has an empty audit.
    async fn an_identifier_without_a_token_has_an_empty_audit(t: &Tokens) {
        let page = t.store.audit(&token_id("never"), &PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// A page of an audit is one query.
    async fn a_page_of_an_audit_is_one_query(t: &Tokens) {
        audited_often(t, "a", 30).await;
        for limit in [1, 10, 1000] {
            let before = t.statements();
            t.store.audit(&token_id("a"), &PageRequest::first(limit)).await.unwrap();
            assert_eq!(t.statements() - before, 1);
        }
    }

    /// A cursor of another order or another token's audit is refused.
    async fn a_cursor_of_another_audit_is_refused(t: &Tokens) {
        audited_often(t, "a", 3).await;
        audited_often(t, "b", 3).await;
        let first = PageRequest::first(1);
        let cursor = t.store.audit(&token_id("a"), &first).await.unwrap().next.unwrap();
        let after = first.after(cursor);
        assert_invalid(t.store.audit(&token_id("b"), &after).await, "after");
        let desc = after.ordered(Order::Desc);
        assert_invalid(t.store.audit(&token_id("a"), &desc).await, "after");
    }
}
