//! The values of channels: bytes, versions, and what is stored once.

use store_core::checkpoints::graph::ChannelValue;

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{graph_state, graph_step, latest_state, text_value, thread};

behaviours! {
    emits graph_values_tests from graph::values;

    /// Every byte comes back, alone and beside every other.
    async fn every_byte_of_a_value_round_trips(t: &Graphs) {
        let mut step = graph_step("t", 1);
        for byte in 0..=255_u8 {
            let value = ChannelValue::new("bytes", [byte]);
            step = step.typed(&format!("byte {byte}"), "1", value);
        }
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        let expected = step.typed("all", "1", ChannelValue::new("bytes", all)).put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
    }

    /// A value without bytes is a value, and not an empty channel.
    async fn a_value_without_bytes_is_a_value(t: &Graphs) {
        let empty = ChannelValue::new("null", []);
        graph_step("t", 1).typed("a", "1", empty.clone()).channel("b", "1").put(t).await;
        let read = graph_state(t, "t", 1).await;
        assert_eq!(read.values.get("a"), Some(&empty));
        assert_eq!(read.values.get("b"), None);
        assert_eq!(read.values.len(), 1);
    }

    /// A value of 20 MiB comes back.
    async fn a_large_value_round_trips(t: &Graphs) {
        for (number, mebibytes) in [(1, 1), (2, 20)] {
            // Not the same byte again and again, which a database would compress to nothing.
            let bytes: Vec<u8> = (0..mebibytes * 1024 * 1024_u32)
                .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
                .collect();
            let value = ChannelValue::new("bytes", bytes);
            let expected =
                graph_step("t", number).typed("big", &number.to_string(), value).put(t).await;
            // A difference would be printed byte by byte.
            assert!(graph_state(t, "t", number).await == expected, "{mebibytes} MiB");
        }
    }

    /// Values of earlier checkpoints are there under their version.
    async fn values_of_earlier_checkpoints_are_carried_over(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "a1").value("b", "1", "b1").put(t).await;
        graph_step("t", 2).channel("a", "1").value("b", "2", "b2").put(t).await;
        graph_step("t", 3).channel("a", "1").channel("b", "2").put(t).await;
        graph_step("t", 4).value("a", "2", "a2").channel("b", "1").put(t).await;
        for (number, a, b) in [(1, "a1", "b1"), (2, "a1", "b2"), (3, "a1", "b2"), (4, "a2", "b1")] {
            let read = graph_state(t, "t", number).await;
            assert_eq!(read.values.len(), 2);
            assert_eq!((&read.values["a"], &read.values["b"]), (&text_value(a), &text_value(b)));
        }
    }

    /// A version that has no value is an empty channel, until somebody gives one.
    async fn a_version_without_a_value_is_an_empty_channel(t: &Graphs) {
        graph_step("t", 1).channel("a", "1").value("b", "1", "b1").put(t).await;
        let read = graph_state(t, "t", 1).await;
        assert_eq!(read.checkpoint.channel_versions["a"], "1");
        assert_eq!(read.values.keys().collect::<Vec<_>>(), ["b"]);
        graph_step("t", 2).value("a", "1", "late").channel("b", "2").put(t).await;
        let read = graph_state(t, "t", 2).await;
        assert_eq!(read.values.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(graph_state(t, "t", 1).await.values["a"], text_value("late"));
    }

    /// A channel that a checkpoint does not name has no value in it.
    async fn a_channel_that_is_not_named_has_no_value(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "a1").value("b", "1", "b1").put(t).await;
        graph_step("t", 2).channel("b", "1").put(t).await;
        let read = graph_state(t, "t", 2).await;
        assert_eq!(read.values.keys().collect::<Vec<_>>(), ["b"]);
    }

    /// Channels and versions are told apart byte by byte.
    async fn channels_and_versions_are_told_apart_byte_by_byte(t: &Graphs) {
        let names = ["a", "A", "ä", "a\u{308}", " a", "a ", "'", "\"", "\\", "%", "日本", "🎉", "1"];
        let mut step = graph_step("t", 1);
        for name in names {
            step = step.value(name, name, name);
        }
        let expected = step.put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
        for (number, version) in (2..).zip(names) {
            let value = format!("of {version}");
            graph_step("t", number).value("same", version, &value).put(t).await;
        }
        for (number, version) in (2..).zip(names) {
            let read = graph_state(t, "t", number).await;
            assert_eq!(read.values["same"], text_value(&format!("of {version}")));
        }
    }

    /// Channel and version are two things: what runs together is not the same.
    async fn channel_and_version_do_not_run_together(t: &Graphs) {
        let step = graph_step("t", 1).value("a", "bc", "1").value("ab", "c", "2");
        let expected = step.value("abc", "1", "3").put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
    }

    /// Namespaces and threads share no versions.
    async fn namespaces_and_threads_share_no_versions(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "root").put(t).await;
        graph_step("t", 1).ns("sub").value("a", "1", "sub").put(t).await;
        graph_step("t", 1).ns("bare").channel("a", "1").put(t).await;
        graph_step("u", 1).value("a", "1", "other").put(t).await;
        graph_step("v", 1).channel("a", "1").put(t).await;
        let value = async |name: &str, ns: &str| {
            let read = t.store.fetch(&thread(name), ns, None).await.unwrap().unwrap();
            read.values.get("a").cloned()
        };
        assert_eq!(value("t", "").await, Some(text_value("root")));
        assert_eq!(value("t", "sub").await, Some(text_value("sub")));
        assert_eq!(value("u", "").await, Some(text_value("other")));
        assert_eq!((value("t", "bare").await, value("v", "").await), (None, None));
    }

    /// Equal bytes are stored once in a thread, whatever refers to them.
    async fn equal_bytes_are_stored_once_in_a_thread(t: &Graphs) {
        let step = graph_step("t", 1).value("a", "1", "same").value("b", "1", "same");
        step.clone().put(t).await;
        graph_step("t", 2).ns("sub").value("a", "9", "same").put(t).await;
        let write = crate::samples::graph_write(0, "a", "same");
        crate::samples::put_writes(t, &step.reference(), "task", "", vec![write]).await;
        assert_eq!(t.tally().await, [1, 2, 3, 1, 1]);
        graph_step("u", 1).value("a", "1", "same").put(t).await;
        assert_eq!(t.tally().await, [2, 3, 4, 2, 1], "threads share nothing");
    }

    /// Equal bytes of different types are different values.
    async fn equal_bytes_of_different_types_are_different_values(t: &Graphs) {
        let (one, two) = (ChannelValue::new("json", *b"1"), ChannelValue::new("text", *b"1"));
        // A type and its bytes do not run together either.
        let three = ChannelValue::new("jso", *b"n1");
        let step = graph_step("t", 1).typed("a", "1", one).typed("b", "1", two);
        let expected = step.typed("c", "1", three).put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
        assert_eq!(t.tally().await, [1, 1, 3, 3, 0]);
    }

    /// Type tags come back as they were given.
    async fn type_tags_round_trip(t: &Graphs) {
        let long = "ä".repeat(32);
        let tags = ["msgpack", "JSON", "json", "späße 🎉", "sealed", "null", "'", " ", &long];
        let mut step = graph_step("t", 1);
        for (number, tag) in tags.into_iter().enumerate() {
            let value = ChannelValue::new(tag, *b"x");
            step = step.typed(&format!("c{number}"), "1", value);
        }
        let expected = step.put(t).await;
        assert_eq!(latest_state(t, "t").await, Some(expected));
    }
}
