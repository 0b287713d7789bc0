//! What templates, issuances and alerts are made of: the limits, and what is refused.

use std::collections::BTreeSet;

use store_core::vault::{
    AccessContext, AlertFilter, AlertKind, CredentialKind, CredentialScope, IssuancePolicy,
    NewIssuance, NewTemplate, TemplateUpdate,
};
use store_core::workflow::Patch;
use store_core::{AlertId, CredentialId, PageRequest};

use super::assert_invalid;
use super::governance::{alert, issuance, oauth_issuance, secret, template_now};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{caller, oauth_template, oauth_tokens, put_template, secret_template, texts};

const MIB: usize = 1024 * 1024;

/// So many texts, each of 255 bytes.
fn many(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| format!("{number:0255}")).collect()
}

fn with_policy(days: Option<u32>, minutes: u32) -> IssuancePolicy {
    IssuancePolicy {
        require_refresh_token: false,
        rotation_period_days: days,
        expiry_threshold_minutes: minutes,
    }
}

/// Templates that are refused, and the field that is why.
fn bad_templates() -> Vec<(&'static str, NewTemplate)> {
    let good = || secret_template("good");
    let long = "x".repeat(256);
    let mut bad = Vec::new();
    for text in ["", "  ", "a\0b", "a\nb", "\u{85}x\u{7f}", &long, &"ä".repeat(128)] {
        bad.push(("name", NewTemplate { name: text.into(), ..good() }));
        bad.push(("provider", NewTemplate { provider: text.into(), ..good() }));
    }
    for text in ["a\0b", &"x".repeat(4097)] {
        bad.push(("description", NewTemplate { description: Some(text.into()), ..good() }));
    }
    for scopes in [many(1001), texts([&long]), texts(["a\0b"]), texts(["ok", "a\nb"])] {
        bad.push(("scopes", NewTemplate { scopes, ..good() }));
    }
    for set in [many(1001), texts([&long]), texts([""]), texts(["a\0b"]), texts(["ok", "a\nb"])] {
        let whole = CredentialScope::default;
        let scopes = [
            ("scope.workflow_ids", CredentialScope { workflow_ids: set.clone(), ..whole() }),
            ("scope.workspace_ids", CredentialScope { workspace_ids: set.clone(), ..whole() }),
            ("scope.roles", CredentialScope { roles: set, ..whole() }),
        ];
        bad.extend(scopes.map(|(field, scope)| (field, NewTemplate { scope, ..good() })));
    }
    for days in [0, 36_501, u32::MAX] {
        let issuance_policy = with_policy(Some(days), 60);
        let field = "issuance_policy.rotation_period_days";
        bad.push((field, NewTemplate { issuance_policy, ..good() }));
    }
    for minutes in [0, 5_256_001, u32::MAX] {
        let issuance_policy = with_policy(None, minutes);
        let field = "issuance_policy.expiry_threshold_minutes";
        bad.push((field, NewTemplate { issuance_policy, ..good() }));
    }
    let issuance_policy =
        IssuancePolicy { require_refresh_token: true, ..IssuancePolicy::default() };
    let field = "issuance_policy.require_refresh_token";
    bad.push((field, NewTemplate { issuance_policy, ..good() }));
    bad
}

/// An update to what a template is.
fn update_to(new: NewTemplate) -> TemplateUpdate {
    TemplateUpdate {
        expected_row_version: None,
        name: Some(new.name),
        provider: Some(new.provider),
        description: new.description.map_or(Patch::Keep, Patch::Set),
        scopes: Some(new.scopes),
        scope: Some(new.scope),
        kind: Some(new.kind),
        issuance_policy: Some(new.issuance_policy),
    }
}

