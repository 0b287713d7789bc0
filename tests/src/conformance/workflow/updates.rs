//! Changing workflows: patches, preconditions, concurrent changes.

use std::time::Duration;

use store_core::Clock as _;
use store_core::workflow::{DraftAccess, NewWorkflow, Patch, Workflow, WorkflowUpdate};

use super::{assert_conflict, assert_invalid, assert_invalid_state};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{actions_of, actor, ada, chat, created, full_workflow};

fn text(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

/// What a change does to a workflow.
type Effect = fn(&mut Workflow);

/// Carries out a change.
async fn update(t: &Workflows, workflow: &Workflow, update: WorkflowUpdate) -> Workflow {
    t.store.update_workflow(&ada(), workflow.id, update).await.unwrap()
}

behaviours! {
    emits workflow_updates_tests from workflow::updates;

    /// An update changes exactly what it mentions.
    async fn an_update_changes_what_it_mentions(t: &Workflows) {
        let mut expected = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        let none = WorkflowUpdate::default;
        let drafts = DraftAccess::Authenticated;
        let changes: [(WorkflowUpdate, Effect); 6] = [
            (WorkflowUpdate { name: Some(" New ".into()), ..none() }, |w| w.name = "New".into()),
            (WorkflowUpdate { handle: text(" NEW "), ..none() }, |w| w.handle = Some("new".into())),
            (WorkflowUpdate { description: text(" new "), ..none() }, |w| {
                w.description = Some("new".into());
            }),
            (WorkflowUpdate { tags: Some(vec!["B".into(), "b".into()]), ..none() }, |w| {
                w.tags = vec!["b".into()];
            }),
            (WorkflowUpdate { draft_access: Some(drafts), ..none() }, |w| {
                w.draft_access = DraftAccess::Authenticated;
            }),
            (WorkflowUpdate { chatkit: Patch::Clear, ..none() }, |w| w.chatkit = None),
        ];
        for (change, apply) in changes {
            t.clock.advance(Duration::from_secs(1)).unwrap();
            apply(&mut expected);
            expected.row_version += 1;
            expected.updated_at = t.clock.now();
            assert_eq!(update(t, &expected, change).await, expected);
            assert_eq!(t.store.fetch_workflow(expected.id).await.unwrap(), expected);
        }
    }

    /// The description is kept, set and cleared; set to nothing but space it is cleared.
    async fn a_description_is_kept_set_and_cleared(t: &Workflows) {
        let workflow = created(t).await;
        let cases = [
            (text("why"), Some("why")),
            (Patch::Keep, Some("why")),
            (Patch::Clear, None),
            (Patch::Keep, None),
            (text("again"), Some("again")),
            (text("  "), None),
        ];
        for (description, expected) in cases {
            let change = WorkflowUpdate { description, ..Default::default() };
            assert_eq!(update(t, &workflow, change).await.description.as_deref(), expected);
        }
    }

    /// The handle is kept, set, changed and cleared.
    async fn a_handle_is_kept_set_changed_and_cleared(t: &Workflows) {
        let workflow = created(t).await;
        let cases = [
            (text("one"), Some("one")),
            (Patch::Keep, Some("one")),
            (text("two"), Some("two")),
            (Patch::Clear, None),
            (Patch::Keep, None),
        ];
        for (handle, expected) in cases {
            let change = WorkflowUpdate { handle, ..Default::default() };
            assert_eq!(update(t, &workflow, change).await.handle.as_deref(), expected);
            let read = t.store.fetch_workflow(workflow.id).await.unwrap();
            assert_eq!(read.handle.as_deref(), expected);
        }
    }

    /// The slug does not follow the name.
    async fn a_slug_does_not_change_on_rename(t: &Workflows) {
        let new = NewWorkflow::named("First Name");
        let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
        let change = WorkflowUpdate { name: Some("Second Name".into()), ..Default::default() };
        assert_eq!(update(t, &workflow, change).await.slug, "first-name");
    }

    /// An update that changes nothing leaves the row as it is and no trace in the audit.
    async fn an_update_that_changes_nothing_leaves_no_trace(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let new = full_workflow();
        let same = WorkflowUpdate {
            expected: Some(workflow.row_version),
            name: Some(format!(" {} ", new.name)),
            handle: text("SPAESSE"),
            description: Patch::Set(new.description.unwrap()),
            tags: Some(vec!["RED".into(), "grün".into(), "red".into(), "it's".into()]),
            draft_access: Some(DraftAccess::Workspace),
            chatkit: Patch::Set(chat()),
        };
        for change in [same, WorkflowUpdate::default()] {
            assert_eq!(update(t, &workflow, change).await, workflow);
        }
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        assert_eq!(actions_of(t, workflow.id).await, ["workflow_created"]);
    }

    /// A change that is based on the stored version goes through.
    async fn an_expected_row_version_goes_through(t: &Workflows) {
        let mut workflow = created(t).await;
        for number in 0..3 {
            let change = WorkflowUpdate {
                expected: Some(workflow.row_version),
                name: Some(format!("Name {number}")),
                ..Default::default()
            };
            let changed = update(t, &workflow, change).await;
            assert!(changed.row_version > workflow.row_version);
            workflow = changed;
        }
    }

    /// A change that is based on another version is a `Conflict` and changes nothing.
    async fn a_row_version_that_moved_on_is_a_conflict(t: &Workflows) {
        let workflow = created(t).await;
        let rename = |expected| WorkflowUpdate {
            expected: Some(expected),
            name: Some("Other".into()),
            ..Default::default()
        };
        let first = WorkflowUpdate { tags: Some(vec!["a".into()]), ..Default::default() };
        let moved = update(t, &workflow, first).await;
        for expected in [workflow.row_version, moved.row_version + 1, 0, -1, i64::MAX] {
            let answer = t.store.update_workflow(&ada(), workflow.id, rename(expected)).await;
            assert_conflict(answer);
        }
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), moved);
        assert_eq!(actions_of(t, workflow.id).await, ["workflow_created", "workflow_updated"]);
    }

    /// The precondition counts for an update that would change nothing, too.
    async fn a_moved_row_is_a_conflict_even_if_nothing_would_change(t: &Workflows) {
        let workflow = created(t).await;
        let change = WorkflowUpdate { expected: Some(99), ..Default::default() };
        assert_conflict(t.store.update_workflow(&ada(), workflow.id, change).await);
    }

    /// Every kind of change moves `row_version`, so that none is overlooked.
    async fn every_kind_of_change_moves_the_row_version(t: &Workflows) {
        let mut versions = vec![created(t).await.row_version];
        let id = t.store.list_workflows(&Default::default(), &Default::default()).await.unwrap();
        let (store, ada, id) = (&t.store, ada(), id.items[0].id);
        let change = WorkflowUpdate { name: Some("Other".into()), ..Default::default() };
        versions.push(store.update_workflow(&ada, id, change).await.unwrap().row_version);
        let public = store.publish_workflow(&ada, id, Default::default()).await.unwrap();
        versions.push(public.row_version);
        versions.push(store.unpublish_workflow(&ada, id).await.unwrap().row_version);
        versions.push(store.archive_workflow(&ada, id).await.unwrap().row_version);
        versions.push(store.unarchive_workflow(&ada, id).await.unwrap().row_version);
        assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
        let read = store.fetch_workflow(id).await.unwrap();
        assert_eq!(Some(&read.row_version), versions.last());
    }

    /// Concurrent updates of different fields through two processes are all kept.
    async fn concurrent_updates_of_different_fields_are_all_kept(t: &Workflows) {
        let workflow = created(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            let update = match number % 6 {
                0 => WorkflowUpdate { name: Some("Renamed".into()), ..Default::default() },
                1 => WorkflowUpdate { handle: text("handle"), ..Default::default() },
                2 => WorkflowUpdate { description: text("why"), ..Default::default() },
                3 => WorkflowUpdate { tags: Some(vec!["tag".into()]), ..Default::default() },
                4 => WorkflowUpdate {
                    draft_access: Some(DraftAccess::Workspace),
                    ..Default::default()
                },
                _ => WorkflowUpdate { chatkit: Patch::Set(chat()), ..Default::default() },
            };
            tasks.push(tokio::spawn(async move {
                store.update_workflow(&actor("bob"), workflow.id, update).await.unwrap()
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let read = t.store.fetch_workflow(workflow.id).await.unwrap();
        let expected = Workflow {
            name: "Renamed".into(),
            handle: Some("handle".into()),
            description: Some("why".into()),
            tags: vec!["tag".into()],
            draft_access: DraftAccess::Workspace,
            chatkit: Some(chat()),
            // Of the 32 updates the first of each field changed something.
            row_version: workflow.row_version + 6,
            ..workflow.clone()
        };
        assert_eq!(read, expected);
        assert_eq!(actions_of(t, workflow.id).await.len(), 7);
    }

    /// Of concurrent updates that are based on one version, one wins.
    async fn of_concurrent_updates_of_one_version_one_wins(t: &Workflows) {
        let workflow = created(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            let update = WorkflowUpdate {
                expected: Some(workflow.row_version),
                name: Some(format!("Name {number}")),
                ..Default::default()
            };
            tasks.push(tokio::spawn(async move {
                store.update_workflow(&ada(), workflow.id, update).await
            }));
        }
        let mut won = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(changed) => won.push(changed),
                lost => assert_conflict(lost),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), won[0]);
    }

    /// A bad field is `Invalid`, and the good ones beside it are not changed either.
    async fn an_update_is_all_or_nothing(t: &Workflows) {
        let workflow = created(t).await;
        let good = || WorkflowUpdate { tags: Some(vec!["tag".into()]), ..Default::default() };
        let bad = [
            (WorkflowUpdate { name: Some("  ".into()), ..good() }, "name"),
            (WorkflowUpdate { name: Some("x".repeat(129)), ..good() }, "name"),
            (WorkflowUpdate { handle: text("no handle"), ..good() }, "handle"),
            (WorkflowUpdate { description: text(&"x".repeat(1025)), ..good() }, "description"),
            (WorkflowUpdate { tags: Some(vec!["x".repeat(256)]), ..good() }, "tags"),
        ];
        for (update, field) in bad {
            let answer = t.store.update_workflow(&ada(), workflow.id, update).await;
            assert_invalid(answer, field);
        }
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
        assert_eq!(actions_of(t, workflow.id).await, ["workflow_created"]);
    }

    /// An archived workflow can be changed.
    async fn an_archived_workflow_can_be_changed(t: &Workflows) {
        let workflow = created(t).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        let change = WorkflowUpdate { name: Some("Old".into()), ..Default::default() };
        let changed = update(t, &workflow, change).await;
        assert_eq!((changed.name.as_str(), changed.is_archived), ("Old", true));
        assert_invalid_state(t.store.archive_workflow(&ada(), workflow.id).await);
    }
}
