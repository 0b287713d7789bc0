//! Storing a token unless it is there.

use std::sync::Arc;

use serde_json::json;
use store_core::tokens::{NewServiceToken, TokenGrant};

use super::{Repository, assert_conflict, assert_invalid};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    actor, assert_intact, audited, deeds, expiring, full_grant, full_origin, granted, hash_of,
    origin, put, read, revoke, stored, texts, time, token, token_id,
};

async fn bootstrap(t: &Tokens, new: NewServiceToken) -> store_core::tokens::ServiceToken {
    t.store.bootstrap(new, &origin()).await.unwrap()
}

behaviours! {
    emits tokens_bootstrap_tests from tokens::bootstrap;

    /// A token that is not there is stored as one that is created, and the audit says how.
    async fn a_bootstrapped_token_is_stored(t: &Tokens) {
        let new = granted("admin", full_grant(time("18:00:00")));
        let token = t.store.bootstrap(new.clone(), &full_origin()).await.unwrap();
        assert_eq!(read(t, "admin").await, token);
        assert_eq!((token.scopes, token.expires_at), (new.grant.scopes, new.grant.expires_at));
        assert_eq!((token.family, token.created_at), (token_id("admin"), noon()));
        let entry = audited(t, "admin").await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.details), ("created", json!({"bootstrap": true})));
        assert_eq!(entry.user_agent, full_origin().user_agent);
        assert_intact(t, "admin", 1).await;
    }

    /// A token that is there is returned as it is, whatever is given.
    async fn a_token_that_is_there_is_not_changed(t: &Tokens) {
        let first = bootstrap(t, expiring("admin", time("18:00:00"))).await;
        t.clock.set(time("13:00:00"));
        let grant = TokenGrant { scopes: texts(["more"]), ..TokenGrant::default() };
        for new in [token("admin"), granted("admin", grant)] {
            let by = store_core::tokens::AuditOrigin::of(actor("bob"));
            assert_eq!(t.store.bootstrap(new, &by).await.unwrap(), first);
        }
        assert_eq!(read(t, "admin").await, first);
        assert_eq!(deeds(t, "admin").await, ["created"]);
    }

    /// A token is known by its hash: one that is there under another identifier is returned.
    async fn a_token_is_known_by_its_hash(t: &Tokens) {
        let first = stored(t, "first").await;
        let new = NewServiceToken { secret_hash: hash_of("first"), ..token("second") };
        assert_eq!(bootstrap(t, new).await, first);
        assert_eq!(t.store.find(&token_id("second")).await.unwrap(), None);
        assert!(deeds(t, "second").await.is_empty());
    }

    /// An identifier that belongs to another token is a conflict.
    async fn an_identifier_of_another_token_is_a_conflict(t: &Tokens) {
        let first = stored(t, "admin").await;
        let new = NewServiceToken { secret_hash: hash_of("other"), ..token("admin") };
        assert_conflict(t.store.bootstrap(new, &origin()).await);
        assert_eq!(read(t, "admin").await, first);
        assert_intact(t, "admin", 1).await;
    }

    /// A token that was revoked stays so.
    async fn a_revoked_token_stays_revoked(t: &Tokens) {
        bootstrap(t, token("admin")).await;
        revoke(t, "admin", false).await;
        let revoked = read(t, "admin").await;
        assert_eq!(bootstrap(t, token("admin")).await, revoked);
        assert_eq!(deeds(t, "admin").await, ["created", "revoked"]);
    }

    /// A token that has expired stays so.
    async fn an_expired_token_stays_expired(t: &Tokens) {
        bootstrap(t, expiring("admin", time("12:01:00"))).await;
        t.clock.set(time("13:00:00"));
        let again = bootstrap(t, expiring("admin", time("18:00:00"))).await;
        assert_eq!(again.expires_at, Some(time("12:01:00")));
    }

    /// A token that was deleted is not stored again.
    async fn a_deleted_token_is_not_stored_again(t: &Tokens) {
        bootstrap(t, token("admin")).await;
        t.store.delete(&token_id("admin"), &origin()).await.unwrap();
        assert_conflict(t.store.bootstrap(token("admin"), &origin()).await);
        assert_eq!(t.store.find_by_hash(&hash_of("admin")).await.unwrap(), None);
        assert_intact(t, "admin", 2).await;
    }

    /// Of 20 calls on two handles one stores the token, and all return it.
    async fn concurrent_bootstraps_store_one_token(t: &Tokens) {
        let work = |_: usize, store: Arc<dyn Repository>| async move {
            store.bootstrap(token("admin"), &origin()).await.unwrap()
        };
        let answers = t.at_once(20, work).await;
        let token = read(t, "admin").await;
        assert!(answers.iter().all(|answer| *answer == token), "{answers:?}");
        assert_intact(t, "admin", 1).await;
    }

    /// Calls that give one secret different identifiers store one token, and all return it.
    async fn concurrent_bootstraps_of_one_secret_store_one_token(t: &Tokens) {
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            let new = token(&format!("admin {number}"));
            let new = NewServiceToken { secret_hash: hash_of("admin"), ..new };
            store.bootstrap(new, &origin()).await.unwrap()
        };
        let answers = t.at_once(20, work).await;
        let token = t.store.find_by_hash(&hash_of("admin")).await.unwrap().unwrap();
        assert!(answers.iter().all(|answer| *answer == token), "{answers:?}");
        assert_eq!(t.count("SELECT COUNT(*) FROM service_tokens").await, 1);
        assert_eq!(t.count("SELECT COUNT(*) FROM service_token_audit").await, 1);
    }

    /// What is given is checked as it is for a token that is created.
    async fn a_bootstrapped_token_is_checked(t: &Tokens) {
        let expired = expiring("admin", noon());
        assert_invalid(t.store.bootstrap(expired, &origin()).await, "expires_at");
        let grant = TokenGrant { scopes: texts([""]), ..TokenGrant::default() };
        assert_invalid(t.store.bootstrap(granted("admin", grant), &origin()).await, "scopes");
        assert_eq!(t.store.find(&token_id("admin")).await.unwrap(), None);
    }

    /// A setting whose token has expired meanwhile is no error for a token that is there.
    async fn a_bootstrap_after_its_own_end_returns_what_is_there(t: &Tokens) {
        let new = expiring("admin", time("12:01:00"));
        let first = put(t, new.clone()).await;
        t.clock.set(time("13:00:00"));
        assert_eq!(bootstrap(t, new).await, first);
    }
}
