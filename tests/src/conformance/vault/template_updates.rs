//! Updates of templates: what moves, what the audit says, and what is refused.

use serde_json::json;
use store_core::Error;
use store_core::vault::{
    CredentialKind, CredentialScope, CredentialTemplate, IssuancePolicy, NewTemplate,
    TemplateUpdate, VaultAuditAction,
};
use store_core::workflow::Patch;

use super::governance::{full_template, issuance, issue, keep_template, template_now, workspace};
use super::{assert_conflict, assert_forbidden, assert_invalid};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, oauth_template, operator,
    put_template, secret_template, texts, time,
};

/// Another name.
pub(super) fn named(name: &str) -> TemplateUpdate {
    TemplateUpdate { name: Some(name.to_owned()), ..TemplateUpdate::default() }
}

fn requiring() -> IssuancePolicy {
    IssuancePolicy { require_refresh_token: true, ..IssuancePolicy::default() }
}

/// Updates a template as an operator.
async fn updated(
    t: &Vaults,
    template: &CredentialTemplate,
    update: TemplateUpdate,
) -> CredentialTemplate {
    t.store.update_template(&operator(), template.id, update).await.expect("it is updated")
}

behaviours! {
    emits vault_template_updates_tests from vault::template_updates;

    /// Every field of a template can be changed at once.
    async fn every_field_of_a_template_can_be_changed(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        t.clock.set(time("12:30:00"));
        let new = full_template("Späße");
        let update = TemplateUpdate {
            expected_row_version: Some(1),
            name: Some(format!(" {} ", new.name)),
            provider: Some(new.provider.clone()),
            description: Patch::Set(new.description.clone().unwrap()),
            scopes: Some(new.scopes.clone()),
            scope: Some(new.scope.clone()),
            kind: Some(new.kind),
            issuance_policy: Some(new.issuance_policy),
        };
        let expected = CredentialTemplate {
            name: new.name,
            provider: new.provider,
            description: new.description,
            scopes: new.scopes,
            scope: new.scope,
            kind: new.kind,
            issuance_policy: new.issuance_policy,
            updated_at: time("12:30:00"),
            row_version: 2,
            ..stored.clone()
        };
        assert_eq!(updated(t, &stored, update).await, expected);
        assert_eq!(template_now(t, stored.id).await, expected);
    }

    /// What an update does not name stays.
    async fn an_update_of_a_template_leaves_what_it_does_not_name(t: &Vaults) {
        let stored = keep_template(t, full_template("a")).await;
        let renamed = updated(t, &stored, named("b")).await;
        let expected = CredentialTemplate { name: "b".into(), row_version: 2, ..stored };
        assert_eq!(renamed, expected);
    }

    /// A description can be taken away, and then be given again.
    async fn a_description_of_a_template_can_be_cleared(t: &Vaults) {
        let stored = keep_template(t, full_template("a")).await;
        let clear = TemplateUpdate { description: Patch::Clear, ..TemplateUpdate::default() };
        assert_eq!(updated(t, &stored, clear).await.description, None);
        let set = TemplateUpdate { description: Patch::Set("b".into()), ..Default::default() };
        assert_eq!(updated(t, &stored, set).await.description.as_deref(), Some("b"));
        let entries = audit_of_vault(t, stored.id).await;
        assert_eq!(entries[1].details["description"]["to"], json!(null));
        assert_eq!(entries[2].details, json!({"description": {"from": null, "to": "b"}}));
    }

    /// The audit of an update names each field that is another now, what it was and what it is.
    async fn the_audit_of_an_update_of_a_template_says_from_and_to(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        t.clock.set(time("12:30:00"));
        let update = TemplateUpdate {
            name: Some("b".into()),
            provider: Some("slack".into()),
            description: Patch::Set("späße".into()),
            scopes: Some(texts(["read", "write"])),
            ..TemplateUpdate::default()
        };
        let context = store_core::vault::AccessContext::new(actor("bob"));
        t.store.update_template(&context, stored.id, update).await.unwrap();
        let entry = audit_of_vault(t, stored.id).await.pop().unwrap();
        assert_eq!((entry.sequence, entry.action), (2, VaultAuditAction::Updated));
        assert_eq!((entry.actor, entry.at), (actor("bob"), time("12:30:00")));
        let expected = json!({
            "name": {"from": "a", "to": "b"},
            "description": {"from": null, "to": "späße"},
            "scopes": {"from": [], "to": ["read", "write"]},
        });
        assert_eq!(entry.details, expected);
        assert_vault_intact(t, stored.id, 2).await;
    }

    /// The audit of another scope, kind or policy has all of its parts, before and after.
    async fn the_audit_of_another_policy_is_whole(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let update = TemplateUpdate {
            kind: Some(CredentialKind::OAuth),
            scope: Some(workspace("ws-1")),
            issuance_policy: Some(IssuancePolicy {
                require_refresh_token: true,
                rotation_period_days: Some(30),
                expiry_threshold_minutes: 60,
            }),
            ..TemplateUpdate::default()
        };
        updated(t, &stored, update).await;
        let details = audit_of_vault(t, stored.id).await.pop().unwrap().details;
        let fields: Vec<_> = details.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["issuance_policy", "kind", "scope"]);
        assert_eq!(details["kind"], json!({"from": "secret", "to": "oauth"}));
        let scope = &details["scope"];
        assert_eq!(scope["from"]["workspace_ids"], json!([]));
        assert_eq!(scope["to"]["workspace_ids"], json!(["ws-1"]));
        assert_eq!(scope["to"]["workflow_ids"], json!([]));
        let policy = &details["issuance_policy"];
        assert_eq!(policy["from"]["rotation_period_days"], json!(null));
        assert_eq!(policy["to"]["rotation_period_days"], json!(30));
        assert_eq!(policy["to"]["require_refresh_token"], json!(true));
        assert_vault_intact(t, stored.id, 2).await;
    }

    /// An update that changes nothing writes nothing, whether it names nothing, or what is there
    /// in another form.
    async fn an_update_that_changes_nothing_of_a_template_writes_nothing(t: &Vaults) {
        let stored = keep_template(t, full_template("a")).await;
        let before = t.contents().await;
        t.clock.set(time("12:30:00"));
        let new = full_template("a");
        let mut scope = new.scope.clone();
        scope.roles = scope.roles.iter().map(|role| role.to_uppercase()).collect();
        let same = TemplateUpdate {
            expected_row_version: Some(1),
            name: Some(" a ".into()),
            provider: Some(format!("{} ", new.provider)),
            description: Patch::Set(new.description.unwrap()),
            scopes: Some(new.scopes.iter().map(|scope| format!(" {scope}")).collect()),
            scope: Some(scope),
            kind: Some(new.kind),
            issuance_policy: Some(new.issuance_policy),
        };
        for update in [TemplateUpdate::default(), same] {
            assert_eq!(updated(t, &stored, update).await, stored);
        }
        assert_eq!(t.contents().await, before);
    }

    /// An update is refused when the template has another row version than expected, and otherwise
    /// moves it by one.
    async fn an_update_of_a_template_can_expect_a_row_version(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let expecting = |version, name: &str| TemplateUpdate {
            expected_row_version: Some(version),
            ..named(name)
        };
        assert_eq!(updated(t, &stored, expecting(1, "b")).await.row_version, 2);
        let before = t.contents().await;
        for (version, name) in [(1, "c"), (3, "c"), (0, "c"), (-1, "c"), (1, "b")] {
            let update = expecting(version, name);
            match t.store.update_template(&caller(), stored.id, update).await.unwrap_err() {
                Error::Conflict { entity, id, .. } => {
                    assert_eq!((entity, id), ("credential template", stored.id.to_string()));
                }
                other => panic!("{version}: {other}"),
            }
        }
        assert_eq!(t.contents().await, before);
        assert_eq!(updated(t, &stored, expecting(2, "c")).await.row_version, 3);
    }

    /// A template cannot take the name of another, whatever its case, but its own in another case.
    async fn a_template_cannot_be_given_a_taken_name(t: &Vaults) {
        put_template(t, secret_template("straße")).await;
        let second = put_template(t, secret_template("b")).await;
        let before = t.contents().await;
        for taken in ["straße", "STRAẞE", " Straße "] {
            let answer = t.store.update_template(&caller(), second.id, named(taken)).await;
            match answer.unwrap_err() {
                Error::Conflict { entity, id, .. } => {
                    assert_eq!((entity, id), ("credential template", second.id.to_string()));
                }
                other => panic!("{taken}: {other}"),
            }
        }
        assert_eq!(t.contents().await, before);
        assert_eq!(updated(t, &second, named("B")).await.name, "B");
        assert_conflict(t.store.create_template(&caller(), secret_template("b")).await);
        assert_eq!(updated(t, &second, named("c")).await.name, "c");
        put_template(t, secret_template("b")).await;
    }

    /// A policy that requires refresh tokens and a kind without tokens do not come together,
    /// whichever of them is changed.
    async fn a_policy_and_a_kind_that_do_not_fit_are_refused(t: &Vaults) {
        let field = "issuance_policy.require_refresh_token";
        let of_secrets = put_template(t, secret_template("secret")).await;
        let of_oauth =
            put_template(t, NewTemplate { issuance_policy: requiring(), ..oauth_template("o") });
        let of_oauth = of_oauth.await;
        let before = t.contents().await;
        let policy = TemplateUpdate { issuance_policy: Some(requiring()), ..Default::default() };
        let kind = TemplateUpdate { kind: Some(CredentialKind::Secret), ..Default::default() };
        let answer = t.store.update_template(&caller(), of_secrets.id, policy.clone()).await;
        assert_invalid(answer, field);
        let answer = t.store.update_template(&caller(), of_oauth.id, kind.clone()).await;
        assert_invalid(answer, field);
        assert_eq!(t.contents().await, before);

        let both = TemplateUpdate { kind: Some(CredentialKind::OAuth), ..policy };
        assert!(updated(t, &of_secrets, both).await.issuance_policy.require_refresh_token);
        let neither =
            TemplateUpdate { issuance_policy: Some(IssuancePolicy::default()), ..kind };
        assert_eq!(updated(t, &of_oauth, neither).await.kind, CredentialKind::Secret);
    }

    /// A credential keeps what it was issued with when its template changes.
    async fn a_credential_keeps_what_its_template_was(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let issued = issue(t, template.id, issuance("issued")).await;
        let update = TemplateUpdate {
            name: Some("b".into()),
            provider: Some("github".into()),
            scopes: Some(texts(["repo"])),
            scope: Some(workspace("ws-1")),
            kind: Some(CredentialKind::OAuth),
            ..TemplateUpdate::default()
        };
        updated(t, &template, update).await;
        assert_eq!(credential_now(t, issued.id).await, issued);
        let described = t.store.describe(&caller(), issued.id).await.unwrap();
        assert_eq!(described.issuance.unwrap().template_name, "a");
    }

    /// Who narrows a template so that they are outside is denied from then on.
    async fn a_narrowed_template_is_closed_at_once(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let narrow = TemplateUpdate { scope: Some(workspace("ws-1")), ..Default::default() };
        t.store.update_template(&caller(), stored.id, narrow).await.unwrap();
        let wide =
            TemplateUpdate { scope: Some(CredentialScope::default()), ..Default::default() };
        let answer = t.store.update_template(&caller(), stored.id, wide.clone()).await;
        assert_forbidden(answer);
        let insider = caller().in_workspace("ws-1");
        t.store.update_template(&insider, stored.id, wide).await.unwrap();
        t.store.fetch_template(&caller(), stored.id).await.unwrap();
    }
}
