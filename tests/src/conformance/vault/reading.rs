//! Reading one credential: by id, by name, and with everything about it.

use store_core::CredentialId;
use store_core::vault::{AlertKind, AlertSeverity, CredentialDescription, NewAlert, NewIssuance};

use super::{assert_forbidden, assert_not_found};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    actor, ada, caller, credential_now, deeds_in_vault, insider, kept, kept_oauth, narrow_scope,
    operator, put_credential, put_template, renamed, rotate_secret, scoped, secret_template, time,
};

/// An alert about a credential.
fn alert(credential_id: CredentialId, kind: AlertKind) -> NewAlert {
    NewAlert {
        kind,
        severity: AlertSeverity::Warning,
        message: "look at it".to_owned(),
        credential_id: Some(credential_id),
        template_id: None,
    }
}

behaviours! {
    emits vault_reading_tests from vault::reading;

    /// An id that nothing has is not found, whoever asks.
    async fn an_unknown_id_is_not_found(t: &Vaults) {
        kept(t, "a").await;
        let id = CredentialId::mint();
        for cx in [caller(), operator()] {
            assert_not_found(t.store.fetch(&cx, id).await);
            assert_not_found(t.store.describe(&cx, id).await);
            assert_not_found(t.store.versions(&cx, id).await);
            assert_not_found(t.store.reveal(&cx, id).await);
        }
        let error = t.store.fetch(&caller(), id).await.unwrap_err();
        assert_eq!(error.to_string(), format!("credential `{id}` was not found"));
    }

    /// A credential is found by its name, whatever its case and the space around it.
    async fn a_credential_is_found_by_its_name(t: &Vaults) {
        let expected = kept(t, "My Späße").await;
        for name in ["My Späße", "my späße", "MY SPÄßE", "  My SPÄße \u{2003}"] {
            let found = t.store.find_by_name(&caller(), name).await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected), "{name}");
        }
        for name in ["My", "MySpäße", "My  Späße", "My Spa\u{308}ße", "%", "My Späß_"] {
            assert_eq!(t.store.find_by_name(&caller(), name).await.unwrap(), None, "{name}");
        }
    }

    /// A credential is found by the name it has now, and not by the one it had.
    async fn a_credential_is_found_by_its_current_name(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let renamed = t.store.update(&caller(), id, renamed("b")).await.unwrap();
        assert_eq!(t.store.find_by_name(&caller(), "a").await.unwrap(), None);
        assert_eq!(t.store.find_by_name(&caller(), "B").await.unwrap(), Some(renamed));
    }

    /// A name that somebody else's credential has is denied.
    async fn a_name_out_of_reach_is_denied(t: &Vaults) {
        let expected = put_credential(t, scoped("a", narrow_scope())).await;
        assert_forbidden(t.store.find_by_name(&caller(), "A").await);
        for cx in [insider(), operator()] {
            let found = t.store.find_by_name(&cx, "A").await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
        }
    }

    /// A description holds the credential, the versions of its secret, where it was issued and how
    /// many alerts are open.
    async fn a_description_holds_everything_but_secrets(t: &Vaults) {
        let template = put_template(t, secret_template("My template")).await;
        t.clock.set(time("12:00:01"));
        let issuance = NewIssuance { name: Some("a".into()), ..NewIssuance::of("s3cret one") };
        let issued = t.store.issue_from_template(&caller(), template.id, issuance).await.unwrap();
        t.clock.set(time("12:00:02"));
        rotate_secret(t, issued.id, "s3cret two").await;
        for kind in [AlertKind::ValidationFailed, AlertKind::RotationOverdue] {
            t.store.record_alert(&caller(), alert(issued.id, kind)).await.unwrap();
        }
        let one = alert(issued.id, AlertKind::TokenExpiring);
        let seen = t.store.record_alert(&caller(), one).await.unwrap();
        t.store.acknowledge_alert(&caller(), seen.id).await.unwrap();
        let described = t.store.describe(&caller(), issued.id).await.unwrap();
        let CredentialDescription { credential, versions, issuance, open_alerts } = &described;
        assert_eq!(credential, &credential_now(t, issued.id).await);
        assert_eq!(credential.template_id, Some(template.id));
        assert_eq!(versions, &t.store.versions(&caller(), issued.id).await.unwrap());
        assert_eq!(versions.len(), 2);
        let issuance = issuance.as_ref().unwrap();
        assert_eq!(issuance.credential_id, issued.id);
        assert_eq!(issuance.template_id, Some(template.id));
        assert_eq!(issuance.template_name, "My template");
        assert_eq!((issuance.issued_at, &issuance.issued_by), (time("12:00:01"), &ada()));
        assert_eq!(*open_alerts, 2);
        assert!(!format!("{described:?}").contains("s3cret"), "{described:?}");
    }

    /// A credential that was not issued has no issuance, and none of another's alerts.
    async fn a_description_is_of_one_credential(t: &Vaults) {
        let (a, b) = (kept(t, "a").await, kept_oauth(t, "b").await);
        rotate_secret(t, a.id, "another").await;
        let new = alert(a.id, AlertKind::ValidationFailed);
        t.store.record_alert(&caller(), new).await.unwrap();
        let described = t.store.describe(&caller(), b.id).await.unwrap();
        assert_eq!(described.credential, b);
        assert_eq!((described.versions.len(), described.issuance), (1, None));
        assert_eq!(described.open_alerts, 0);
    }

    /// An issued credential is described after its template is gone.
    async fn a_description_outlives_the_template(t: &Vaults) {
        let template = put_template(t, secret_template("gone")).await;
        let id = t.store.issue_from_template(&caller(), template.id, NewIssuance::of("s")).await;
        let id = id.unwrap().id;
        t.store.delete_template(&caller(), template.id).await.unwrap();
        let described = t.store.describe(&caller(), id).await.unwrap();
        assert_eq!(described.credential.template_id, None);
        let issuance = described.issuance.unwrap();
        assert_eq!((issuance.template_id, issuance.template_name.as_str()), (None, "gone"));
    }

    /// The first version is by who stored the credential, at that instant.
    async fn the_first_version_is_by_the_creator(t: &Vaults) {
        let by = store_core::vault::AccessContext::new(actor("grace"));
        let new = crate::samples::credential("a");
        let id = t.store.create(&by, new).await.unwrap().id;
        let versions = t.store.versions(&caller(), id).await.unwrap();
        assert_eq!(versions.len(), 1);
        let first = &versions[0];
        assert_eq!((first.version, first.is_current, first.key_id.as_str()), (1, true, "k1"));
        assert_eq!((first.created_at, &first.created_by), (noon(), &actor("grace")));
    }

    /// Reading is no change, and is not in the audit.
    async fn reading_changes_nothing(t: &Vaults) {
        let before = kept(t, "a").await;
        let contents = t.contents().await;
        t.clock.set(time("13:00:00"));
        t.store.fetch(&caller(), before.id).await.unwrap();
        t.store.find_by_name(&caller(), "a").await.unwrap();
        t.store.describe(&caller(), before.id).await.unwrap();
        t.store.versions(&caller(), before.id).await.unwrap();
        t.store.list(&caller(), &Default::default()).await.unwrap();
        t.store.verify_audit(&caller(), before.id.into()).await.unwrap();
        assert_eq!(t.contents().await, contents);
        assert_eq!(deeds_in_vault(t, before.id).await, ["created"]);
    }

    /// A vault tells how its database is doing.
    async fn a_vault_is_healthy(t: &Vaults) {
        let health = t.store.health().await;
        assert!(health.is_ready(), "{health:?}");
    }
}
