//! Changing tokens through the manager, and the first token of an installation.

use std::time::Duration;

use serde_json::json;
use store_core::tokens::{Lifetime, RotationChanges, SecretHash, TokenGrant};
use store_core::{Denial, ExposeSecret as _, SecretString};
use store_tokens::{Rotation, ServiceTokenManager};

use super::{
    assert_conflict, assert_denied, assert_invalid, assert_invalid_state, assert_not_found,
};
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    assert_intact, audited, authenticate, deeds, full_origin, minted, minted_with, origin, read,
    texts, time, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);
/// What `secrets.token_urlsafe(32)` of Python made.
const FOREIGN: &str = "vEYV6zY5mPCGDJhhb2vRR1lXr-PnRSlvmAv_0B2zDGw";

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn admin() -> TokenGrant {
    TokenGrant { scopes: texts(["admin"]), ..TokenGrant::default() }
}

async fn bootstrap(
    manager: &ServiceTokenManager,
    text: &str,
) -> store_core::Result<store_core::tokens::ServiceToken> {
    manager.bootstrap(&secret(text), admin(), &origin()).await
}

behaviours! {
    emits tokens_managing_tests from tokens::managing;

    /// A rotation returns the new secret, which is of the usual form, and both records.
    async fn a_rotation_returns_a_new_secret(t: &Tokens) {
        let manager = t.manager();
        let (old, token) = minted(&manager).await;
        let rotation = Rotation { overlap: MINUTE, ..Rotation::default() };
        let (new, rotated) =
            manager.rotate(&token.identifier, rotation, &full_origin()).await.unwrap();
        let new = new.expose_secret();
        assert_ne!(new, old);
        assert!(new.starts_with(&format!("stk_{}_", rotated.successor.identifier)));
        assert_eq!(rotated.successor.secret_hash, SecretHash::of(new));
        assert_eq!(rotated.successor.rotated_from, Some(token.identifier.clone()));
        assert_eq!(read(t, token.identifier.as_str()).await, rotated.predecessor);
        assert_eq!(read(t, rotated.successor.identifier.as_str()).await, rotated.successor);
        let entry = audited(t, token.identifier.as_str()).await.pop().unwrap();
        assert_eq!(entry.user_agent, full_origin().user_agent);
    }

    /// A rotation that is told nothing has no overlap and changes nothing.
    async fn a_rotation_that_is_told_nothing_has_no_overlap(t: &Tokens) {
        let manager = t.manager();
        let grant = TokenGrant { expires_at: Some(time("18:00:00")), ..admin() };
        let (old, token) = minted_with(&manager, grant).await;
        let (_, rotated) =
            manager.rotate(&token.identifier, Rotation::default(), &origin()).await.unwrap();
        assert_eq!(rotated.successor.scopes, token.scopes);
        assert_eq!(rotated.successor.expires_at, token.expires_at);
        assert_denied(authenticate(&manager, &old).await, Denial::Unauthenticated);
    }

    /// What a rotation changes is carried out and checked.
    async fn a_rotation_changes_what_it_is_told(t: &Tokens) {
        let manager = t.manager();
        let (_, token) = minted(&manager).await;
        let changes = RotationChanges {
            lifetime: Lifetime::For(MINUTE),
            scopes: Some(texts(["read"])),
            ..RotationChanges::default()
        };
        let rotation = Rotation { overlap: MINUTE, changes };
        let (_, rotated) = manager.rotate(&token.identifier, rotation, &origin()).await.unwrap();
        assert_eq!(rotated.successor.scopes, texts(["read"]));
        assert_eq!(rotated.successor.expires_at, Some(time("12:01:00")));
        let changes =
            RotationChanges { scopes: Some(texts([""])), ..RotationChanges::default() };
        let bad = Rotation { overlap: MINUTE, changes };
        let refused = manager.rotate(&rotated.successor.identifier, bad, &origin()).await;
        assert_invalid(refused.map(drop), "scopes");
    }

    /// Ended and absent tokens are not rotated.
    async fn only_an_active_token_is_rotated_by_a_manager(t: &Tokens) {
        let manager = t.manager();
        let (_, token) = minted(&manager).await;
        let id = &token.identifier;
        manager.revoke(id, None, false, &origin()).await.unwrap();
        let refused = manager.rotate(id, Rotation::default(), &origin()).await;
        assert_invalid_state(refused.map(drop));
        let never = token_id("never");
        let refused = manager.rotate(&never, Rotation::default(), &origin()).await;
        assert_not_found(refused.map(drop));
        assert_not_found(manager.revoke(&never, None, false, &origin()).await);
        assert_not_found(manager.delete(&never, &origin()).await);
    }

    /// A revocation returns what it revoked, and is told with its reason.
    async fn a_revocation_returns_what_it_revoked(t: &Tokens) {
        let manager = t.manager();
        let (_, token) = minted(&manager).await;
        let id = &token.identifier;
        let revoked = manager.revoke(id, Some("leaked"), false, &origin()).await.unwrap();
        assert_eq!(revoked, [read(t, id.as_str()).await]);
        assert!(manager.revoke(id, None, true, &origin()).await.unwrap().is_empty());
        assert_eq!(deeds(t, id.as_str()).await, ["created", "revoked"]);
    }

    /// The token of the settings is stored with its grant and can be used; the audit says how it
    /// came.
    async fn the_first_token_is_stored_and_can_be_used(t: &Tokens) {
        let other = t.other().await;
        let manager = t.manager();
        let minted = t.builder(other.clone()).build().unwrap();
        let (own, _) = crate::samples::minted(&minted).await;
        for text in [FOREIGN, &own] {
            let token = bootstrap(&manager, text).await.unwrap();
            assert_eq!(token.scopes, texts(["admin"]));
            assert_eq!(token.secret_hash, SecretHash::of(text));
            assert_eq!(*authenticate(&manager, text).await.unwrap(), token);
            let entry = audited(t, token.identifier.as_str()).await.pop().unwrap();
            assert_eq!(entry.details, json!({"bootstrap": true}));
        }
    }

    /// At each start it is found as it was, whatever the grant says now.
    async fn the_first_token_is_left_as_it_is(t: &Tokens) {
        let manager = t.manager();
        let first = bootstrap(&manager, FOREIGN).await.unwrap();
        t.clock.set(time("13:00:00"));
        let grant = TokenGrant { scopes: texts(["more"]), expires_at: Some(time("14:00:00")),
            ..TokenGrant::default() };
        let again = manager.bootstrap(&secret(FOREIGN), grant, &full_origin()).await.unwrap();
        assert_eq!(again, first);
        assert_intact(t, first.identifier.as_str(), 1).await;
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 1);
    }

    /// Of processes that start at once one stores it, and all get it.
    async fn concurrent_starts_store_the_first_token_once(t: &Tokens) {
        let managers = [t.manager(), t.builder(t.reopened().await).build().unwrap()];
        let work = (0..20).map(|number| {
            let manager = managers[number % 2].clone();
            tokio::spawn(async move { bootstrap(&manager, FOREIGN).await })
        });
        let answers = futures_util::future::join_all(work).await;
        let stored = bootstrap(&managers[0], FOREIGN).await.unwrap();
        for answer in answers {
            assert_eq!(answer.unwrap().unwrap(), stored);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 1);
        assert_intact(t, stored.identifier.as_str(), 1).await;
    }

    /// Once it was revoked it stays so at the next start.
    async fn a_revoked_first_token_stays_revoked(t: &Tokens) {
        let manager = t.manager();
        let first = bootstrap(&manager, FOREIGN).await.unwrap();
        manager.revoke(&first.identifier, Some("leaked"), false, &origin()).await.unwrap();
        let again = bootstrap(&manager, FOREIGN).await.unwrap();
        assert!(again.revoked_at.is_some());
        assert_denied(authenticate(&manager, FOREIGN).await, Denial::Unauthenticated);
    }

    /// Once it was rotated its secret is dead, and stays so at the next start.
    async fn a_rotated_first_token_stays_dead(t: &Tokens) {
        let manager = t.manager();
        let first = bootstrap(&manager, FOREIGN).await.unwrap();
        drop(manager.rotate(&first.identifier, Rotation::default(), &origin()).await.unwrap());
        let again = bootstrap(&manager, FOREIGN).await.unwrap();
        assert!(again.rotated_to.is_some());
        assert_denied(authenticate(&manager, FOREIGN).await, Denial::Unauthenticated);
    }

    /// Once it was deleted it is a conflict.
    async fn a_deleted_first_token_is_a_conflict(t: &Tokens) {
        let manager = t.manager();
        let first = bootstrap(&manager, FOREIGN).await.unwrap();
        manager.delete(&first.identifier, &origin()).await.unwrap();
        assert_conflict(bootstrap(&manager, FOREIGN).await);
        assert_denied(authenticate(&manager, FOREIGN).await, Denial::Unauthenticated);
    }

    /// A text that is no token is refused, without a statement and without being shown.
    async fn a_weak_first_token_is_refused(t: &Tokens) {
        let manager = t.manager();
        let before = t.statements();
        let weak = [
            "", "admin", "changeme-planted", "hunter2hunter2hunter2hunter2hunter2hunter2",
            &FOREIGN[1..], "vEYV6zY5mPCGDJhhb2vRR1lXr-PnRSlvmAv_0B2zDG\n",
            "stk_0123456789abcdef_Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Z_000000",
        ];
        for text in weak {
            let error = bootstrap(&manager, text).await.unwrap_err();
            assert!(matches!(error, store_core::Error::Invalid { .. }), "{error}");
            let shown = format!("{error} {error:?}");
            assert!(text.is_empty() || !shown.contains(text), "{shown}");
        }
        assert_eq!(t.statements(), before);
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 0);
    }

    /// Its identifier does not give its secret away.
    async fn the_identifier_of_the_first_token_gives_nothing_away(t: &Tokens) {
        let token = bootstrap(&t.manager(), FOREIGN).await.unwrap();
        for start in 0..FOREIGN.len() - 6 {
            assert!(!token.identifier.as_str().contains(&FOREIGN[start..start + 6]));
        }
    }

    /// A manager shows nothing of what it holds.
    async fn a_manager_shows_no_secret(t: &Tokens) {
        let cache = store_tokens::CacheSettings::default();
        let manager = t.builder(t.store.clone()).cache(cache).build().unwrap();
        let (text, _) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        let part = text.split('_').nth(2).unwrap();
        assert!(!format!("{manager:?} {manager:#?}").contains(part));
    }

    /// The storage under a manager is at hand for everything else.
    async fn the_storage_under_a_manager_is_at_hand(t: &Tokens) {
        let manager = t.manager();
        let (_, token) = minted(&manager).await;
        let found = manager.repository().fetch(&token.identifier).await.unwrap();
        assert_eq!(found, token);
    }
}
