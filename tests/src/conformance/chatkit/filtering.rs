//! Filtering threads by what their metadata contains, and by workflow.

use serde_json::{Value, json};
use store_core::chatkit::{ChatContext, NewThread, ThreadFilter};
use store_core::json::contains;
use store_core::{Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    administrator, alice, bob, described, everything, fields, filtered, new_thread, save, saved,
    thread_ids, wait_seconds,
};

/// Metadata of threads.
fn documents() -> Vec<Value> {
    vec![
        json!({}),
        json!({"a": 1}),
        json!({"a": 1.0, "b": null}),
        json!({"a": "1", "b": {"c": 1}}),
        json!({"a": null}),
        json!({"a": [1, 2, 3]}),
        json!({"a": [1, [2, 3], {"b": 1}]}),
        json!({"a": [null, "x", {"b": [1, {"c": null}]}]}),
        json!({"a": {"b": {"c": 1, "d": [true, false]}}}),
        json!({"a": {}}),
        json!({"a": []}),
        json!({"A": 1, "späße": "日本 🎉", "it's": "\"q\"", "a.b": 1, "a/b": 2, "": 3}),
        json!({"a": "it's \"quoted\" \\ and 'more' $1 ?1 %_", "b": "a\nb"}),
        json!({"a": true, "b": false}),
        json!({"a": 9_007_199_254_740_993_i64}),
        json!({"a": 18_446_744_073_709_551_615_u64}),
        json!({"a": 0.1, "b": 1e300, "c": 0.0}),
        json!({"a": "e\u{301}"}),
        json!({"a": 1e2, "b": 100}),
        json!({"a": -0.0, "b": 1e16}),
    ]
}

/// What to look for.
fn wanted() -> Vec<Value> {
    let mut wanted = vec![
        json!({"a": 0}),
        json!({"c": -0.0}),
        json!({"a": 100}),
        json!({"b": 100.0}),
        json!({"b": 10_000_000_000_000_000_i64}),
        json!({"b": null}),
        json!({"a": [2]}),
        json!({"a": [3, 1, 1]}),
        json!({"a": [3.0]}),
        json!({"a": [[3]]}),
        json!({"a": [null]}),
        json!({"a": [{"b": 1.0}]}),
        json!({"a": [{"b": [{"c": null}]}]}),
        json!({"a": [{"b": [{}]}]}),
        json!({"a": [{}]}),
        json!({"a": [[]]}),
        json!({"a": {"b": {}}}),
        json!({"a": {"b": {"d": [false]}}}),
        json!({"a": {"b": {"d": false}}}),
        json!({"b": {"c": 1}}),
        json!({"c": 1}),
        json!({"a": false}),
        json!({"a": "\u{e9}"}),
        json!({"a": "true"}),
        json!({"a": 9_007_199_254_740_992_i64}),
        json!({"a": 1, "b": null}),
        json!({"späße": "日本 🎉"}),
        json!({"späße": "日本"}),
        json!({"it's": "\"q\"", "": 3.0}),
        json!({"'; DROP TABLE chatkit_threads; --": 1}),
    ];
    wanted.extend(documents());
    wanted
}

/// The threads that a filter finds, newest first.
async fn find(t: &Chats, cx: &ChatContext, filter: &ThreadFilter) -> Vec<String> {
    let page = t.store.filter_threads(cx, filter, &PageRequest::first(1000)).await.unwrap();
    thread_ids(&page.items).into_iter().map(str::to_owned).collect()
}

fn of_workflow(workflow: &str) -> ThreadFilter {
    ThreadFilter { workflow_id: Some(workflow.to_owned()), ..ThreadFilter::default() }
}

fn containing(value: Value) -> ThreadFilter {
    ThreadFilter { metadata_contain: Some(value), ..ThreadFilter::default() }
}

