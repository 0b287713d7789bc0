//! Listing the checkpoints of a thread: filters, order, pages.

use serde_json::{Value, json};
use store_core::checkpoints::graph::{ChannelValue, GraphFilter};
use store_core::json::contains;
use store_core::{Cursor, Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    all_states, checkpoint_id, everything, full_graph_step, graph_states, graph_step, graph_write,
    put_writes, step_numbers, thread, written,
};

fn ns(name: &str) -> GraphFilter {
    GraphFilter { checkpoint_ns: Some(name.to_owned()), ..GraphFilter::default() }
}

fn saying(metadata: Value) -> GraphFilter {
    GraphFilter { metadata: Some(metadata), ..GraphFilter::default() }
}

fn before(number: u64) -> GraphFilter {
    GraphFilter { before: Some(checkpoint_id(number)), ..GraphFilter::default() }
}

/// The numbers of what a filter means, newest first.
async fn listed(t: &Graphs, filter: &GraphFilter) -> Vec<u64> {
    step_numbers(&graph_states(t, "t", filter).await)
}

/// Walks all pages of a thread.
async fn walk(t: &Graphs, filter: &GraphFilter, first: PageRequest) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list(&thread("t"), filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        let spaces = page.items.iter().map(|state| state.config.checkpoint_ns.clone());
        all.extend(step_numbers(&page.items).into_iter().zip(spaces));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits graph_listing_tests from graph::listing;

    /// The greatest id comes first, or the smallest when asked.
    async fn the_greatest_id_is_listed_first(t: &Graphs) {
        for number in [2, 900_000, 1, 70_000] {
            graph_step("t", number).put(t).await;
        }
        assert_eq!(listed(t, &GraphFilter::default()).await, [900_000, 70_000, 2, 1]);
        let asc = PageRequest::default().ordered(Order::Asc);
        let page = t.store.list(&thread("t"), &GraphFilter::default(), &asc).await.unwrap();
        assert_eq!(step_numbers(&page.items), [1, 2, 70_000, 900_000]);
        assert_eq!(page.next, None);
    }

    /// What is listed is what is fetched: values, parents, metadata, writes.
    async fn what_is_listed_is_what_is_fetched_of_a_thread(t: &Graphs) {
        let full = full_graph_step("t", 5);
        full.clone().put(t).await;
        graph_step("t", 1).value("a", "1", "a1").value("b", "1", "b1").put(t).await;
        graph_step("t", 2).after(1).channel("a", "1").value("b", "2", "b2").put(t).await;
        graph_step("t", 3).channel("a", "1").channel("c", "1").put(t).await;
        let reference = graph_step("t", 2).reference();
        let writes = vec![graph_write(1, "x", "2"), graph_write(0, "x", "1"), graph_write(-1, "e", "3")];
        put_writes(t, &reference, "task", "path", writes).await;
        put_writes(t, &full.reference(), "task", "path", vec![graph_write(0, "a", "a1")]).await;
        let states = all_states(t, "t").await;
        assert_eq!(states.len(), 4);
        for state in states {
            let (ns, id) = (&state.config.checkpoint_ns, Some(state.checkpoint.id));
            let fetched = t.store.fetch(&thread("t"), ns, id).await.unwrap();
            assert_eq!(fetched, Some(state));
        }
    }

    /// An unknown thread, or namespace, has no checkpoints.
    async fn an_unknown_thread_has_no_checkpoints(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        assert!(all_states(t, "unknown").await.is_empty());
        assert!(listed(t, &ns("unknown")).await.is_empty());
    }

    /// All namespaces are listed by id and then by namespace, or one when asked.
    async fn namespaces_are_listed_together_or_alone(t: &Graphs) {
        for (number, name) in [(1, ""), (3, "b"), (2, "a"), (4, ""), (3, "B"), (3, ""), (3, "ä")] {
            graph_step("t", number).ns(name).put(t).await;
        }
        let expected =
            [(4, ""), (3, "ä"), (3, "b"), (3, "B"), (3, ""), (2, "a"), (1, "")];
        let mut expected: Vec<_> =
            expected.into_iter().map(|(number, name)| (number, name.to_owned())).collect();
        let all = GraphFilter::default();
        for limit in [1, 2, 3, 7, 8] {
            assert_eq!(walk(t, &all, PageRequest::first(limit)).await, expected, "limit {limit}");
        }
        expected.reverse();
        for limit in [1, 2, 3, 7, 8] {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &all, asc).await, expected, "limit {limit}");
        }
        assert_eq!(listed(t, &ns("")).await, [4, 3, 1]);
        assert_eq!(listed(t, &ns("b")).await, [3]);
        assert_eq!(listed(t, &ns("a")).await, [2]);
    }

    /// Only checkpoints of a smaller id are listed before one, stored or not.
    async fn only_smaller_ids_are_listed_before_one(t: &Graphs) {
        for number in [1, 2, 4, 5] {
            graph_step("t", number).put(t).await;
        }
        graph_step("t", 2).ns("sub").put(t).await;
        for (number, expected) in
            [(1, vec![]), (2, vec![1]), (3, vec![2, 2, 1]), (5, vec![4, 2, 2, 1]), (9, vec![5, 4, 2, 2, 1])]
        {
            assert_eq!(listed(t, &before(number)).await, expected, "before {number}");
            let asc = PageRequest::first(2).ordered(Order::Asc);
            let mut walked: Vec<_> = walk(t, &before(number), asc).await.into_iter().map(|(n, _)| n).collect();
            walked.reverse();
            assert_eq!(walked, expected, "before {number}");
        }
    }

    /// Metadata is filtered as PostgreSQL's containment does.
    async fn metadata_of_checkpoints_is_filtered_by_containment(t: &Graphs) {
        let documents = [
            json!({"source": "loop", "step": 1, "parents": {}}),
            json!({"source": "input", "step": 2, "writes": null}),
            json!({"source": "loop", "step": 3.0, "tags": ["a", "b", ["c"]]}),
            json!({"step": 4, "nested": {"a": {"b": 1, "c": [1, 2]}, "d": null}}),
            json!({"step": 5, "späße": "日本", "it's": "\"q\""}),
            json!({"step": 6, "nested": {"a": {"b": 1.0}}, "tags": []}),
        ];
        let wanted = [
            json!({}), json!({"source": "loop"}), json!({"source": "Loop"}), json!({"step": 2}),
            json!({"step": 2.0}), json!({"step": 3}), json!({"step": "3"}), json!({"writes": null}),
            json!({"parents": {}}), json!({"tags": ["b"]}), json!({"tags": ["b", "a", "a"]}),
            json!({"tags": []}), json!({"tags": [["c"]]}), json!({"tags": "a"}),
            json!({"nested": {"a": {"b": 1}}}), json!({"nested": {"a": {"c": [2]}}}),
            json!({"nested": {"d": null}}), json!({"nested": {}}), json!({"späße": "日本"}),
            json!({"it's": "\"q\""}), json!({"a": {"b": 1}}), json!({"source": "loop", "step": 1}),
        ];
        for (number, document) in (1..).zip(&documents) {
            graph_step("t", number).metadata(document.clone()).put(t).await;
        }
        for filter in wanted {
            let states = graph_states(t, "t", &saying(filter.clone())).await;
            let found: Vec<_> = states.into_iter().rev().map(|state| state.metadata).collect();
            let expected: Vec<_> =
                documents.iter().filter(|document| contains(document, &filter)).cloned().collect();
            assert_eq!(found, expected, "{filter}");
        }
    }

    /// All parts of a filter hold together.
    async fn all_parts_of_a_filter_hold_together(t: &Graphs) {
        for number in 1..=6 {
            let metadata = json!({"step": number, "odd": number % 2 == 1});
            for name in ["", "sub"] {
                graph_step("t", number).ns(name).metadata(metadata.clone()).put(t).await;
            }
        }
        let filter = GraphFilter {
            checkpoint_ns: Some("sub".into()),
            metadata: Some(json!({"odd": true})),
            before: Some(checkpoint_id(5)),
        };
        let all = walk(t, &filter, PageRequest::first(1)).await;
        assert_eq!(all, [(3, "sub".to_owned()), (1, "sub".to_owned())]);
    }

    /// Pages follow each other without gap or overlap, in both orders.
    async fn pages_of_a_thread_have_no_gap_and_no_overlap(t: &Graphs) {
        for number in 1..=13 {
            graph_step("t", number).value("a", &number.to_string(), "x").put(t).await;
            graph_step("u", number).put(t).await;
        }
        let mut expected: Vec<_> = (1..=13).map(|number| (number, String::new())).collect();
        for limit in [1, 2, 5, 12, 13, 14] {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &GraphFilter::default(), asc).await, expected, "limit {limit}");
        }
        expected.reverse();
        assert_eq!(walk(t, &ns(""), PageRequest::first(4)).await, expected);
    }

    /// A walk under puts and deletes returns what stays, each once, with its values.
    async fn a_walk_of_a_thread_under_changes_returns_what_stays(t: &Graphs) {
        for number in 1..=40 {
            let step = graph_step("t", number * 10).channel("a", "1");
            let step = if number == 1 { step.value("a", "1", "shared") } else { step };
            let step = step.metadata(json!({"step": number * 10, "run_id": format!("r{}", number % 2)}));
            step.put(t).await;
        }
        let store = t.reopened().await;
        let churn = tokio::spawn(async move {
            for number in (1..=39).rev() {
                let step = graph_step("t", number * 10 + 5).value("b", &number.to_string(), "new");
                step.try_put(store.as_ref()).await.unwrap();
                if number == 20 {
                    assert_eq!(store.delete_for_runs(&["r1".into()]).await.unwrap(), 20);
                }
            }
        });
        let mut walked = Vec::new();
        let mut request = Some(PageRequest::first(3));
        while let Some(next) = request.take() {
            let page = t.store.list(&thread("t"), &ns(""), &next).await.unwrap();
            walked.extend(page.items);
            request = page.next.map(|cursor| next.after(cursor));
        }
        churn.await.unwrap();
        walked.retain(|state| state.metadata["run_id"] == "r0");
        assert!(walked.iter().all(|state| state.values["a"].bytes == b"shared"));
        let expected: Vec<u64> = (1..=40).rev().filter(|n| n % 2 == 0).map(|n| n * 10).collect();
        assert_eq!(step_numbers(&walked), expected);
    }

    /// A page ends early at large values, and the walk still finds all, whole.
    async fn a_page_of_large_values_ends_early(t: &Graphs) {
        for number in 1..=12_u64 {
            let seed = u8::try_from(number).unwrap();
            let bytes: Vec<u8> = (0..2_u32 << 20)
                .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0] ^ seed)
                .collect();
            let value = ChannelValue::new("bytes", bytes);
            graph_step("t", number).typed("big", &number.to_string(), value).put(t).await;
        }
        let all = GraphFilter::default();
        let page = t.store.list(&thread("t"), &all, &PageRequest::first(1000)).await.unwrap();
        assert!((1..12).contains(&page.items.len()), "{}", page.items.len());
        assert!(page.next.is_some());
        let states = all_states(t, "t").await;
        assert_eq!(step_numbers(&states), (1..=12).rev().collect::<Vec<_>>());
        assert!(states.iter().all(|state| state.values["big"].bytes.len() == 2 << 20));
    }

    /// A checkpoint that alone is larger than a page is on a page of its own.
    async fn a_checkpoint_larger_than_a_page_is_listed(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "small").put(t).await;
        let value = ChannelValue::new("bytes", vec![7; 9 << 20]);
        graph_step("t", 2).typed("a", "2", value).put(t).await;
        graph_step("t", 3).value("a", "3", "small").put(t).await;
        assert_eq!(listed(t, &GraphFilter::default()).await, [3, 2, 1]);
        let asc = PageRequest::first(10).ordered(Order::Asc);
        let walked = walk(t, &GraphFilter::default(), asc).await;
        assert_eq!(walked.into_iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// Each listed checkpoint has its own writes.
    async fn each_listed_checkpoint_has_its_own_writes(t: &Graphs) {
        for (number, name) in [(1, ""), (2, ""), (2, "sub"), (3, "")] {
            let step = graph_step("t", number).ns(name).metadata(everything());
            step.clone().put(t).await;
            let write = graph_write(0, "a", &format!("{number}{name}"));
            put_writes(t, &step.reference(), "task", "", vec![write]).await;
        }
        // That of a checkpoint that is not there is not listed.
        let write = graph_write(0, "a", "none");
        put_writes(t, &graph_step("t", 4).reference(), "task", "", vec![write]).await;
        let texts: Vec<_> = all_states(t, "t").await.iter().map(|s| written(s)[0].3.clone()).collect();
        assert_eq!(texts, ["3", "2sub", "2", "1"]);
    }

    /// A cursor of another thread, filter or order, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_a_thread_is_invalid(t: &Graphs) {
        for name in ["t", "u"] {
            for number in 1..=3 {
                graph_step(name, number).put(t).await;
            }
        }
        let all = GraphFilter::default();
        let page = t.store.list(&thread("t"), &all, &PageRequest::first(1)).await.unwrap();
        let cursor = page.next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        assert_invalid(t.store.list(&thread("u"), &all, &after(&cursor)).await, "after");
        let asc = after(&cursor).ordered(Order::Asc);
        assert_invalid(t.store.list(&thread("t"), &all, &asc).await, "after");
        for filter in [ns(""), saying(json!({})), before(3)] {
            let answer = t.store.list(&thread("t"), &filter, &after(&cursor)).await;
            assert_invalid(answer, "after");
        }
        let damaged = after(&"abc".parse().unwrap());
        assert_invalid(t.store.list(&thread("t"), &all, &damaged).await, "after");
    }
}
