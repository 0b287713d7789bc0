//! Authenticating: what is let in, what is not, and what it costs.

use std::time::Duration;

use store_core::tokens::{AuditOrigin, NewServiceToken, SecretHash, TokenGrant};
use store_core::{Denial, TokenId};

use super::assert_denied;
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, anyone, authenticate, minted, minted_with, origin, put, read, texts, time, token,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Texts that are no tokens, made from one that is.
fn malformed(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('_').collect();
    let other_check = if parts[3].starts_with('0') { "1" } else { "0" };
    let changed = format!("{}_{}_{}_{other_check}{}", parts[0], parts[1], parts[2], &parts[3][1..]);
    let mut all = vec![
        changed,
        text[..text.len() - 1].to_owned(),
        text[1..].to_owned(),
        format!("{text}0"),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}\0"),
        format!("Bearer {text}"),
        text.to_uppercase(),
        text.replacen("stk", "STK", 1),
        text.replacen("stk", "stx", 1),
        text.replace('_', "-"),
        parts[1].to_owned(),
        parts[2][..42].to_owned(),
        format!("{}x", parts[2]),
        parts[2].replacen(|_: char| true, "+", 1),
        parts[2].replacen(|_: char| true, "é", 1),
        "a".repeat(1_000_000),
    ];
    all.extend(["", "_", "___", "stk", "stk___", "null", "\u{1f389}"].map(str::to_owned));
    all
}

/// Tokens of the right form, made from one that is known; none of them is.
async fn unknown(t: &Tokens) -> Vec<String> {
    let other = t.other().await;
    let elsewhere = t.builder(other.clone()).build().unwrap();
    let deleted = minted(&t.manager()).await;
    t.store.delete(&deleted.1.identifier, &origin()).await.unwrap();
    vec![minted(&elsewhere).await.0, deleted.0, "A".repeat(43)]
}

