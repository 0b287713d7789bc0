//! Workers: what they say about themselves, and who is alive.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::queue::{NewWorker, RegisteredWorker};
use store_core::{Order, PageRequest};

use crate::behaviours;
use crate::conformance::workflow::{assert_invalid, assert_not_found};
use crate::fixture::{Workflows, noon};
use crate::samples::time;

const MINUTE: Duration = Duration::from_secs(60);

fn full_worker() -> NewWorker {
    NewWorker {
        id: "späher/1".into(),
        capabilities: vec!["gpu".into(), "日本語".into(), "gpu".into()],
        metadata: json!({"host": "späße 🎉", "cores": 8, "nested": {"a": [1, 2.5, null]}}),
    }
}

async fn register(t: &Workflows, id: &str) -> RegisteredWorker {
    t.store.register_worker(NewWorker::new(id)).await.unwrap()
}

/// The ids of the workers that are alive, or of all.
async fn listed(t: &Workflows, alive_within: Option<Duration>) -> Vec<String> {
    let page = t.store.list_workers(alive_within, &PageRequest::default()).await.unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|worker| worker.id).collect()
}

behaviours! {
    emits queue_workers_tests from queue::workers;

    /// A worker is listed with everything it was registered with.
    async fn a_worker_round_trips(t: &Workflows) {
        let registered = t.store.register_worker(full_worker()).await.unwrap();
        let expected = RegisteredWorker {
            id: full_worker().id,
            capabilities: full_worker().capabilities,
            metadata: full_worker().metadata,
            registered_at: noon(),
            heartbeat_at: noon(),
        };
        assert_eq!(registered, expected);
        let other = t.reopened().await;
        let page = other.list_workers(None, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [expected]);
    }

    /// A worker needs no capabilities and no metadata.
    async fn a_worker_needs_no_more_than_its_id(t: &Workflows) {
        let worker = register(t, "w").await;
        assert_eq!(worker.capabilities, [""; 0]);
        assert_eq!(worker.metadata, json!({}));
    }

    /// Registering again renews everything about a worker, and there is still one of it.
    async fn registering_again_renews_everything(t: &Workflows) {
        t.store.register_worker(full_worker()).await.unwrap();
        t.clock.set(time("12:05:00"));
        let again = NewWorker { metadata: json!({"v": 2}), ..NewWorker::new("späher/1") };
        let registered = t.store.register_worker(again).await.unwrap();
        let expected = RegisteredWorker {
            id: "späher/1".into(),
            capabilities: Vec::new(),
            metadata: json!({"v": 2}),
            registered_at: time("12:05:00"),
            heartbeat_at: time("12:05:00"),
        };
        assert_eq!(registered, expected);
        let page = t.store.list_workers(None, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [expected]);
    }

    /// A heartbeat says when a worker was last there, and nothing else about it.
    async fn a_heartbeat_changes_nothing_else(t: &Workflows) {
        let registered = t.store.register_worker(full_worker()).await.unwrap();
        register(t, "other").await;
        t.clock.set(time("12:00:30"));
        t.store.heartbeat_worker("späher/1").await.unwrap();
        let page = t.store.list_workers(None, &PageRequest::default()).await.unwrap();
        let expected = RegisteredWorker { heartbeat_at: time("12:00:30"), ..registered };
        assert_eq!(page.items[1], expected);
        assert_eq!((page.items[0].id.as_str(), page.items[0].heartbeat_at), ("other", noon()));
    }

    /// Who is not registered, or was forgotten, has no heartbeat.
    async fn an_unknown_worker_has_no_heartbeat(t: &Workflows) {
        for id in ["w", "", "a\0b", &"x".repeat(256)] {
            assert_not_found(t.store.heartbeat_worker(id).await);
        }
        register(t, "w").await;
        assert_not_found(t.store.heartbeat_worker("W").await);
        t.store.heartbeat_worker("w").await.unwrap();
        t.store.deregister_worker("w").await.unwrap();
        assert_not_found(t.store.heartbeat_worker("w").await);
        assert_eq!(listed(t, None).await, [""; 0]);
        register(t, "w").await;
        t.store.heartbeat_worker("w").await.unwrap();
    }

    /// Forgetting a worker again, or one that never was, is no error.
    async fn a_worker_is_forgotten_once_and_again(t: &Workflows) {
        register(t, "a").await;
        register(t, "b").await;
        for id in ["a", "a", "never", "", "a\0b", &"x".repeat(256)] {
            t.store.deregister_worker(id).await.unwrap();
        }
        assert_eq!(listed(t, None).await, ["b"]);
    }

    /// Alive are those that said so within the time, to the microsecond.
    async fn alive_is_who_said_so_within_the_time(t: &Workflows) {
        register(t, "early").await;
        t.clock.set(time("12:00:30"));
        register(t, "late").await;
        t.clock.set(time("12:01:00"));
        assert_eq!(listed(t, Some(MINUTE)).await, ["early", "late"]);
        assert_eq!(listed(t, Some(MINUTE - Duration::from_micros(1))).await, ["late"]);
        assert_eq!(listed(t, Some(MINUTE / 2)).await, ["late"]);
        assert_eq!(listed(t, Some(Duration::ZERO)).await, [""; 0]);
        t.store.heartbeat_worker("early").await.unwrap();
        assert_eq!(listed(t, Some(Duration::ZERO)).await, ["early"]);
        for all in [None, Some(Duration::MAX), Some(MINUTE * 60 * 24 * 365 * 100)] {
            assert_eq!(listed(t, all).await, ["early", "late"]);
        }
    }

    /// Workers are listed by the bytes of their ids, in either direction.
    async fn workers_are_listed_by_id(t: &Workflows) {
        for id in ["b", "a", "B", "ä", "a-1", "🎉", "a_1", "é"] {
            register(t, id).await;
        }
        let mut sorted = ["b", "a", "B", "ä", "a-1", "🎉", "a_1", "é"];
        sorted.sort_unstable();
        assert_eq!(listed(t, None).await, sorted);
        let descending = PageRequest::default().ordered(Order::Desc);
        let page = t.store.list_workers(None, &descending).await.unwrap();
        let ids: Vec<_> = page.items.iter().rev().map(|worker| worker.id.as_str()).collect();
        assert_eq!(ids, sorted);
    }

    /// Pages follow each other without gaps and repeats, also while workers come and go.
    async fn workers_are_listed_in_pages(t: &Workflows) {
        for number in 0..7 {
            register(t, &format!("w{number}")).await;
        }
        for (order, expected) in [
            (Order::Asc, ["w0", "w1", "w2", "w4", "w5", "w6"]),
            (Order::Desc, ["w6", "w5", "w4", "w2", "w1", "w0"]),
        ] {
            register(t, "w3").await;
            let mut request = PageRequest::first(3).ordered(order);
            let first = t.store.list_workers(None, &request).await.unwrap();
            let mut ids: Vec<_> = first.items.into_iter().map(|worker| worker.id).collect();
            t.store.deregister_worker("w3").await.unwrap();
            let mut next = first.next;
            while let Some(cursor) = next {
                request = request.after(cursor);
                let page = t.store.list_workers(None, &request).await.unwrap();
                ids.extend(page.items.into_iter().map(|worker| worker.id));
                next = page.next;
            }
            assert_eq!(ids, expected);
        }
    }

    /// A cursor belongs to its filter.
    async fn a_cursor_of_workers_belongs_to_its_filter(t: &Workflows) {
        register(t, "a").await;
        register(t, "b").await;
        let page = t.store.list_workers(None, &PageRequest::first(1)).await.unwrap();
        let after = PageRequest::first(1).after(page.next.unwrap());
        assert_invalid(t.store.list_workers(Some(MINUTE), &after).await, "after");
        assert_invalid(t.store.list_counters("", &after).await, "after");
        assert_invalid(t.store.list_workers(None, &PageRequest::first(0)).await, "limit");
        assert_eq!(t.store.list_workers(None, &after).await.unwrap().items[0].id, "b");
    }

    /// A page ends at its bytes, and the next one continues after it.
    async fn a_page_of_workers_ends_at_its_bytes(t: &Workflows) {
        for id in ["a", "b", "c"] {
            let metadata = json!({"big": "x".repeat(5 * 1024 * 1024)});
            let worker = NewWorker { metadata, ..NewWorker::new(id) };
            t.store.register_worker(worker).await.unwrap();
        }
        let first = t.store.list_workers(None, &PageRequest::default()).await.unwrap();
        let ids: Vec<_> = first.items.iter().map(|worker| worker.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        let after = PageRequest::default().after(first.next.unwrap());
        let second = t.store.list_workers(None, &after).await.unwrap();
        assert_eq!((second.items[0].id.as_str(), second.next), ("c", None));
    }

    /// Workers that were silent for longer than the time are forgotten and counted.
    async fn silent_workers_are_pruned(t: &Workflows) {
        register(t, "a").await;
        register(t, "b").await;
        t.clock.set(time("12:01:00"));
        register(t, "c").await;
        t.store.heartbeat_worker("b").await.unwrap();
        assert_eq!(t.store.prune_workers(Duration::MAX).await.unwrap(), 0);
        assert_eq!(t.store.prune_workers(MINUTE).await.unwrap(), 0, "alive within a minute");
        t.clock.set(time("12:01:01"));
        assert_eq!(t.store.prune_workers(MINUTE).await.unwrap(), 1);
        assert_eq!(listed(t, None).await, ["b", "c"]);
        assert_eq!(t.store.prune_workers(MINUTE).await.unwrap(), 0);
        assert_eq!(t.store.prune_workers(Duration::ZERO).await.unwrap(), 2);
        assert_eq!(listed(t, None).await, [""; 0]);
    }

    /// What a worker says about itself is checked, and nothing is registered otherwise.
    async fn what_workers_say_is_checked(t: &Workflows) {
        for id in ["", "a\0b", &"x".repeat(256)] {
            assert_invalid(t.store.register_worker(NewWorker::new(id)).await, "id");
        }
        for capabilities in [
            vec!["x".to_owned(); 65],
            vec![String::new()],
            vec!["x".repeat(256)],
            vec!["ok".into(), "a\0".into()],
        ] {
            let worker = NewWorker { capabilities, ..NewWorker::new("w") };
            assert_invalid(t.store.register_worker(worker).await, "capabilities");
        }
        for metadata in [Value::Null, json!([]), json!("text"), json!(7), json!({"a": "\0"})] {
            let worker = NewWorker { metadata, ..NewWorker::new("w") };
            assert_invalid(t.store.register_worker(worker).await, "metadata");
        }
        assert_eq!(listed(t, None).await, [""; 0]);
        let capabilities = vec!["x".repeat(255); 64];
        let worker = NewWorker { capabilities, ..NewWorker::new("x".repeat(255)) };
        t.store.register_worker(worker).await.unwrap();
    }

    /// One worker that registers 32 times at once on two handles is there once.
    async fn concurrent_registrations_leave_one_worker(t: &Workflows) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let metadata = json!({ "number": number });
                let worker = NewWorker { metadata, ..NewWorker::new("w") };
                store.register_worker(worker).await.unwrap()
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap().id, "w");
        }
        assert_eq!(listed(t, None).await, ["w"]);
    }

    /// Workers of another database are not seen.
    async fn workers_of_another_database_are_not_seen(t: &Workflows) {
        let other = t.other().await;
        other.register_worker(NewWorker::new("w")).await.unwrap();
        assert_eq!(listed(t, None).await, [""; 0]);
        assert_not_found(t.store.heartbeat_worker("w").await);
        assert_eq!(t.store.prune_workers(Duration::ZERO).await.unwrap(), 0);
        t.store.deregister_worker("w").await.unwrap();
        other.heartbeat_worker("w").await.unwrap();
    }
}
