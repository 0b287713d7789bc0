//! What alerts are about: credentials, templates, both or neither; whose scope they have, and what
//! they go with.

use store_core::vault::{
    Alert, AlertFilter, AlertKind, CredentialUpdate, NewAlert, NewTemplate, TemplateUpdate,
};
use store_core::{CredentialId, Error, PageRequest, TemplateId};

use super::assert_forbidden;
use super::governance::{alert, alert_about, keep_template, record, workspace};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, insider, kept, narrow_scope, operator, put_credential, put_template, scoped,
    secret_template,
};

/// An alert of one kind about any of both.
fn about(credential_id: Option<CredentialId>, template_id: Option<TemplateId>) -> NewAlert {
    NewAlert { credential_id, template_id, ..alert(AlertKind::RotationOverdue, "overdue") }
}

/// The ids of all alerts, in their order.
async fn ids(t: &Vaults) -> Vec<store_core::AlertId> {
    let all = AlertFilter { with_acknowledged: true, ..AlertFilter::default() };
    let page = t.store.list_alerts(&operator(), &all, &PageRequest::first(1000)).await.unwrap();
    let mut ids: Vec<_> = page.items.iter().map(|alert| alert.id).collect();
    ids.sort_unstable();
    ids
}

fn sorted<const N: usize>(alerts: [&Alert; N]) -> Vec<store_core::AlertId> {
    let mut ids: Vec<_> = alerts.iter().map(|alert| alert.id).collect();
    ids.sort_unstable();
    ids
}

