//! Issuing credentials from templates: what they take over, what is kept of it, and the policy.

use serde_json::json;
use store_core::vault::{
    Credential, CredentialHealth, CredentialKind, HealthStatus, Issuance, IssuancePolicy,
    NewIssuance, NewTemplate, OAuthState, TemplateUpdate, VaultAuditAction,
};
use store_core::{Error, ExposeSecret as _};

use super::governance::{full_template, issuance, issue, keep_template, oauth_issuance, workspace};
use super::{assert_conflict, assert_forbidden, assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    actor, assert_vault_intact, audit_of_vault, caller, credential_now, deeds_in_vault, insider,
    kept, numbered_tokens, oauth_template, oauth_tokens, operator, put_template, revealed,
    revealed_tokens, secret_of, secret_template, shown, texts, time,
};

/// An OAuth template whose credentials need a refresh token.
fn requiring(name: &str) -> NewTemplate {
    let issuance_policy =
        IssuancePolicy { require_refresh_token: true, ..IssuancePolicy::default() };
    NewTemplate { issuance_policy, ..oauth_template(name) }
}

behaviours! {
    emits vault_issuing_tests from vault::issuing;

    /// A credential has the provider, the kind, the scope and the scopes of its template.
    async fn a_credential_takes_over_what_its_template_says(t: &Vaults) {
        let template = keep_template(t, full_template("Späße")).await;
        t.clock.set(time("12:30:00"));
        let tokens = numbered_tokens(1, Some(time("18:00:00")));
        let new = oauth_issuance(" Issued 🎉 ", tokens.clone());
        let issued = t.store.issue_from_template(&insider(), template.id, new).await.unwrap();
        let expected = Credential {
            id: issued.id,
            name: "Issued 🎉".into(),
            provider: template.provider,
            scopes: template.scopes,
            scope: template.scope,
            kind: CredentialKind::OAuth,
            template_id: Some(template.id),
            health: CredentialHealth {
                status: HealthStatus::Unknown,
                last_checked_at: None,
                failure_reason: None,
            },
            key_id: "k1".into(),
            secret_version: 1,
            last_rotated_at: time("12:30:00"),
            oauth: Some(OAuthState {
                has_access_token: true,
                has_refresh_token: true,
                expires_at: Some(time("18:00:00")),
            }),
            created_at: time("12:30:00"),
            updated_at: time("12:30:00"),
            row_version: 1,
        };
        assert_eq!(issued, expected);
        assert_eq!(credential_now(t, issued.id).await, expected);
        assert_eq!(revealed(t, issued.id).await, secret_of(" Issued 🎉 "));
        assert_eq!(revealed_tokens(t, issued.id).await, (shown(&tokens), 1));
    }

    /// A credential has the name of its template unless it is given one.
    async fn a_credential_is_called_like_its_template_unless_it_is_named(t: &Vaults) {
        let template = put_template(t, secret_template("Slack bot")).await;
        let issued = issue(t, template.id, NewIssuance::of("s3cret")).await;
        assert_eq!(issued.name, "Slack bot");
        assert_eq!(issue(t, template.id, issuance("other")).await.name, "other");
        let found = t.store.find_by_name(&caller(), "SLACK BOT").await.unwrap();
        assert_eq!(found, Some(issued));
    }

    /// A credential can have other scopes than its template, none included.
    async fn a_credential_can_have_other_scopes_than_its_template(t: &Vaults) {
        let new = NewTemplate { scopes: texts(["read", "write"]), ..secret_template("a") };
        let template = put_template(t, new).await;
        for (name, given, expected) in [
            ("as is", None, texts(["read", "write"])),
            ("fewer", Some(texts([" read ", ""])), texts(["read"])),
            ("others", Some(texts(["admin", "späße"])), texts(["admin", "späße"])),
            ("none", Some(texts([])), texts([])),
        ] {
            let new = NewIssuance { scopes: given, ..issuance(name) };
            let issued = issue(t, template.id, new).await;
            assert_eq!(credential_now(t, issued.id).await.scopes, expected, "{name}");
        }
    }

    /// A description tells from which template a credential was issued, when and by whom; one that
    /// was created otherwise has none.
    async fn a_description_tells_of_the_issuance(t: &Vaults) {
        let template = put_template(t, secret_template("Slack")).await;
        t.clock.set(time("12:30:00.000001"));
        let bob = store_core::vault::AccessContext::new(actor("bob"));
        let new = issuance("a");
        let issued = t.store.issue_from_template(&bob, template.id, new).await.unwrap();
        t.clock.set(time("13:00:00"));
        let described = t.store.describe(&caller(), issued.id).await.unwrap();
        let expected = Issuance {
            credential_id: issued.id,
            template_id: Some(template.id),
            template_name: "Slack".into(),
            issued_at: time("12:30:00.000001"),
            issued_by: actor("bob"),
        };
        assert_eq!(described.issuance, Some(expected));
        assert_eq!(described.credential, issued);
        assert_eq!((described.versions.len(), described.open_alerts), (1, 0));
        let plain = kept(t, "plain").await;
        assert_eq!(t.store.describe(&caller(), plain.id).await.unwrap().issuance, None);
    }

    /// The audit of a credential says from which template it was issued; that of the template is
    /// not about it.
    async fn the_audit_of_an_issued_credential_names_its_template(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let issued = issue(t, template.id, issuance("b")).await;
        let entries = audit_of_vault(t, issued.id).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].action, VaultAuditAction::Created);
        assert_eq!((&entries[0].actor, entries[0].at), (&actor("root"), noon()));
        assert_eq!(entries[0].details, json!({"template_id": template.id.to_string()}));
        assert_vault_intact(t, issued.id, 1).await;
        assert_eq!(deeds_in_vault(t, template.id).await, ["created"]);
    }

    /// Issuing changes nothing of the template.
    async fn issuing_leaves_the_template_as_it_is(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        t.clock.set(time("12:30:00"));
        issue(t, template.id, issuance("b")).await;
        assert_eq!(super::governance::template_now(t, template.id).await, template);
    }

    /// A name that is taken, whatever its case, is a conflict, and nothing is left of the attempt.
    async fn an_issuance_of_a_taken_name_leaves_nothing(t: &Vaults) {
        kept(t, "straße").await;
        let template = put_template(t, secret_template("Slack")).await;
        issue(t, template.id, NewIssuance::of("first")).await;
        let before = t.contents().await;
        for new in [issuance("STRAẞE"), issuance(" slack "), NewIssuance::of("second")] {
            let answer = t.store.issue_from_template(&caller(), template.id, new).await;
            match answer.unwrap_err() {
                Error::Conflict { entity, .. } => assert_eq!(entity, "credential"),
                other => panic!("{other}"),
            }
        }
        assert_eq!(t.contents().await, before);
    }

    /// A policy that requires a refresh token refuses tokens without one, and none at all; nothing
    /// is left of the attempt.
    async fn a_required_refresh_token_is_required(t: &Vaults) {
        let template = put_template(t, requiring("a")).await;
        let before = t.contents().await;
        let access_only = oauth_tokens(Some("access"), None, Some(time("18:00:00")));
        let nothing = oauth_tokens(None, None, None);
        for new in [
            issuance("b"),
            oauth_issuance("b", access_only),
            oauth_issuance("b", nothing),
        ] {
            let answer = t.store.issue_from_template(&operator(), template.id, new).await;
            assert_invalid(answer, "oauth");
        }
        assert_eq!(t.contents().await, before);
        let refresh_only = oauth_issuance("b", oauth_tokens(None, Some("refresh"), None));
        let issued = issue(t, template.id, refresh_only).await;
        let state = issued.oauth.unwrap();
        assert_eq!((state.has_access_token, state.has_refresh_token), (false, true));
    }

    /// Without that policy, an OAuth credential can be issued with some tokens or none.
    async fn tokens_are_not_required_otherwise(t: &Vaults) {
        let template = put_template(t, oauth_template("a")).await;
        let bare = issue(t, template.id, issuance("bare")).await;
        assert_eq!(bare.oauth, Some(OAuthState::default()));
        assert_eq!(revealed_tokens(t, bare.id).await, ((None, None, None), 0));
        let tokens = oauth_tokens(Some("access"), None, None);
        let some = issue(t, template.id, oauth_issuance("some", tokens.clone())).await;
        assert_eq!(revealed_tokens(t, some.id).await, (shown(&tokens), 1));
    }

    /// A policy that changed counts for what is issued from then on.
    async fn a_changed_policy_is_enforced_at_once(t: &Vaults) {
        let template = put_template(t, oauth_template("a")).await;
        issue(t, template.id, issuance("before")).await;
        let update = TemplateUpdate {
            issuance_policy: Some(requiring("a").issuance_policy),
            ..TemplateUpdate::default()
        };
        t.store.update_template(&caller(), template.id, update).await.unwrap();
        let answer = t.store.issue_from_template(&caller(), template.id, issuance("after")).await;
        assert_invalid(answer, "oauth");
        assert_eq!(t.store.find_by_name(&caller(), "after").await.unwrap(), None);
    }

    /// A secret has no tokens: they are refused, and nothing is left of the attempt.
    async fn tokens_for_a_template_of_secrets_are_refused(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let before = t.contents().await;
        let new = oauth_issuance("b", numbered_tokens(1, None));
        let answer = t.store.issue_from_template(&caller(), template.id, new).await;
        assert_invalid(answer, "oauth");
        assert_eq!(t.contents().await, before);
        assert_eq!(issue(t, template.id, issuance("b")).await.oauth, None);
    }

    /// A credential of a scoped template is open to whom the template is open, and to nobody else.
    async fn an_issued_credential_has_the_scope_of_its_template(t: &Vaults) {
        let new = NewTemplate { scope: workspace("ws-1"), ..secret_template("a") };
        let template = keep_template(t, new).await;
        let member = caller().in_workspace("ws-1");
        let issued = t.store.issue_from_template(&member, template.id, issuance("b")).await;
        let id = issued.unwrap().id;
        let seen = t.store.reveal(&member, id).await.unwrap();
        assert_eq!(seen.expose_secret(), secret_of("b"));
        assert_forbidden(t.store.reveal(&caller(), id).await);
        assert_forbidden(t.store.fetch(&caller().in_workspace("ws-2"), id).await);
    }

    /// A credential that is deleted takes the record of its issuance with it.
    async fn an_issuance_goes_with_its_credential(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let issued = issue(t, template.id, issuance("b")).await;
        let other = issue(t, template.id, issuance("c")).await;
        t.store.delete(&caller(), issued.id).await.unwrap();
        assert_not_found(t.store.describe(&operator(), issued.id).await);
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_issuances").await, 1);
        assert!(t.store.describe(&caller(), other.id).await.unwrap().issuance.is_some());
    }

    /// What a template was called is known for as long as the credential is there: after another
    /// name, and after the template.
    async fn an_issuance_knows_what_its_template_was_called(t: &Vaults) {
        let template = put_template(t, secret_template("Slack")).await;
        let issued = issue(t, template.id, issuance("a")).await;
        let update = TemplateUpdate { name: Some("Chat".into()), ..TemplateUpdate::default() };
        t.store.update_template(&caller(), template.id, update).await.unwrap();
        let first = t.store.describe(&caller(), issued.id).await.unwrap().issuance.unwrap();
        assert_eq!((first.template_id, first.template_name.as_str()), (Some(template.id), "Slack"));
        let later = issue(t, template.id, issuance("b")).await;
        let later = t.store.describe(&caller(), later.id).await.unwrap().issuance.unwrap();
        assert_eq!(later.template_name, "Chat");
        t.store.delete_template(&caller(), template.id).await.unwrap();
        let last = t.store.describe(&caller(), issued.id).await.unwrap().issuance;
        assert_eq!(last, Some(Issuance { template_id: None, ..first }));
    }

    /// An issued credential is one like any other: it is updated, rotated and deleted.
    async fn an_issued_credential_is_one_like_any_other(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let issued = issue(t, template.id, issuance("b")).await;
        crate::samples::rotate_secret(t, issued.id, "another").await;
        let update = crate::samples::renamed("c");
        let updated = t.store.update(&caller(), issued.id, update).await.unwrap();
        assert_eq!((updated.name.as_str(), updated.template_id), ("c", Some(template.id)));
        assert_eq!(revealed(t, issued.id).await, "another");
        let again = issue(t, template.id, issuance("b")).await;
        assert_ne!(again.id, issued.id, "the name is free again");
        assert_conflict(
            t.store.issue_from_template(&caller(), template.id, issuance("C")).await,
        );
    }
}
