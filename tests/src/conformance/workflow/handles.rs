//! Handles: what is one, and who holds it.

use store_core::Error;
use store_core::workflow::{NewWorkflow, Patch, Workflow, WorkflowUpdate};

use super::{assert_conflict, assert_invalid};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{actions_of, ada, created, handled};

fn handle(handle: &str) -> WorkflowUpdate {
    WorkflowUpdate { handle: Patch::Set(handle.to_owned()), ..Default::default() }
}

/// Creates a workflow with a handle.
async fn holder(t: &Workflows, handle: &str) -> Workflow {
    t.store.create_workflow(&ada(), handled(handle)).await.unwrap()
}

/// Creates an archived workflow with a handle.
async fn archived_holder(t: &Workflows, handle: &str) -> Workflow {
    let workflow = created(t).await;
    t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
    t.store.update_workflow(&ada(), workflow.id, self::handle(handle)).await.unwrap()
}

behaviours! {
    emits workflow_handles_tests from workflow::handles;

    /// A handle is trimmed and lower-cased.
    async fn handles_are_trimmed_and_lowered(t: &Workflows) {
        let longest = "a".repeat(64);
        let cases =
            [(" My-Flow ", "my-flow"), ("A", "a"), ("0-1-2", "0-1-2"), (&longest, &longest)];
        for (given, expected) in cases {
            assert_eq!(holder(t, given).await.handle.as_deref(), Some(expected));
        }
    }

    /// What is no handle is `Invalid`, and nothing is created.
    async fn what_is_no_handle_is_invalid(t: &Workflows) {
        let long = "a".repeat(65);
        let bad = [
            "", "  ", "-", "-a", "a-", "a--b", "a b", "a_b", "a.b", "a/b", "ä", "a\0", "a\nb",
            &long,
        ];
        for bad in bad {
            assert_invalid(t.store.create_workflow(&ada(), handled(bad)).await, "handle");
        }
        assert_eq!(t.count("SELECT count(*) FROM workflows").await, 0);
    }

    /// Letters that only look like, or fold to, Latin ones are no handle.
    async fn look_alike_letters_are_no_handle(t: &Workflows) {
        // Kelvin sign, Cyrillic a, full-width a, dotted capital I, long s, zero-width joiner,
        // mathematical a, combining accent.
        let bad = [
            "\u{212a}elvin", "p\u{430}y", "\u{ff41}dmin", "\u{130}d", "\u{17f}", "a\u{200d}b",
            "\u{1d41a}", "e\u{301}",
        ];
        for bad in bad {
            assert_invalid(t.store.create_workflow(&ada(), handled(bad)).await, "handle");
        }
    }

    /// What reads as a UUID, with hyphens or without, is no handle.
    async fn what_reads_as_a_uuid_is_no_handle(t: &Workflows) {
        let bad = [
            "0190f6c1-7b1e-7cc3-98c4-dc0c0c07398f",
            "0190F6C1-7B1E-7CC3-98C4-DC0C0C07398F",
            "0190f6c17b1e7cc398c4dc0c0c07398f",
            "00000000-0000-0000-0000-000000000000",
        ];
        for bad in bad {
            assert_invalid(t.store.create_workflow(&ada(), handled(bad)).await, "handle");
        }
        holder(t, "0190f6c1-7b1e-7cc3-98c4-dc0c0c07398").await;
    }

    /// A handle that an active workflow holds is taken for a new one, whatever its case.
    async fn a_held_handle_is_taken_for_a_new_workflow(t: &Workflows) {
        holder(t, "taken").await;
        for text in ["taken", " TAKEN "] {
            assert_conflict(t.store.create_workflow(&ada(), handled(text)).await);
        }
        assert_eq!(t.count("SELECT count(*) FROM workflows").await, 1);
        assert_eq!(t.count("SELECT count(*) FROM workflow_audit").await, 1);
    }

    /// A handle that an active workflow holds is taken for another one, which stays as it is.
    async fn a_held_handle_is_taken_for_an_update(t: &Workflows) {
        let first = holder(t, "taken").await;
        let second = holder(t, "mine").await;
        let update = WorkflowUpdate { name: Some("Other".into()), ..handle("taken") };
        let error = t.store.update_workflow(&ada(), second.id, update).await.unwrap_err();
        assert!(matches!(&error, Error::Conflict { .. }), "{error}");
        assert_eq!(t.store.fetch_workflow(second.id).await.unwrap(), second);
        assert_eq!(actions_of(t, second.id).await, ["workflow_created"]);
        assert_eq!(t.store.resolve_workflow("taken", true).await.unwrap(), first);
        assert_eq!(t.store.resolve_workflow("mine", true).await.unwrap(), second);
    }

    /// A handle that was cleared or changed is free.
    async fn a_handle_that_was_given_up_is_free(t: &Workflows) {
        let first = holder(t, "one").await;
        let second = holder(t, "two").await;
        let clear = WorkflowUpdate { handle: Patch::Clear, ..Default::default() };
        t.store.update_workflow(&ada(), first.id, clear).await.unwrap();
        t.store.update_workflow(&ada(), second.id, handle("one")).await.unwrap();
        assert_eq!(holder(t, "two").await.handle.as_deref(), Some("two"));
    }

    /// An archived workflow reserves its handle against active ones.
    async fn an_archived_workflow_reserves_its_handle(t: &Workflows) {
        let old = holder(t, "old").await;
        t.store.archive_workflow(&ada(), old.id).await.unwrap();
        assert_conflict(t.store.create_workflow(&ada(), handled("old")).await);
        let other = created(t).await;
        assert_conflict(t.store.update_workflow(&ada(), other.id, handle("old")).await);
    }

    /// An archived workflow cannot take the handle of an active one.
    async fn an_archived_workflow_cannot_take_an_active_handle(t: &Workflows) {
        holder(t, "active").await;
        let old = created(t).await;
        let old = t.store.archive_workflow(&ada(), old.id).await.unwrap();
        assert_conflict(t.store.update_workflow(&ada(), old.id, handle("active")).await);
        assert_eq!(t.store.fetch_workflow(old.id).await.unwrap(), old);
    }

    /// Two archived workflows may share a handle.
    async fn archived_workflows_may_share_a_handle(t: &Workflows) {
        for _ in 0..3 {
            assert_eq!(archived_holder(t, "old").await.handle.as_deref(), Some("old"));
        }
    }

    /// Leaving the archive conflicts with another holder, archived ones included.
    async fn unarchiving_conflicts_with_another_holder(t: &Workflows) {
        let first = archived_holder(t, "old").await;
        let second = archived_holder(t, "old").await;
        assert_conflict(t.store.unarchive_workflow(&ada(), first.id).await);
        assert_eq!(t.store.fetch_workflow(first.id).await.unwrap(), first);
        let actions = actions_of(t, first.id).await;
        assert!(!actions.contains(&"workflow_unarchived".to_owned()), "{actions:?}");
        t.store.delete_workflow(&ada(), second.id).await.unwrap();
        let active = t.store.unarchive_workflow(&ada(), first.id).await.unwrap();
        assert_eq!((active.is_archived, active.handle.as_deref()), (false, Some("old")));
    }

    /// A workflow that leaves the archive has its handle again, for itself.
    async fn an_unarchived_workflow_holds_its_handle(t: &Workflows) {
        let workflow = holder(t, "mine").await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.unarchive_workflow(&ada(), workflow.id).await.unwrap();
        assert_conflict(t.store.create_workflow(&ada(), handled("mine")).await);
        let clear = WorkflowUpdate { handle: Patch::Clear, ..Default::default() };
        t.store.update_workflow(&ada(), workflow.id, clear).await.unwrap();
        holder(t, "mine").await;
    }

    /// Deleting the last holder frees the handle.
    async fn deleting_the_last_holder_frees_the_handle(t: &Workflows) {
        let first = archived_holder(t, "old").await;
        let second = archived_holder(t, "old").await;
        t.store.delete_workflow(&ada(), first.id).await.unwrap();
        assert_conflict(t.store.create_workflow(&ada(), handled("old")).await);
        t.store.delete_workflow(&ada(), second.id).await.unwrap();
        assert_eq!(holder(t, "old").await.handle.as_deref(), Some("old"));
    }

    /// Of many that are created with one handle at once, one is.
    async fn of_concurrent_creates_of_one_handle_one_wins(t: &Workflows) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            let new = NewWorkflow { name: format!("Name {number}"), ..handled("prize") };
            tasks.push(tokio::spawn(async move { store.create_workflow(&ada(), new).await }));
        }
        let mut won = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(workflow) => won.push(workflow),
                lost => assert_conflict(lost),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(t.store.resolve_workflow("prize", false).await.unwrap(), won[0]);
        assert_eq!(t.count("SELECT count(*) FROM workflows").await, 1);
    }

    /// Of many workflows that want one handle at once, one gets it.
    async fn of_concurrent_assignments_of_one_handle_one_wins(t: &Workflows) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let id = holder(t, &format!("own-{number}")).await.id;
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.update_workflow(&ada(), id, handle("prize")).await
            }));
        }
        let mut won = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(workflow) => won.push(workflow),
                lost => assert_conflict(lost),
            }
        }
        assert_eq!(won.len(), 1);
        let holders = "SELECT count(*) FROM workflows WHERE handle = 'prize'";
        assert_eq!(t.count(holders).await, 1);
    }

    /// Two workflows that exchange their handles at once do not block each other for good.
    async fn an_exchange_of_handles_ends(t: &Workflows) {
        let first = holder(t, "one").await;
        let second = holder(t, "two").await;
        let ada = ada();
        for _ in 0..10 {
            let (a, b) = tokio::join!(
                t.store.update_workflow(&ada, first.id, handle("two")),
                t.store.update_workflow(&ada, second.id, handle("one")),
            );
            assert_conflict(a);
            assert_conflict(b);
        }
    }

    /// When a handle is assigned while its archived holder leaves the archive, one of both fails.
    async fn assignment_and_unarchiving_do_not_both_succeed(t: &Workflows) {
        let other = t.reopened().await;
        for number in 0..10 {
            let name = format!("h-{number}");
            // Two archived workflows share the handle; both want to be active with it.
            let first = archived_holder(t, &name).await;
            let second = archived_holder(t, &name).await;
            let clear = WorkflowUpdate { handle: Patch::Clear, ..Default::default() };
            t.store.update_workflow(&ada(), second.id, clear).await.unwrap();
            t.store.unarchive_workflow(&ada(), second.id).await.unwrap();
            let (ada, again) = (ada(), handle(&name));
            let (unarchived, assigned) = tokio::join!(
                t.store.unarchive_workflow(&ada, first.id),
                other.update_workflow(&ada, second.id, again),
            );
            // The archived holder reserves the handle, so that the assignment never succeeds.
            assert!(unarchived.is_ok(), "{unarchived:?}");
            assert_conflict(assigned);
        }
    }

    /// Of two archived holders that leave the archive at once, none does: each is in the way.
    async fn archived_holders_keep_each_other_in_the_archive(t: &Workflows) {
        let (first, second) = (archived_holder(t, "old").await, archived_holder(t, "old").await);
        let ada = ada();
        let (a, b) = tokio::join!(
            t.store.unarchive_workflow(&ada, first.id),
            t.store.unarchive_workflow(&ada, second.id),
        );
        assert_conflict(a);
        assert_conflict(b);
    }

    /// Where an archived workflow takes a handle and leaves the archive at once with an assignment
    /// of the same handle, one workflow holds it in the end.
    async fn a_free_handle_wanted_from_both_sides_has_one_holder(t: &Workflows) {
        let other = t.reopened().await;
        for number in 0..10 {
            let name = format!("h-{number}");
            let old = archived_holder(t, &format!("old-{number}")).await;
            let active = created(t).await;
            let ada = ada();
            let (taken, assigned) = tokio::join!(
                t.store.update_workflow(&ada, old.id, handle(&name)),
                other.update_workflow(&ada, active.id, handle(&name)),
            );
            assert!(taken.is_ok() != assigned.is_ok(), "{taken:?} {assigned:?}");
            let holders = format!("SELECT count(*) FROM workflows WHERE handle = '{name}'");
            assert_eq!(t.count(&holders).await, 1);
        }
    }
}
