//! How much a long thread takes.

use store_core::checkpoints::graph::{ChannelValue, GraphPrune};

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{GraphStep, graph_state, graph_step, thread};

const STEPS: u64 = 1000;
const CHANNELS: u64 = 20;
const VALUE_BYTES: usize = 10 * 1024;

/// A value of 10 KiB that no other channel or version has.
fn value(channel: u64, version: u64) -> ChannelValue {
    let text = format!("{channel}:{version}:");
    let bytes = text.bytes().cycle().take(VALUE_BYTES).collect::<Vec<u8>>();
    ChannelValue::new("msgpack", bytes)
}

/// The version of a channel after so many steps, of which each changes one channel.
fn version(channel: u64, step: u64) -> u64 {
    (step + CHANNELS - channel) / CHANNELS
}

/// A checkpoint that gives the value of the channel which changed, and in the first of all.
fn step(number: u64) -> GraphStep {
    let mut step = graph_step("t", number + 1);
    for channel in 0..CHANNELS {
        let (name, version) = (format!("channel {channel}"), version(channel, number));
        step = if number == 0 || number % CHANNELS == channel {
            step.typed(&name, &version.to_string(), value(channel, version))
        } else {
            step.channel(&name, &version.to_string())
        };
    }
    step
}

behaviours! {
    emits graph_storage_tests from graph::storage;

    /// 1,000 checkpoints that differ in one of 20 channels take a tenth of 1,000 copies.
    async fn a_thousand_near_equal_checkpoints_take_a_tenth(t: &Graphs) {
        for number in 0..STEPS {
            step(number).put(t).await;
        }
        let bytes = t.count("SELECT SUM(LENGTH(bytes)) FROM graph_blobs").await;
        let naive = i64::try_from(STEPS * CHANNELS * VALUE_BYTES as u64).unwrap();
        assert!(bytes * 10 < naive, "{bytes} of {naive}");
        for number in [0, 1, 499, STEPS - 1] {
            let read = graph_state(t, "t", number + 1).await;
            assert_eq!(read.values.len(), CHANNELS as usize);
            for channel in 0..CHANNELS {
                let expected = value(channel, version(channel, number));
                assert!(read.values[&format!("channel {channel}")] == expected);
            }
        }
        let before = graph_state(t, "t", STEPS).await;
        t.store.prune(&GraphPrune::new(thread("t"), 1)).await.unwrap();
        assert!(graph_state(t, "t", STEPS).await == before);
        assert_eq!(t.tally().await, [1, 1, 20, 20, 0]);
    }

    /// The same value under ever new versions takes the space of one.
    async fn the_same_value_under_new_versions_is_stored_once(t: &Graphs) {
        for number in 1..=50_u64 {
            let step = graph_step("t", number);
            step.typed("a", &number.to_string(), value(0, 0)).put(t).await;
        }
        assert_eq!(t.tally().await, [1, 50, 50, 1, 0]);
    }
}
