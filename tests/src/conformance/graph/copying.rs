//! Copying threads.

use std::time::Duration;

use store_core::checkpoints::graph::GraphState;

use super::{assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    all_states, full_graph_step, graph_state, graph_step, graph_write, latest_state, put_writes,
    text_value, thread,
};

/// Fills a thread with checkpoints of two namespaces, values and writes, some early.
async fn filled(t: &Graphs, name: &str) {
    let full = full_graph_step(name, 5);
    full.clone().put(t).await;
    graph_step(name, 1).value("a", "1", "a1").put(t).await;
    t.clock.advance(Duration::from_secs(60)).unwrap();
    graph_step(name, 2).after(1).channel("a", "1").value("b", "1", "a1").put(t).await;
    for step in [full, graph_step(name, 2), graph_step(name, 3)] {
        let writes = vec![graph_write(0, "x", "same"), graph_write(-1, "e", "a1")];
        put_writes(t, &step.reference(), "task", "path", writes).await;
    }
}

/// What a thread holds, as that of another name.
async fn as_if(t: &Graphs, name: &str, other: &str) -> Vec<GraphState> {
    let mut states = all_states(t, name).await;
    for state in &mut states {
        state.config.thread_id = thread(other);
    }
    states
}

behaviours! {
    emits graph_copying_tests from graph::copying;

    /// A copy has everything that the thread has, with ids, versions, writes and instants.
    async fn a_copy_has_everything_that_the_thread_has(t: &Graphs) {
        filled(t, "t").await;
        let before = t.tally().await;
        t.clock.advance(Duration::from_secs(60)).unwrap();
        t.store.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
        assert_eq!(all_states(t, "copy").await, as_if(t, "t", "copy").await);
        assert_eq!(t.tally().await, before.map(|count| count * 2));
        // Writes that came before their checkpoint are there as well.
        graph_step("copy", 3).put(t).await;
        assert_eq!(graph_state(t, "copy", 3).await.pending_writes.len(), 2);
    }

    /// Of an unknown thread there is no copy.
    async fn an_unknown_thread_is_not_copied(t: &Graphs) {
        filled(t, "t").await;
        assert_not_found(t.store.copy_thread(&thread("unknown"), &thread("copy")).await);
        assert_not_found(t.store.copy_thread(&thread("x"), &thread("x")).await);
        assert!(all_states(t, "copy").await.is_empty());
        t.store.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
    }

    /// A target that exists is `Conflict`, and both stay as they are.
    async fn a_target_that_exists_conflicts(t: &Graphs) {
        filled(t, "t").await;
        graph_step("u", 1).value("a", "9", "u").put(t).await;
        let write = vec![graph_write(0, "a", "early")];
        put_writes(t, &graph_step("w", 1).reference(), "task", "", write).await;
        let (ours, theirs, tally) = (all_states(t, "t").await, all_states(t, "u").await, t.tally().await);
        for target in ["u", "t", "w"] {
            assert_conflict(t.store.copy_thread(&thread("t"), &thread(target)).await);
        }
        assert_eq!((all_states(t, "t").await, all_states(t, "u").await), (ours, theirs));
        assert_eq!(t.tally().await, tally);
    }

    /// What is put into one later is not in the other.
    async fn a_copy_and_its_source_go_apart(t: &Graphs) {
        filled(t, "t").await;
        t.store.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
        let (ours, copied) = (all_states(t, "t").await, all_states(t, "copy").await);
        graph_step("t", 8).channel("a", "1").value("new", "1", "of t").put(t).await;
        assert_eq!(all_states(t, "copy").await, copied);
        graph_step("copy", 9).channel("a", "1").value("new", "1", "of copy").put(t).await;
        let write = vec![graph_write(7, "x", "of copy")];
        put_writes(t, &graph_step("copy", 8).reference(), "task", "", write).await;
        assert_eq!(latest_state(t, "t").await.unwrap().values["new"], text_value("of t"));
        assert!(graph_state(t, "t", 8).await.pending_writes.is_empty());
        assert_eq!(latest_state(t, "copy").await.unwrap().values["new"], text_value("of copy"));
        assert_eq!(all_states(t, "t").await[1..], ours);
    }

    /// Either of the two can be deleted, and the other one stays whole.
    async fn a_copy_outlives_its_source(t: &Graphs) {
        filled(t, "t").await;
        let expected = as_if(t, "t", "copy").await;
        t.store.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
        t.store.delete_thread(&thread("t")).await.unwrap();
        assert_eq!(all_states(t, "copy").await, expected);
        t.store.copy_thread(&thread("copy"), &thread("t")).await.unwrap();
        t.store.delete_thread(&thread("copy")).await.unwrap();
        assert_eq!(as_if(t, "t", "copy").await, expected);
    }

    /// The checkpoints of a run are found in a copy.
    async fn the_checkpoints_of_a_run_are_found_in_a_copy(t: &Graphs) {
        graph_step("t", 1).run("one").put(t).await;
        graph_step("t", 2).run("two").put(t).await;
        t.store.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
        assert_eq!(t.store.delete_for_runs(&["one".into()]).await.unwrap(), 2);
        assert_eq!(all_states(t, "copy").await.len(), 1);
    }

    /// Of many copies to one target at once one is made; it is whole.
    async fn of_concurrent_copies_to_one_target_one_is_made(t: &Graphs) {
        for name in ["a", "b"] {
            filled(t, name).await;
        }
        let other = t.reopened().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..12_usize {
            let store = if number.is_multiple_of(2) { t.store.clone() } else { other.clone() };
            tasks.spawn(async move {
                let source = thread(["a", "b"][number / 2 % 2]);
                store.copy_thread(&source, &thread("copy")).await
            });
        }
        let (good, bad): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        let copy = all_states(t, "copy").await;
        assert!(copy == as_if(t, "a", "copy").await || copy == as_if(t, "b", "copy").await);
    }

    /// Copies in a circle at once all end.
    async fn copies_in_a_circle_end(t: &Graphs) {
        filled(t, "a").await;
        let other = t.reopened().await;
        let names = ["a", "b", "c"];
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..18_usize {
            let store = if number.is_multiple_of(2) { t.store.clone() } else { other.clone() };
            let (source, target) = (thread(names[number % 3]), thread(names[(number + 1 + number / 9) % 3]));
            tasks.spawn(async move {
                match store.copy_thread(&source, &target).await {
                    Ok(()) => {}
                    Err(error) => {
                        use store_core::Error::{Conflict, NotFound};
                        assert!(matches!(error, Conflict { .. } | NotFound { .. }), "{error}");
                    }
                }
            });
        }
        tasks.join_all().await;
        assert!(!all_states(t, "a").await.is_empty());
    }

    /// A copy beside puts is whole: every checkpoint has its values and writes.
    async fn a_copy_beside_puts_is_whole(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "1").value("shared", "1", "shared").put(t).await;
        let store = t.reopened().await;
        let churn = tokio::spawn(async move {
            for number in 2..=40_u64 {
                let text = number.to_string();
                let step = graph_step("t", number).value("a", &text, &text).channel("shared", "1");
                step.try_put(store.as_ref()).await.unwrap();
            }
        });
        for number in 0..5 {
            let copy = format!("copy {number}");
            t.store.copy_thread(&thread("t"), &thread(&copy)).await.unwrap();
            for state in all_states(t, &copy).await {
                let number = state.metadata["step"].to_string();
                assert_eq!(state.values["a"], text_value(&number));
                assert_eq!(state.values["shared"], text_value("shared"));
            }
        }
        churn.await.unwrap();
    }
}
