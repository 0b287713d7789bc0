//! Pruning beside everything else: every checkpoint that is read is whole.

use std::sync::Arc;

use store_core::checkpoints::graph::{GraphCheckpointer, GraphFilter, GraphPrune, GraphState};
use store_core::{Error, PageRequest};

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    GraphStep, all_states, graph_step, graph_write, latest_state, task_id, text_value, thread,
};

/// A checkpoint with one channel of its own, and two it has in common with those before it.
///
/// The value of `shared` is given in each, that of `carried` every tenth time.
fn step(number: u64) -> GraphStep {
    let (own, tens) = (number.to_string(), (number / 10).to_string());
    let step = graph_step("t", number).value("own", &own, &format!("own {own}")).value(
        "shared",
        &tens,
        &format!("shared {tens}"),
    );
    match number % 10 {
        0 => step.value("carried", &tens, &format!("carried {tens}")),
        _ => step.channel("carried", &tens),
    }
}

/// Asserts that a checkpoint has all of its values.
fn assert_whole(state: &GraphState) {
    let number = state.metadata["step"].as_u64().unwrap();
    let tens = number / 10;
    assert_eq!(state.values["own"], text_value(&format!("own {number}")));
    assert_eq!(state.values["shared"], text_value(&format!("shared {tens}")));
    assert_eq!(state.values["carried"], text_value(&format!("carried {tens}")), "{number}");
}

/// Puts checkpoints one after the other, each with a write.
async fn put_all(store: Arc<dyn GraphCheckpointer>, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        let step = step(number);
        let reference = step.reference();
        step.try_put(store.as_ref()).await.unwrap();
        let writes = vec![graph_write(0, "a", &format!("own {number}"))];
        store.put_writes(&reference, &task_id("task"), "", writes).await.unwrap();
    }
}

