//! The audit of workflows: what is written down, by whom, and how it is read.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::workflow::{
    AuditAction, CronConfig, ManualPolicy, NewWebhook, Patch, RetryPolicy, WorkflowUpdate,
};
use store_core::{Clock as _, Order, PageRequest, WorkflowId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    actions_of, actor, ada, audit_of, chat, created, full_workflow, new_run, runnable, versioned,
};

behaviours! {
    emits workflow_audit_tests from workflow::audit;

    /// An entry says which workflow, who, what and when.
    async fn an_audit_entry_says_who_did_what_and_when(t: &Workflows) {
        let workflow = created(t).await;
        t.clock.advance(Duration::from_secs(1)).unwrap();
        t.store.archive_workflow(&actor("späße 🎉"), workflow.id).await.unwrap();
        let page = t.store.list_workflow_audit(workflow.id, &PageRequest::default()).await.unwrap();
        let [created, archived] = &page.items[..] else { panic!("two entries: {page:?}") };
        assert_eq!((created.workflow_id, created.run_id), (workflow.id, None));
        assert_eq!((&created.actor, created.action), (&ada(), AuditAction::WorkflowCreated));
        assert_eq!(created.at, noon());
        assert_eq!((archived.workflow_id, archived.run_id), (workflow.id, None));
        assert_eq!(archived.actor, actor("späße 🎉"));
        assert_eq!(archived.action, AuditAction::WorkflowArchived);
        assert_eq!(archived.at, t.clock.now());
        assert!(created.metadata.is_object() && archived.metadata.is_object());
        assert!(created.seq < archived.seq);
    }

    /// Each change of a workflow has its own action.
    async fn every_change_of_a_workflow_has_its_action(t: &Workflows) {
        let (store, ada) = (&t.store, ada());
        let id = created(t).await.id;
        let update = WorkflowUpdate { name: Some("Other".into()), ..Default::default() };
        store.update_workflow(&ada, id, update).await.unwrap();
        store.publish_workflow(&ada, id, Default::default()).await.unwrap();
        store.unpublish_workflow(&ada, id).await.unwrap();
        store.archive_workflow(&ada, id).await.unwrap();
        store.unarchive_workflow(&ada, id).await.unwrap();
        store.archive_workflow(&ada, id).await.unwrap();
        store.delete_workflow(&ada, id).await.unwrap();
        let expected = [
            "workflow_created", "workflow_updated", "workflow_published", "workflow_unpublished",
            "workflow_archived", "workflow_unarchived", "workflow_archived", "workflow_deleted",
        ];
        assert_eq!(actions_of(t, id).await, expected);
    }

    /// An update is audited with each changed field, from what to what.
    async fn an_update_is_audited_from_what_to_what(t: &Workflows) {
        let new = full_workflow();
        let workflow = t.store.create_workflow(&ada(), new.clone()).await.unwrap();
        let update = WorkflowUpdate {
            name: Some("New".into()),
            handle: Patch::Clear,
            description: Patch::Set("why".into()),
            tags: Some(vec![]),
            draft_access: Some(store_core::workflow::DraftAccess::Personal),
            chatkit: Patch::Clear,
            ..Default::default()
        };
        t.store.update_workflow(&actor("bob"), workflow.id, update).await.unwrap();
        let (action, who, metadata) = audit_of(t, workflow.id).await.remove(1);
        assert_eq!((action.as_str(), who.as_str()), ("workflow_updated", "bob"));
        let expected = json!({
            "name": {"from": new.name, "to": "New"},
            "handle": {"from": "spaesse", "to": null},
            "description": {"from": new.description, "to": "why"},
            "tags": {"from": new.tags, "to": []},
            "draft_access": {"from": "workspace", "to": "personal"},
            "chatkit": {"from": serde_json::to_value(chat()).unwrap(), "to": null},
        });
        assert_eq!(metadata, expected);
    }

    /// Only fields that changed are in the audit of an update.
    async fn an_update_is_audited_with_changed_fields_only(t: &Workflows) {
        let workflow = created(t).await;
        let update = WorkflowUpdate {
            name: Some(workflow.name.clone()),
            handle: Patch::Set("handle".into()),
            description: Patch::Clear,
            ..Default::default()
        };
        t.store.update_workflow(&ada(), workflow.id, update).await.unwrap();
        let (_, _, metadata) = audit_of(t, workflow.id).await.remove(1);
        assert_eq!(metadata, json!({"handle": {"from": null, "to": "handle"}}));
    }

    /// Versions are audited with their id and number, their configuration with the id.
    async fn versions_are_audited(t: &Workflows) {
        let workflow = created(t).await;
        let version = versioned(t, workflow.id).await;
        let config = crate::samples::config(json!({"tags": ["a"]}));
        t.store.update_runnable_config(&actor("bob"), version.id, Some(config)).await.unwrap();
        let audit = audit_of(t, workflow.id).await;
        let id = version.id.to_string();
        let expected: [(&str, &str, Value); 2] = [
            ("version_created", "ada", json!({"version_id": id, "version": 1})),
            ("version_configured", "bob", json!({"version_id": id})),
        ];
        for (entry, (action, who, metadata)) in audit[1..].iter().zip(expected) {
            assert_eq!((entry.0.as_str(), entry.1.as_str(), &entry.2), (action, who, &metadata));
        }
        assert_eq!(audit.len(), 3);
    }

    /// A refused run is audited with what would have triggered it.
    async fn a_refused_run_is_audited_with_its_trigger(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.create_run(&actor("bob"), new_run(workflow.id)).await.unwrap_err();
        let (action, who, metadata) = audit_of(t, workflow.id).await.pop().unwrap();
        assert_eq!((action.as_str(), who.as_str()), ("run_refused", "bob"));
        assert_eq!(metadata["triggered_by"], "manual");
    }

    /// Triggers are audited when they are configured and deleted, with their kind.
    async fn triggers_are_audited_with_their_kind(t: &Workflows) {
        let (store, ada, id) = (&t.store, ada(), created(t).await.id);
        store.configure_cron(&ada, id, CronConfig::default()).await.unwrap();
        store.configure_webhook(&ada, id, NewWebhook::default()).await.unwrap();
        store.configure_manual(&ada, id, ManualPolicy::default()).await.unwrap();
        store.configure_retry(&ada, id, RetryPolicy::default()).await.unwrap();
        store.delete_cron(&ada, id).await.unwrap();
        store.delete_webhook(&ada, id).await.unwrap();
        store.delete_manual(&ada, id).await.unwrap();
        store.delete_retry(&ada, id).await.unwrap();
        let audit = audit_of(t, id).await;
        let expected = ["cron", "webhook", "manual", "retry"];
        for (place, kind) in expected.into_iter().enumerate() {
            let (configured, deleted) = (&audit[1 + place], &audit[5 + place]);
            assert_eq!(configured.0, "trigger_configured");
            assert_eq!(configured.2["trigger"], kind);
            assert_eq!(deleted.0, "trigger_deleted");
            assert_eq!(deleted.2["trigger"], kind);
        }
        assert_eq!(audit.len(), 9);
    }

    /// A workflow that never was has no audit.
    async fn an_unknown_workflow_has_no_audit(t: &Workflows) {
        created(t).await;
        let page = t.store.list_workflow_audit(WorkflowId::mint(), &PageRequest::default()).await;
        let page = page.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// The audit of a workflow is without that of its runs.
    async fn the_audit_of_a_workflow_is_without_its_runs(t: &Workflows) {
        let workflow = runnable(t).await;
        let run = crate::samples::pending(t, workflow.id).await;
        t.store.start_run(&ada(), run.id).await.unwrap();
        assert_eq!(actions_of(t, workflow.id).await, ["workflow_created", "version_created"]);
    }

    /// The audit is listed oldest first, or newest first when asked, page by page.
    async fn the_audit_is_listed_page_by_page(t: &Workflows) {
        let workflow = created(t).await;
        for number in 0..6 {
            let name = Some(format!("Name {number}"));
            let update = WorkflowUpdate { name, ..Default::default() };
            t.store.update_workflow(&ada(), workflow.id, update).await.unwrap();
        }
        let mut walks = Vec::new();
        for order in [Order::Asc, Order::Desc] {
            let mut seqs = Vec::new();
            let mut request = Some(PageRequest::first(2).ordered(order));
            while let Some(next) = request.take() {
                let page = t.store.list_workflow_audit(workflow.id, &next).await.unwrap();
                seqs.extend(page.items.iter().map(|entry| entry.seq));
                request = page.next.map(|cursor| next.after(cursor));
            }
            walks.push(seqs);
        }
        assert_eq!(walks[0].len(), 7);
        assert!(walks[0].is_sorted() && walks[0].windows(2).all(|pair| pair[0] != pair[1]));
        walks[1].reverse();
        assert_eq!(walks[0], walks[1]);
        let default = t.store.list_workflow_audit(workflow.id, &PageRequest::default()).await;
        assert!(default.unwrap().items.iter().map(|entry| entry.seq).eq(walks[0].clone()));
    }

    /// A cursor of one workflow's audit does not fit another's.
    async fn a_cursor_of_another_audit_is_invalid(t: &Workflows) {
        let (first, second) = (runnable(t).await, runnable(t).await);
        let page = t.store.list_workflow_audit(first.id, &PageRequest::first(1)).await.unwrap();
        let after = PageRequest::first(1).after(page.next.unwrap());
        assert_invalid(t.store.list_workflow_audit(second.id, &after).await, "after");
    }

    /// Two databases have nothing to do with each other.
    async fn two_repositories_do_not_see_each_others_audit(t: &Workflows) {
        let other = t.other().await;
        let workflow = created(t).await;
        let page = other.list_workflow_audit(workflow.id, &PageRequest::default()).await;
        assert!(page.unwrap().items.is_empty());
    }
}
