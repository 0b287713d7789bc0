//! Refused uses of tokens that exist: counted in memory, then told in their audits.

use serde_json::json;
use store_core::Denial;
use store_core::tokens::{TokenAuditEntry, TokenGrant};
use store_tokens::{AuthenticationRequest, Rotation, ServiceTokenManager};

use super::assert_denied;
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    actor, anyone, assert_intact, audited, authenticate, from_address, ip, minted, minted_with,
    origin, ranges, rate, read, texts, time,
};

/// A grant that can be refused for every reason.
fn narrow() -> TokenGrant {
    TokenGrant {
        scopes: texts(["read"]),
        workspace_ids: texts(["ws"]),
        expires_at: Some(time("13:00:00")),
        allowed_ip_ranges: ranges(["10.0.0.0/8"]),
        rate_limit: Some(rate(1, 600)),
        name: None,
    }
}

/// A request that the narrow grant allows.
fn allowed() -> AuthenticationRequest<'static> {
    AuthenticationRequest {
        required_scopes: &["read"],
        workspace_id: Some("ws"),
        ..from_address("10.0.0.1")
    }
}

/// Flushes, and returns what the audit has since its first entry.
async fn refusals(
    t: &Tokens,
    manager: &ServiceTokenManager,
    identifier: &str,
) -> Vec<TokenAuditEntry> {
    manager.flush().await.unwrap();
    let mut entries = audited(t, identifier).await;
    assert_intact(t, identifier, entries.len() as u64).await;
    entries.remove(0);
    entries.retain(|entry| entry.action.as_str() == "denied");
    entries
}

fn reasons(entries: &[TokenAuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.details["reason"].as_str().unwrap()).collect()
}

