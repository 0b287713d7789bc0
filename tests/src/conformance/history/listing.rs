//! Listing executions: filters, order, cursors, number of queries.

use std::time::Duration;

use serde_json::json;
use store_core::history::{Execution, ExecutionFilter, ExecutionStatus, NewExecution};
use store_core::{Cursor, Error, Order, Page, PageRequest};

use crate::behaviours;
use crate::fixture::{History, noon};
use crate::samples::{at, execution, id, step};

fn names(page: &Page<Execution>) -> Vec<&str> {
    page.items.iter().map(|execution| execution.execution_id.as_str()).collect()
}

/// Lists all that a filter means, newest first.
async fn listed(t: &History, filter: ExecutionFilter) -> Vec<String> {
    let page = t.store.list(&filter, &PageRequest::default()).await.unwrap();
    names(&page).into_iter().map(str::to_owned).collect()
}

/// Starts executions a second apart.
async fn started(t: &History, names: &[&str]) {
    for name in names {
        t.store.start(execution(name)).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
    }
}

/// Walks all pages of a listing.
async fn walk(t: &History, first: PageRequest) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list(&ExecutionFilter::default(), &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(names(&page).into_iter().map(str::to_owned));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits history_listing_tests from history::listing;

    /// The newest start comes first, or the oldest when asked.
    async fn executions_are_listed_newest_first(t: &History) {
        started(t, &["a", "b", "c"]).await;
        assert_eq!(listed(t, ExecutionFilter::default()).await, ["c", "b", "a"]);
        let request = PageRequest::default().ordered(Order::Asc);
        let page = t.store.list(&ExecutionFilter::default(), &request).await.unwrap();
        assert_eq!(names(&page), ["a", "b", "c"]);
    }

    /// Executions of one instant are ordered by the bytes of their ids.
    async fn ties_are_ordered_by_the_bytes_of_the_id(t: &History) {
        for name in ["b", "B", "ä", "a", "Z", "日", "🎉", "-"] {
            t.store.start(execution(name)).await.unwrap();
        }
        let mut expected = vec!["b", "B", "ä", "a", "Z", "日", "🎉", "-"];
        expected.sort_unstable();
        let page = PageRequest::first(3).ordered(Order::Asc);
        assert_eq!(walk(t, page.clone()).await, expected);
        expected.reverse();
        assert_eq!(walk(t, page.ordered(Order::Desc)).await, expected);
    }

    /// Pages follow each other without gap or overlap, in both orders and with ties.
    async fn pages_of_executions_have_no_gap_and_no_overlap(t: &History) {
        for number in 0..25 {
            let instant = noon().plus(Duration::from_secs(number / 3)).unwrap();
            let new = NewExecution {
                started_at: Some(instant),
                ..execution(&format!("e{number:02}"))
            };
            t.store.start(new).await.unwrap();
        }
        let mut expected: Vec<String> = (0..25).map(|number| format!("e{number:02}")).collect();
        for limit in [1, 2, 7, 24, 25, 26] {
            let walked = walk(t, PageRequest::first(limit).ordered(Order::Asc)).await;
            assert_eq!(walked, expected, "limit {limit}");
        }
        expected.reverse();
        assert_eq!(walk(t, PageRequest::first(4)).await, expected);
    }

    /// A walk under inserts and deletes returns every execution that is there throughout, once.
    async fn a_walk_under_changes_returns_what_stays_exactly_once(t: &History) {
        for number in 0..60 {
            let instant = noon().plus(Duration::from_secs(number)).unwrap();
            let name = if number % 3 == 0 { format!("gone{number}") } else { format!("stays{number}") };
            let new = NewExecution { started_at: Some(instant), ..execution(&name) };
            t.store.start(new).await.unwrap();
        }
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            for number in 0..60_u64 {
                if number % 3 == 0 {
                    store.delete(&id(&format!("gone{number}"))).await.unwrap();
                }
                let instant = noon().plus(Duration::from_secs(number)).unwrap();
                let new = NewExecution {
                    started_at: Some(instant),
                    ..execution(&format!("new{number}"))
                };
                store.start(new).await.unwrap();
            }
        });
        let mut walked = walk(t, PageRequest::first(5)).await;
        churn.await.unwrap();
        walked.retain(|name| name.starts_with("stays"));
        let mut expected: Vec<String> =
            (0..60).filter(|n| n % 3 != 0).map(|n| format!("stays{n}")).collect();
        expected.reverse();
        assert_eq!(walked, expected);
    }

    /// A cursor whose row was deleted continues where that row was.
    async fn a_cursor_on_a_deleted_row_continues(t: &History) {
        started(t, &["a", "b", "c", "d"]).await;
        let page = t.store.list(&ExecutionFilter::default(), &PageRequest::first(2)).await.unwrap();
        t.store.delete(&id("c")).await.unwrap();
        let request = PageRequest::first(2).after(page.next.unwrap());
        let page = t.store.list(&ExecutionFilter::default(), &request).await.unwrap();
        assert_eq!(names(&page), ["b", "a"]);
    }

    /// Each part of a filter holds by itself, and all parts together.
    async fn filters_by_workflow_status_range_trace_and_tag(t: &History) {
        for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let new = NewExecution {
                workflow_id: if number % 2 == 0 { "even".into() } else { "odd".into() },
                trace_id: Some(format!("trace-{}", number / 2)),
                tags: Some(vec![format!("tag{number}"), "it's \"all\"".into()]),
                ..execution(name)
            };
            t.store.start(new).await.unwrap();
            t.clock.advance(Duration::from_secs(1)).unwrap();
        }
        t.store.succeed(&id("a")).await.unwrap();
        let none = ExecutionFilter::default;
        let even = ExecutionFilter { workflow_id: Some("even".into()), ..none() };
        assert_eq!(listed(t, even.clone()).await, ["c", "a"]);
        let running = Some(ExecutionStatus::Running);
        assert_eq!(listed(t, ExecutionFilter { status: running, ..none() }).await, ["d", "c", "b"]);
        assert_eq!(listed(t, ExecutionFilter { status: running, ..even }).await, ["c"]);
        let trace = ExecutionFilter { trace_id: Some("trace-1".into()), ..none() };
        assert_eq!(listed(t, trace).await, ["d", "c"]);
        let tagged = ExecutionFilter { tag: Some("it's \"all\"".into()), ..none() };
        assert_eq!(listed(t, tagged).await, ["d", "c", "b", "a"]);
        let tagged = ExecutionFilter { tag: Some("tag2".into()), ..none() };
        assert_eq!(listed(t, tagged).await, ["c"]);
        let tagged = ExecutionFilter { tag: Some("tag".into()), ..none() };
        assert!(listed(t, tagged).await.is_empty());
        // From is included, before is not.
        let range = ExecutionFilter {
            started_from: Some(at("2026-03-02T12:00:01Z")),
            started_before: Some(at("2026-03-02T12:00:03Z")),
            ..none()
        };
        assert_eq!(listed(t, range).await, ["c", "b"]);
    }

    /// Metadata is matched by containment, with equal results on every backend.
    async fn metadata_filters_by_containment(t: &History) {
        let rows = [
            ("flat", json!({"a": 1, "b": "x"})),
            ("float", json!({"a": 1.0})),
            ("nested", json!({"n": {"a": {"b": [1, 2, {"c": null}]}}})),
            ("quotes", json!({"q": "it's \"q\" \\ 🎉"})),
            ("array", json!({"list": ["x", "y"], "a": "1"})),
            ("empty", json!({})),
        ];
        for (name, metadata) in rows {
            let new = NewExecution { metadata: Some(metadata), ..execution(name) };
            t.store.start(new).await.unwrap();
        }
        let cases = [
            (json!({"a": 1}), vec!["flat", "float"]),
            (json!({"a": 1.0}), vec!["flat", "float"]),
            (json!({"a": "1"}), vec!["array"]),
            (json!({"n": {"a": {}}}), vec!["nested"]),
            (json!({"n": {"a": {"b": [{"c": null}, 1]}}}), vec!["nested"]),
            (json!({"n": {"b": []}}), vec![]),
            (json!({"q": "it's \"q\" \\ 🎉"}), vec!["quotes"]),
            (json!({"list": ["y"]}), vec!["array"]),
            (json!({"list": "y"}), vec![]),
            (json!({}), vec!["array", "empty", "flat", "float", "nested", "quotes"]),
        ];
        for (wanted, expected) in cases {
            let filter =
                ExecutionFilter { metadata_contains: Some(wanted.clone()), ..Default::default() };
            let mut found = listed(t, filter).await;
            found.sort_unstable();
            assert_eq!(found, expected, "{wanted}");
        }
    }

    /// A cursor of another operation, filter or order, and a damaged one, is `Invalid`.
    async fn a_foreign_or_damaged_cursor_is_invalid(t: &History) {
        started(t, &["a", "b", "c"]).await;
        t.store.append_steps(&id("a"), vec![step(json!(1)), step(json!(2))]).await.unwrap();
        let none = ExecutionFilter::default();
        let page = t.store.list(&none, &PageRequest::first(1)).await.unwrap();
        let cursor = page.next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let running =
            ExecutionFilter { status: Some(ExecutionStatus::Running), ..Default::default() };
        let of_steps = t.store.steps(&id("a"), &PageRequest::first(1)).await.unwrap().next.unwrap();
        let mut text = cursor.to_string();
        text.replace_range(3..4, if &text[3..4] == "A" { "B" } else { "A" });
        let damaged: Cursor = text.parse().unwrap();
        let refused = [
            t.store.list(&running, &after(&cursor)).await.unwrap_err(),
            t.store.list(&none, &after(&cursor).ordered(Order::Asc)).await.unwrap_err(),
            t.store.list(&none, &after(&of_steps)).await.unwrap_err(),
            t.store.list(&none, &after(&damaged)).await.unwrap_err(),
            t.store.steps(&id("a"), &after(&cursor)).await.unwrap_err(),
            t.store.steps(&id("b"), &after(&of_steps)).await.unwrap_err(),
            t.store.tasks(&id("a"), &after(&cursor)).await.unwrap_err(),
            t.store.results(&id("a"), None, &after(&cursor)).await.unwrap_err(),
            t.store.list_with_steps(&none, &after(&cursor)).await.unwrap_err(),
        ];
        for error in refused {
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "after"), "{error}");
        }
    }

    /// Limits of 0 and 1001 are `Invalid` for every listing.
    async fn limits_outside_1_to_1000_are_invalid(t: &History) {
        started(t, &["a"]).await;
        let none = ExecutionFilter::default();
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            let refused = [
                t.store.list(&none, &page).await.unwrap_err(),
                t.store.list_with_steps(&none, &page).await.unwrap_err(),
                t.store.steps(&id("a"), &page).await.unwrap_err(),
                t.store.tasks(&id("a"), &page).await.unwrap_err(),
                t.store.results(&id("a"), None, &page).await.unwrap_err(),
            ];
            for error in refused {
                assert!(matches!(&error, Error::Invalid { field, .. } if field == "limit"));
            }
        }
        assert_eq!(names(&t.store.list(&none, &PageRequest::first(1000)).await.unwrap()), ["a"]);
    }

    /// Listing 20 executions is one query.
    async fn listing_executions_is_one_query(t: &History) {
        for number in 0..30 {
            t.store.start(execution(&format!("e{number}"))).await.unwrap();
        }
        let none = ExecutionFilter::default();
        t.store.list(&none, &PageRequest::first(20)).await.unwrap();
        let before = t.statements();
        let page = t.store.list(&none, &PageRequest::first(20)).await.unwrap();
        assert_eq!(t.statements() - before, 1);
        assert_eq!(page.items.len(), 20);
    }

    /// Listing executions with their steps is two queries, whatever their number.
    async fn listing_with_steps_is_two_queries(t: &History) {
        for number in 0..30 {
            let name = format!("e{number:02}");
            t.store.start(execution(&name)).await.unwrap();
            let steps = (0..number).map(|place| step(json!([number, place]))).collect();
            t.store.append_steps(&id(&name), steps).await.unwrap();
            t.clock.advance(Duration::from_secs(1)).unwrap();
        }
        let none = ExecutionFilter::default();
        t.store.list_with_steps(&none, &PageRequest::first(20)).await.unwrap();
        let before = t.statements();
        let page = t.store.list_with_steps(&none, &PageRequest::first(20)).await.unwrap();
        assert_eq!(t.statements() - before, 2);
        assert_eq!(page.items.len(), 20);
        assert!(page.next.is_some());
        for (place, one) in page.items.iter().enumerate() {
            let number = 29 - place;
            assert_eq!(one.execution.execution_id, id(&format!("e{number:02}")));
            let payloads: Vec<_> = one.steps.iter().map(|step| step.payload.clone()).collect();
            assert_eq!(payloads, (0..number).map(|n| json!([number, n])).collect::<Vec<_>>());
        }
    }

    /// A page of executions ends at its byte budget, and always holds at least one.
    async fn a_page_of_executions_ends_at_its_byte_budget(t: &History) {
        let large = json!({"text": "x".repeat(5 * 1024 * 1024)});
        for name in ["a", "b", "c"] {
            t.store.start(NewExecution { inputs: large.clone(), ..execution(name) }).await.unwrap();
            t.clock.advance(Duration::from_secs(1)).unwrap();
        }
        let none = ExecutionFilter::default();
        let page = t.store.list(&none, &PageRequest::default()).await.unwrap();
        assert_eq!(names(&page), ["c", "b"]);
        let request = PageRequest::default().after(page.next.unwrap());
        let page = t.store.list(&none, &request).await.unwrap();
        assert_eq!(names(&page), ["a"]);
        assert!(page.next.is_none());
        assert_eq!(walk(t, PageRequest::first(2)).await, ["c", "b", "a"]);
    }

    /// A metadata filter that is no object is `Invalid`.
    async fn a_metadata_filter_must_be_an_object(t: &History) {
        let filter =
            ExecutionFilter { metadata_contains: Some(json!([1])), ..Default::default() };
        let error = t.store.list(&filter, &PageRequest::default()).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "metadata_contains"));
    }
}