behaviours! {
    emits graph_pruning_races_tests from graph::pruning_races;

    /// Prunes beside puts from two handles leave every checkpoint whole.
    async fn prunes_beside_puts_leave_every_checkpoint_whole(t: &Graphs) {
        let (one, two) = (t.store.clone(), t.reopened().await);
        put_all(one.clone(), 10..=11).await;
        let writer = tokio::spawn(put_all(one, 12..=79));
        let pruner = tokio::spawn(async move {
            let mut gone = 0;
            for _ in 0..30 {
                gone += two.prune(&GraphPrune::new(thread("t"), 3)).await.unwrap().checkpoints;
            }
            gone
        });
        while !writer.is_finished() {
            assert_whole(&latest_state(t, "t").await.unwrap());
            let filter = GraphFilter::default();
            let page = t.store.list(&thread("t"), &filter, &PageRequest::first(5)).await.unwrap();
            page.items.iter().for_each(assert_whole);
        }
        writer.await.unwrap();
        let gone = pruner.await.unwrap();
        let last = t.store.prune(&GraphPrune::new(thread("t"), 3)).await.unwrap();
        assert_eq!(gone + last.checkpoints, 70 - 3);
        let states = all_states(t, "t").await;
        assert_eq!(states.len(), 3);
        states.iter().for_each(assert_whole);
        // own × 3, shared and carried; the writes have bytes in common with `own`.
        assert_eq!(t.tally().await, [1, 3, 5, 5, 3]);
    }

    /// A value that is given again while the last checkpoint with it is pruned is there.
    async fn a_value_given_again_beside_a_prune_is_there(t: &Graphs) {
        let other = t.reopened().await;
        for round in 0..20_u64 {
            let number = round * 3 + 1;
            let old = graph_step("t", number).value("a", "1", "the same bytes");
            old.put(t).await;
            graph_step("t", number + 1).value("b", &number.to_string(), "x").put(t).await;
            let new = graph_step("t", number + 2).value("a", "1", "the same bytes");
            let (store, pruner) = (t.store.clone(), other.clone());
            let (put, pruned) = tokio::join!(
                tokio::spawn(async move { new.try_put(store.as_ref()).await }),
                tokio::spawn(async move { pruner.prune(&GraphPrune::new(thread("t"), 1)).await }),
            );
            put.unwrap().unwrap();
            pruned.unwrap().unwrap();
            let read = latest_state(t, "t").await.unwrap();
            assert_eq!(read.values["a"], text_value("the same bytes"), "round {round}");
        }
    }

    /// Prunes of one thread at once, over two handles, count each checkpoint once.
    async fn concurrent_prunes_count_each_checkpoint_once(t: &Graphs) {
        put_all(t.store.clone(), 10..=39).await;
        let other = t.reopened().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8_usize {
            let store = if number.is_multiple_of(2) { t.store.clone() } else { other.clone() };
            let request = GraphPrune::new(thread("t"), u32::try_from(number % 3 + 1).unwrap());
            tasks.spawn(async move { store.prune(&request).await.unwrap().checkpoints });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), 29);
        assert_whole(&latest_state(t, "t").await.unwrap());
    }

    /// Everything that changes a thread, at once: all end, and what is left is whole.
    async fn everything_at_once_leaves_a_whole_thread(t: &Graphs) {
        put_all(t.store.clone(), 10..=12).await;
        let other = t.reopened().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..48_u64 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.spawn(async move {
                let thread = thread("t");
                match number % 6 {
                    0 => drop(store.prune(&GraphPrune::new(thread, 2)).await.unwrap()),
                    1 if number == 25 => store.delete_thread(&thread).await.unwrap(),
                    1 => {
                        let copy = crate::samples::thread(&format!("copy {number}"));
                        // There may be nothing to copy at the moment.
                        if let Err(error) = store.copy_thread(&thread, &copy).await {
                            assert!(matches!(error, Error::NotFound { .. }), "{error}");
                        }
                    }
                    2 => drop(store.delete_for_runs(&["run".into()]).await.unwrap()),
                    3 => {
                        let metadata = serde_json::json!({"step": 20 + number, "run_id": "run"});
                        let step = graph_step("t", 20 + number).metadata(metadata);
                        step.value("run", "1", "x").try_put(store.as_ref()).await.unwrap();
                    }
                    // Those of one tenth give the value that the others carry.
                    _ => put_all(store, std::iter::once(number / 6 * 10 + 100)).await,
                }
            });
        }
        tasks.join_all().await;
        for state in all_states(t, "t").await {
            match state.values.contains_key("own") {
                true => assert_whole(&state),
                false => assert_eq!(state.values["run"], text_value("x")),
            }
        }
        for table in ["values", "writes"] {
            let lost = format!(
                "SELECT COUNT(*) FROM graph_{table} v WHERE NOT EXISTS (SELECT 1 FROM graph_blobs b \
                 WHERE b.thread_id = v.thread_id AND b.address = v.address)"
            );
            assert_eq!(t.count(&lost).await, 0);
        }
        t.store.delete_for_runs(&["run".into()]).await.unwrap();
        t.store.prune(&GraphPrune::new(thread("t"), 1)).await.unwrap();
        let unused = "SELECT COUNT(*) FROM graph_blobs b WHERE thread_id = 't' AND NOT EXISTS \
                      (SELECT 1 FROM graph_values v WHERE v.thread_id = b.thread_id AND \
                      v.address = b.address) AND NOT EXISTS (SELECT 1 FROM graph_writes w \
                      WHERE w.thread_id = b.thread_id AND w.address = b.address)";
        assert_eq!(t.count(unused).await, 0);
    }

    /// What is read beside deletions is there whole, or not at all.
    async fn what_is_read_beside_deletions_is_whole_or_gone(t: &Graphs) {
        let (store, write) = (t.reopened().await, || vec![graph_write(0, "a", "written")]);
        let churn = tokio::spawn(async move {
            for number in 10..40_u64 {
                let step = step(number / 10 * 10).metadata(serde_json::json!({
                    "step": number / 10 * 10, "run_id": "run"
                }));
                let reference = step.reference();
                let task = task_id("task");
                // The writes come first: whoever sees the checkpoint sees them.
                store.put_writes(&reference, &task, "", write()).await.unwrap();
                step.try_put(store.as_ref()).await.unwrap();
                match number % 2 {
                    0 => store.delete_thread(&thread("t")).await.unwrap(),
                    _ => assert_eq!(store.delete_for_runs(&["run".into()]).await.unwrap(), 1),
                }
            }
        });
        while !churn.is_finished() {
            let fetched = latest_state(t, "t").await;
            for state in fetched.into_iter().chain(all_states(t, "t").await) {
                assert_whole(&state);
                assert_eq!(state.pending_writes.len(), 1);
            }
        }
        churn.await.unwrap();
        assert_eq!(t.tally().await, [0; 5]);
    }
}