behaviours! {
    emits tokens_authenticating_tests from tokens::authenticating;

    /// A token that may be used is returned as it is stored.
    async fn a_token_that_may_be_used_is_returned(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        let returned = authenticate(&manager, &text).await.unwrap();
        assert_eq!(*returned, token);
        assert_eq!(read(t, token.identifier.as_str()).await, token);
    }

    /// What is no token is denied without a statement.
    async fn what_is_no_token_costs_no_statement(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        let before = t.statements();
        for presented in malformed(&text) {
            let answer = authenticate(&manager, &presented).await;
            assert_denied(answer, Denial::Unauthenticated);
        }
        assert_eq!(t.statements(), before, "no statement was sent");
        manager.flush().await.unwrap();
        assert_eq!(t.statements(), before, "nor is anything counted");
    }

    /// Who presents what is malformed, unknown, revoked or expired sees one and the same answer.
    async fn refusals_of_who_one_is_look_the_same(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        let (revoked, token) = minted(&manager).await;
        manager.revoke(&token.identifier, Some("leaked"), false, &origin()).await.unwrap();
        let ending = |end| TokenGrant { expires_at: Some(end), ..TokenGrant::default() };
        let (expired, _) = minted_with(&manager, ending(time("12:01:00"))).await;
        let (rotated, token) = minted(&manager).await;
        let rotation = store_tokens::Rotation::default();
        drop(manager.rotate(&token.identifier, rotation, &origin()).await.unwrap());
        t.clock.set(time("12:01:00"));
        let mut all = malformed(&text);
        all.extend(unknown(t).await);
        all.extend([revoked, expired, rotated]);
        for presented in all {
            let error = authenticate(&manager, &presented).await.unwrap_err();
            assert_eq!(error.http_status(), Some(401));
            assert_eq!(error.to_string(), "denied: authentication is required");
            assert_eq!(format!("{error:?}"), "Denied { reason: Unauthenticated }");
        }
    }

    /// An unknown token costs the one query that a known one costs.
    async fn a_known_and_an_unknown_token_cost_one_query(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        let mut all = unknown(t).await;
        all.push(text);
        for presented in all {
            let before = t.statements();
            drop(authenticate(&manager, &presented).await);
            assert_eq!(t.statements() - before, 1);
        }
    }

    /// Unknown tokens leave nothing behind.
    async fn unknown_tokens_leave_nothing_behind(t: &Tokens) {
        let manager = t.manager();
        let all = unknown(t).await;
        let before = t.count("SELECT COUNT(*) FROM service_token_audit").await;
        for presented in &all {
            assert_denied(authenticate(&manager, presented).await, Denial::Unauthenticated);
        }
        let statements = t.statements();
        manager.flush().await.unwrap();
        assert_eq!(t.statements(), statements);
        assert_eq!(t.count("SELECT COUNT(*) FROM service_token_audit").await, before);
    }

    /// Tokens of 43 characters of URL-safe base 64 are looked up; others of that length are not.
    async fn foreign_tokens_are_looked_up_by_hash(t: &Tokens) {
        let manager = t.manager();
        let good = ["-".repeat(43), "_".repeat(43), "aZ09-_".repeat(7) + "x"];
        for (number, text) in good.iter().enumerate() {
            let hash = SecretHash::of(text);
            let new = NewServiceToken { secret_hash: hash, ..token(&number.to_string()) };
            let stored = put(t, new).await;
            assert_eq!(*authenticate(&manager, text).await.unwrap(), stored);
        }
        let before = t.statements();
        for bad in ["+".repeat(43), "/".repeat(43), "=".repeat(43), "é".repeat(21) + "x"] {
            assert_eq!(bad.len(), 43);
            assert_denied(authenticate(&manager, &bad).await, Denial::Unauthenticated);
        }
        assert_eq!(t.statements(), before);
    }

    /// A hash is not a token: whoever reads the database cannot authenticate with what is there.
    async fn a_stored_hash_is_no_token(t: &Tokens) {
        let manager = t.manager();
        let (_, token) = minted(&manager).await;
        let hex: String =
            token.secret_hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        for presented in [hex.clone(), hex[..43].to_owned(), token.identifier.to_string()] {
            assert_denied(authenticate(&manager, &presented).await, Denial::Unauthenticated);
        }
    }

    /// A token that was revoked cannot be used from then on.
    async fn a_revoked_token_cannot_be_used(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
        t.clock.set(time("11:00:00"));
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// A token can be used until the microsecond at which it expires.
    async fn an_expired_token_cannot_be_used(t: &Tokens) {
        let manager = t.manager();
        let grant = TokenGrant { expires_at: Some(time("12:01:00")), ..TokenGrant::default() };
        let (text, _) = minted_with(&manager, grant).await;
        t.clock.set(time("12:00:59.999999"));
        authenticate(&manager, &text).await.unwrap();
        t.clock.set(time("12:01:00"));
        assert_denied(authenticate(&manager, &text).await, Denial::Unauthenticated);
    }

    /// A token that was rotated can be used during its overlap, and its successor at once.
    async fn a_rotated_token_can_be_used_during_its_overlap(t: &Tokens) {
        let manager = t.manager();
        let (old, token) = minted(&manager).await;
        let rotation = store_tokens::Rotation { overlap: MINUTE, ..Default::default() };
        let (secret, rotated) =
            manager.rotate(&token.identifier, rotation, &origin()).await.unwrap();
        let new = store_core::ExposeSecret::expose_secret(&secret);
        assert_eq!(*authenticate(&manager, new).await.unwrap(), rotated.successor);
        assert_eq!(*authenticate(&manager, &old).await.unwrap(), rotated.predecessor);
        t.clock.set(time("12:01:00"));
        assert_denied(authenticate(&manager, &old).await, Denial::Unauthenticated);
        authenticate(&manager, new).await.unwrap();
    }

    /// A token that was rotated without an overlap is dead at once, also when the clock goes back.
    async fn a_token_rotated_without_an_overlap_is_dead(t: &Tokens) {
        let manager = t.manager();
        let (old, token) = minted(&manager).await;
        let rotation = store_tokens::Rotation::default();
        let (new, _) = manager.rotate(&token.identifier, rotation, &origin()).await.unwrap();
        for instant in ["12:00:00", "11:59:59.999999", "09:00:00", "12:00:01"] {
            t.clock.set(time(instant));
            assert_denied(authenticate(&manager, &old).await, Denial::Unauthenticated);
            let new = store_core::ExposeSecret::expose_secret(&new);
            authenticate(&manager, new).await.unwrap();
        }
    }

    /// Scopes that are asked for must all be there, byte by byte.
    async fn all_required_scopes_must_be_there(t: &Tokens) {
        let manager = t.manager();
        let grant = TokenGrant { scopes: texts(["read", "write", "ä"]), ..TokenGrant::default() };
        let (text, _) = minted_with(&manager, grant).await;
        let with = |required_scopes: &'static [&'static str]| {
            store_tokens::AuthenticationRequest { required_scopes, ..anyone() }
        };
        for good in [&[][..], &["read"], &["write", "read"], &["ä"], &["read", "read"]] {
            manager.authenticate(&text, &with(good)).await.unwrap();
        }
        for bad in [&["admin"][..], &["read", "admin"], &["READ"], &["rea"], &[""], &["a\u{308}"]] {
            assert_denied(manager.authenticate(&text, &with(bad)).await, Denial::Forbidden);
        }
    }

    /// A token without scopes may be used where none is asked for.
    async fn a_token_without_scopes_has_none(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        let request =
            store_tokens::AuthenticationRequest { required_scopes: &["read"], ..anyone() };
        assert_denied(manager.authenticate(&text, &request).await, Denial::Forbidden);
    }

    /// A token for some workspaces may be used in those; one without, in all.
    async fn a_token_is_kept_to_its_workspaces(t: &Tokens) {
        let manager = t.manager();
        let workspace_ids = texts(["ws-1", "ws-2"]);
        let grant = TokenGrant { workspace_ids, ..TokenGrant::default() };
        let (kept, _) = minted_with(&manager, grant).await;
        let (free, _) = minted(&manager).await;
        let within = |workspace_id: &'static str| {
            store_tokens::AuthenticationRequest { workspace_id: Some(workspace_id), ..anyone() }
        };
        for workspace in ["ws-1", "ws-2"] {
            manager.authenticate(&kept, &within(workspace)).await.unwrap();
            manager.authenticate(&free, &within(workspace)).await.unwrap();
        }
        for workspace in ["ws-3", "WS-1", "ws", ""] {
            let answer = manager.authenticate(&kept, &within(workspace)).await;
            assert_denied(answer, Denial::Forbidden);
            manager.authenticate(&free, &within(workspace)).await.unwrap();
        }
        authenticate(&manager, &kept).await.unwrap();
    }

    /// A token can be used as often as its limit says in each window, by all managers together.
    async fn a_rate_limit_holds_for_all_managers(t: &Tokens) {
        let managers = [t.manager(), t.builder(t.reopened().await).build().unwrap()];
        let rate_limit = Some(crate::samples::rate(5, 60));
        let (text, _) =
            minted_with(&managers[0], TokenGrant { rate_limit, ..TokenGrant::default() }).await;
        for minute in 0..3 {
            t.clock.set(time(&format!("12:{minute:02}:00")));
            for number in 0..5 {
                authenticate(&managers[number % 2], &text).await.unwrap();
            }
            for manager in &managers {
                let error = authenticate(manager, &text).await.unwrap_err();
                assert_eq!(error.http_status(), Some(429));
                assert_denied(Err::<(), _>(error), Denial::RateLimited);
            }
        }
    }

    /// 50 that authenticate at once on two managers are let in exactly as often as the limit says.
    async fn concurrent_uses_get_exactly_the_limit(t: &Tokens) {
        let managers = [t.manager(), t.builder(t.reopened().await).build().unwrap()];
        let rate_limit = Some(crate::samples::rate(20, 60));
        let (text, token) =
            minted_with(&managers[0], TokenGrant { rate_limit, ..TokenGrant::default() }).await;
        let all = (0..50).map(|number| authenticate(&managers[number % 2], &text));
        let answers = futures_util::future::join_all(all).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 20);
        refused.into_iter().for_each(|answer| assert_denied(answer, Denial::RateLimited));
        for manager in &managers {
            manager.flush().await.unwrap();
        }
        assert_eq!(read(t, token.identifier.as_str()).await.use_count, 20);
    }

    /// What is refused for another reason takes no use out of the window.
    async fn refused_requests_take_no_use(t: &Tokens) {
        let manager = t.manager();
        let rate_limit = Some(crate::samples::rate(1, 60));
        let (text, _) =
            minted_with(&manager, TokenGrant { rate_limit, ..TokenGrant::default() }).await;
        let request =
            store_tokens::AuthenticationRequest { required_scopes: &["read"], ..anyone() };
        for _ in 0..3 {
            assert_denied(manager.authenticate(&text, &request).await, Denial::Forbidden);
        }
        authenticate(&manager, &text).await.unwrap();
    }

    /// A token without a limit may be used any number of times in an instant.
    async fn a_token_without_a_limit_is_not_limited(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        for _ in 0..100 {
            authenticate(&manager, &text).await.unwrap();
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM service_token_windows").await, 0);
    }

    /// Of two tokens each lets in for itself.
    async fn tokens_are_not_mixed_up(t: &Tokens) {
        let manager = t.manager();
        let by = AuditOrigin::of(actor("ada"));
        let mut all = Vec::new();
        for _ in 0..20 {
            let (secret, token) = manager.mint(TokenGrant::default(), &by).await.unwrap();
            all.push((secret, token.identifier));
        }
        let looks = (0..200).map(|number| {
            let (secret, _) = &all[number % 20];
            authenticate(&manager, store_core::ExposeSecret::expose_secret(secret))
        });
        let answers = futures_util::future::join_all(looks).await;
        for (number, answer) in answers.into_iter().enumerate() {
            let expected: &TokenId = &all[number % 20].1;
            assert_eq!(&answer.unwrap().identifier, expected);
        }
        assert_eq!(read(t, all[0].1.as_str()).await.created_at, noon());
    }
}
