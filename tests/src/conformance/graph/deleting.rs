//! Deleting threads, and the checkpoints of runs.

use serde_json::json;

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    all_states, full_graph_step, graph_state, graph_step, graph_write, latest_state, put_writes,
    step_numbers, text_value, thread,
};

behaviours! {
    emits graph_deleting_tests from graph::deleting;

    /// With a thread goes all that belongs to it, in every namespace.
    async fn with_a_thread_goes_all_that_belongs_to_it(t: &Graphs) {
        let step = full_graph_step("t", 5);
        step.clone().put(t).await;
        graph_step("t", 6).value("a", "1", "x").put(t).await;
        put_writes(t, &step.reference(), "task", "", vec![graph_write(0, "a", "x")]).await;
        put_writes(t, &graph_step("t", 9).reference(), "task", "", vec![graph_write(0, "a", "y")]).await;
        t.store.delete_thread(&thread("t")).await.unwrap();
        assert_eq!(t.tally().await, [0; 5]);
        assert_eq!(latest_state(t, "t").await, None);
        assert!(all_states(t, "t").await.is_empty());
    }

    /// Other threads stay as they are.
    async fn other_threads_stay(t: &Graphs) {
        let mut kept = Vec::new();
        for name in ["t", "T", "t ", "tt", "u"] {
            let step = graph_step(name, 1).value("a", "1", "same");
            step.clone().put(t).await;
            put_writes(t, &step.reference(), "task", "", vec![graph_write(0, "a", "same")]).await;
            kept.push((name, graph_state(t, name, 1).await));
        }
        t.store.delete_thread(&thread("t")).await.unwrap();
        for (name, state) in kept.drain(1..) {
            assert_eq!(all_states(t, name).await, [state], "{name}");
        }
        assert_eq!(t.tally().await, [4; 5]);
    }

    /// Deleting a thread again, or an unknown one, changes nothing.
    async fn deleting_a_thread_again_changes_nothing(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        graph_step("u", 1).put(t).await;
        t.store.delete_thread(&thread("t")).await.unwrap();
        for name in ["t", "unknown", "U"] {
            t.store.delete_thread(&thread(name)).await.unwrap();
        }
        assert_eq!(t.tally().await, [1, 1, 0, 0, 0]);
    }

    /// A deleted thread can be made again, and its versions take any value.
    async fn a_deleted_thread_can_be_made_again(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "old").put(t).await;
        t.store.delete_thread(&thread("t")).await.unwrap();
        let expected = graph_step("t", 1).value("a", "1", "new").put(t).await;
        assert_eq!(all_states(t, "t").await, [expected]);
    }

    /// The checkpoints of runs go, in all threads; their number is returned.
    async fn the_checkpoints_of_runs_go_in_all_threads(t: &Graphs) {
        for (name, number, run) in
            [("t", 1, "a"), ("t", 2, "b"), ("t", 3, "a"), ("u", 1, "a"), ("u", 2, "c"), ("v", 1, "b")]
        {
            let metadata = json!({"step": number, "run_id": run});
            graph_step(name, number).metadata(metadata.clone()).put(t).await;
            graph_step(name, number).ns("sub").metadata(metadata).put(t).await;
        }
        graph_step("t", 4).put(t).await;
        let runs = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(t.store.delete_for_runs(&runs(&["a", "unknown", "c"])).await.unwrap(), 8);
        assert_eq!(step_numbers(&all_states(t, "t").await), [4, 2, 2]);
        assert!(all_states(t, "u").await.is_empty());
        assert_eq!(step_numbers(&all_states(t, "v").await), [1, 1]);
        assert_eq!(t.store.delete_for_runs(&runs(&["a", "c"])).await.unwrap(), 0);
    }

    /// With the checkpoints of a run go their writes, and what only they referred to.
    async fn with_the_checkpoints_of_a_run_goes_what_only_they_had(t: &Graphs) {
        let first = graph_step("t", 1).value("a", "1", "shared").value("b", "1", "b1").run("one");
        let second = graph_step("t", 2).channel("a", "1").value("b", "2", "b2").run("two");
        for step in [&first, &second] {
            step.clone().put(t).await;
            let writes = vec![graph_write(0, "x", &format!("{}", step.metadata))];
            put_writes(t, &step.reference(), "task", "", writes).await;
        }
        assert_eq!(t.tally().await, [1, 2, 3, 5, 2]);
        assert_eq!(t.store.delete_for_runs(&["one".into()]).await.unwrap(), 1);
        assert_eq!(t.tally().await, [1, 1, 2, 3, 1]);
        let left = graph_state(t, "t", 2).await;
        assert_eq!(left.values["a"], text_value("shared"));
        assert_eq!((left.values.len(), left.pending_writes.len()), (2, 1));
    }

    /// A thread that has nothing left is gone.
    async fn a_thread_that_has_nothing_left_is_gone(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "x").run("one").put(t).await;
        graph_step("u", 1).run("one").put(t).await;
        graph_step("u", 2).run("two").put(t).await;
        assert_eq!(t.store.delete_for_runs(&["one".into()]).await.unwrap(), 2);
        assert_eq!(t.tally().await, [1, 1, 0, 0, 0]);
        t.store.copy_thread(&thread("u"), &thread("t")).await.unwrap();
    }

    /// No runs, and a run that is named twice, are fine.
    async fn runs_may_be_none_or_named_twice(t: &Graphs) {
        graph_step("t", 1).run("one").put(t).await;
        assert_eq!(t.store.delete_for_runs(&[]).await.unwrap(), 0);
        assert_eq!(t.store.delete_for_runs(&["one".into(), "one".into()]).await.unwrap(), 1);
    }

    /// A thousand runs at once are deleted.
    async fn a_thousand_runs_are_deleted_at_once(t: &Graphs) {
        let names: Vec<String> = (0..1000).map(|number| format!("späße {number}")).collect();
        for number in [0, 500, 999] {
            graph_step("t", number + 1).run(&names[number as usize]).put(t).await;
        }
        assert_eq!(t.store.delete_for_runs(&names).await.unwrap(), 3);
    }

    /// Runs that are deleted twice at once, in any order, count once.
    async fn concurrent_deletions_of_runs_count_once(t: &Graphs) {
        for number in 0..40_u64 {
            let metadata = json!({"step": number, "run_id": format!("r{}", number % 4)});
            graph_step(&format!("t{}", number % 5), number + 1)
                .value("a", &number.to_string(), "x")
                .metadata(metadata)
                .put(t)
                .await;
        }
        let (a, b) = (t.store.clone(), t.reopened().await);
        let mut runs: Vec<String> = (0..3).map(|number| format!("r{number}")).collect();
        let one = runs.clone();
        runs.reverse();
        let (a, b) = tokio::join!(
            tokio::spawn(async move { a.delete_for_runs(&one).await.unwrap() }),
            tokio::spawn(async move { b.delete_for_runs(&runs).await.unwrap() }),
        );
        assert_eq!(a.unwrap() + b.unwrap(), 30);
        let [threads, checkpoints, values, blobs, _] = t.tally().await;
        assert_eq!((threads, checkpoints, values, blobs), (5, 10, 10, 5));
    }
}
