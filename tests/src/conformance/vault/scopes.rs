//! Who may do what: scopes, roles, operators, and every call that is denied.

use store_core::vault::{
    AccessContext, CredentialScope, CredentialUpdate, HealthStatus, RefreshLease,
};
use store_core::{CredentialId, Denial, Error, Order, PageRequest};

use super::calls::{assert_all, every_call, leasing, reading, writing};
use super::{assert_forbidden, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, audit_of_vault, caller, credential_now, deeds_in_vault, insider, kept_oauth,
    narrow_scope, numbered_tokens, oauth_credential, operator, put_credential, renamed, scoped,
    secret_of, texts,
};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// Contexts, and the workflows, workspaces and roles that a scope needs for each to be allowed.
fn contexts() -> Vec<AccessContext> {
    let mut all = Vec::new();
    for workflow in [None, Some("w1"), Some("w2")] {
        for workspace in [None, Some("x1"), Some("x2")] {
            for roles in [&[][..], &["ops"], &["DEV", "ops"], &["other"]] {
                let mut cx = caller().with_roles(roles.iter().copied());
                if let Some(workflow) = workflow {
                    cx = cx.in_workflow(workflow);
                }
                if let Some(workspace) = workspace {
                    cx = cx.in_workspace(workspace);
                }
                all.push(cx);
            }
        }
    }
    all
}

fn scopes() -> Vec<CredentialScope> {
    let mut all = Vec::new();
    for workflows in [texts([]), texts(["w1"]), texts(["w1", "w2"])] {
        for workspaces in [texts([]), texts(["x1"]), texts(["x2", "x1"])] {
            for roles in [texts([]), texts(["ops"]), texts(["dev", "admin"])] {
                all.push(CredentialScope {
                    workflow_ids: workflows.clone(),
                    workspace_ids: workspaces.clone(),
                    roles,
                });
            }
        }
    }
    all
}

/// Stores an OAuth credential within the narrow scope, and takes its lease.
async fn guarded(t: &Vaults) -> (CredentialId, RefreshLease) {
    let new = oauth_credential("guarded").within(narrow_scope());
    let id = put_credential(t, new).await.id;
    let lease = t.store.acquire_refresh_lease(&insider(), id, "owner", MINUTE).await;
    (id, lease.unwrap().unwrap())
}

/// Callers whom the narrow scope does not allow, each for another reason.
fn outsiders() -> [AccessContext; 7] {
    [
        caller(),
        caller().in_workspace("ws-1").with_roles(["ops"]),
        caller().in_workflow("w1").with_roles(["ops"]),
        caller().in_workflow("w1").in_workspace("ws-1"),
        insider().in_workflow("W1"),
        insider().in_workspace("ws-1 "),
        insider().with_roles(["op", "opss", "administrator"]),
    ]
}

