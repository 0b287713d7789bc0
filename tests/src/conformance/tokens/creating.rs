//! Creating tokens: what is stored, what is in the way, and who may be first.

use store_core::tokens::{NewServiceToken, ServiceToken, TokenGrant};
use store_core::{Clock as _, Error};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    ada, assert_intact, deeds, expiring, full_grant, full_origin, granted, hash_of, origin, put,
    ranges, read, stored, time, token, token_id,
};

behaviours! {
    emits tokens_creating_tests from tokens::creating;

    /// Every field of a token comes back as it was given, also on another handle.
    async fn every_field_of_a_token_round_trips(t: &Tokens) {
        let grant = full_grant(time("18:00:00"));
        let new = NewServiceToken { issued_at: Some(time("11:00:00")), ..granted("full", grant) };
        let created = t.store.create(new, &full_origin()).await.unwrap();
        let grant = full_grant(time("18:00:00"));
        let expected = ServiceToken {
            identifier: token_id("full"),
            secret_hash: hash_of("full"),
            name: grant.name,
            scopes: grant.scopes,
            workspace_ids: grant.workspace_ids,
            created_at: noon(),
            created_by: ada(),
            issued_at: time("11:00:00"),
            expires_at: Some(time("18:00:00")),
            last_used_at: None,
            use_count: 0,
            rotated_to: None,
            rotated_from: None,
            rotated_at: None,
            rotation_expires_at: None,
            family: token_id("full"),
            revoked_at: None,
            revoked_by: None,
            revocation_reason: None,
            allowed_ip_ranges: grant.allowed_ip_ranges,
            rate_limit: grant.rate_limit,
        };
        assert_eq!(created, expected);
        let other = t.reopened().await;
        assert_eq!(other.fetch(&token_id("full")).await.unwrap(), expected);
        assert_eq!(other.find(&token_id("full")).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(other.find_by_hash(&hash_of("full")).await.unwrap(), Some(expected));
    }

    /// A token of which nothing is said has no scope, no restriction and no end.
    async fn a_token_with_nothing_but_an_identifier_round_trips(t: &Tokens) {
        let created = stored(t, "bare").await;
        assert_eq!((created.issued_at, created.expires_at), (noon(), None));
        assert!(created.scopes.is_empty() && created.workspace_ids.is_empty());
        assert!(created.allowed_ip_ranges.is_empty());
        assert_eq!((&created.name, created.rate_limit), (&None, None));
        assert_eq!(read(t, "bare").await, created);
    }

    /// Instants keep their microseconds.
    async fn instants_of_tokens_keep_their_microseconds(t: &Tokens) {
        t.clock.set(time("12:00:00.123456"));
        put(t, expiring("a", time("12:00:00.123457"))).await;
        let token = read(t, "a").await;
        assert_eq!((token.created_at, token.issued_at), (t.clock.now(), t.clock.now()));
        assert_eq!(token.expires_at, Some(time("12:00:00.123457")));
    }

    /// Ranges are kept without the bits of hosts, and IPv4 in IPv6 as IPv4; what is then the same
    /// is kept once.
    async fn ranges_are_kept_in_one_form(t: &Tokens) {
        let given = ranges(["10.1.2.3/8", "::ffff:10.0.0.0/104", "::ffff:192.0.2.1/128",
            "2001:db8::1/32", "0.0.0.0/0"]);
        let grant = TokenGrant { allowed_ip_ranges: given, ..TokenGrant::default() };
        let expected = ranges(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
        assert_eq!(put(t, granted("a", grant)).await.allowed_ip_ranges, expected);
        assert_eq!(read(t, "a").await.allowed_ip_ranges, expected);
    }

    /// A token of one identifier is not replaced by another.
    async fn an_identifier_is_given_once(t: &Tokens) {
        let first = stored(t, "a").await;
        let other = NewServiceToken { secret_hash: hash_of("b"), ..token("a") };
        assert_conflict(t.store.create(other, &origin()).await);
        assert_conflict(t.store.create(token("a"), &origin()).await);
        assert_eq!(read(t, "a").await, first);
        assert_eq!(t.store.find_by_hash(&hash_of("b")).await.unwrap(), None);
        assert_intact(t, "a", 1).await;
    }

    /// A hash belongs to one token. The conflict does not tell which has it.
    async fn a_hash_is_given_once(t: &Tokens) {
        let first = stored(t, "holder").await;
        let new = NewServiceToken { secret_hash: hash_of("holder"), ..token("b") };
        let error = t.store.create(new, &origin()).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        assert!(!error.to_string().contains("holder"), "{error}");
        assert_eq!(t.store.find(&token_id("b")).await.unwrap(), None);
        assert_eq!(t.store.find_by_hash(&hash_of("holder")).await.unwrap(), Some(first));
        assert!(deeds(t, "b").await.is_empty(), "and there is no audit of it");
    }

    /// Identifiers are compared byte by byte.
    async fn identifiers_are_compared_byte_by_byte(t: &Tokens) {
        let longest = "ä".repeat(127);
        for identifier in ["a", "A", "ä", "a\u{308}", "日本語", "🎉", "a b", "it's", "%", &longest] {
            stored(t, identifier).await;
            assert_eq!(read(t, identifier).await.identifier, token_id(identifier));
            assert_intact(t, identifier, 1).await;
        }
        assert_eq!(t.store.find(&token_id("á")).await.unwrap(), None);
    }

    /// Of any number of calls that create one identifier at once, one does.
    async fn concurrent_creations_give_one_token(t: &Tokens) {
        let create = |number: usize, store: std::sync::Arc<dyn super::Repository>| async move {
            let hash = hash_of(&number.to_string());
            store.create(NewServiceToken { secret_hash: hash, ..token("a") }, &origin()).await
        };
        let answers = t.at_once(20, create).await;
        let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((created.len(), refused.len()), (1, 19));
        for answer in refused {
            assert_conflict(answer);
        }
        assert_eq!(created[0].as_ref().unwrap(), &read(t, "a").await);
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 1);
        assert_intact(t, "a", 1).await;
    }

    /// Creating a token writes it and its entry in the audit, or neither.
    async fn a_token_and_its_audit_are_created_together(t: &Tokens) {
        stored(t, "a").await;
        assert_eq!(deeds(t, "a").await, ["created"]);
        assert_conflict(t.store.create(token("a"), &origin()).await);
        assert_eq!(deeds(t, "a").await, ["created"]);
    }

    /// Tokens of another database are not seen.
    async fn tokens_of_another_database_are_not_seen(t: &Tokens) {
        let other = t.other().await;
        other.create(token("a"), &origin()).await.unwrap();
        assert_eq!(t.store.find(&token_id("a")).await.unwrap(), None);
        assert_eq!(t.store.find_by_hash(&hash_of("a")).await.unwrap(), None);
        stored(t, "a").await;
    }
}
