//! Publishing and archiving.

use std::time::Duration;

use store_core::workflow::{ListenerStatus, NewListener, NewVersion, Publication, Workflow};
use store_core::{Clock as _, PageRequest, SecretString};

use super::{assert_invalid, assert_invalid_state};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{actions_of, actor, ada, created, full_workflow, graph, runnable};

fn publication() -> Publication {
    Publication { require_login: true, share_url: Some("https://example.org/späße?a=b".into()) }
}

/// Creates a workflow that is published.
async fn public(t: &Workflows) -> Workflow {
    let workflow = created(t).await;
    t.store.publish_workflow(&actor("eve"), workflow.id, publication()).await.unwrap()
}

behaviours! {
    emits workflow_publishing_tests from workflow::publishing;

    /// Publishing sets who, when, where, and whether to log in; nothing else changes.
    async fn publishing_sets_what_is_published(t: &Workflows) {
        let before = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let published = t.store.publish_workflow(&actor("eve"), before.id, publication()).await;
        let expected = Workflow {
            is_public: true,
            published_at: Some(t.clock.now()),
            published_by: Some(actor("eve")),
            require_login: true,
            share_url: publication().share_url,
            row_version: before.row_version + 1,
            updated_at: t.clock.now(),
            ..before
        };
        assert_eq!(published.unwrap(), expected);
        assert_eq!(t.store.fetch_workflow(expected.id).await.unwrap(), expected);
    }

    /// Unpublishing takes all of that back.
    async fn unpublishing_takes_everything_back(t: &Workflows) {
        let before = created(t).await;
        t.store.publish_workflow(&ada(), before.id, publication()).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let unpublished = t.store.unpublish_workflow(&ada(), before.id).await.unwrap();
        let expected = Workflow {
            row_version: before.row_version + 2,
            updated_at: t.clock.now(),
            ..before
        };
        assert_eq!(unpublished, expected);
        assert_eq!(t.store.fetch_workflow(expected.id).await.unwrap(), expected);
    }

    /// A workflow that is public cannot be published again, and keeps how it was.
    async fn a_public_workflow_cannot_be_published_again(t: &Workflows) {
        let workflow = public(t).await;
        let again = Publication::default();
        assert_invalid_state(t.store.publish_workflow(&ada(), workflow.id, again).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions, ["workflow_created", "workflow_published"]);
    }

    /// What is not public cannot be unpublished.
    async fn what_is_not_public_cannot_be_unpublished(t: &Workflows) {
        let workflow = created(t).await;
        assert_invalid_state(t.store.unpublish_workflow(&ada(), workflow.id).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        assert_eq!(actions_of(t, workflow.id).await, ["workflow_created"]);
    }

    /// An archived workflow cannot be published.
    async fn an_archived_workflow_cannot_be_published(t: &Workflows) {
        let workflow = created(t).await;
        let workflow = t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        assert_invalid_state(t.store.publish_workflow(&ada(), workflow.id, publication()).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
    }

    /// A workflow that was unpublished can be published again.
    async fn publishing_can_be_repeated_after_unpublishing(t: &Workflows) {
        let workflow = public(t).await;
        t.store.unpublish_workflow(&ada(), workflow.id).await.unwrap();
        let again = t.store.publish_workflow(&ada(), workflow.id, Publication::default()).await;
        let again = again.unwrap();
        assert_eq!((again.is_public, again.require_login, again.share_url), (true, false, None));
        assert_eq!(again.published_by, Some(ada()));
    }

    /// A share URL has up to 2048 bytes and no NUL; a bad one publishes nothing.
    async fn a_bad_share_url_publishes_nothing(t: &Workflows) {
        let workflow = created(t).await;
        let shared = |url: String| Publication { require_login: false, share_url: Some(url) };
        for url in ["x".repeat(2049), "ä".repeat(1025), "https://a\0b".into()] {
            let answer = t.store.publish_workflow(&ada(), workflow.id, shared(url)).await;
            assert_invalid(answer, "share_url");
        }
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        let longest = shared("x".repeat(2048));
        t.store.publish_workflow(&ada(), workflow.id, longest).await.unwrap();
    }

    /// Archiving and unarchiving change the flag and nothing else.
    async fn archiving_and_unarchiving_change_the_flag(t: &Workflows) {
        let before = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let archived = t.store.archive_workflow(&ada(), before.id).await.unwrap();
        let expected = Workflow {
            is_archived: true,
            row_version: before.row_version + 1,
            updated_at: t.clock.now(),
            ..before.clone()
        };
        assert_eq!(archived, expected);
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let active = t.store.unarchive_workflow(&ada(), before.id).await.unwrap();
        let expected = Workflow {
            row_version: before.row_version + 2,
            updated_at: t.clock.now(),
            ..before
        };
        assert_eq!(active, expected);
        assert_eq!(t.store.fetch_workflow(expected.id).await.unwrap(), expected);
    }

    /// What is archived cannot be archived, and what is not cannot be unarchived.
    async fn archiving_twice_and_unarchiving_twice_are_refused(t: &Workflows) {
        let workflow = created(t).await;
        assert_invalid_state(t.store.unarchive_workflow(&ada(), workflow.id).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        let archived = t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        assert_invalid_state(t.store.archive_workflow(&ada(), workflow.id).await);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), archived);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions, ["workflow_created", "workflow_archived"]);
    }

    /// Archiving a public workflow unpublishes it first; both are audited, in that order.
    async fn archiving_a_public_workflow_unpublishes_it(t: &Workflows) {
        let workflow = public(t).await;
        let archived = t.store.archive_workflow(&actor("bob"), workflow.id).await.unwrap();
        assert!(archived.is_archived && !archived.is_public && !archived.require_login);
        assert_eq!((archived.published_at, archived.published_by), (None, None));
        assert_eq!(archived.share_url, None);
        assert!(archived.row_version > workflow.row_version);
        let actions = actions_of(t, workflow.id).await;
        let expected = ["workflow_created", "workflow_published", "workflow_unpublished",
            "workflow_archived"];
        assert_eq!(actions, expected);
        let page = t.store.list_workflow_audit(workflow.id, &PageRequest::default()).await;
        assert!(page.unwrap().items[2..].iter().all(|entry| entry.actor == actor("bob")));
        let active = t.store.unarchive_workflow(&ada(), workflow.id).await.unwrap();
        assert!(!active.is_public, "it is not published again by itself");
    }

    /// Archiving disables the listeners, and unarchiving leaves them disabled.
    async fn archiving_disables_listeners(t: &Workflows) {
        let workflow = created(t).await;
        let key = SecretString::from("token");
        let listeners = ["a", "b"].map(|node| NewListener::new(node, "telegram", &key)).to_vec();
        let version = NewVersion { listeners, ..NewVersion::new(workflow.id, graph()) };
        t.store.create_version(&ada(), version).await.unwrap();
        let statuses = async || {
            let page = PageRequest::default();
            let listed = t.store.list_listeners(Some(workflow.id), &page).await.unwrap().items;
            listed.into_iter().map(|one| one.status).collect::<Vec<_>>()
        };
        assert_eq!(statuses().await, [ListenerStatus::Active; 2]);
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(statuses().await, [ListenerStatus::Disabled; 2]);
        t.store.unarchive_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(statuses().await, [ListenerStatus::Disabled; 2]);
    }

    /// Of many that publish at once one does.
    async fn of_concurrent_publications_one_succeeds(t: &Workflows) {
        let workflow = created(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..16 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let who = actor(&format!("actor-{number}"));
                store.publish_workflow(&who, workflow.id, publication()).await
            }));
        }
        let mut won = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(published) => won.push(published),
                lost => assert_invalid_state(lost),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), won[0]);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions, ["workflow_created", "workflow_published"]);
    }

    /// Publishing and archiving at once never leave a workflow that is both.
    async fn publishing_and_archiving_at_once_do_not_both_hold(t: &Workflows) {
        let other = t.reopened().await;
        let ada = ada();
        for _ in 0..8 {
            let workflow = created(t).await;
            let (published, archived) = tokio::join!(
                t.store.publish_workflow(&ada, workflow.id, publication()),
                other.archive_workflow(&ada, workflow.id),
            );
            assert!(archived.is_ok(), "{archived:?}");
            if published.is_err() {
                assert_invalid_state(published);
            }
            let read = t.store.fetch_workflow(workflow.id).await.unwrap();
            assert!(read.is_archived && !read.is_public);
        }
    }

    /// An archived workflow takes no version and no run; both refusals are audited.
    async fn an_archived_workflow_takes_no_version_and_no_run(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        let version = NewVersion::new(workflow.id, graph());
        assert_invalid_state(t.store.create_version(&actor("bob"), version).await);
        let run = crate::samples::new_run(workflow.id);
        assert_invalid_state(t.store.create_run(&actor("bob"), run).await);
        assert_eq!(t.count("SELECT count(*) FROM workflow_versions").await, 1);
        assert_eq!(t.count("SELECT count(*) FROM workflow_runs").await, 0);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        let actions = actions_of(t, workflow.id).await;
        assert_eq!(actions[3..], ["version_refused", "run_refused"]);
    }

    /// A workflow that left the archive takes versions and runs again.
    async fn an_unarchived_workflow_takes_versions_and_runs_again(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.unarchive_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(crate::samples::versioned(t, workflow.id).await.version, 2);
        crate::samples::pending(t, workflow.id).await;
    }
}
