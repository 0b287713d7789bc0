//! Minting: the text of a token, and what is stored of it.

use std::collections::BTreeSet;
use std::time::Duration;

use store_core::tokens::{NewServiceToken, SecretHash, TokenGrant};
use store_core::{ExposeSecret as _, TokenId};
use store_tokens::{CacheSettings, NewToken};

use super::{assert_conflict, assert_invalid};
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    ada, assert_intact, audited, authenticate, expiring, full_grant, full_origin, minted, origin,
    put, read, texts, time, token_id,
};

behaviours! {
    emits tokens_minting_tests from tokens::minting;

    /// A token is its prefix, its id, its secret and its check, and its id is its identifier.
    async fn a_token_is_prefix_id_secret_and_check(t: &Tokens) {
        let (text, token) = minted(&t.manager()).await;
        let parts: Vec<&str> = text.split('_').collect();
        assert_eq!(parts[0], "stk");
        let lengths: Vec<usize> = parts[1..].iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [16, 43, 6]);
        let word = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(parts[1..].iter().all(word));
        assert_eq!(token.identifier.as_str(), parts[1]);
    }

    /// Only the SHA-256 of the whole text is stored.
    async fn only_the_hash_of_a_token_is_stored(t: &Tokens) {
        let (text, token) = minted(&t.manager()).await;
        assert_eq!(token.secret_hash, SecretHash::of(&text));
        let stored = t.rows("SELECT * FROM service_tokens").await;
        let audit = t.rows("SELECT * FROM service_token_audit").await;
        let secret = text.split('_').nth(2).unwrap();
        for value in stored.iter().chain(&audit).flatten() {
            assert!(!value.contains(secret) && !value.contains(&text));
        }
        assert!(!token.identifier.as_str().contains(&secret[..8]));
    }

    /// A minted token is stored with its grant, and the audit says who minted it.
    async fn a_minted_token_is_stored(t: &Tokens) {
        let grant = full_grant(time("18:00:00"));
        let (_, token) = t.manager().mint(grant.clone(), &full_origin()).await.unwrap();
        assert_eq!(read(t, token.identifier.as_str()).await, token);
        assert_eq!((token.scopes, token.workspace_ids), (grant.scopes, grant.workspace_ids));
        assert_eq!((token.name, token.expires_at), (grant.name, grant.expires_at));
        assert_eq!(token.allowed_ip_ranges, grant.allowed_ip_ranges);
        assert_eq!((token.rate_limit, token.created_by), (grant.rate_limit, ada()));
        let entry = audited(t, token.identifier.as_str()).await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.ip), ("created", full_origin().ip));
        assert_intact(t, token.identifier.as_str(), 1).await;
    }

    /// No two tokens have a part in common.
    async fn no_two_tokens_have_a_part_in_common(t: &Tokens) {
        let manager = t.manager();
        let (mut ids, mut secrets) = (BTreeSet::new(), BTreeSet::new());
        let mut characters = BTreeSet::new();
        for _ in 0..50 {
            let (text, _) = minted(&manager).await;
            let parts: Vec<String> = text.split('_').map(str::to_owned).collect();
            characters.extend(parts[2].chars());
            ids.insert(parts[1].clone());
            secrets.insert(parts[2].clone());
        }
        assert_eq!((ids.len(), secrets.len()), (50, 50));
        assert_eq!(characters.len(), 62, "all of base 62");
    }

    /// A minted token can be used at once, by this manager and any other.
    async fn a_minted_token_can_be_used_at_once(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        assert_eq!(*authenticate(&manager, &text).await.unwrap(), token);
        let other = t.builder(t.reopened().await).prefix("other").build().unwrap();
        assert_eq!(*authenticate(&other, &text).await.unwrap(), token);
    }

    /// Tokens begin with the prefix of their manager, underscores included.
    async fn a_token_begins_with_its_prefix(t: &Tokens) {
        for prefix in ["my_app2", "a", "x_1_", &"a".repeat(32)] {
            let manager = t.builder(t.store.clone()).prefix(prefix).build().unwrap();
            let (text, token) = minted(&manager).await;
            assert!(text.starts_with(&format!("{prefix}_{}_", token.identifier)), "{prefix}");
            assert_eq!(*authenticate(&manager, &text).await.unwrap(), token, "{prefix}");
        }
    }

    /// A token can be given an identifier, which is then not a part of its text.
    async fn a_token_can_be_given_an_identifier(t: &Tokens) {
        let manager = t.manager();
        let identifier = Some(token_id("späße 🎉"));
        let new = NewToken { identifier, grant: TokenGrant::default() };
        let (secret, token) = manager.mint(new, &origin()).await.unwrap();
        assert_eq!(token.identifier.as_str(), "späße 🎉");
        assert_eq!(*authenticate(&manager, secret.expose_secret()).await.unwrap(), token);
    }

    /// An identifier that is taken is a conflict.
    async fn a_taken_identifier_is_not_minted(t: &Tokens) {
        let manager = t.manager();
        let first = put(t, crate::samples::token("a")).await;
        let new = NewToken { identifier: Some(token_id("a")), grant: TokenGrant::default() };
        assert_conflict(manager.mint(new, &origin()).await.map(|(_, token)| token));
        assert_eq!(read(t, "a").await, first);
    }

    /// A grant that cannot be stored is refused, and nothing is.
    async fn a_grant_is_checked_when_it_is_minted(t: &Tokens) {
        let manager = t.manager();
        let before = t.statements();
        let grant = TokenGrant { scopes: texts([""]), ..TokenGrant::default() };
        assert_invalid(manager.mint(grant, &origin()).await.map(drop), "scopes");
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// A manager is not made with settings that make no sense.
    async fn the_settings_of_a_manager_are_checked(t: &Tokens) {
        let builder = || t.builder(t.store.clone());
        for bad in ["", "STK", "2a", "_a", "a-b", "ä", "a b", &"a".repeat(33)] {
            assert_invalid(builder().prefix(bad).build(), "prefix");
        }
        assert_invalid(builder().flush_every(Duration::ZERO).build(), "flush_every");
        assert_invalid(builder().flush_at(0).build(), "flush_at");
        let ageless = CacheSettings { max_age: Duration::ZERO, ..CacheSettings::default() };
        let empty = CacheSettings { capacity: 0, ..CacheSettings::default() };
        assert_invalid(builder().cache(ageless).build(), "cache.max_age");
        assert_invalid(builder().cache(empty).build(), "cache.capacity");
    }

    /// A token of 43 characters that was minted elsewhere can be stored and used.
    async fn a_token_from_elsewhere_can_be_used(t: &Tokens) {
        let text = "vEYV6zY5mPCGDJhhb2vRR1lXr-PnRSlvmAv_0B2zDGw";
        let new = expiring("elsewhere", time("18:00:00"));
        let issued_at = Some(time("10:00:00"));
        let token =
            put(t, NewServiceToken { secret_hash: SecretHash::of(text), issued_at, ..new }).await;
        assert_eq!(*authenticate(&t.manager(), text).await.unwrap(), token);
    }

    /// The secret is not in what is shown of the answer.
    async fn the_secret_of_a_token_is_not_shown(t: &Tokens) {
        let answer = t.manager().mint(TokenGrant::default(), &origin()).await.unwrap();
        let secret = answer.0.expose_secret().split('_').nth(2).unwrap().to_owned();
        assert!(!format!("{answer:?} {answer:#?}").contains(&secret));
        let identifier: &TokenId = &answer.1.identifier;
        assert!(format!("{answer:?}").contains(identifier.as_str()));
    }
}
