//! What checks of credentials came to.

use std::time::Duration;

use serde_json::json;
use store_core::Clock as _;
use store_core::vault::{AccessContext, Credential, CredentialHealth, HealthStatus};

use super::assert_not_found;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, deeds_in_vault, kept,
    kept_oauth, numbered_tokens, time,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Marks a credential.
async fn mark(
    t: &Vaults,
    credential: &Credential,
    status: HealthStatus,
    reason: Option<&str>,
) -> Credential {
    let marked = t.store.mark_health(&caller(), credential.id, status, reason).await;
    marked.expect("the check is stored")
}

behaviours! {
    emits vault_health_tests from vault::health;

    /// A check that failed is stored with its reason and its instant, and nothing else changes.
    async fn a_failed_check_is_stored_with_its_reason(t: &Vaults) {
        let before = kept(t, "a").await;
        t.clock.set(time("13:00:00"));
        let reason = "HTTP 401\n\"späße\" 🎉";
        let marked = mark(t, &before, HealthStatus::Unhealthy, Some(reason)).await;
        let expected = Credential {
            health: CredentialHealth {
                status: HealthStatus::Unhealthy,
                last_checked_at: Some(time("13:00:00")),
                failure_reason: Some(reason.to_owned()),
            },
            updated_at: time("13:00:00"),
            row_version: 2,
            ..before
        };
        assert_eq!(marked, expected);
        assert_eq!(credential_now(t, marked.id).await, expected);
    }

    /// A check that succeeded takes the reason of the one before away.
    async fn a_healthy_credential_has_no_reason(t: &Vaults) {
        let credential = kept(t, "a").await;
        mark(t, &credential, HealthStatus::Unhealthy, Some("x")).await;
        t.clock.set(time("13:00:00"));
        let marked = mark(t, &credential, HealthStatus::Healthy, None).await;
        let expected = CredentialHealth {
            status: HealthStatus::Healthy,
            last_checked_at: Some(time("13:00:00")),
            failure_reason: None,
        };
        assert_eq!(marked.health, expected);
        assert_eq!(credential_now(t, marked.id).await.health, expected);
    }

    /// A credential may be marked as unknown again.
    async fn a_credential_may_be_unknown_again(t: &Vaults) {
        let credential = kept(t, "a").await;
        mark(t, &credential, HealthStatus::Unhealthy, Some("x")).await;
        let health = mark(t, &credential, HealthStatus::Unknown, None).await.health;
        assert_eq!((health.status, health.failure_reason), (HealthStatus::Unknown, None));
    }

    /// The longest reason is stored whole.
    async fn the_longest_reason_is_stored(t: &Vaults) {
        let credential = kept(t, "a").await;
        let reason = format!("line\n{}é", "x".repeat(4089));
        assert_eq!(reason.len(), 4096);
        let marked = mark(t, &credential, HealthStatus::Unhealthy, Some(&reason)).await;
        assert_eq!(marked.health.failure_reason.as_deref(), Some(reason.as_str()));
        assert_eq!(credential_now(t, marked.id).await, marked);
    }

    /// Each check is in the audit with its status, also one that came to the same.
    async fn each_check_is_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let by = AccessContext::new(actor("grace"));
        for (status, reason) in [
            (HealthStatus::Unhealthy, Some("x")),
            (HealthStatus::Unhealthy, Some("x")),
            (HealthStatus::Healthy, None),
        ] {
            t.store.mark_health(&by, id, status, reason).await.unwrap();
        }
        let entries = audit_of_vault(t, id).await;
        let told: Vec<_> =
            entries[1..].iter().map(|entry| (entry.action.as_str(), &entry.details)).collect();
        let (bad, good) = (json!({"status": "unhealthy"}), json!({"status": "healthy"}));
        let marked = "health_marked";
        assert_eq!(told, [(marked, &bad), (marked, &bad), (marked, &good)]);
        assert!(entries[1..].iter().all(|entry| entry.actor == actor("grace")));
        assert_vault_intact(t, id, 4).await;
    }

    /// New tokens make health unknown: nobody has tried them.
    async fn new_tokens_make_health_unknown(t: &Vaults) {
        for (status, reason) in
            [(HealthStatus::Unhealthy, Some("x")), (HealthStatus::Healthy, None)]
        {
            let credential = kept_oauth(t, status.as_str()).await;
            mark(t, &credential, status, reason).await;
            t.clock.advance(MINUTE).unwrap();
            let tokens = numbered_tokens(2, None);
            let updated = t.store.update_oauth_tokens(&caller(), credential.id, tokens).await;
            let health = updated.unwrap().health;
            assert_eq!((health.status, &health.failure_reason), (HealthStatus::Unknown, &None));
            assert_ne!(health.last_checked_at, Some(t.clock.now()), "that was no check");
            assert_eq!(credential_now(t, credential.id).await.health, health);
        }
    }

    /// A credential that is gone is not marked.
    async fn a_deleted_credential_is_not_marked(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.delete(&caller(), id).await.unwrap();
        let answer = t.store.mark_health(&caller(), id, HealthStatus::Healthy, None).await;
        assert_not_found(answer);
        assert_eq!(deeds_in_vault(t, id).await, ["created", "deleted"]);
    }
}