behaviours! {
    emits vault_template_input_tests from vault::template_input;

    /// Everything may be as long, as many and as large as the limits say.
    async fn a_template_can_be_as_large_as_the_limits(t: &Vaults) {
        let new = NewTemplate {
            name: format!("{}x", "ä".repeat(127)),
            provider: "y".repeat(255),
            description: Some("z".repeat(4096)),
            scopes: many(1000),
            scope: CredentialScope {
                workflow_ids: many(1000),
                workspace_ids: many(1000),
                roles: many(1000),
            },
            kind: CredentialKind::Secret,
            issuance_policy: with_policy(Some(36_500), 5_256_000),
        };
        let context = AccessContext::administrator(crate::samples::ada());
        let stored = t.store.create_template(&context, new.clone()).await.unwrap();
        let read = template_now(t, stored.id).await;
        assert_eq!((&read.name, &read.provider), (&new.name, &new.provider));
        assert_eq!((&read.description, &read.scopes), (&new.description, &new.scopes));
        assert_eq!((&read.scope, read.issuance_policy), (&new.scope, new.issuance_policy));
        let smallest = NewTemplate {
            issuance_policy: with_policy(Some(1), 1),
            ..NewTemplate::new("s", "p", CredentialKind::Secret)
        };
        let stored = put_template(t, smallest.clone()).await;
        assert_eq!(template_now(t, stored.id).await.issuance_policy, smallest.issuance_policy);
    }

    /// What a template must not be is refused before a statement is sent, and the field is named.
    async fn a_template_beyond_the_limits_is_refused(t: &Vaults) {
        let before = (t.contents().await, t.statements());
        for (field, new) in bad_templates() {
            assert_invalid(t.store.create_template(&caller(), new).await, field);
        }
        assert_eq!((t.contents().await, t.statements()), before);
    }

    /// An update is held to the limits of a template, and changes nothing when it is beyond them.
    async fn an_update_of_a_template_beyond_the_limits_is_refused(t: &Vaults) {
        let id = put_template(t, secret_template("a")).await.id;
        let before = t.contents().await;
        for (field, new) in bad_templates() {
            assert_invalid(t.store.update_template(&caller(), id, update_to(new)).await, field);
        }
        assert_eq!(t.contents().await, before);
    }

    /// What an issuance must not be is refused before a statement is sent, and the field is named.
    async fn an_issuance_beyond_the_limits_is_refused(t: &Vaults) {
        let id = put_template(t, oauth_template("a")).await.id;
        let before = (t.contents().await, t.statements());
        let long = "x".repeat(256);
        for name in ["", " ", "a\0b", "a\nb", &long] {
            let new = issuance(name);
            let new = NewIssuance { secret: secret("s3cret"), ..new };
            assert_invalid(t.store.issue_from_template(&caller(), id, new).await, "name");
        }
        for text in ["", &"x".repeat(MIB + 1)] {
            let new = NewIssuance { secret: secret(text), ..issuance("b") };
            assert_invalid(t.store.issue_from_template(&caller(), id, new).await, "secret");
            let tokens = oauth_tokens(Some(text), Some("r"), None);
            let new = oauth_issuance("b", tokens);
            let answer = t.store.issue_from_template(&caller(), id, new).await;
            assert_invalid(answer, "oauth.access_token");
            let tokens = oauth_tokens(Some("a"), Some(text), None);
            let new = oauth_issuance("b", tokens);
            let answer = t.store.issue_from_template(&caller(), id, new).await;
            assert_invalid(answer, "oauth.refresh_token");
        }
        for scopes in [many(1001), texts([&long]), texts(["a\0b"])] {
            let new = NewIssuance { scopes: Some(scopes), ..issuance("b") };
            assert_invalid(t.store.issue_from_template(&caller(), id, new).await, "scopes");
        }
        assert_eq!((t.contents().await, t.statements()), before);
    }

    /// The message of an alert has 1 to 4096 bytes and no NUL; lines are fine.
    async fn the_message_of_an_alert_has_limits(t: &Vaults) {
        let before = (t.contents().await, t.statements());
        for message in ["", "a\0b", &"x".repeat(4097)] {
            let new = alert(AlertKind::ValidationFailed, message);
            assert_invalid(t.store.record_alert(&caller(), new).await, "message");
        }
        assert_eq!((t.contents().await, t.statements()), before);
        for message in ["x", &"ä".repeat(2048), "two\nlines\t'; DROP TABLE vault_alerts; --"] {
            let new = alert(AlertKind::ValidationFailed, message);
            let stored = t.store.record_alert(&caller(), new).await.unwrap();
            assert_eq!(stored.message, message);
            let acknowledged = t.store.acknowledge_alert(&caller(), stored.id).await.unwrap();
            assert_eq!(acknowledged.message, message);
        }
    }

    /// A caller whose workflow, workspace or roles cannot be is refused before a statement is sent,
    /// whatever they ask for.
    async fn a_caller_that_cannot_be_is_refused_by_governance(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await.id;
        let before = t.statements();
        let long = "x".repeat(256);
        for bad in ["", "a\0b", "a\nb", &long] {
            let callers = [
                ("context.workflow_id", caller().in_workflow(bad)),
                ("context.workspace_id", caller().in_workspace(bad)),
                ("context.roles", caller().with_roles(["ops", bad])),
            ];
            for (field, context) in callers {
                let page = PageRequest::default();
                let new = secret_template("b");
                assert_invalid(t.store.create_template(&context, new).await, field);
                assert_invalid(t.store.fetch_template(&context, template).await, field);
                assert_invalid(t.store.list_templates(&context, &page).await, field);
                let update = TemplateUpdate::default();
                assert_invalid(t.store.update_template(&context, template, update).await, field);
                assert_invalid(t.store.delete_template(&context, template).await, field);
                let issued = t.store.issue_from_template(&context, template, issuance("b")).await;
                assert_invalid(issued, field);
                assert_invalid(t.store.due_for_rotation(&context, &page).await, field);
                assert_invalid(t.store.expiring(&context, None, &page).await, field);
                let new = alert(AlertKind::TokenExpiring, "soon");
                assert_invalid(t.store.record_alert(&context, new).await, field);
                let filter = AlertFilter::default();
                assert_invalid(t.store.list_alerts(&context, &filter, &page).await, field);
                let alert = t.store.acknowledge_alert(&context, AlertId::mint()).await;
                assert_invalid(alert, field);
                let resolved = t.store.resolve_alerts(&context, CredentialId::mint()).await;
                assert_invalid(resolved, field);
            }
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }
}
