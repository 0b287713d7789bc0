//! Alerts: recording them, acknowledging and resolving.

use store_core::vault::{
    AccessContext, Acknowledgement, Alert, AlertFilter, AlertKind, AlertSeverity, CredentialScope,
    NewAlert,
};
use store_core::{AlertId, CredentialId, Error, PageRequest};

use super::assert_forbidden;
use super::governance::{alert, alert_about, record, workspace};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    actor, ada, caller, credential_now, deeds_in_vault, kept, operator, put_credential, scoped,
    time,
};

/// All alerts, acknowledged or not, as an operator sees them.
pub(super) async fn all(t: &Vaults) -> Vec<Alert> {
    let filter = AlertFilter { with_acknowledged: true, ..AlertFilter::default() };
    let page = PageRequest::first(1000);
    t.store.list_alerts(&operator(), &filter, &page).await.unwrap().items
}

/// Records that a credential does not work.
pub(super) async fn failed(t: &Vaults, credential: CredentialId) -> Alert {
    record(t, alert_about(credential, AlertKind::ValidationFailed, "it failed")).await
}

pub(super) async fn acknowledge(t: &Vaults, by: &str, id: AlertId) -> Alert {
    let context = AccessContext::administrator(actor(by));
    t.store.acknowledge_alert(&context, id).await.expect("it is acknowledged")
}