behaviours! {
    emits chatkit_filtering_tests from chatkit::filtering;

    /// Threads are found by everything their metadata contains, and by nothing else.
    async fn threads_are_found_by_what_their_metadata_contains(t: &Chats) {
        for (number, metadata) in documents().into_iter().enumerate() {
            save(t, &alice(), described(&format!("{number:02}"), metadata)).await;
        }
        for wanted in wanted() {
            let with = documents().into_iter().enumerate();
            let with = with.filter(|(_, document)| contains(document, &wanted));
            let expected: Vec<_> = with.map(|(number, _)| format!("{number:02}")).collect();
            assert_eq!(filtered(t, wanted.clone()).await, expected, "{wanted}");
        }
    }

    /// Metadata with everything contains itself and each of its parts.
    async fn metadata_contains_itself_and_its_parts(t: &Chats) {
        save(t, &alice(), described("thr_1", everything())).await;
        let parts = fields(everything()).into_iter().map(|(key, value)| json!({ key: value }));
        for wanted in parts.chain([everything(), json!({})]) {
            assert_eq!(filtered(t, wanted.clone()).await, ["thr_1"], "{wanted}");
        }
    }

    /// An empty object, and no condition at all, find every thread.
    async fn an_empty_object_finds_every_thread(t: &Chats) {
        for (name, metadata) in [("a", json!({})), ("b", json!({"x": 1}))] {
            save(t, &alice(), described(name, metadata)).await;
        }
        assert_eq!(find(t, &alice(), &containing(json!({}))).await, ["b", "a"]);
        assert_eq!(find(t, &alice(), &ThreadFilter::default()).await, ["b", "a"]);
    }

    /// Metadata is looked at, and no other JSON of the thread.
    async fn metadata_alone_is_looked_at(t: &Chats) {
        let extra = json!({"in": "extra"});
        save(t, &alice(), NewThread { extra, ..described("a", json!({"in": "metadata"})) }).await;
        assert_eq!(filtered(t, json!({"in": "metadata"})).await, ["a"]);
        assert!(filtered(t, json!({"in": "extra"})).await.is_empty());
        assert!(filtered(t, json!({"id": "a"})).await.is_empty());
    }

    /// What the context laid over is found; what was replaced is not.
    async fn threads_are_found_by_what_is_stored_now(t: &Chats) {
        let cx = alice().with_metadata(fields(json!({"tenant": 7})));
        save(t, &cx, described("a", json!({"tenant": 1, "old": true}))).await;
        assert_eq!(filtered(t, json!({"tenant": 7, "old": true})).await, ["a"]);
        assert!(filtered(t, json!({"tenant": 1})).await.is_empty());
        save(t, &cx, described("a", json!({"new": true}))).await;
        assert!(filtered(t, json!({"old": true})).await.is_empty());
        assert_eq!(filtered(t, json!({"new": true})).await, ["a"]);
    }

    /// Threads are found by their workflow, spelt exactly.
    async fn threads_are_found_by_their_workflow(t: &Chats) {
        for (name, workflow) in [("a", "w"), ("b", "W"), ("c", "w "), ("d", "w'%"), ("e", "w")] {
            save(t, &alice().with_workflow(workflow), new_thread(name)).await;
        }
        saved(t, "f").await;
        assert_eq!(find(t, &alice(), &of_workflow("w")).await, ["e", "a"]);
        for (workflow, name) in [("W", "b"), ("w ", "c"), ("w'%", "d")] {
            assert_eq!(find(t, &alice(), &of_workflow(workflow)).await, [name]);
        }
        assert!(find(t, &alice(), &of_workflow("%")).await.is_empty());
    }

    /// The workflow of the context does not narrow what is found.
    async fn the_workflow_of_the_context_does_not_narrow(t: &Chats) {
        save(t, &alice().with_workflow("w"), new_thread("a")).await;
        saved(t, "b").await;
        let cx = alice().with_workflow("other");
        assert_eq!(find(t, &cx, &ThreadFilter::default()).await, ["b", "a"]);
        assert_eq!(find(t, &cx, &of_workflow("w")).await, ["a"]);
        let page = t.store.load_threads(&cx, &PageRequest::default()).await.unwrap();
        assert_eq!(thread_ids(&page.items), ["b", "a"]);
    }

    /// All conditions must hold.
    async fn all_conditions_of_a_filter_must_hold(t: &Chats) {
        for (name, workflow, value) in [("a", "w", 1), ("b", "w", 2), ("c", "v", 1)] {
            let cx = alice().with_workflow(workflow);
            save(t, &cx, described(name, json!({"k": value}))).await;
        }
        let both = |value: i32, workflow: &str| ThreadFilter {
            metadata_contain: Some(json!({"k": value})),
            ..of_workflow(workflow)
        };
        assert_eq!(find(t, &alice(), &both(1, "w")).await, ["a"]);
        assert!(find(t, &alice(), &both(2, "v")).await.is_empty());
    }

    /// Only threads of the context's owner are found; an administrator finds all.
    async fn filters_find_threads_of_the_owner(t: &Chats) {
        for (cx, name) in [(alice(), "a"), (bob(), "b")] {
            save(t, &cx.with_workflow("w"), described(name, json!({"k": 1}))).await;
        }
        let filter = ThreadFilter { metadata_contain: Some(json!({"k": 1})), ..of_workflow("w") };
        assert_eq!(find(t, &alice(), &filter).await, ["a"]);
        assert_eq!(find(t, &bob(), &filter).await, ["b"]);
        assert_eq!(find(t, &administrator(), &filter).await, ["b", "a"]);
    }

    /// Found threads are paged like listed ones, in both orders, whatever lies between them.
    async fn pages_of_found_threads_have_no_gap(t: &Chats) {
        for number in 0..30 {
            let metadata = json!({"third": number % 3 == 0});
            save(t, &alice(), described(&format!("t{number:02}"), metadata)).await;
            wait_seconds(t, u64::from(number % 4 == 0));
        }
        let filter = containing(json!({"third": true}));
        let mut expected: Vec<_> = (0..30).step_by(3).map(|n| format!("t{n:02}")).collect();
        for order in [Order::Asc, Order::Desc] {
            for limit in [1, 3, 10, 11] {
                let mut walked = Vec::new();
                let mut request = Some(PageRequest::first(limit).ordered(order));
                while let Some(next) = request.take() {
                    let page = t.store.filter_threads(&alice(), &filter, &next).await.unwrap();
                    assert!(page.items.len() <= limit as usize);
                    walked.extend(page.items.into_iter().map(|thread| thread.id.into_string()));
                    request = page.next.map(|cursor| next.after(cursor));
                }
                assert_eq!(walked, expected, "{order:?} {limit}");
            }
            expected.reverse();
        }
    }

    /// A filter that is no object, or holds what JSON may not, is `Invalid`.
    async fn a_bad_filter_is_invalid(t: &Chats) {
        saved(t, "a").await;
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let bad = [
            (json!(null), "metadata_contain"),
            (json!([]), "metadata_contain"),
            (json!([{"a": 1}]), "metadata_contain"),
            (json!("a"), "metadata_contain"),
            (json!(1), "metadata_contain"),
            (json!(true), "metadata_contain"),
            (json!({"a": "x\0"}), "metadata_contain"),
            (json!({"a\0": 1}), "metadata_contain"),
            (json!({"a": deep}), "metadata_contain"),
        ];
        let page = PageRequest::default();
        for (value, field) in bad {
            let answer = t.store.filter_threads(&alice(), &containing(value), &page).await;
            assert_invalid(answer, field);
        }
        let long = "x".repeat(256);
        for workflow in ["", "a\0", "\n", &long] {
            let answer = t.store.filter_threads(&alice(), &of_workflow(workflow), &page).await;
            assert_invalid(answer, "workflow_id");
        }
    }
}
