//! The audit of credentials: what is written down, by whom, and how it is read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store_core::vault::{
    HealthStatus, NewIssuance, VaultAuditAction, VaultAuditEntry, VaultStore, VaultSubject,
};
use store_core::{CredentialId, Error, Order, PageRequest, TemplateId};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    ada, assert_vault_intact, audit_of_vault, caller, credential, deeds_in_vault, insider, kept,
    kept_oauth, narrow_scope, numbered_tokens, operator, put_credential, put_template, renamed,
    rotate_secret, scoped, secret_of, secret_template,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Stores a credential with an audit of so many entries.
async fn audited_often(t: &Vaults, name: &str, entries: usize) -> CredentialId {
    let id = kept(t, name).await.id;
    for _ in 1..entries {
        t.store.reveal(&caller(), id).await.unwrap();
    }
    id
}

/// Walks all pages of an audit and returns the places.
async fn walk(t: &Vaults, id: CredentialId, first: PageRequest) -> Vec<i64> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.audit(&caller(), id.into(), &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.iter().map(|entry| entry.sequence));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits vault_audit_tests from vault::audit;

    /// An entry says what it is about, what was done, by whom and when.
    async fn an_entry_says_who_did_what_to_what(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let expected = VaultAuditEntry {
            subject: VaultSubject::Credential(id),
            sequence: 1,
            action: VaultAuditAction::Created,
            actor: ada(),
            details: json!({}),
            at: noon(),
            previous_hash: [0; 32],
        };
        assert_eq!(audit_of_vault(t, id).await, std::slice::from_ref(&expected));
        let page = PageRequest::default();
        let read = t.reopened().await.audit(&caller(), id.into(), &page).await.unwrap();
        assert_eq!(read.items, [expected]);
    }

    /// Each change, and each reveal, has its own action.
    async fn every_change_of_a_credential_has_its_action(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let (s, cx) = (&t.store, caller());
        s.update(&cx, id, renamed("b")).await.unwrap();
        s.rotate(&cx, id, "another".into()).await.unwrap();
        s.reveal(&cx, id).await.unwrap();
        s.restore_version(&cx, id, 1).await.unwrap();
        s.update_oauth_tokens(&cx, id, numbered_tokens(2, None)).await.unwrap();
        s.reveal_oauth_tokens(&cx, id).await.unwrap();
        s.mark_health(&cx, id, HealthStatus::Healthy, None).await.unwrap();
        let lease = s.acquire_refresh_lease(&cx, id, "o", MINUTE).await.unwrap().unwrap();
        s.complete_refresh(&cx, &lease, numbered_tokens(3, None)).await.unwrap();
        s.delete(&cx, id).await.unwrap();
        let expected = [
            "created", "updated", "rotated", "revealed", "restored", "tokens_updated",
            "tokens_revealed", "health_marked", "tokens_updated", "deleted",
        ];
        assert_eq!(deeds_in_vault(t, id).await, expected);
        assert_vault_intact(t, id, 10).await;
    }

    /// The audit of a credential that was issued begins with its template.
    async fn an_issued_credential_is_told_with_its_template(t: &Vaults) {
        let template = put_template(t, secret_template("t")).await.id;
        let issued = t.store.issue_from_template(&caller(), template, NewIssuance::of("s")).await;
        let entries = audit_of_vault(t, issued.unwrap().id).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].details, json!({"template_id": template.to_string()}));
    }

    /// What is refused, and what only reads, is not in the audit.
    async fn what_is_refused_is_not_in_the_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        kept(t, "b").await;
        let (s, cx) = (&t.store, caller());
        s.create(&cx, credential("a")).await.unwrap_err();
        s.update(&cx, id, renamed("b")).await.unwrap_err();
        s.rotate(&cx, id, secret_of("a").into()).await.unwrap_err();
        s.restore_version(&cx, id, 1).await.unwrap_err();
        s.reveal_oauth_tokens(&cx, id).await.unwrap_err();
        s.update_oauth_tokens(&cx, id, numbered_tokens(1, None)).await.unwrap_err();
        s.describe(&cx, id).await.unwrap();
        s.audit(&cx, id.into(), &PageRequest::default()).await.unwrap();
        assert_eq!(deeds_in_vault(t, id).await, ["created"]);
        assert_vault_intact(t, id, 1).await;
    }

    /// The oldest entry comes first, or the newest when asked; entries of one instant too.
    async fn entries_of_the_vault_are_listed_in_their_order(t: &Vaults) {
        let id = audited_often(t, "a", 7).await;
        let mut expected: Vec<i64> = (1..=7).collect();
        for limit in [1, 2, 3, 6, 7, 8] {
            assert_eq!(walk(t, id, PageRequest::first(limit)).await, expected);
        }
        expected.reverse();
        for limit in [1, 3, 7, 8] {
            let page = PageRequest::first(limit).ordered(Order::Desc);
            assert_eq!(walk(t, id, page).await, expected);
        }
    }

    /// A walk beside new entries has no gap, and ends with the newest of them.
    async fn a_walk_beside_new_entries_has_no_gap(t: &Vaults) {
        let id = audited_often(t, "a", 5).await;
        let mut seen = Vec::new();
        let mut request = Some(PageRequest::first(2));
        while let Some(page) = request.take() {
            let answer = t.store.audit(&caller(), id.into(), &page).await.unwrap();
            seen.extend(answer.items.iter().map(|entry| entry.sequence));
            request = answer.next.map(|cursor| page.after(cursor));
            if seen.len() <= 4 {
                t.store.reveal(&caller(), id).await.unwrap();
            }
        }
        assert_eq!(seen, (1..=7).collect::<Vec<_>>());
    }

    /// Each credential, and each template, has an audit of its own.
    async fn each_credential_has_its_own_audit(t: &Vaults) {
        let (a, b) = (audited_often(t, "a", 3).await, audited_often(t, "b", 2).await);
        let template = put_template(t, secret_template("a")).await.id;
        for (subject, count) in [(VaultSubject::from(a), 3), (b.into(), 2), (template.into(), 1)] {
            let entries = audit_of_vault(t, subject).await;
            assert_eq!(entries.len(), count);
            assert!(entries.iter().all(|entry| entry.subject == subject));
        }
    }

    /// The audit of a credential is open to those within its reach.
    async fn an_audit_is_open_to_those_within_reach(t: &Vaults) {
        let id = put_credential(t, scoped("a", narrow_scope())).await.id;
        let page = PageRequest::default();
        super::assert_forbidden(t.store.audit(&caller(), id.into(), &page).await);
        super::assert_forbidden(t.store.verify_audit(&caller(), id.into()).await);
        for cx in [insider(), operator()] {
            assert_eq!(t.store.audit(&cx, id.into(), &page).await.unwrap().items.len(), 1);
            assert!(t.store.verify_audit(&cx, id.into()).await.unwrap().is_intact());
        }
    }

    /// An id that nothing has, or that something of another kind has, has no audit.
    async fn an_unknown_subject_has_no_audit(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let template = put_template(t, secret_template("a")).await.id;
        let subjects: [VaultSubject; 4] = [
            CredentialId::mint().into(),
            TemplateId::mint().into(),
            TemplateId::from(id.as_uuid()).into(),
            CredentialId::from(template.as_uuid()).into(),
        ];
        for subject in subjects {
            for cx in [caller(), operator()] {
                assert_not_found(t.store.audit(&cx, subject, &PageRequest::default()).await);
                assert_not_found(t.store.verify_audit(&cx, subject).await);
            }
        }
        let error = t.store.verify_audit(&operator(), subjects[1]).await.unwrap_err();
        let Error::NotFound { entity, id } = &error else { panic!("{error}") };
        assert_eq!((*entity, id), ("credential template", &subjects[1].to_string()));
    }

    /// A cursor of another order or another audit is refused.
    async fn a_cursor_of_another_audit_of_the_vault_is_refused(t: &Vaults) {
        let (a, b) = (audited_often(t, "a", 3).await, audited_often(t, "b", 3).await);
        let first = PageRequest::first(1);
        let cursor = t.store.audit(&caller(), a.into(), &first).await.unwrap().next.unwrap();
        let after = first.after(cursor);
        assert_invalid(t.store.audit(&caller(), b.into(), &after).await, "after");
        let desc = after.clone().ordered(Order::Desc);
        assert_invalid(t.store.audit(&caller(), a.into(), &desc).await, "after");
        let page = t.store.audit(&caller(), a.into(), &after).await.unwrap();
        assert_eq!(page.items[0].sequence, 2);
    }

    /// A check beside concurrent reveals finds nothing wrong, and the chain they leave is intact.
    async fn concurrent_reveals_keep_an_intact_chain(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
            for _ in 0..10 {
                if number < 2 {
                    let report = store.verify_audit(&operator(), id.into()).await.unwrap();
                    assert!(report.is_intact(), "{report:?}");
                } else {
                    store.reveal(&caller(), id).await.unwrap();
                }
            }
        };
        t.at_once(10, work).await;
        assert_vault_intact(t, id, 81).await;
    }

    /// No entry holds a secret, a token, or a part of one.
    async fn no_entry_holds_a_secret(t: &Vaults) {
        let mut new = crate::samples::oauth_credential("a");
        new.secret = "s3cret one".into();
        new.oauth = Some(crate::samples::oauth_tokens(Some("s3cret a"), Some("s3cret r"), None));
        let id = put_credential(t, new).await.id;
        rotate_secret(t, id, "s3cret two").await;
        let update = store_core::vault::CredentialUpdate {
            secret: Some("s3cret three".into()),
            ..renamed("b")
        };
        t.store.update(&caller(), id, update).await.unwrap();
        t.store.reveal(&caller(), id).await.unwrap();
        t.store.reveal_oauth_tokens(&caller(), id).await.unwrap();
        t.store.restore_version(&caller(), id, 1).await.unwrap();
        let tokens = crate::samples::oauth_tokens(Some("s3cret b"), None, None);
        t.store.update_oauth_tokens(&caller(), id, tokens).await.unwrap();
        let told = format!("{:?}", audit_of_vault(t, id).await);
        assert!(!told.contains("s3cret"), "{told}");
        let stored = t.rows("SELECT * FROM vault_audit").await;
        assert!(!format!("{stored:?}").contains("s3cret"), "{stored:?}");
    }
}