behaviours! {
    emits vault_scopes_tests from vault::scopes;

    /// Kinds are joined by AND, entries of one kind by OR, and what is empty restricts nothing:
    /// fetching and listing agree with the scope for every combination.
    async fn fetching_and_listing_agree_with_the_scope(t: &Vaults) {
        let mut stored = Vec::new();
        for (number, scope) in scopes().into_iter().enumerate() {
            stored.push(put_credential(t, scoped(&format!("{number:02}"), scope)).await);
        }
        let mut counts = std::collections::BTreeSet::new();
        for cx in contexts().into_iter().chain([operator()]) {
            let mut expected = Vec::new();
            for credential in &stored {
                let answer = t.store.fetch(&cx, credential.id).await;
                if credential.scope.allows(&cx) {
                    assert_eq!(&answer.unwrap(), credential, "{cx:?}");
                    expected.push(credential.clone());
                } else {
                    assert_forbidden(answer);
                }
            }
            expected.sort_by_key(|credential| credential.id);
            let asc = PageRequest::first(1000).ordered(Order::Asc);
            assert_eq!(t.store.list(&cx, &asc).await.unwrap().items, expected, "{cx:?}");
            counts.insert(expected.len());
        }
        assert!(counts.contains(&1) && counts.contains(&scopes().len()), "{counts:?}");
    }

    /// Every call on a credential out of reach is denied, and changes nothing at all.
    async fn every_call_out_of_reach_is_denied(t: &Vaults) {
        let (id, lease) = guarded(t).await;
        let before = t.contents().await;
        for cx in outsiders() {
            assert_all(every_call(t.store.as_ref(), &cx, id, &lease).await, |error| {
                matches!(error, Error::Denied { reason: Denial::Forbidden })
            });
            assert_eq!(t.contents().await, before, "{cx:?}");
        }
    }

    /// Every call is open to those the scope allows.
    async fn every_call_within_reach_is_allowed(t: &Vaults) {
        let (id, lease) = guarded(t).await;
        for (call, answer) in every_call(t.store.as_ref(), &insider(), id, &lease).await {
            match call {
                // The lease went with the tokens that completed it.
                "release" => super::assert_lease_lost(answer),
                _ => answer.expect(call),
            }
        }
        assert_not_found(t.store.fetch(&operator(), id).await);
    }

    /// An operator is not restricted, whatever they say about themselves.
    async fn an_operator_is_not_restricted(t: &Vaults) {
        let cx = operator().in_workflow("elsewhere").with_roles(["none"]);
        let (id, lease) = guarded(t).await;
        for (call, answer) in every_call(t.store.as_ref(), &cx, id, &lease).await {
            match call {
                "release" => super::assert_lease_lost(answer),
                _ => answer.expect(call),
            }
        }
    }

    /// What an operator does is in the audit like anybody's.
    async fn an_operator_is_in_the_audit(t: &Vaults) {
        let (id, _) = guarded(t).await;
        let grace = AccessContext::administrator(actor("grace"));
        t.store.reveal(&grace, id).await.unwrap();
        t.store.reveal(&insider(), id).await.unwrap();
        let entries = audit_of_vault(t, id).await;
        let actors: Vec<_> = entries.iter().map(|entry| entry.actor.as_str()).collect();
        assert_eq!(actors[1..], ["grace", insider().actor().as_str()]);
        assert_eq!(deeds_in_vault(t, id).await, ["created", "revealed", "revealed"]);
    }

    /// A denial comes before whatever else would be wrong.
    async fn a_denial_comes_first(t: &Vaults) {
        let secret = put_credential(t, scoped("a", narrow_scope())).await.id;
        crate::samples::kept(t, "taken").await;
        let (cx, s) = (caller(), &t.store);
        let stale = CredentialUpdate { expected_row_version: Some(7), ..renamed("taken") };
        assert_forbidden(s.update(&cx, secret, stale).await);
        assert_forbidden(s.rotate(&cx, secret, secret_of("a").into()).await);
        assert_forbidden(s.restore_version(&cx, secret, 1).await);
        assert_forbidden(s.restore_version(&cx, secret, 99).await);
        // It has no tokens, which is nobody's business.
        assert_forbidden(s.update_oauth_tokens(&cx, secret, numbered_tokens(1, None)).await);
        assert_forbidden(s.reveal_oauth_tokens(&cx, secret).await);
        assert_forbidden(s.acquire_refresh_lease(&cx, secret, "o", MINUTE).await);
    }

    /// A lease that somebody else took says nothing to those out of reach.
    async fn a_lost_lease_out_of_reach_is_denied(t: &Vaults) {
        let (id, lease) = guarded(t).await;
        t.store.release_refresh_lease(&insider(), &lease).await.unwrap();
        for (call, answer) in leasing(t.store.as_ref(), &caller(), id, &lease).await {
            match answer.expect_err(call) {
                Error::Denied { reason } => assert_eq!(reason, Denial::Forbidden),
                other => panic!("{call}: {other}"),
            }
        }
    }

    /// A caller may narrow a scope so that they are out of it, and then are.
    async fn a_caller_may_shut_themselves_out(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let narrow = CredentialUpdate { scope: Some(narrow_scope()), ..Default::default() };
        let updated = t.store.update(&caller(), id, narrow).await.unwrap();
        assert_eq!(updated.scope, narrow_scope());
        assert_forbidden(t.store.fetch(&caller(), id).await);
        assert_eq!(t.store.fetch(&insider(), id).await.unwrap(), updated);
    }

    /// A caller out of reach cannot widen a scope.
    async fn a_caller_out_of_reach_cannot_let_themselves_in(t: &Vaults) {
        let id = put_credential(t, scoped("a", narrow_scope())).await.id;
        let open = CredentialUpdate {
            scope: Some(CredentialScope::default()),
            ..Default::default()
        };
        for cx in outsiders() {
            assert_forbidden(t.store.update(&cx, id, open.clone()).await);
        }
        assert_eq!(credential_now(t, id).await.scope, narrow_scope());
    }

    /// Roles are compared without regard to case, ids with it.
    async fn roles_have_no_case_and_ids_have(t: &Vaults) {
        let scope = CredentialScope {
            roles: texts(["SPÄHER"]),
            ..CredentialScope::of_workflow("Flow")
        };
        let id = put_credential(t, scoped("a", scope)).await.id;
        for role in ["späher", "Späher", "SPÄHER"] {
            let cx = caller().in_workflow("Flow").with_roles([role]);
            t.store.fetch(&cx, id).await.unwrap();
            assert_eq!(t.store.list(&cx, &PageRequest::default()).await.unwrap().items.len(), 1);
            let other = cx.in_workflow("flow");
            assert_forbidden(t.store.fetch(&other, id).await);
            assert!(t.store.list(&other, &PageRequest::default()).await.unwrap().items.is_empty());
        }
    }

    /// A workflow is no workspace, and neither is a role.
    async fn kinds_of_a_scope_are_kept_apart(t: &Vaults) {
        let workflow = put_credential(t, scoped("a", CredentialScope::of_workflow("x"))).await.id;
        let workspace = put_credential(t, scoped("b", CredentialScope::of_workspace("x"))).await.id;
        let role = put_credential(t, scoped("c", CredentialScope::of_roles(["x"]))).await.id;
        let all = [workflow, workspace, role];
        let contexts =
            [caller().in_workflow("x"), caller().in_workspace("x"), caller().with_roles(["x"])];
        for (number, cx) in contexts.iter().enumerate() {
            for (other, id) in all.iter().enumerate() {
                let answer = t.store.fetch(cx, *id).await;
                if number == other {
                    answer.unwrap();
                } else {
                    assert_forbidden(answer);
                }
            }
        }
    }

    /// A denial says nothing about the credential, not even its name.
    async fn a_denial_says_nothing(t: &Vaults) {
        let id = put_credential(t, scoped("planted", narrow_scope())).await.id;
        let error = t.store.reveal(&caller(), id).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("planted") && !text.contains("ws-1"), "{text}");
    }

    /// Everything that is about no single credential is an operator's alone, or open to all.
    async fn what_is_about_all_credentials_is_an_operators(t: &Vaults) {
        guarded(t).await;
        let before = t.contents().await;
        for cx in outsiders().into_iter().chain([insider()]) {
            assert_forbidden(t.store.list_all(&cx, &PageRequest::default()).await);
            assert_forbidden(t.store.keys(&cx).await);
            assert_forbidden(t.store.rewrap(&cx, 100).await);
        }
        assert_eq!(t.contents().await, before);
    }

    /// An id that nothing has is not found by every call, an operator's too; a lease on it is lost.
    async fn every_call_on_an_unknown_id_finds_nothing(t: &Vaults) {
        let (_, lease) = guarded(t).await;
        let before = t.contents().await;
        let id = CredentialId::mint();
        let lease = RefreshLease { credential_id: id, ..lease };
        for cx in [caller(), operator()] {
            for (call, answer) in every_call(t.store.as_ref(), &cx, id, &lease).await {
                match call {
                    "renew" | "complete" | "release" => super::assert_lease_lost(answer),
                    _ => assert_not_found(answer),
                }
            }
        }
        assert_eq!(t.contents().await, before);
    }

    /// Health is marked, and secrets are revealed, by those within reach of what is now.
    async fn reach_goes_by_the_scope_that_is_now(t: &Vaults) {
        let (id, _) = guarded(t).await;
        t.store.mark_health(&insider(), id, HealthStatus::Healthy, None).await.unwrap();
        let elsewhere = CredentialUpdate {
            scope: Some(CredentialScope::of_workspace("ws-2")),
            ..Default::default()
        };
        t.store.update(&operator(), id, elsewhere).await.unwrap();
        assert_all(reading(t.store.as_ref(), &insider(), id).await, |error| {
            matches!(error, Error::Denied { .. })
        });
        assert_all(writing(t.store.as_ref(), &insider(), id).await, |error| {
            matches!(error, Error::Denied { .. })
        });
        t.store.reveal(&caller().in_workspace("ws-2"), id).await.unwrap();
    }
}
