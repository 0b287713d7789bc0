//! Deleting credentials: what goes with them, and what stays.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store_core::vault::{
    AccessContext, AlertFilter, AlertKind, AlertSeverity, NewAlert, NewIssuance, VaultStore,
};
use store_core::{Error, PageRequest};

use super::calls::every_call;
use super::{assert_lease_lost, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_names, credential_now,
    deeds_in_vault, kept, kept_oauth, operator, put_template, revealed, rotate_secret, secret_of,
    secret_template, time,
};

const MINUTE: Duration = Duration::from_secs(60);

behaviours! {
    emits vault_deletion_tests from vault::deletion;

    /// A deleted credential is gone, by id, by name and from the listing.
    async fn a_deleted_credential_is_gone(t: &Vaults) {
        let (a, b) = (kept(t, "a").await, kept(t, "b").await);
        t.store.delete(&caller(), a.id).await.unwrap();
        assert_not_found(t.store.fetch(&operator(), a.id).await);
        assert_not_found(t.store.describe(&operator(), a.id).await);
        assert_eq!(t.store.find_by_name(&caller(), "a").await.unwrap(), None);
        let page = t.store.list(&caller(), &PageRequest::default()).await.unwrap();
        assert_eq!(credential_names(&page.items), ["b"]);
        assert_eq!(credential_now(t, b.id).await, b);
        assert_eq!(revealed(t, b.id).await, secret_of("b"));
    }

    /// Everything that belongs to a credential goes with it: secrets, tokens, issuance, alerts.
    async fn everything_of_a_credential_goes_with_it(t: &Vaults) {
        let template = put_template(t, secret_template("t")).await.id;
        let issued = t.store.issue_from_template(&caller(), template, NewIssuance::of("s")).await;
        let issued = issued.unwrap().id;
        let (oauth, other) = (kept_oauth(t, "a").await.id, kept_oauth(t, "b").await.id);
        rotate_secret(t, oauth, "another").await;
        for id in [issued, oauth, other] {
            let new = NewAlert {
                kind: AlertKind::ValidationFailed,
                severity: AlertSeverity::Critical,
                message: "m".into(),
                credential_id: Some(id),
                template_id: None,
            };
            t.store.record_alert(&caller(), new).await.unwrap();
        }
        for id in [issued, oauth] {
            t.store.delete(&caller(), id).await.unwrap();
        }
        for (table, left) in [("secrets", 3), ("issuances", 0), ("alerts", 1), ("credentials", 1)] {
            let count = t.count(&format!("SELECT COUNT(*) FROM vault_{table}")).await;
            assert_eq!(count, left, "{table}");
        }
        let all = AlertFilter { with_acknowledged: true, ..AlertFilter::default() };
        let alerts = t.store.list_alerts(&operator(), &all, &PageRequest::default()).await.unwrap();
        assert_eq!(alerts.items.len(), 1);
        assert_eq!(alerts.items[0].credential_id, Some(other));
        t.store.fetch_template(&caller(), template).await.unwrap();
    }

    /// The audit of a deleted credential stays, with its deletion, for operators.
    async fn the_audit_of_a_deleted_credential_stays(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.reveal(&caller(), id).await.unwrap();
        t.clock.set(time("13:00:00"));
        let by = AccessContext::new(actor("grace"));
        t.store.delete(&by, id).await.unwrap();
        assert_eq!(deeds_in_vault(t, id).await, ["created", "revealed", "deleted"]);
        let last = audit_of_vault(t, id).await.pop().unwrap();
        assert_eq!((last.actor, last.at), (actor("grace"), time("13:00:00")));
        assert_eq!(last.details, json!({}));
        assert_vault_intact(t, id, 3).await;
        let page = PageRequest::default();
        assert_not_found(t.store.audit(&caller(), id.into(), &page).await);
        assert_not_found(t.store.verify_audit(&caller(), id.into()).await);
    }

    /// The name of a deleted credential is free, and what takes it is another credential.
    async fn the_name_of_a_deleted_credential_is_free(t: &Vaults) {
        let first = kept(t, "a").await.id;
        t.store.delete(&caller(), first).await.unwrap();
        let second = kept(t, "A").await;
        assert_ne!(second.id, first);
        assert_eq!((second.row_version, second.secret_version), (1, 1));
        assert_eq!(revealed(t, second.id).await, secret_of("A"));
        assert_eq!(deeds_in_vault(t, first).await, ["created", "deleted"]);
        assert_eq!(deeds_in_vault(t, second.id).await, ["created", "revealed"]);
    }

    /// Nothing can be done with a deleted credential, and nothing is written of the attempts.
    async fn nothing_can_be_done_with_a_deleted_credential(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = t.store.acquire_refresh_lease(&caller(), id, "o", MINUTE).await;
        let lease = lease.unwrap().unwrap();
        t.store.delete(&caller(), id).await.unwrap();
        let contents = t.contents().await;
        for (call, answer) in every_call(t.store.as_ref(), &caller(), id, &lease).await {
            match call {
                "renew" | "complete" | "release" => assert_lease_lost(answer),
                _ => assert_not_found(answer),
            }
        }
        assert_eq!(t.contents().await, contents);
    }

    /// A second deletion finds nothing.
    async fn a_second_deletion_finds_nothing(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.delete(&caller(), id).await.unwrap();
        let error = t.store.delete(&caller(), id).await.unwrap_err();
        let Error::NotFound { entity, id: named } = &error else { panic!("{error}") };
        assert_eq!((*entity, named), ("credential", &id.to_string()));
        assert_eq!(deeds_in_vault(t, id).await, ["created", "deleted"]);
    }

    /// Of concurrent deletions one succeeds.
    async fn of_concurrent_deletions_one_succeeds(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |_, store: Arc<dyn VaultStore>| async move {
            store.delete(&caller(), id).await
        };
        let (good, bad): (Vec<_>, Vec<_>) =
            t.at_once(8, work).await.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 7));
        bad.into_iter().for_each(assert_not_found);
        assert_vault_intact(t, id, 2).await;
    }

    /// Changes beside a deletion come before it or find nothing: the deletion is the last entry.
    async fn a_deletion_is_the_last_entry(t: &Vaults) {
        for round in 0..4 {
            let id = kept(t, &round.to_string()).await.id;
            let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
                if number == 5 {
                    store.delete(&caller(), id).await.unwrap();
                    return 1;
                }
                let mut done = 0;
                for turn in 0..6 {
                    let answer = if number.is_multiple_of(2) {
                        store.reveal(&caller(), id).await.map(drop)
                    } else {
                        let secret = format!("secret {number} {turn}");
                        store.rotate(&caller(), id, secret.into()).await.map(drop)
                    };
                    match answer {
                        Ok(()) => done += 1,
                        answer => assert_not_found(answer),
                    }
                }
                done
            };
            let done: u64 = t.at_once(10, work).await.into_iter().sum();
            assert_eq!(deeds_in_vault(t, id).await.pop(), Some("deleted"));
            assert_vault_intact(t, id, done + 1).await;
        }
    }
}
