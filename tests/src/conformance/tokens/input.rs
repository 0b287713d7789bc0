//! What is refused before anything is asked of the database.

use std::time::Duration;

use store_core::tokens::{
    AuditOrigin, Lifetime, NewRotation, NewServiceToken, RateLimit, RotationChanges, TokenDenial,
    TokenFilter, TokenGrant, TokenPurge,
};
use store_core::workflow::Patch;
use store_core::{PageRequest, TokenId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    ada, at, denied, expiring, granted, hash_of, origin, put, rate, read, rotation, stored, time,
    token, token_id, uses,
};

const MANY: usize = 10_000;

/// Scopes or workspaces, all different.
fn many(count: usize) -> std::collections::BTreeSet<String> {
    (0..count).map(|number| format!("scope:{number}")).collect()
}

fn many_ranges(count: u32) -> std::collections::BTreeSet<store_core::tokens::IpNet> {
    (0..count).map(|number| std::net::Ipv4Addr::from(number).into()).map(single).collect()
}

fn single(address: std::net::IpAddr) -> store_core::tokens::IpNet {
    address.into()
}

/// Grants that break one rule each, and the field that breaks it.
fn bad_grants() -> Vec<(&'static str, TokenGrant)> {
    let none = TokenGrant::default;
    let scopes = |scope: &str| TokenGrant { scopes: [scope.to_owned()].into(), ..none() };
    let workspaces = |id: &str| TokenGrant { workspace_ids: [id.to_owned()].into(), ..none() };
    let mut bad = Vec::new();
    for text in ["", "a\0b", "a\nb", &"x".repeat(256)] {
        bad.push(("scopes", scopes(text)));
        bad.push(("workspace_ids", workspaces(text)));
        if !text.is_empty() {
            bad.push(("name", TokenGrant { name: Some(text.to_owned()), ..none() }));
        }
    }
    bad.push(("scopes", TokenGrant { scopes: many(MANY + 1), ..none() }));
    bad.push(("workspace_ids", TokenGrant { workspace_ids: many(MANY + 1), ..none() }));
    bad.push(("allowed_ip_ranges", TokenGrant { allowed_ip_ranges: many_ranges(1001), ..none() }));
    for limit in bad_limits() {
        bad.push(("rate_limit", TokenGrant { rate_limit: Some(limit), ..none() }));
    }
    for end in [noon(), time("11:59:59"), at("0001-01-01T00:00:00Z")] {
        bad.push(("expires_at", TokenGrant { expires_at: Some(end), ..none() }));
    }
    bad
}

fn bad_limits() -> [RateLimit; 4] {
    [rate(0, 60), rate(1, 0), rate(1 << 31, 60), rate(1, u32::MAX)]
}

/// Whoever changes a token, with a user agent that cannot be stored.
fn bad_origins() -> Vec<AuditOrigin> {
    let agents = ["a\0b".to_owned(), "a\nb".to_owned(), "x".repeat(256)];
    agents.into_iter().map(|agent| AuditOrigin { user_agent: Some(agent), ..origin() }).collect()
}

