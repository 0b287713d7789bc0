//! Deleting workflows with all that belongs to them.

use store_core::workflow::{
    CronConfig, ListenerEvent, ManualPolicy, NewListener, NewVersion, NewWebhook, RetryPolicy,
    RunFilter, RunStatus, Workflow,
};
use store_core::{PageRequest, SecretString};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{actions_of, actor, ada, archived, created, graph, run_in, runnable};

/// Every table with rows of a workflow. The audit is not among them.
const TABLES: [&str; 9] = [
    "workflow_versions",
    "workflow_runs",
    "jobs",
    "workflow_cron_triggers",
    "workflow_webhooks",
    "workflow_manual_policies",
    "workflow_retry_policies",
    "workflow_listeners",
    "workflow_listener_events",
];

/// Creates a workflow with a row in each of the tables.
async fn full(t: &Workflows) -> Workflow {
    let (store, ada) = (&t.store, ada());
    let workflow = created(t).await;
    let listener = NewListener::new("node", "telegram", &SecretString::from("token"));
    let version = NewVersion { listeners: vec![listener], ..NewVersion::new(workflow.id, graph()) };
    store.create_version(&ada, version).await.unwrap();
    for status in [RunStatus::Pending, RunStatus::Running, RunStatus::Succeeded] {
        run_in(t, workflow.id, status).await;
    }
    store.configure_cron(&ada, workflow.id, CronConfig::default()).await.unwrap();
    store.configure_webhook(&ada, workflow.id, NewWebhook::default()).await.unwrap();
    store.configure_manual(&ada, workflow.id, ManualPolicy::default()).await.unwrap();
    store.configure_retry(&ada, workflow.id, RetryPolicy::default()).await.unwrap();
    let page = PageRequest::default();
    let listener = store.list_listeners(Some(workflow.id), &page).await.unwrap().items.remove(0);
    let ttl = std::time::Duration::from_secs(60);
    let lease = store.claim_listener(listener.id, "owner", ttl).await.unwrap().unwrap();
    store.dispatch_event(&lease, ListenerEvent::new("message", "1")).await.unwrap().unwrap();
    workflow
}

async fn counts(t: &Workflows) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(t.count(&format!("SELECT count(*) FROM {table}")).await);
    }
    counts
}

behaviours! {
    emits workflow_deletion_tests from workflow::deletion;

    /// Only an archived workflow can be deleted.
    async fn a_workflow_in_use_cannot_be_deleted(t: &Workflows) {
        let workflow = runnable(t).await;
        assert_invalid_state(t.store.delete_workflow(&ada(), workflow.id).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions, ["workflow_created", "version_created"]);
    }

    /// With a workflow go its versions, runs, jobs, triggers and listeners.
    async fn with_a_workflow_goes_all_that_belongs_to_it(t: &Workflows) {
        let workflow = full(t).await;
        let before = counts(t).await;
        assert!(before.iter().all(|count| *count > 0), "{before:?}");
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.delete_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(counts(t).await, [0; 9]);
        assert_not_found(t.store.fetch_workflow(workflow.id).await);
        let runs = t.store.list_runs(&RunFilter::default(), &PageRequest::default()).await;
        assert!(runs.unwrap().items.is_empty());
        assert_eq!(t.store.find_webhook(workflow.id).await.unwrap(), None);
    }

    /// What belongs to other workflows stays.
    async fn other_workflows_keep_what_is_theirs(t: &Workflows) {
        let other = full(t).await;
        let before = counts(t).await;
        let workflow = full(t).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.delete_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(counts(t).await, before);
        assert_eq!(t.store.fetch_workflow(other.id).await.unwrap(), other);
    }

    /// The audit of a deleted workflow stays and says who deleted it.
    async fn the_audit_of_a_deleted_workflow_stays(t: &Workflows) {
        let workflow = archived(t).await;
        t.store.delete_workflow(&actor("bob"), workflow.id).await.unwrap();
        let audit = crate::samples::audit_of(t, workflow.id).await;
        let actions: Vec<_> = audit.iter().map(|(action, _, _)| action.as_str()).collect();
        let expected =
            ["workflow_created", "version_created", "workflow_archived", "workflow_deleted"];
        assert_eq!(actions, expected);
        assert_eq!(audit[3].1, "bob");
    }

    /// A workflow can be deleted once.
    async fn a_deleted_workflow_is_not_found_again(t: &Workflows) {
        let workflow = archived(t).await;
        t.store.delete_workflow(&ada(), workflow.id).await.unwrap();
        assert_not_found(t.store.delete_workflow(&ada(), workflow.id).await);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions.iter().filter(|action| *action == "workflow_deleted").count(), 1);
    }

    /// Of many that delete at once one does, and the others find nothing.
    async fn of_concurrent_deletions_one_succeeds(t: &Workflows) {
        let workflow = archived(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..8 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.delete_workflow(&ada(), workflow.id).await
            }));
        }
        let mut deleted = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => deleted += 1,
                lost => assert_not_found(lost),
            }
        }
        assert_eq!(deleted, 1);
    }
}
