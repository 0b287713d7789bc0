//! Attempts at tasks, and what tasks leave behind.

use std::time::Duration;

use serde_json::json;
use store_core::history::{ExecutionStatus, TaskExecution, TaskResult};
use store_core::{Error, Order, PageRequest};

use crate::behaviours;
use crate::fixture::{History, noon};
use crate::samples::{at, everything, execution, id, result, task, task_id};

fn finished(execution: &str, name: &str) -> TaskExecution {
    TaskExecution {
        runtime: Some("python 3.12".into()),
        args: Some(everything()),
        result: Some(json!({"ok": true})),
        completed_at: Some(at("2026-03-02T12:00:01.5Z")),
        duration_ms: Some(1500),
        status: ExecutionStatus::Succeeded,
        ..task(execution, name, noon())
    }
}

async fn recorded(t: &History, execution: &str) -> Vec<TaskExecution> {
    t.store.tasks(&id(execution), &PageRequest::default()).await.unwrap().items
}

behaviours! {
    emits history_tasks_tests from history::tasks;

    /// Every field of an attempt comes back as it was recorded.
    async fn every_field_of_a_task_round_trips(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let failed = TaskExecution {
            attempt: 2,
            status: ExecutionStatus::Failed,
            error: Some("späße \"boom\"\n🎉".into()),
            result: None,
            ..finished("e", "a")
        };
        let null = TaskExecution { args: Some(json!(null)), ..task("e", "b", noon()) };
        for one in [finished("e", "a"), failed.clone(), null.clone()] {
            t.store.record_task(one).await.unwrap();
        }
        assert_eq!(recorded(t, "e").await, [finished("e", "a"), failed, null]);
    }

    /// Recording a running attempt again replaces it, fields that are gone too.
    async fn a_running_attempt_is_replaced(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let first = TaskExecution {
            args: Some(json!(1)),
            runtime: Some("a".into()),
            ..task("e", "t", noon())
        };
        t.store.record_task(first).await.unwrap();
        let second = task("e", "t", at("2026-03-02T12:00:01Z"));
        t.store.record_task(second.clone()).await.unwrap();
        assert_eq!(recorded(t, "e").await, [second]);
        t.store.record_task(finished("e", "t")).await.unwrap();
        assert_eq!(recorded(t, "e").await, [finished("e", "t")]);
    }

    /// Recording a finished attempt again is harmless when it is the same.
    async fn a_finished_attempt_may_be_repeated(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.record_task(finished("e", "t")).await.unwrap();
        t.store.record_task(finished("e", "t")).await.unwrap();
        assert_eq!(recorded(t, "e").await, [finished("e", "t")]);
    }

    /// A finished attempt does not change: `InvalidState`.
    async fn a_finished_attempt_does_not_change(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.record_task(finished("e", "t")).await.unwrap();
        let changes = [
            task("e", "t", noon()),
            TaskExecution { result: Some(json!(2)), ..finished("e", "t") },
            TaskExecution { status: ExecutionStatus::Cancelled, ..finished("e", "t") },
        ];
        for change in changes {
            let error = t.store.record_task(change).await.unwrap_err();
            assert!(
                matches!(&error, Error::InvalidState { entity: "task", id, from, .. }
                    if id == "e/t/1" && from == "succeeded"),
                "{error}"
            );
        }
        assert_eq!(recorded(t, "e").await, [finished("e", "t")]);
    }

    /// A task may be recorded after the execution is finished, but not for an absent one.
    async fn a_task_needs_an_execution_that_may_be_finished(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.succeed(&id("e")).await.unwrap();
        t.store.record_task(task("e", "t", noon())).await.unwrap();
        let error = t.store.record_task(task("none", "t", noon())).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "execution", id } if id == "none"));
    }

    /// An attempt that contradicts itself is `Invalid`.
    async fn an_inconsistent_task_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let wrong = [
            (TaskExecution { attempt: 0, ..task("e", "t", noon()) }, "attempt"),
            (TaskExecution { duration_ms: Some(-1), ..task("e", "t", noon()) }, "duration_ms"),
            (TaskExecution { completed_at: None, ..finished("e", "t") }, "completed_at"),
            (TaskExecution { completed_at: Some(noon()), ..task("e", "t", noon()) }, "completed_at"),
            (TaskExecution { error: Some("a\0b".into()), ..finished("e", "t") }, "error"),
            (TaskExecution { runtime: Some("a\nb".into()), ..finished("e", "t") }, "runtime"),
            (TaskExecution { args: Some(json!({"a": "\0"})), ..finished("e", "t") }, "args.a"),
        ];
        for (wrong, expected) in wrong {
            let error = t.store.record_task(wrong).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
        }
        assert!(recorded(t, "e").await.is_empty());
    }

    /// Attempts are listed by task and attempt, page by page, in both orders.
    async fn tasks_are_listed_by_task_and_attempt(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.start(execution("f")).await.unwrap();
        t.store.record_task(task("f", "a", noon())).await.unwrap();
        let mut expected = Vec::new();
        for name in ["b", "A", "ä"] {
            for attempt in [11, 2, 1] {
                let one = TaskExecution { attempt, ..task("e", name, noon()) };
                t.store.record_task(one).await.unwrap();
                expected.push((name.to_owned(), attempt));
            }
        }
        expected.sort();
        for order in [Order::Asc, Order::Desc] {
            let mut listed = Vec::new();
            let mut request = Some(PageRequest::first(2).ordered(order));
            while let Some(next) = request.take() {
                let page = t.store.tasks(&id("e"), &next).await.unwrap();
                let keys = page.items.iter().map(|one| (one.task_id.to_string(), one.attempt));
                listed.extend(keys);
                request = page.next.map(|cursor| next.after(cursor));
            }
            assert_eq!(listed, expected);
            expected.reverse();
        }
    }

    /// A result is put and read back, and putting it again replaces it.
    async fn a_result_is_put_and_replaced(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let put = t.store.put_result(result("e", "t", "k", everything())).await.unwrap();
        let expected = TaskResult {
            execution_id: id("e"),
            task_id: task_id("t"),
            key: "k".into(),
            value: everything(),
            updated_at: noon(),
        };
        assert_eq!(put, expected);
        let page = PageRequest::default();
        assert_eq!(t.store.results(&id("e"), None, &page).await.unwrap().items, [expected]);
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let put = t.store.put_result(result("e", "t", "k", json!(null))).await.unwrap();
        assert_eq!(put.value, json!(null));
        assert_eq!(put.updated_at, at("2026-03-02T12:00:01Z"));
        assert_eq!(t.store.results(&id("e"), None, &page).await.unwrap().items, [put]);
    }

    /// Keys of different tasks never collide.
    async fn keys_of_different_tasks_do_not_collide(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for (name, key) in [("a", "k"), ("b", "k"), ("a", "l"), ("a/k", "l"), ("a", "k/l")] {
            t.store.put_result(result("e", name, key, json!([name, key]))).await.unwrap();
        }
        let page = PageRequest::default();
        let all = t.store.results(&id("e"), None, &page).await.unwrap().items;
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|one| one.value == json!([one.task_id.as_str(), one.key])));
        let of_key = t.store.results(&id("e"), Some("k"), &page).await.unwrap().items;
        let tasks: Vec<_> = of_key.iter().map(|one| one.task_id.as_str()).collect();
        assert_eq!(tasks, ["a", "b"]);
    }

    /// Results are listed page by page, in both orders.
    async fn results_are_listed_by_task_and_key(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let mut expected = Vec::new();
        for (name, key) in [("b", "y"), ("a", "z"), ("b", "x"), ("a", "ä"), ("a", "Z")] {
            t.store.put_result(result("e", name, key, json!(1))).await.unwrap();
            expected.push((name.to_owned(), key.to_owned()));
        }
        expected.sort();
        for order in [Order::Asc, Order::Desc] {
            let mut listed = Vec::new();
            let mut request = Some(PageRequest::first(2).ordered(order));
            while let Some(next) = request.take() {
                let page = t.store.results(&id("e"), None, &next).await.unwrap();
                let keys = page.items.iter().map(|one| (one.task_id.to_string(), one.key.clone()));
                listed.extend(keys);
                request = page.next.map(|cursor| next.after(cursor));
            }
            assert_eq!(listed, expected);
            expected.reverse();
        }
    }

    /// A result for an absent execution is `NotFound`, one under a bad key `Invalid`.
    async fn a_result_needs_an_execution_and_a_key(t: &History) {
        let error = t.store.put_result(result("none", "t", "k", json!(1))).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "execution", id } if id == "none"));
        t.store.start(execution("e")).await.unwrap();
        for key in ["", "a\0b", &"x".repeat(256)] {
            let error = t.store.put_result(result("e", "t", key, json!(1))).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "key"), "{error}");
        }
    }

    /// Of many concurrent puts under one key one value is left, whole.
    async fn concurrent_puts_leave_one_value(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = t.store.clone();
            tasks.push(tokio::spawn(async move {
                store.put_result(result("e", "t", "k", json!(number))).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let all = t.store.results(&id("e"), None, &PageRequest::default()).await.unwrap().items;
        assert_eq!(all.len(), 1);
        assert!(all[0].value.as_i64().is_some_and(|value| (0..32).contains(&value)));
    }
}
