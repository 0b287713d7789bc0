//! A version of a channel has one value, whoever puts it, however many at once.

use std::sync::Arc;

use store_core::Error;
use store_core::checkpoints::graph::{ChannelValue, GraphCheckpointer};
use tokio::task::JoinSet;

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    GraphStep, all_states, graph_state, graph_step, latest_state, step_numbers, text_value,
};

/// Puts all of these at once, over two handles, and returns the answers.
async fn put_at_once(
    t: &Graphs,
    steps: impl IntoIterator<Item = GraphStep>,
) -> Vec<store_core::Result<()>> {
    let handles: [Arc<dyn GraphCheckpointer>; 2] = [Arc::clone(&t.store), t.reopened().await];
    let mut tasks = JoinSet::new();
    for (number, step) in steps.into_iter().enumerate() {
        let store = Arc::clone(&handles[number % 2]);
        tasks.spawn(async move { step.try_put(store.as_ref()).await });
    }
    tasks.join_all().await
}

behaviours! {
    emits graph_conflicts_tests from graph::conflicts;

    /// A version with another value is `Conflict` that names channel and version.
    async fn a_version_with_another_value_conflicts(t: &Graphs) {
        let first = graph_step("t", 1).value("späße", "v'7", "one").put(t).await;
        let second = graph_step("t", 2).value("späße", "v'7", "two");
        let error = second.try_put(t.store.as_ref()).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("späße") && text.contains("v'7"), "{text}");
        assert!(!text.contains("one") && !text.contains("two"), "{text}");
        assert_eq!(latest_state(t, "t").await, Some(first));
    }

    /// A put that conflicts changes nothing: no checkpoint, no value, no bytes.
    async fn a_put_that_conflicts_changes_nothing(t: &Graphs) {
        let step = graph_step("t", 1).value("m", "1", "one").value("z", "1", "z1");
        let first = step.put(t).await;
        let before = t.tally().await;
        let fresh = || graph_step("t", 2).value("a", "1", "new").value("zz", "1", "newer");
        assert_conflict(fresh().value("m", "1", "other").try_put(t.store.as_ref()).await);
        // The same checkpoint again, with another value and another content.
        let again = graph_step("t", 1).value("m", "1", "other").value("z", "2", "z2").after(9);
        assert_conflict(again.run("run").try_put(t.store.as_ref()).await);
        assert_eq!(t.tally().await, before);
        assert_eq!(all_states(t, "t").await, [first]);
        assert_eq!(t.store.delete_for_runs(&["run".into()]).await.unwrap(), 0);
        fresh().try_put(t.store.as_ref()).await.unwrap();
    }

    /// The same bytes under another type tag are another value.
    async fn the_same_bytes_of_another_type_conflict(t: &Graphs) {
        let value = |tag| ChannelValue::new(tag, *b"1");
        graph_step("t", 1).typed("a", "1", value("json")).put(t).await;
        let step = graph_step("t", 2).typed("a", "1", value("text"));
        assert_conflict(step.try_put(t.store.as_ref()).await);
        let step = graph_step("t", 3).typed("a", "1", ChannelValue::new("json", []));
        assert_conflict(step.try_put(t.store.as_ref()).await);
    }

    /// The same value of the same version is no conflict, in any checkpoint.
    async fn the_same_value_of_a_version_is_no_conflict(t: &Graphs) {
        for number in 1..=3 {
            let step = graph_step("t", number).value("a", "1", "same");
            let expected = step.value("b", &number.to_string(), "x").put(t).await;
            assert_eq!(graph_state(t, "t", number).await, expected);
        }
        assert_eq!(t.tally().await, [1, 3, 4, 2, 0]);
    }

    /// A fork with new versions is no conflict.
    async fn a_fork_with_new_versions_is_no_conflict(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "root").put(t).await;
        graph_step("t", 2).after(1).value("a", "2.left", "left").put(t).await;
        graph_step("t", 3).after(1).value("a", "2.right", "right").put(t).await;
        assert_eq!(graph_state(t, "t", 2).await.values["a"], text_value("left"));
        assert_eq!(graph_state(t, "t", 3).await.values["a"], text_value("right"));
    }

    /// Of many that put different values of a version at once, one does; the others conflict.
    async fn of_concurrent_values_of_a_version_one_stays(t: &Graphs) {
        let step = |number: u64| {
            graph_step("t", number).value("a", "1", &number.to_string()).value("b", "1", "same")
        };
        let answers = put_at_once(t, (1..=16).map(step)).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        let states = all_states(t, "t").await;
        assert_eq!(states.len(), 1);
        let winner = step_numbers(&states)[0];
        assert_eq!(states, [step(winner).expected()]);
        assert_eq!(t.tally().await, [1, 1, 2, 2, 0]);
    }

    /// Many that put the same at once all do, and it is stored once.
    async fn the_same_put_many_times_at_once_is_stored_once(t: &Graphs) {
        let step = || graph_step("t", 1).value("a", "1", "x").value("b", "1", "y");
        for answer in put_at_once(t, (0..16).map(|_| step())).await {
            answer.unwrap();
        }
        assert_eq!(all_states(t, "t").await, [step().expected()]);
        assert_eq!(t.tally().await, [1, 1, 2, 2, 0]);
    }

    /// Many checkpoints of one new thread at once: all are there, whole.
    async fn many_checkpoints_of_a_new_thread_at_once_are_all_there(t: &Graphs) {
        let step = |number: u64| {
            let version = number.to_string();
            // The channels go in another order in each, which must not lead into a deadlock.
            let names = ["a", "b", "c", "d"].into_iter().cycle().skip(number as usize % 4).take(4);
            names.fold(graph_step("t", number).value("shared", "1", "shared"), |step, name| {
                step.value(name, &version, &format!("{name} {}", number % 3))
            })
        };
        for answer in put_at_once(t, (1..=32).map(step)).await {
            answer.unwrap();
        }
        let states = all_states(t, "t").await;
        let expected: Vec<_> = (1..=32).rev().map(|number| step(number).expected()).collect();
        assert_eq!(states, expected);
        assert_eq!(t.tally().await, [1, 32, 129, 13, 0]);
    }

    /// Many threads at once do not get in each other's way.
    async fn many_threads_at_once_are_all_there(t: &Graphs) {
        let step = |number: u64| {
            graph_step(&format!("t{}", number % 8), number).value("a", &number.to_string(), "x")
        };
        for answer in put_at_once(t, (1..=64).map(step)).await {
            answer.unwrap();
        }
        assert_eq!(t.tally().await, [8, 64, 64, 8, 0]);
    }
}
