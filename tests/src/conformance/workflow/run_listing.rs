//! Listing runs: filters, order, cursors, number of queries.

use std::time::Duration;

use serde_json::json;
use store_core::workflow::{NewRun, RunFilter, RunStatus};
use store_core::{Cursor, Order, PageRequest, RunId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, at, config, new_run, pending, runnable};

/// The ids of one page.
async fn ids(t: &Workflows, filter: &RunFilter, page: &PageRequest) -> Vec<RunId> {
    let page = t.store.list_runs(filter, page).await.unwrap();
    page.items.into_iter().map(|run| run.id).collect()
}

/// All that a filter means, newest first.
async fn listed(t: &Workflows, filter: RunFilter) -> Vec<RunId> {
    ids(t, &filter, &PageRequest::default()).await
}

/// Walks all pages of a listing.
async fn walk(t: &Workflows, filter: &RunFilter, first: PageRequest) -> Vec<RunId> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list_runs(filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.iter().map(|run| run.id));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// Creates a run with a trigger and tags, a second after the last one.
async fn run(t: &Workflows, workflow: store_core::WorkflowId, by: &str, tags: &[&str]) -> RunId {
    let new = NewRun {
        triggered_by: by.to_owned(),
        runnable_config: config(json!({ "tags": tags })),
        ..new_run(workflow)
    };
    let run = t.store.create_run(&ada(), new).await.unwrap();
    t.clock.advance(Duration::from_secs(1)).unwrap();
    run.id
}

