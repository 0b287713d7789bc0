//! Templates: what is stored of one, names, and what its deletion leaves.

use store_core::vault::{
    AlertKind, CredentialKind, CredentialScope, CredentialTemplate, IssuancePolicy, NewTemplate,
    VaultAuditAction,
};
use store_core::{Clock as _, Error, PageRequest, TemplateId};

use super::governance::{
    alert, full_template, issuance, issue, keep_template, record, template_names, template_now,
};
use super::{assert_forbidden, assert_not_found};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    ada, assert_vault_intact, audit_of_vault, caller, credential_now, deeds_in_vault, insider,
    narrow_scope, oauth_template, operator, put_template, renamed, revealed, secret_of,
    secret_template, texts, time,
};

/// Names that differ by nothing but case.
const SAME: [[&str; 2]; 6] = [
    ["slack bot", "SLACK Bot"],
    ["école", "ÉCOLE"],
    ["straße", "STRAẞE"],
    ["οδος", "ΟΔΟΣ"],
    ["дом", "ДОМ"],
    ["ǆ", "ǅ"],
];

/// Names that differ by more than case.
const DIFFERENT: [[&str; 2]; 4] = [["ılık", "ilik"], ["e", "é"], ["ά", "α"], ["a b", "ab"]];

behaviours! {
    emits vault_templates_tests from vault::templates;

    /// Every field of a template comes back, also to another process.
    async fn every_field_of_a_template_round_trips(t: &Vaults) {
        let new = full_template("Späße & \"more\" 🎉");
        let stored = t.store.create_template(&operator(), new.clone()).await.unwrap();
        let expected = CredentialTemplate {
            id: stored.id,
            name: new.name,
            provider: new.provider,
            description: new.description,
            scopes: new.scopes,
            scope: new.scope,
            kind: CredentialKind::OAuth,
            issuance_policy: new.issuance_policy,
            created_at: noon(),
            updated_at: noon(),
            row_version: 1,
        };
        assert_eq!(stored, expected);
        assert_eq!(t.store.fetch_template(&insider(), stored.id).await.unwrap(), expected);
        let other = t.reopened().await;
        assert_eq!(other.fetch_template(&operator(), stored.id).await.unwrap(), expected);
    }

    /// A template of a name, a provider and a kind restricts nothing and has the policy of the
    /// default: no rotation, and tokens that expire within an hour.
    async fn a_bare_template_restricts_nothing(t: &Vaults) {
        let stored = put_template(t, secret_template("bare")).await;
        assert_eq!((stored.description, stored.scopes), (None, texts([])));
        assert!(stored.scope.is_unrestricted());
        let policy = IssuancePolicy {
            require_refresh_token: false,
            rotation_period_days: None,
            expiry_threshold_minutes: 60,
        };
        assert_eq!(stored.issuance_policy, policy);
        assert_eq!(template_now(t, stored.id).await.issuance_policy, policy);
    }

    /// What surrounds names, providers and scopes is cut off, empty scopes are left out, and roles
    /// are in lower case.
    async fn a_template_is_stored_in_its_tidy_form(t: &Vaults) {
        let new = NewTemplate {
            provider: "\u{a0}slack ".into(),
            scopes: texts([" read ", "read", "", "  ", "Write", "späße "]),
            scope: CredentialScope { roles: texts(["OPS", "ops", "SPÄHER"]), ..Default::default() },
            ..secret_template("  Slack\u{3000}")
        };
        let stored = put_template(t, new).await;
        assert_eq!((stored.name.as_str(), stored.provider.as_str()), ("Slack", "slack"));
        assert_eq!(stored.scopes, texts(["read", "Write", "späße"]));
        assert_eq!(stored.scope.roles, texts(["ops", "späher"]));
        assert_eq!(template_now(t, stored.id).await, stored);
    }

    /// Its audit begins with its creation.
    async fn the_audit_of_a_template_begins_with_its_creation(t: &Vaults) {
        t.clock.set(time("12:34:56.789012"));
        let stored = put_template(t, secret_template("a")).await;
        let entries = audit_of_vault(t, stored.id).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].subject, stored.id.into());
        assert_eq!((entries[0].sequence, entries[0].action), (1, VaultAuditAction::Created));
        assert_eq!((&entries[0].actor, entries[0].at), (&ada(), time("12:34:56.789012")));
        assert_eq!(entries[0].details, serde_json::json!({}));
        assert_vault_intact(t, stored.id, 1).await;
    }

    /// What is not there is `NotFound`, whatever is done to it, and named.
    async fn an_absent_template_is_not_found(t: &Vaults) {
        put_template(t, secret_template("another")).await;
        let id = TemplateId::mint();
        let error = t.store.fetch_template(&caller(), id).await.unwrap_err();
        match error {
            Error::NotFound { entity, id: found } => {
                assert_eq!((entity, found), ("credential template", id.to_string()));
            }
            other => panic!("{other}"),
        }
        assert_not_found(t.store.update_template(&caller(), id, Default::default()).await);
        assert_not_found(t.store.delete_template(&caller(), id).await);
        assert_not_found(t.store.issue_from_template(&caller(), id, issuance("a")).await);
        assert_not_found(t.store.audit(&operator(), id.into(), &PageRequest::default()).await);
    }

    /// Templates of two databases have nothing to do with each other.
    async fn templates_of_two_databases_do_not_meet(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let other = t.other().await;
        assert_not_found(other.fetch_template(&operator(), stored.id).await);
        other.create_template(&operator(), secret_template("a")).await.unwrap();
    }

    /// A name that differs from another by its case, or the space around it, is taken.
    async fn names_of_templates_are_unique_whatever_their_case(t: &Vaults) {
        for [name, same] in SAME {
            let first = put_template(t, secret_template(name)).await;
            for taken in [name, same, &format!(" {same}\u{a0}")] {
                let error = t.store.create_template(&caller(), oauth_template(taken)).await;
                match error.unwrap_err() {
                    Error::Conflict { entity, .. } => assert_eq!(entity, "credential template"),
                    other => panic!("{taken}: {other}"),
                }
            }
            assert_eq!(template_now(t, first.id).await, first);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_templates").await, 6);
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_audit").await, 6);
    }

    /// Names that differ by more than case are different: dotless i is not i.
    async fn names_of_templates_that_differ_by_more_than_case_do_not_meet(t: &Vaults) {
        for name in DIFFERENT.concat() {
            put_template(t, secret_template(name)).await;
        }
        let page = t.store.list_templates(&caller(), &PageRequest::default()).await.unwrap();
        let mut names = template_names(&page.items);
        names.sort_unstable();
        let mut expected = DIFFERENT.concat();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    /// A template and a credential may have the same name.
    async fn a_template_may_be_called_like_a_credential(t: &Vaults) {
        let template = put_template(t, secret_template("slack")).await;
        crate::samples::kept(t, "Slack").await;
        assert_eq!(template_now(t, template.id).await.name, "slack");
    }

    /// Whom the scope of a template does not allow is denied whatever they do with it, and changes
    /// nothing; an operator is not.
    async fn a_template_is_closed_to_those_outside_its_scope(t: &Vaults) {
        let new = NewTemplate { scope: narrow_scope(), ..secret_template("closed") };
        let stored = keep_template(t, new).await;
        let before = t.contents().await;
        let outsiders = [
            caller(),
            caller().in_workflow("w1").in_workspace("ws-1").with_roles(["dev"]),
            caller().in_workflow("w1").with_roles(["ops"]),
            caller().in_workflow("W1").in_workspace("ws-1").with_roles(["ops"]),
        ];
        for outsider in outsiders {
            let update = store_core::vault::TemplateUpdate {
                name: Some("open".into()),
                scope: Some(CredentialScope::default()),
                ..Default::default()
            };
            assert_forbidden(t.store.fetch_template(&outsider, stored.id).await);
            assert_forbidden(t.store.update_template(&outsider, stored.id, update).await);
            assert_forbidden(t.store.delete_template(&outsider, stored.id).await);
            let issued = t.store.issue_from_template(&outsider, stored.id, issuance("a")).await;
            assert_forbidden(issued);
            let page = PageRequest::default();
            assert_forbidden(t.store.audit(&outsider, stored.id.into(), &page).await);
        }
        assert_eq!(t.contents().await, before);
        assert_eq!(t.store.fetch_template(&insider(), stored.id).await.unwrap(), stored);
        assert_eq!(t.store.fetch_template(&operator(), stored.id).await.unwrap(), stored);
    }

    /// A deleted template is gone, and its name free.
    async fn a_deleted_template_is_gone(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        t.store.delete_template(&caller(), stored.id).await.unwrap();
        assert_not_found(t.store.fetch_template(&operator(), stored.id).await);
        assert_not_found(t.store.delete_template(&operator(), stored.id).await);
        let page = t.store.list_templates(&operator(), &PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty());
        let again = put_template(t, secret_template("A")).await;
        assert_ne!(again.id, stored.id);
    }

    /// The credentials that were issued from a template outlive it, and name it no more.
    async fn credentials_outlive_their_template(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let issued = issue(t, template.id, issuance("issued")).await;
        let other = put_template(t, secret_template("b")).await;
        let untouched = issue(t, other.id, issuance("untouched")).await;
        t.store.delete_template(&caller(), template.id).await.unwrap();
        let now = credential_now(t, issued.id).await;
        assert_eq!(now.template_id, None);
        assert_eq!((now.name, now.secret_version), (issued.name, issued.secret_version));
        assert_eq!(revealed(t, issued.id).await, secret_of("issued"));
        t.store.update(&caller(), issued.id, renamed("still there")).await.unwrap();
        assert_eq!(credential_now(t, untouched.id).await.template_id, Some(other.id));
        assert_vault_intact(t, issued.id, 3).await;
    }

    /// The audit of a template outlives it, for operators.
    async fn the_audit_of_a_template_outlives_it(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        t.clock.set(time("13:00:00"));
        t.store.delete_template(&caller(), stored.id).await.unwrap();
        assert_eq!(deeds_in_vault(t, stored.id).await, ["created", "deleted"]);
        let last = audit_of_vault(t, stored.id).await.pop().unwrap();
        assert_eq!((last.actor, last.at), (ada(), t.clock.now()));
        assert_eq!(last.details, serde_json::json!({}));
        assert_vault_intact(t, stored.id, 2).await;
        let page = PageRequest::default();
        assert_not_found(t.store.audit(&caller(), stored.id.into(), &page).await);
        assert_not_found(t.store.verify_audit(&caller(), stored.id.into()).await);
    }

    /// A template is deleted with its alerts, the acknowledged ones too; others stay.
    async fn a_template_is_deleted_with_its_alerts(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let about = |message| store_core::vault::NewAlert {
            template_id: Some(template.id),
            ..alert(AlertKind::RotationOverdue, message)
        };
        let seen = record(t, about("seen")).await;
        t.store.acknowledge_alert(&operator(), seen.id).await.unwrap();
        record(t, about("open")).await;
        let other = record(t, alert(AlertKind::RotationOverdue, "about nothing")).await;
        t.store.delete_template(&caller(), template.id).await.unwrap();
        let all = store_core::vault::AlertFilter { with_acknowledged: true, ..Default::default() };
        let page = t.store.list_alerts(&operator(), &all, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [other]);
    }
}
