//! Listing workflows: filters, order, cursors, number of queries.

use store_core::workflow::{DraftAccess, NewWorkflow, Workflow, WorkflowFilter};
use store_core::{Cursor, Order, Page, PageRequest, WorkflowId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, created};

fn ids(page: &Page<Workflow>) -> Vec<WorkflowId> {
    page.items.iter().map(|workflow| workflow.id).collect()
}

/// The names of all that a filter means, oldest first.
async fn listed(t: &Workflows, filter: WorkflowFilter) -> Vec<String> {
    let page = PageRequest::default().ordered(Order::Asc);
    let page = t.store.list_workflows(&filter, &page).await.unwrap();
    page.items.into_iter().map(|workflow| workflow.name).collect()
}

async fn named(t: &Workflows, name: &str) -> WorkflowId {
    t.store.create_workflow(&ada(), NewWorkflow::named(name)).await.unwrap().id
}

fn text(text: &str) -> WorkflowFilter {
    WorkflowFilter { text: Some(text.to_owned()), ..Default::default() }
}

/// Walks all pages of a listing.
async fn walk(t: &Workflows, filter: &WorkflowFilter, first: PageRequest) -> Vec<WorkflowId> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list_workflows(filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(ids(&page));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits workflow_listing_tests from workflow::listing;

    /// The newest workflow comes first, or the oldest when asked.
    async fn workflows_are_listed_newest_first(t: &Workflows) {
        let mut expected = Vec::new();
        for name in ["a", "b", "c"] {
            expected.push(named(t, name).await);
        }
        let all = WorkflowFilter::default();
        let asc = PageRequest::default().ordered(Order::Asc);
        assert_eq!(ids(&t.store.list_workflows(&all, &asc).await.unwrap()), expected);
        expected.reverse();
        let page = t.store.list_workflows(&all, &PageRequest::default()).await.unwrap();
        assert_eq!(ids(&page), expected);
        assert_eq!(page.next, None);
    }

    /// Each part of a filter holds by itself, and all parts together.
    async fn workflows_are_filtered_by_each_part_and_all(t: &Workflows) {
        for (number, name) in ["zero", "one", "two", "three"].into_iter().enumerate() {
            let new = NewWorkflow {
                tags: vec![format!("tag{number}"), "it's \"all\"".into()],
                draft_access: DraftAccess::ALL[number % 2],
                ..NewWorkflow::named(name)
            };
            let id = t.store.create_workflow(&ada(), new).await.unwrap().id;
            if number < 2 {
                t.store.archive_workflow(&ada(), id).await.unwrap();
            }
            if number == 3 {
                t.store.publish_workflow(&ada(), id, Default::default()).await.unwrap();
            }
        }
        let none = WorkflowFilter::default;
        let all = ["zero", "one", "two", "three"];
        assert_eq!(listed(t, none()).await, all);
        let archived = |archived| WorkflowFilter { archived: Some(archived), ..none() };
        assert_eq!(listed(t, archived(true)).await, all[..2]);
        assert_eq!(listed(t, archived(false)).await, all[2..]);
        let public = |public| WorkflowFilter { public: Some(public), ..none() };
        assert_eq!(listed(t, public(true)).await, ["three"]);
        assert_eq!(listed(t, public(false)).await, all[..3]);
        let tag = |tag: &str| WorkflowFilter { tag: Some(tag.into()), ..none() };
        assert_eq!(listed(t, tag("tag1")).await, ["one"]);
        assert_eq!(listed(t, tag("it's \"all\"")).await, all);
        assert!(listed(t, tag("tag")).await.is_empty());
        let drafts = |access| WorkflowFilter { draft_access: Some(access), ..none() };
        assert_eq!(listed(t, drafts(DraftAccess::Personal)).await, ["zero", "two"]);
        assert!(listed(t, drafts(DraftAccess::Workspace)).await.is_empty());
        let both = WorkflowFilter {
            archived: Some(false),
            tag: Some("it's \"all\"".into()),
            text: Some("t".into()),
            draft_access: Some(DraftAccess::Personal),
            public: Some(false),
        };
        assert_eq!(listed(t, both.clone()).await, ["two"]);
        assert!(listed(t, WorkflowFilter { public: Some(true), ..both }).await.is_empty());
    }

    /// Text is found in name, handle, slug and description, and nowhere else.
    async fn text_is_found_in_name_handle_slug_and_description(t: &Workflows) {
        let new = NewWorkflow {
            handle: Some("in-handle".into()),
            slug: Some("in-slug".into()),
            description: Some("in-description".into()),
            tags: vec!["in-tags".into()],
            ..NewWorkflow::named("in-name")
        };
        t.store.create_workflow(&ada(), new).await.unwrap();
        named(t, "other").await;
        for wanted in ["in-name", "in-handle", "in-slug", "in-description", "-", "N-N"] {
            assert_eq!(listed(t, text(wanted)).await, ["in-name"], "{wanted}");
        }
        for absent in ["in-tags", "personal", "in-namein", "in-name in"] {
            assert!(listed(t, text(absent)).await.is_empty(), "{absent}");
        }
    }

    /// Text is found whatever its case, beyond Latin letters too.
    async fn text_is_found_whatever_its_case(t: &Workflows) {
        for name in ["Ärger im BÜRO", "ПРИВЕТ мир", "ΑΒΓ", "日本語 Flow"] {
            named(t, name).await;
        }
        let cases = [
            ("ÄRGER", "Ärger im BÜRO"),
            ("büro", "Ärger im BÜRO"),
            ("привет МИР", "ПРИВЕТ мир"),
            ("αβγ", "ΑΒΓ"),
            ("本", "日本語 Flow"),
            ("fLOW", "日本語 Flow"),
        ];
        for (wanted, name) in cases {
            assert_eq!(listed(t, text(wanted)).await, [name], "{wanted}");
        }
    }

    /// Text is looked for as it is: no character has a meaning of its own.
    async fn text_has_no_patterns(t: &Workflows) {
        for name in ["100% sure", "a_b", "back\\slash", "it's", "plain"] {
            named(t, name).await;
        }
        let cases =
            [("%", "100% sure"), ("_", "a_b"), ("\\", "back\\slash"), ("'", "it's")];
        for (wanted, name) in cases {
            assert_eq!(listed(t, text(wanted)).await, [name], "{wanted}");
        }
        assert!(listed(t, text("p%n")).await.is_empty());
        assert!(listed(t, text("*")).await.is_empty());
    }

    /// Text follows a change of what it is looked for in.
    async fn text_follows_changes(t: &Workflows) {
        let id = named(t, "before").await;
        let update = store_core::workflow::WorkflowUpdate {
            name: Some("Danach".into()),
            ..Default::default()
        };
        t.store.update_workflow(&ada(), id, update).await.unwrap();
        assert_eq!(listed(t, text("DANACH")).await, ["Danach"]);
        // The slug still says it.
        assert_eq!(listed(t, text("before")).await, ["Danach"]);
    }

    /// Pages follow each other without gap or overlap, in both orders.
    async fn pages_of_workflows_have_no_gap_and_no_overlap(t: &Workflows) {
        let mut expected = Vec::new();
        for number in 0..13 {
            expected.push(named(t, &format!("w{number}")).await);
        }
        let all = WorkflowFilter::default();
        for limit in [1, 2, 5, 12, 13, 14] {
            let first = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &all, first).await, expected, "limit {limit}");
        }
        expected.reverse();
        assert_eq!(walk(t, &all, PageRequest::first(4)).await, expected);
    }

    /// A walk under inserts, deletes and archiving returns what stays, each once.
    async fn a_walk_of_workflows_under_changes_returns_what_stays(t: &Workflows) {
        let mut stays = Vec::new();
        let mut gone = Vec::new();
        for number in 0..40 {
            let id = named(t, &format!("w{number}")).await;
            if number % 2 == 0 { &mut stays } else { &mut gone }.push(id);
        }
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            for id in gone {
                store.archive_workflow(&ada(), id).await.unwrap();
                store.delete_workflow(&ada(), id).await.unwrap();
                store.create_workflow(&ada(), NewWorkflow::named("new")).await.unwrap();
            }
        });
        let mut walked = walk(t, &WorkflowFilter::default(), PageRequest::first(3)).await;
        churn.await.unwrap();
        walked.retain(|id| stays.contains(id));
        stays.reverse();
        assert_eq!(walked, stays);
    }

    /// A cursor of another filter, order or listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_workflows_is_invalid(t: &Workflows) {
        let id = named(t, "a").await;
        named(t, "b").await;
        let all = WorkflowFilter::default();
        let page = t.store.list_workflows(&all, &PageRequest::first(1)).await.unwrap();
        let cursor = page.next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let asc = after(&cursor).ordered(Order::Asc);
        assert_invalid(t.store.list_workflows(&all, &asc).await, "after");
        let filters = [
            text("a"),
            WorkflowFilter { archived: Some(false), ..Default::default() },
            WorkflowFilter { tag: Some("a".into()), ..Default::default() },
        ];
        for filter in filters {
            assert_invalid(t.store.list_workflows(&filter, &after(&cursor)).await, "after");
        }
        assert_invalid(t.store.list_workflow_audit(id, &after(&cursor)).await, "after");
        assert_invalid(t.store.list_versions(id, &after(&cursor)).await, "after");
        assert_invalid(t.store.list_runs(&Default::default(), &after(&cursor)).await, "after");
        assert_invalid(t.store.list_listeners(None, &after(&cursor)).await, "after");
        let mut damaged = cursor.to_string();
        damaged.replace_range(3..4, if &damaged[3..4] == "A" { "B" } else { "A" });
        let damaged = after(&damaged.parse().unwrap());
        assert_invalid(t.store.list_workflows(&all, &damaged).await, "after");
    }

    /// Limits of 0 and 1001 are `Invalid` for every listing.
    async fn limits_of_workflow_listings_are_1_to_1000(t: &Workflows) {
        let workflow = created(t).await;
        let run = store_core::RunId::mint();
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            let all = WorkflowFilter::default();
            assert_invalid(t.store.list_workflows(&all, &page).await, "limit");
            assert_invalid(t.store.list_workflow_audit(workflow.id, &page).await, "limit");
            assert_invalid(t.store.list_versions(workflow.id, &page).await, "limit");
            assert_invalid(t.store.list_runs(&Default::default(), &page).await, "limit");
            assert_invalid(t.store.list_run_audit(run, &page).await, "limit");
            assert_invalid(t.store.list_listeners(None, &page).await, "limit");
        }
    }

    /// Listing 20 workflows is one query.
    async fn listing_workflows_is_one_query(t: &Workflows) {
        for number in 0..25 {
            named(t, &format!("w{number}")).await;
        }
        let all = WorkflowFilter::default();
        t.store.list_workflows(&all, &PageRequest::first(20)).await.unwrap();
        let before = t.statements();
        let page = t.store.list_workflows(&all, &PageRequest::first(20)).await.unwrap();
        assert_eq!(t.statements() - before, 1);
        assert_eq!(page.items.len(), 20);
    }
}
