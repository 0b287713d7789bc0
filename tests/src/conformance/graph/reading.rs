//! Reading checkpoints: the latest and by id, namespaces, threads, parents.

use store_core::checkpoints::graph::GraphConfig;

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{checkpoint_id, graph_state, graph_step, latest_state, thread, uuid};

behaviours! {
    emits graph_reading_tests from graph::reading;

    /// What is not there is nothing: a thread, a namespace, an id.
    async fn what_is_not_there_is_nothing(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        let cases = [
            ("unknown", "", None),
            ("unknown", "", Some(checkpoint_id(1))),
            ("t", "unknown", None),
            ("t", "unknown", Some(checkpoint_id(1))),
            ("t", "", Some(checkpoint_id(2))),
            ("T", "", None),
        ];
        for (name, ns, id) in cases {
            assert_eq!(t.store.fetch(&thread(name), ns, id).await.unwrap(), None, "{name} {ns}");
        }
    }

    /// The latest is the one of the greatest id, whenever it was put.
    async fn the_latest_is_the_one_of_the_greatest_id(t: &Graphs) {
        for (number, latest) in [(5, 5), (3, 5), (900_000, 900_000), (70_000, 900_000)] {
            graph_step("t", number).put(t).await;
            let read = latest_state(t, "t").await.unwrap();
            assert_eq!(read.checkpoint.id, checkpoint_id(latest));
        }
        // Put again, an old one is still an old one.
        graph_step("t", 3).metadata(serde_json::json!({"again": 1})).put(t).await;
        assert_eq!(latest_state(t, "t").await.unwrap().checkpoint.id, checkpoint_id(900_000));
    }

    /// Each checkpoint is read by its id.
    async fn each_checkpoint_is_read_by_its_id(t: &Graphs) {
        let mut expected = Vec::new();
        for number in 1..=5 {
            let step = graph_step("t", number).value("a", &number.to_string(), "x");
            expected.push(step.put(t).await);
        }
        for (number, expected) in (1..).zip(expected) {
            assert_eq!(graph_state(t, "t", number).await, expected);
        }
    }

    /// Ids of version 6 are kept and ordered as those of version 7.
    async fn ids_of_version_6_are_kept_and_ordered(t: &Graphs) {
        for number in [2, 900_000, 70_000] {
            let step = graph_step("t", number).id(uuid(6, number));
            let config = GraphConfig { parent_id: Some(uuid(6, 1)), ..step.config.clone() };
            let expected = crate::samples::GraphStep { config, ..step }.put(t).await;
            let id = Some(uuid(6, number));
            assert_eq!(t.store.fetch(&thread("t"), "", id).await.unwrap(), Some(expected));
        }
        assert_eq!(latest_state(t, "t").await.unwrap().checkpoint.id, uuid(6, 900_000));
        let numbers = crate::samples::step_numbers(&crate::samples::all_states(t, "t").await);
        assert_eq!(numbers, [900_000, 70_000, 2]);
    }

    /// Ids are ordered by all of their bytes.
    async fn ids_are_ordered_by_all_of_their_bytes(t: &Graphs) {
        let texts = [
            "00000000-0000-7000-8000-000000000001",
            "00000000-0000-7000-8000-0000000000ff",
            "00000000-0000-7000-8000-ff0000000000",
            "00000000-0000-7000-bfff-ffffffffffff",
            "00000000-0000-7fff-8000-000000000000",
            "00000000-00ff-7000-8000-000000000000",
            "7fffffff-ffff-7000-8000-000000000000",
            "80000000-0000-7000-8000-000000000000",
            "ffffffff-ffff-7fff-bfff-ffffffffffff",
        ];
        // The greatest is put last, first and in the middle: the order of puts says nothing.
        for at in [8, 0, 4, 2, 6, 1, 3, 5, 7] {
            graph_step("t", at).id(texts[at as usize].parse().unwrap()).put(t).await;
        }
        let states = crate::samples::all_states(t, "t").await;
        let ids: Vec<String> = states.iter().rev().map(|s| s.checkpoint.id.to_string()).collect();
        assert_eq!(ids, texts);
        assert_eq!(latest_state(t, "t").await.unwrap().checkpoint.id.to_string(), texts[8]);
    }

    /// Namespaces of a thread have nothing to do with each other, byte by byte.
    async fn namespaces_are_told_apart_byte_by_byte(t: &Graphs) {
        let long = "x".repeat(255);
        let names = ["", "a", "A", "a|b", "a:b", "ä", " ", "'", "%", "日本:🎉", &long];
        let mut expected = Vec::new();
        for (number, ns) in (1..).zip(names) {
            // The same id everywhere, and a greater one in each.
            graph_step("t", 1).id(checkpoint_id(1)).ns(ns).value("a", "1", ns).put(t).await;
            let step = graph_step("t", number + 1).ns(ns).channel("a", "1");
            step.put(t).await;
            expected.push(number + 1);
        }
        for (ns, number) in names.into_iter().zip(expected) {
            let read = t.store.fetch(&thread("t"), ns, None).await.unwrap().unwrap();
            assert_eq!(read.config.checkpoint_ns, ns);
            assert_eq!(read.checkpoint.id, checkpoint_id(number));
            assert_eq!(read.values["a"], crate::samples::text_value(ns));
        }
    }

    /// Threads have nothing to do with each other, byte by byte.
    async fn threads_are_told_apart_byte_by_byte(t: &Graphs) {
        let long = "ä".repeat(127);
        let names = ["t", "T", " t", "ä", "a\u{308}", "'; DROP TABLE x --", "%", "🎉", &long];
        for (number, name) in (1..).zip(names) {
            graph_step(name, number).value("a", "1", name).put(t).await;
        }
        for (number, name) in (1..).zip(names) {
            let read = latest_state(t, name).await.unwrap();
            assert_eq!(read.checkpoint.id, checkpoint_id(number));
            assert_eq!(read.values["a"], crate::samples::text_value(name));
            assert_eq!(crate::samples::all_states(t, name).await, [read]);
        }
    }

    /// A parent is kept, stored or not.
    async fn the_parent_of_a_graph_checkpoint_is_kept(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        graph_step("t", 2).after(1).put(t).await;
        graph_step("t", 3).after(77).put(t).await;
        assert_eq!(graph_state(t, "t", 1).await.config.parent_id, None);
        assert_eq!(graph_state(t, "t", 2).await.config.parent_id, Some(checkpoint_id(1)));
        assert_eq!(graph_state(t, "t", 3).await.config.parent_id, Some(checkpoint_id(77)));
    }

    /// Two databases have nothing to do with each other.
    async fn two_checkpointers_do_not_see_each_others_threads(t: &Graphs) {
        let other = t.other().await;
        let expected = graph_step("t", 1).value("a", "1", "ours").put(t).await;
        assert_eq!(other.fetch(&thread("t"), "", None).await.unwrap(), None);
        let theirs = graph_step("t", 2).value("a", "1", "theirs");
        theirs.try_put(other.as_ref()).await.unwrap();
        other.delete_thread(&thread("t")).await.unwrap();
        assert_eq!(latest_state(t, "t").await, Some(expected));
    }

    /// The health of a working checkpointer is ready.
    async fn health_of_a_graph_checkpointer_is_ready(t: &Graphs) {
        let health = t.store.health().await;
        assert!(health.is_ready(), "{health:?}");
        assert_eq!(health.migrations[0].crate_name, "store-checkpoints");
    }
}