behaviours! {
    emits tokens_refusals_tests from tokens::refusals;

    /// Each reason has its status, and its word in the audit.
    async fn every_reason_has_its_status_and_its_word(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        let id = token.identifier.as_str();
        let elsewhere = AuthenticationRequest { ip: Some(ip("11.0.0.1")), ..allowed() };
        let more = AuthenticationRequest { required_scopes: &["write"], ..allowed() };
        let other = AuthenticationRequest { workspace_id: Some("other"), ..allowed() };
        for request in [elsewhere, more, other] {
            let error = manager.authenticate(&text, &request).await.unwrap_err();
            assert_eq!(error.http_status(), Some(403));
            assert_denied(Err::<(), _>(error), Denial::Forbidden);
        }
        manager.authenticate(&text, &allowed()).await.unwrap();
        assert_denied(manager.authenticate(&text, &allowed()).await, Denial::RateLimited);
        assert_eq!(
            reasons(&refusals(t, &manager, id).await),
            ["address", "scope", "workspace", "rate_limit"]
        );
        t.clock.set(time("13:00:00"));
        assert_denied(manager.authenticate(&text, &allowed()).await, Denial::Unauthenticated);
        manager.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        assert_denied(manager.authenticate(&text, &allowed()).await, Denial::Unauthenticated);
        let last = refusals(t, &manager, id).await.split_off(4);
        let mut last = reasons(&last);
        last.sort_unstable();
        assert_eq!(last, ["expired", "revoked"]);
    }

    /// What comes first is told: who one is, then from where, with which scopes, and how often.
    async fn the_first_reason_is_told(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        manager.authenticate(&text, &allowed()).await.unwrap();
        let bad = AuthenticationRequest {
            ip: None, required_scopes: &["write"], workspace_id: Some("other"), user_agent: None,
        };
        let inside = AuthenticationRequest { ip: Some(ip("10.0.0.1")), ..bad };
        let scoped = AuthenticationRequest { required_scopes: &[], ..inside };
        for request in [bad, inside, scoped] {
            assert_denied(manager.authenticate(&text, &request).await, Denial::Forbidden);
        }
        t.clock.set(time("13:00:00"));
        assert_denied(manager.authenticate(&text, &bad).await, Denial::Unauthenticated);
        let mut told = refusals(t, &manager, token.identifier.as_str()).await;
        told.sort_by_key(|entry| entry.details["reason"].to_string());
        assert_eq!(reasons(&told), ["address", "expired", "scope", "workspace"]);
    }

    /// A token that was rotated out is refused as expired.
    async fn a_token_that_was_rotated_out_is_refused_as_expired(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        drop(manager.rotate(&token.identifier, Rotation::default(), &origin()).await.unwrap());
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
        let told = refusals(t, &manager, token.identifier.as_str()).await;
        assert_eq!(reasons(&told), ["expired"]);
    }

    /// The refusals between two flushes are one entry for each reason: how often, when last, and
    /// from where and with what the last time.
    async fn refusals_between_two_flushes_are_one_entry(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        for number in 0..5 {
            t.clock.set(time(&format!("12:00:0{number}")));
            let agent = format!("agent/{number}");
            let request =
                AuthenticationRequest { user_agent: Some(&agent), ..from_address("192.0.2.7") };
            let request = AuthenticationRequest {
                ip: Some(ip(&format!("192.0.2.{number}"))), ..request
            };
            assert_denied(manager.authenticate(&text, &request).await, Denial::Forbidden);
        }
        let id = token.identifier.as_str();
        let told = refusals(t, &manager, id).await;
        let [entry] = &told[..] else { panic!("one entry: {told:?}") };
        let last_at = "2026-03-02T12:00:04.000000+00:00";
        assert_eq!(entry.details, json!({"reason": "address", "count": 5, "last_at": last_at}));
        assert_eq!(entry.ip, Some(ip("192.0.2.4")));
        assert_eq!(entry.user_agent.as_deref(), Some("agent/4"));
        assert_eq!(entry.actor, actor(id));
        assert_denied(authenticate(&manager, &text).await, Denial::Forbidden);
        assert_eq!(refusals(t, &manager, id).await.len(), 2, "the next flush is another entry");
    }

    /// A user agent may hold anything: what is kept of it can be stored.
    async fn any_user_agent_can_be_told(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        let agents = ["", "\0\r\n\u{85}\u{1b}[31m", &"🎉".repeat(100_000), "a\0b\nc"];
        for agent in agents {
            let request = AuthenticationRequest { user_agent: Some(agent), ..anyone() };
            assert_denied(manager.authenticate(&text, &request).await, Denial::Forbidden);
            manager.flush().await.unwrap();
        }
        let told = refusals(t, &manager, token.identifier.as_str()).await;
        let kept: Vec<_> =
            told.iter().map(|entry| entry.user_agent.clone().unwrap_or_default()).collect();
        assert_eq!(kept, ["", "[31m", &"🎉".repeat(63), "abc"]);
    }

    /// Refusing writes nothing before it is flushed.
    async fn refusing_writes_nothing(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        let before = t.statements();
        for _ in 0..10 {
            assert_denied(authenticate(&manager, &text).await, Denial::Forbidden);
        }
        assert_eq!(t.statements() - before, 10, "the look-ups");
        assert_eq!(audited(t, token.identifier.as_str()).await.len(), 1);
    }

    /// Refused uses are not counted as uses.
    async fn refused_uses_are_not_counted_as_uses(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted_with(&manager, narrow()).await;
        assert_denied(authenticate(&manager, &text).await, Denial::Forbidden);
        manager.flush().await.unwrap();
        let token = read(t, token.identifier.as_str()).await;
        assert_eq!((token.use_count, token.last_used_at), (0, None));
    }

    /// A token that is deleted before the flush gets no entry, and the others get theirs.
    async fn a_token_that_is_gone_at_the_flush_is_left_out(t: &Tokens) {
        let manager = t.manager();
        let (gone_text, gone) = minted_with(&manager, narrow()).await;
        let (text, token) = minted_with(&manager, narrow()).await;
        for text in [&gone_text, &text] {
            assert_denied(authenticate(&manager, text).await, Denial::Forbidden);
        }
        manager.delete(&gone.identifier, &origin()).await.unwrap();
        assert_eq!(refusals(t, &manager, token.identifier.as_str()).await.len(), 1);
        assert_intact(t, gone.identifier.as_str(), 2).await;
    }
}