behaviours! {
    emits workflow_run_listing_tests from workflow::run_listing;

    /// The newest run comes first, or the oldest when asked, by creation and not by id.
    async fn runs_are_listed_by_creation(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut runs = Vec::new();
        for instant in ["2026-03-02T12:00:05Z", "2026-03-02T12:00:01Z", "2026-03-02T12:00:03Z"] {
            t.clock.set(at(instant));
            runs.push(pending(t, workflow.id).await.id);
        }
        let expected = [runs[0], runs[2], runs[1]];
        assert_eq!(listed(t, RunFilter::default()).await, expected);
        let asc = PageRequest::default().ordered(Order::Asc);
        let mut reversed = expected;
        reversed.reverse();
        assert_eq!(ids(t, &RunFilter::default(), &asc).await, reversed);
    }

    /// Runs of one instant are ordered by id, so that pages have no gap and no overlap.
    async fn runs_of_one_instant_are_ordered_by_id(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut expected = Vec::new();
        for number in 0..14 {
            expected.push(pending(t, workflow.id).await.id);
            if number % 5 == 4 {
                t.clock.advance(Duration::from_micros(1)).unwrap();
            }
        }
        assert!(expected.is_sorted(), "ids ascend by creation");
        for filter in [
            RunFilter::default(),
            RunFilter { workflow_id: Some(workflow.id), ..Default::default() },
            RunFilter { status: Some(RunStatus::Pending), ..Default::default() },
        ] {
            for limit in [1, 4, 13, 14, 15] {
                let first = PageRequest::first(limit).ordered(Order::Asc);
                assert_eq!(walk(t, &filter, first).await, expected, "limit {limit}");
            }
            let mut walked = walk(t, &filter, PageRequest::first(3)).await;
            walked.reverse();
            assert_eq!(walked, expected);
        }
    }

    /// Each part of a filter holds by itself, and all parts together.
    async fn runs_are_filtered_by_each_part_and_all(t: &Workflows) {
        let (first, second) = (runnable(t).await, runnable(t).await);
        let a = run(t, first.id, "cron", &["x", "it's \"all\""]).await;
        let b = run(t, second.id, "manual", &["it's \"all\""]).await;
        let c = run(t, first.id, "manual", &["it's \"all\"", "X y"]).await;
        let d = run(t, second.id, "CRON", &[]).await;
        t.store.start_run(&ada(), a).await.unwrap();
        t.store.cancel_run(&ada(), b, None).await.unwrap();
        let none = RunFilter::default;
        let of = |id| RunFilter { workflow_id: Some(id), ..none() };
        assert_eq!(listed(t, of(first.id)).await, [c, a]);
        assert_eq!(listed(t, of(second.id)).await, [d, b]);
        assert!(listed(t, of(store_core::WorkflowId::mint())).await.is_empty());
        let status = |status| RunFilter { status: Some(status), ..none() };
        assert_eq!(listed(t, status(RunStatus::Pending)).await, [d, c]);
        assert_eq!(listed(t, status(RunStatus::Running)).await, [a]);
        assert_eq!(listed(t, status(RunStatus::Cancelled)).await, [b]);
        assert!(listed(t, status(RunStatus::Failed)).await.is_empty());
        let by = |by: &str| RunFilter { triggered_by: Some(by.into()), ..none() };
        assert_eq!(listed(t, by("cron")).await, [a]);
        assert_eq!(listed(t, by("manual")).await, [c, b]);
        let tag = |tag: &str| RunFilter { tag: Some(tag.into()), ..none() };
        assert_eq!(listed(t, tag("it's \"all\"")).await, [c, b, a]);
        assert_eq!(listed(t, tag("x")).await, [a]);
        assert_eq!(listed(t, tag("X y")).await, [c]);
        assert!(listed(t, tag("all")).await.is_empty());
        // From is included, before is not.
        let range = RunFilter {
            created_from: Some(at("2026-03-02T12:00:01Z")),
            created_before: Some(at("2026-03-02T12:00:03Z")),
            ..none()
        };
        assert_eq!(listed(t, range.clone()).await, [c, b]);
        let all = RunFilter {
            workflow_id: Some(first.id),
            status: Some(RunStatus::Pending),
            triggered_by: Some("manual".into()),
            tag: Some("X y".into()),
            ..range
        };
        assert_eq!(listed(t, all.clone()).await, [c]);
        let other = RunFilter { workflow_id: Some(second.id), ..all };
        assert!(listed(t, other).await.is_empty());
    }

    /// A walk under new runs and transitions returns what was there, each once.
    async fn a_walk_of_runs_under_changes_returns_what_stays(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut expected = Vec::new();
        for _ in 0..30 {
            expected.push(pending(t, workflow.id).await.id);
            t.clock.advance(Duration::from_secs(1)).unwrap();
        }
        let (store, moving) = (t.store.clone(), expected.clone());
        let churn = tokio::spawn(async move {
            for id in moving {
                store.start_run(&ada(), id).await.unwrap();
                store.create_run(&ada(), new_run(workflow.id)).await.unwrap();
            }
        });
        let mut walked = walk(t, &RunFilter::default(), PageRequest::first(3)).await;
        churn.await.unwrap();
        walked.retain(|id| expected.contains(id));
        expected.reverse();
        assert_eq!(walked, expected);
    }

    /// A cursor of another filter, order or listing is `Invalid`.
    async fn a_foreign_cursor_of_runs_is_invalid(t: &Workflows) {
        let workflow = runnable(t).await;
        let id = pending(t, workflow.id).await.id;
        pending(t, workflow.id).await;
        let none = RunFilter::default;
        let page = t.store.list_runs(&none(), &PageRequest::first(1)).await.unwrap();
        let cursor = page.next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let asc = after(&cursor).ordered(Order::Asc);
        assert_invalid(t.store.list_runs(&none(), &asc).await, "after");
        let filters = [
            RunFilter { workflow_id: Some(workflow.id), ..none() },
            RunFilter { status: Some(RunStatus::Pending), ..none() },
            RunFilter { triggered_by: Some("manual".into()), ..none() },
            RunFilter { created_from: Some(at("2026-03-02T00:00:00Z")), ..none() },
            RunFilter { created_before: Some(at("2027-03-02T00:00:00Z")), ..none() },
            RunFilter { tag: Some("a".into()), ..none() },
        ];
        for filter in filters {
            assert_invalid(t.store.list_runs(&filter, &after(&cursor)).await, "after");
        }
        assert_invalid(t.store.list_run_audit(id, &after(&cursor)).await, "after");
        assert_invalid(t.store.list_workflows(&Default::default(), &after(&cursor)).await, "after");
    }

    /// Listing 20 runs is one query.
    async fn listing_runs_is_one_query(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..25 {
            pending(t, workflow.id).await;
        }
        let all = RunFilter::default();
        t.store.list_runs(&all, &PageRequest::first(20)).await.unwrap();
        let before = t.statements();
        let page = t.store.list_runs(&all, &PageRequest::first(20)).await.unwrap();
        assert_eq!(t.statements() - before, 1);
        assert_eq!(page.items.len(), 20);
    }

    /// A page of runs ends at its byte budget, and always holds at least one.
    async fn a_page_of_runs_ends_at_its_byte_budget(t: &Workflows) {
        let workflow = runnable(t).await;
        let large = json!({"text": "x".repeat(5 * 1024 * 1024)});
        let mut expected = Vec::new();
        for _ in 0..3 {
            let new = NewRun { input: large.clone(), ..new_run(workflow.id) };
            expected.push(t.store.create_run(&ada(), new).await.unwrap().id);
        }
        expected.reverse();
        assert_eq!(listed(t, RunFilter::default()).await, expected[..2]);
        assert_eq!(walk(t, &RunFilter::default(), PageRequest::first(3)).await, expected);
    }

    /// The output counts for the byte budget as well.
    async fn an_output_counts_for_the_byte_budget(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..3 {
            let run = pending(t, workflow.id).await;
            t.store.start_run(&ada(), run.id).await.unwrap();
            let large = json!("x".repeat(5 * 1024 * 1024));
            t.store.succeed_run(&ada(), run.id, Some(large)).await.unwrap();
        }
        assert_eq!(listed(t, RunFilter::default()).await.len(), 2);
        assert_eq!(walk(t, &RunFilter::default(), PageRequest::default()).await.len(), 3);
    }

    /// The audit of a run is listed page by page, in both orders.
    async fn the_audit_of_a_run_is_listed_page_by_page(t: &Workflows) {
        let workflow = runnable(t).await;
        let (first, other) = (pending(t, workflow.id).await, pending(t, workflow.id).await);
        t.store.start_run(&ada(), first.id).await.unwrap();
        t.store.start_run(&ada(), other.id).await.unwrap();
        t.store.succeed_run(&ada(), first.id, None).await.unwrap();
        for (order, expected) in [
            (Order::Asc, ["run_created", "run_started", "run_succeeded"]),
            (Order::Desc, ["run_succeeded", "run_started", "run_created"]),
        ] {
            let mut actions = Vec::new();
            let mut request = Some(PageRequest::first(1).ordered(order));
            while let Some(next) = request.take() {
                let page = t.store.list_run_audit(first.id, &next).await.unwrap();
                actions.extend(page.items.iter().map(|entry| entry.action.as_str()));
                request = page.next.map(|cursor| next.after(cursor));
            }
            assert_eq!(actions, expected);
        }
        let page = t.store.list_run_audit(first.id, &PageRequest::first(1)).await.unwrap();
        let after = PageRequest::first(1).after(page.next.unwrap());
        assert_invalid(t.store.list_run_audit(other.id, &after).await, "after");
    }
}