behaviours! {
    emits tokens_input_tests from tokens::input;

    /// A field that breaks its rule is named, and no statement is sent.
    async fn every_field_of_a_token_is_checked(t: &Tokens) {
        let before = t.statements();
        for (field, grant) in bad_grants() {
            let create = t.store.create(granted("a", grant.clone()), &origin()).await;
            assert_invalid(create, field);
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        for (field, grant) in bad_grants() {
            assert_invalid(t.store.bootstrap(granted("a", grant), &origin()).await, field);
        }
        assert_eq!(t.store.find(&token_id("a")).await.unwrap(), None);
    }

    /// What is just inside of each rule is stored.
    async fn the_largest_grant_is_stored(t: &Tokens) {
        let grant = TokenGrant {
            name: Some("x".repeat(255)),
            scopes: many(MANY),
            workspace_ids: many(MANY),
            expires_at: Some(at("9999-12-31T23:59:59.999999Z")),
            allowed_ip_ranges: many_ranges(1000),
            rate_limit: Some(rate(i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs())),
        };
        let created = put(t, granted("a", grant.clone())).await;
        assert_eq!(created.scopes, grant.scopes);
        assert_eq!(created.workspace_ids, grant.workspace_ids);
        assert_eq!(created.allowed_ip_ranges, grant.allowed_ip_ranges);
        assert_eq!((&created.name, created.rate_limit), (&grant.name, grant.rate_limit));
        assert_eq!(created.expires_at, grant.expires_at);
        assert_eq!(read(t, "a").await, created);
    }

    /// A token is not issued in the future, and does not end before it was issued.
    async fn a_token_is_issued_before_it_ends_and_not_in_the_future(t: &Tokens) {
        let issued = |new: NewServiceToken, at| NewServiceToken { issued_at: Some(at), ..new };
        let later = issued(token("a"), time("12:00:00.000001"));
        assert_invalid(t.store.create(later, &origin()).await, "issued_at");
        let first = at("0001-01-01T00:00:00Z");
        let end = time("12:00:00.000001");
        let token = put(t, issued(expiring("b", end), first)).await;
        assert_eq!((token.issued_at, token.expires_at), (first, Some(end)));
        assert_eq!(put(t, issued(expiring("c", end), noon())).await.issued_at, noon());
    }

    /// Identifiers have 1 to 255 bytes and no control characters.
    async fn identifiers_are_checked_where_they_are_made(t: &Tokens) {
        for bad in ["", "a\0b", "a\nb", "\u{85}", &"x".repeat(256)] {
            assert_invalid(TokenId::new(bad), "identifier");
        }
        stored(t, &"x".repeat(255)).await;
    }

    /// The user agent of whoever changes a token is checked by every change.
    async fn the_user_agent_of_a_change_is_checked(t: &Tokens) {
        let (id, before) = (stored(t, "a").await.identifier, read(t, "a").await);
        let statements = t.statements();
        for origin in bad_origins() {
            let purge = TokenPurge::before(noon());
            let field = "user_agent";
            assert_invalid(t.store.create(token("b"), &origin).await, field);
            let rotation = rotation("b", Duration::ZERO);
            assert_invalid(t.store.rotate(&id, rotation, &origin).await, field);
            assert_invalid(t.store.revoke(&id, None, true, &origin).await, field);
            assert_invalid(t.store.delete(&id, &origin).await, field);
            assert_invalid(t.store.purge_expired(&purge, &origin).await, field);
        }
        assert_eq!(t.statements(), statements, "no statement was sent");
        for origin in bad_origins() {
            assert_invalid(t.store.bootstrap(token("b"), &origin).await, "user_agent");
        }
        assert_eq!(read(t, "a").await, before);
        let longest = AuditOrigin { user_agent: Some("x".repeat(255)), ..AuditOrigin::of(ada()) };
        t.store.delete(&id, &longest).await.unwrap();
    }

    /// What a rotation changes is checked like what a token is created with.
    async fn every_field_of_a_rotation_is_checked(t: &Tokens) {
        let (id, before) = (stored(t, "a").await.identifier, read(t, "a").await);
        let statements = t.statements();
        for (field, grant) in bad_grants() {
            let changes = RotationChanges {
                lifetime: Lifetime::Remaining,
                name: grant.name.map_or(Patch::Keep, Patch::Set),
                scopes: Some(grant.scopes),
                workspace_ids: Some(grant.workspace_ids),
                allowed_ip_ranges: Some(grant.allowed_ip_ranges),
                rate_limit: grant.rate_limit.map_or(Patch::Keep, Patch::Set),
            };
            if field == "expires_at" {
                continue;
            }
            let rotation = NewRotation { changes, ..rotation("b", Duration::ZERO) };
            assert_invalid(t.store.rotate(&id, rotation, &origin()).await, field);
        }
        for lifetime in [Duration::ZERO, Duration::from_nanos(999), Duration::MAX] {
            let lifetime = Lifetime::For(lifetime);
            let changes = RotationChanges { lifetime, ..RotationChanges::default() };
            let rotation = NewRotation { changes, ..rotation("b", Duration::ZERO) };
            assert_invalid(t.store.rotate(&id, rotation, &origin()).await, "lifetime");
        }
        let endless = rotation("b", Duration::MAX);
        assert_invalid(t.store.rotate(&id, endless, &origin()).await, "overlap");
        assert_eq!(t.statements(), statements, "no statement was sent");
        assert_eq!(read(t, "a").await, before);
    }

    /// A reason has at most 4096 bytes and no NUL.
    async fn the_reason_of_a_revocation_is_checked(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        let statements = t.statements();
        for bad in ["a\0b", &"x".repeat(4097)] {
            assert_invalid(t.store.revoke(&id, Some(bad), false, &origin()).await, "reason");
        }
        assert_eq!(t.statements(), statements, "no statement was sent");
        let longest = format!("line\n{}", "x".repeat(4091));
        let revoked = t.store.revoke(&id, Some(&longest), false, &origin()).await.unwrap();
        assert_eq!(revoked[0].revocation_reason.as_deref(), Some(longest.as_str()));
        assert_eq!(read(t, "a").await, revoked[0]);
    }

    /// A batch of a purge has 1 to 1000 tokens.
    async fn the_batch_of_a_purge_is_checked(t: &Tokens) {
        for batch in [0, 1001, u32::MAX] {
            let purge = TokenPurge { before: noon(), batch };
            assert_invalid(t.store.purge_expired(&purge, &origin()).await, "batch");
        }
        for batch in [1, 1000] {
            let purge = TokenPurge { before: noon(), batch };
            assert_eq!(t.store.purge_expired(&purge, &origin()).await.unwrap(), 0);
        }
    }

    /// Uses are recorded for at most 10,000 tokens at once, each named once.
    async fn recorded_uses_are_checked(t: &Tokens) {
        stored(t, "a").await;
        let statements = t.statements();
        let one = |number: usize| uses(&number.to_string(), 1, noon());
        let too_many: Vec<_> = (0..=MANY).map(one).collect();
        assert_invalid(t.store.record_uses(&too_many).await, "uses");
        let twice = [uses("a", 1, noon()), uses("b", 1, noon()), uses("a", 1, noon())];
        assert_invalid(t.store.record_uses(&twice).await, "uses");
        assert_eq!(t.statements(), statements, "no statement was sent");
        assert_eq!(read(t, "a").await.use_count, 0);
        t.store.record_uses(&too_many[..MANY]).await.unwrap();
    }

    /// At most 1000 denials are recorded at once, and user agents are checked.
    async fn recorded_denials_are_checked(t: &Tokens) {
        stored(t, "a").await;
        let statements = t.statements();
        let one = |number: usize| {
            denied(&number.to_string(), TokenDenial::Revoked, 1, noon())
        };
        let too_many: Vec<_> = (0..=1000).map(one).collect();
        assert_invalid(t.store.record_denials(&too_many).await, "denials");
        for origin in bad_origins() {
            let mut bad = denied("a", TokenDenial::Scope, 1, noon());
            bad.user_agent = origin.user_agent;
            assert_invalid(t.store.record_denials(&[bad]).await, "user_agent");
        }
        assert_eq!(t.statements(), statements, "no statement was sent");
        t.store.record_denials(&too_many[..1000]).await.unwrap();
        assert_eq!(t.count("SELECT COUNT(*) FROM service_token_audit").await, 1);
    }

    /// A limit and an interval are at least 1.
    async fn the_limit_of_a_use_is_checked(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        let statements = t.statements();
        for limit in bad_limits() {
            assert_invalid(t.store.take_use(&id, limit).await, "rate_limit");
        }
        assert_eq!(t.statements(), statements, "no statement was sent");
        for limit in [rate(1, 1), rate(i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs())] {
            t.store.take_use(&id, limit).await.unwrap();
        }
    }

    /// Pages have 1 to 1000 items.
    async fn the_size_of_a_page_is_checked(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            assert_invalid(t.store.list(&TokenFilter::default(), &page).await, "limit");
            assert_invalid(t.store.audit(&id, &page).await, "limit");
        }
    }

    /// What is checked is never shown.
    async fn a_refused_value_is_not_in_the_error(t: &Tokens) {
        let secret = "stk_planted\0secret";
        let grant = TokenGrant { scopes: [secret.to_owned()].into(), ..TokenGrant::default() };
        let new = NewServiceToken { secret_hash: hash_of("a"), ..granted("a", grant) };
        let error = t.store.create(new, &origin()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    }
}