behaviours! {
    emits vault_alerts_tests from vault::alerts;

    /// Every field of an alert comes back, of every kind and every severity.
    async fn every_field_of_an_alert_round_trips(t: &Vaults) {
        let credential = kept(t, "a").await;
        for &kind in AlertKind::ALL {
            for &severity in AlertSeverity::ALL {
                let message = format!("späße \"\\\n it's {kind} {severity} 🎉");
                let new = NewAlert { severity, ..alert_about(credential.id, kind, &message) };
                let stored = t.store.record_alert(&caller(), new).await.unwrap();
                let expected = Alert {
                    id: stored.id,
                    scope: CredentialScope::default(),
                    template_id: None,
                    credential_id: Some(credential.id),
                    kind,
                    severity,
                    message,
                    created_at: noon(),
                    updated_at: noon(),
                    acknowledged: None,
                };
                assert_eq!(stored, expected);
                assert!(all(t).await.contains(&expected));
            }
        }
        assert_eq!(all(t).await.len(), 3, "one of each kind");
    }

    /// While an alert is open, another of its kind about the same credential gives it its severity
    /// and its message: the alert keeps its id and the instant at which it was recorded first.
    async fn an_open_alert_is_recorded_again(t: &Vaults) {
        let credential = kept(t, "a").await;
        let first = failed(t, credential.id).await;
        t.clock.set(time("12:30:00"));
        let new = NewAlert {
            severity: AlertSeverity::Critical,
            ..alert_about(credential.id, AlertKind::ValidationFailed, "worse")
        };
        let again = record(t, new).await;
        let expected = Alert {
            severity: AlertSeverity::Critical,
            message: "worse".into(),
            updated_at: time("12:30:00"),
            ..first
        };
        assert_eq!(again, expected);
        assert_eq!(all(t).await, [expected]);
    }

    /// Once an alert is acknowledged, the next of its kind is another one, and the old one stays as
    /// it is.
    async fn after_an_acknowledgement_an_alert_is_a_new_one(t: &Vaults) {
        let credential = kept(t, "a").await;
        let first = failed(t, credential.id).await;
        let seen = acknowledge(t, "bob", first.id).await;
        t.clock.set(time("12:30:00"));
        let second = failed(t, credential.id).await;
        assert_ne!(second.id, first.id);
        assert_eq!((second.created_at, second.acknowledged.clone()), (time("12:30:00"), None));
        assert_eq!(all(t).await, [second.clone(), seen.clone()]);
        let third = acknowledge(t, "eve", second.id).await;
        assert_eq!(all(t).await, [third, seen]);
    }

    /// An acknowledgement says when and by whom, and moves nothing else.
    async fn an_acknowledgement_says_when_and_by_whom(t: &Vaults) {
        let credential = kept(t, "a").await;
        let first = failed(t, credential.id).await;
        t.clock.set(time("12:34:56.000001"));
        let seen = t.store.acknowledge_alert(&caller(), first.id).await.unwrap();
        let at = time("12:34:56.000001");
        let acknowledged = Some(Acknowledgement { at, by: ada() });
        assert_eq!(seen, Alert { acknowledged, updated_at: at, ..first });
        assert_eq!(all(t).await, [seen]);
    }

    /// A second acknowledgement changes nothing: the first stays.
    async fn the_first_acknowledgement_stays(t: &Vaults) {
        let credential = kept(t, "a").await;
        let first = failed(t, credential.id).await;
        let seen = acknowledge(t, "bob", first.id).await;
        let before = t.contents().await;
        t.clock.set(time("12:30:00"));
        assert_eq!(acknowledge(t, "eve", first.id).await, seen);
        assert_eq!(t.contents().await, before);
    }

    /// Resolving acknowledges the open alerts about a credential and returns those, by id: none
    /// that was acknowledged before, and none about another credential.
    async fn resolving_acknowledges_what_is_open_about_a_credential(t: &Vaults) {
        let (one, other) = (kept(t, "a").await.id, kept(t, "b").await.id);
        let seen = failed(t, one).await;
        let seen = acknowledge(t, "bob", seen.id).await;
        let untouched = failed(t, other).await;
        let about_nothing = record(t, alert(AlertKind::ValidationFailed, "of all")).await;
        let mut open = Vec::new();
        for &kind in AlertKind::ALL {
            open.push(record(t, alert_about(one, kind, "open")).await);
        }
        t.clock.set(time("12:30:00"));
        let context = AccessContext::new(actor("eve"));
        let resolved = t.store.resolve_alerts(&context, one).await.unwrap();
        let at = time("12:30:00");
        let acknowledged = Some(Acknowledgement { at, by: actor("eve") });
        let mut expected: Vec<_> = open
            .into_iter()
            .map(|alert| Alert { acknowledged: acknowledged.clone(), updated_at: at, ..alert })
            .collect();
        expected.sort_by_key(|alert| alert.id);
        assert_eq!(resolved, expected);
        let stored = all(t).await;
        for alert in resolved.iter().chain([&seen, &untouched, &about_nothing]) {
            assert!(stored.contains(alert), "{alert:?}");
        }
    }

    /// Resolving what has no open alerts returns nothing, and changes nothing.
    async fn resolving_again_changes_nothing(t: &Vaults) {
        let credential = kept(t, "a").await.id;
        assert!(t.store.resolve_alerts(&caller(), credential).await.unwrap().is_empty());
        failed(t, credential).await;
        assert_eq!(t.store.resolve_alerts(&caller(), credential).await.unwrap().len(), 1);
        let before = t.contents().await;
        t.clock.set(time("12:30:00"));
        assert!(t.store.resolve_alerts(&caller(), credential).await.unwrap().is_empty());
        assert_eq!(t.contents().await, before);
        let next = failed(t, credential).await;
        assert_eq!(t.store.resolve_alerts(&caller(), credential).await.unwrap()[0].id, next.id);
    }

    /// What is not there is `NotFound`, and named.
    async fn an_absent_alert_is_not_found(t: &Vaults) {
        let id = AlertId::mint();
        match t.store.acknowledge_alert(&operator(), id).await.unwrap_err() {
            Error::NotFound { entity, id: found } => {
                assert_eq!((entity, found), ("alert", id.to_string()));
            }
            other => panic!("{other}"),
        }
        let absent = CredentialId::mint();
        match t.store.resolve_alerts(&operator(), absent).await.unwrap_err() {
            Error::NotFound { entity, id } => {
                assert_eq!((entity, id), ("credential", absent.to_string()));
            }
            other => panic!("{other}"),
        }
    }

    /// Whom its scope does not allow is denied an alert, and the alerts of a credential; nothing
    /// changes.
    async fn an_alert_is_closed_to_those_outside_its_scope(t: &Vaults) {
        let id = put_credential(t, scoped("a", workspace("ws-1"))).await.id;
        let open = failed(t, id).await;
        let before = t.contents().await;
        for outsider in [caller(), caller().in_workspace("ws-2"), caller().in_workflow("ws-1")] {
            assert_forbidden(t.store.acknowledge_alert(&outsider, open.id).await);
            assert_forbidden(t.store.resolve_alerts(&outsider, id).await);
            let new = alert_about(id, AlertKind::ValidationFailed, "by a stranger");
            assert_forbidden(t.store.record_alert(&outsider, new).await);
            let new = alert_about(id, AlertKind::TokenExpiring, "by a stranger");
            assert_forbidden(t.store.record_alert(&outsider, new).await);
        }
        assert_eq!(t.contents().await, before);
        let member = caller().in_workspace("ws-1");
        t.store.acknowledge_alert(&member, open.id).await.unwrap();
        let new = alert_about(id, AlertKind::TokenExpiring, "by a member");
        t.store.record_alert(&member, new).await.unwrap();
        assert_eq!(t.store.resolve_alerts(&member, id).await.unwrap().len(), 1);
    }

    /// Alerts are no change of a credential: neither its row version nor its audit moves.
    async fn alerts_are_no_change_of_a_credential(t: &Vaults) {
        let credential = kept(t, "a").await;
        t.clock.set(time("12:30:00"));
        let open = failed(t, credential.id).await;
        acknowledge(t, "bob", open.id).await;
        failed(t, credential.id).await;
        t.store.resolve_alerts(&caller(), credential.id).await.unwrap();
        assert_eq!(credential_now(t, credential.id).await, credential);
        assert_eq!(deeds_in_vault(t, credential.id).await, ["created"]);
    }

    /// A description counts the open alerts about the credential.
    async fn a_description_counts_open_alerts(t: &Vaults) {
        let (one, other) = (kept(t, "a").await.id, kept(t, "b").await.id);
        let open = async || t.store.describe(&caller(), one).await.unwrap().open_alerts;
        assert_eq!(open().await, 0);
        failed(t, other).await;
        let first = failed(t, one).await;
        record(t, alert_about(one, AlertKind::TokenExpiring, "soon")).await;
        failed(t, one).await;
        assert_eq!(open().await, 2);
        acknowledge(t, "bob", first.id).await;
        assert_eq!(open().await, 1);
        t.store.resolve_alerts(&caller(), one).await.unwrap();
        assert_eq!(open().await, 0);
    }
}