behaviours! {
    emits vault_alert_subjects_tests from vault::alert_subjects;

    /// An alert of each kind, credential and template is one of its own, and so are those about
    /// neither; the same again is not.
    async fn alerts_about_other_things_are_other_alerts(t: &Vaults) {
        let credentials = [None, Some(kept(t, "a").await.id), Some(kept(t, "b").await.id)];
        let templates = [
            None,
            Some(put_template(t, secret_template("a")).await.id),
            Some(put_template(t, secret_template("b")).await.id),
        ];
        let mut stored = Vec::new();
        for &kind in AlertKind::ALL {
            for credential_id in credentials {
                for template_id in templates {
                    let new = NewAlert { kind, ..about(credential_id, template_id) };
                    let first = record(t, new.clone()).await;
                    assert_eq!((first.kind, first.credential_id), (kind, credential_id));
                    assert_eq!(first.template_id, template_id);
                    assert_eq!(record(t, new).await.id, first.id);
                    stored.push(first.id);
                }
            }
        }
        stored.sort_unstable();
        assert_eq!(ids(t).await, stored);
        assert_eq!(stored.len(), 27);
    }

    /// An alert about what is not there is `NotFound`, and says what is not.
    async fn an_alert_about_what_is_absent_is_not_found(t: &Vaults) {
        let (credential, template) = (CredentialId::mint(), TemplateId::mint());
        let here = kept(t, "a").await.id;
        let template_here = put_template(t, secret_template("a")).await.id;
        let before = t.contents().await;
        for (new, expected) in [
            (about(Some(credential), None), ("credential", credential.to_string())),
            (about(Some(credential), Some(template_here)), ("credential", credential.to_string())),
            (about(None, Some(template)), ("credential template", template.to_string())),
            (about(Some(here), Some(template)), ("credential template", template.to_string())),
        ] {
            match t.store.record_alert(&operator(), new).await.unwrap_err() {
                Error::NotFound { entity, id } => assert_eq!((entity, id), expected),
                other => panic!("{other}"),
            }
        }
        assert_eq!(t.contents().await, before);
    }

    /// An alert has the scope of its credential, or else of its template; about neither it has
    /// none.
    async fn an_alert_has_the_scope_of_what_it_is_about(t: &Vaults) {
        let credential = put_credential(t, scoped("a", narrow_scope())).await.id;
        let open = kept(t, "open").await.id;
        let new = NewTemplate { scope: workspace("ws-2"), ..secret_template("a") };
        let template = keep_template(t, new).await.id;
        for (new, expected) in [
            (about(Some(credential), None), narrow_scope()),
            (about(Some(credential), Some(template)), narrow_scope()),
            (about(None, Some(template)), workspace("ws-2")),
            (about(Some(open), Some(template)), Default::default()),
            (about(None, None), Default::default()),
        ] {
            assert_eq!(record(t, new).await.scope, expected);
        }
    }

    /// An alert about a template is closed to those whom the template is closed to.
    async fn an_alert_about_a_template_has_its_scope(t: &Vaults) {
        let new = NewTemplate { scope: narrow_scope(), ..secret_template("a") };
        let template = keep_template(t, new).await.id;
        assert_forbidden(t.store.record_alert(&caller(), about(None, Some(template))).await);
        let recorded = t.store.record_alert(&insider(), about(None, Some(template))).await.unwrap();
        assert_forbidden(t.store.acknowledge_alert(&caller(), recorded.id).await);
        t.store.acknowledge_alert(&insider(), recorded.id).await.unwrap();
    }

    /// An alert about neither is open to everybody.
    async fn an_alert_about_nothing_in_particular_is_open(t: &Vaults) {
        let recorded = t.store.record_alert(&caller(), about(None, None)).await.unwrap();
        let again = t.store.record_alert(&insider(), about(None, None)).await.unwrap();
        assert_eq!(again.id, recorded.id);
        t.store.acknowledge_alert(&caller().in_workspace("any"), recorded.id).await.unwrap();
    }

    /// An alert keeps the scope that was there when it was recorded.
    async fn an_alert_keeps_its_scope_when_that_changes(t: &Vaults) {
        let credential = put_credential(t, scoped("a", workspace("ws-1"))).await.id;
        let new = NewTemplate { scope: workspace("ws-1"), ..secret_template("a") };
        let template = keep_template(t, new).await.id;
        let first = record(t, about(Some(credential), None)).await;
        let second = record(t, about(None, Some(template))).await;
        let scope = Some(workspace("ws-2"));
        let update = CredentialUpdate { scope: scope.clone(), ..CredentialUpdate::default() };
        t.store.update(&operator(), credential, update).await.unwrap();
        let update = TemplateUpdate { scope, ..TemplateUpdate::default() };
        t.store.update_template(&operator(), template, update).await.unwrap();
        let member = caller().in_workspace("ws-1");
        for alert in [first, second] {
            let seen = t.store.acknowledge_alert(&member, alert.id).await.unwrap();
            assert_eq!(seen.scope, workspace("ws-1"));
        }
        let new = alert_about(credential, AlertKind::RotationOverdue, "after the change");
        assert_eq!(record(t, new).await.scope, workspace("ws-2"));
    }

    /// A credential is deleted with its alerts, the acknowledged ones and those that name a
    /// template too; others stay.
    async fn a_credential_is_deleted_with_its_alerts(t: &Vaults) {
        let (credential, other) = (kept(t, "a").await.id, kept(t, "b").await.id);
        let template = put_template(t, secret_template("a")).await.id;
        let seen = record(t, about(Some(credential), None)).await;
        t.store.acknowledge_alert(&operator(), seen.id).await.unwrap();
        record(t, about(Some(credential), None)).await;
        record(t, about(Some(credential), Some(template))).await;
        let stays = [
            &record(t, about(Some(other), Some(template))).await,
            &record(t, about(None, Some(template))).await,
            &record(t, about(None, None)).await,
        ];
        assert_eq!(ids(t).await.len(), 6);
        t.store.delete(&caller(), credential).await.unwrap();
        assert_eq!(ids(t).await, sorted(stays));
        super::assert_not_found(t.store.acknowledge_alert(&operator(), seen.id).await);
        t.store.delete_template(&caller(), template).await.unwrap();
        assert_eq!(ids(t).await, sorted([stays[2]]));
    }
}
