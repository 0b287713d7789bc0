//! Pruning threads: what stays, what goes, and the space of it.

use store_core::checkpoints::graph::{GraphFilter, GraphPrune, GraphPruneReport};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    all_states, graph_state, graph_states, graph_step, graph_write, put_writes, step_numbers,
    text_value, thread, written,
};

/// Prunes a thread.
async fn prune(t: &Graphs, request: GraphPrune) -> GraphPruneReport {
    t.store.prune(&request).await.expect("it is pruned")
}

fn keep(count: u32) -> GraphPrune {
    GraphPrune::new(thread("t"), count)
}

/// The numbers of the checkpoints of a namespace, newest first.
async fn left(t: &Graphs, ns: &str) -> Vec<u64> {
    let filter = GraphFilter { checkpoint_ns: Some(ns.to_owned()), ..GraphFilter::default() };
    step_numbers(&graph_states(t, "t", &filter).await)
}

/// Bytes of all values that are stored.
async fn stored_bytes(t: &Graphs) -> u64 {
    let bytes = t.count("SELECT COALESCE(SUM(size), 0) FROM graph_blobs").await;
    u64::try_from(bytes).unwrap()
}

/// Puts so many checkpoints, each of which changes one of two channels, with a write each.
async fn filled(t: &Graphs, count: u64) {
    for number in 1..=count {
        let (changed, other) = if number % 2 == 1 { ("odd", "even") } else { ("even", "odd") };
        let (new, old) = (number.to_string(), (number - 1).to_string());
        let step = graph_step("t", number).value(changed, &new, &format!("value {new}"));
        let step = if number == 1 { step } else { step.after(number - 1).channel(other, &old) };
        step.clone().put(t).await;
        let write = graph_write(0, changed, &format!("write {number}"));
        put_writes(t, &step.reference(), "task", "", vec![write]).await;
    }
}

behaviours! {
    emits graph_pruning_tests from graph::pruning;

    /// The newest checkpoints of each namespace stay.
    async fn the_newest_of_each_namespace_stay(t: &Graphs) {
        for (ns, numbers) in [("", 1..=5_u64), ("sub", 11..=13), ("one", 7..=7)] {
            // The order of puts says nothing.
            for number in numbers.rev() {
                graph_step("t", number).ns(ns).put(t).await;
            }
        }
        let report = prune(t, keep(2)).await;
        assert_eq!(report, GraphPruneReport { checkpoints: 4, ..Default::default() });
        assert_eq!(left(t, "").await, [5, 4]);
        assert_eq!(left(t, "sub").await, [13, 12]);
        assert_eq!(left(t, "one").await, [7]);
        let report = prune(t, keep(1)).await;
        assert_eq!(report.checkpoints, 2);
        assert_eq!(left(t, "").await, [5]);
    }

    /// Pruning again, or a thread that has too few, or that is unknown, changes nothing.
    async fn there_may_be_nothing_to_prune(t: &Graphs) {
        filled(t, 3).await;
        let before = t.tally().await;
        for request in [keep(3), keep(u32::MAX), GraphPrune::new(thread("unknown"), 1)] {
            assert_eq!(prune(t, request).await, GraphPruneReport::default());
        }
        assert_eq!(t.tally().await, before);
        prune(t, keep(1)).await;
        assert_eq!(prune(t, keep(1)).await, GraphPruneReport::default());
    }

    /// Checkpoints that stay read as before.
    async fn checkpoints_that_stay_read_as_before(t: &Graphs) {
        filled(t, 10).await;
        let expected = all_states(t, "t").await[..4].to_vec();
        prune(t, keep(4)).await;
        assert_eq!(all_states(t, "t").await, expected);
    }

    /// A value that a checkpoint which stays has in common with one that goes stays.
    async fn a_shared_value_stays(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "shared").value("b", "1", "gone").put(t).await;
        graph_step("t", 2).channel("a", "1").value("b", "2", "stays").put(t).await;
        let report = prune(t, keep(1)).await;
        let expected = GraphPruneReport { checkpoints: 1, writes: 0, values: 1, bytes: 4 };
        assert_eq!(report, expected);
        let read = graph_state(t, "t", 2).await;
        assert_eq!((&read.values["a"], &read.values["b"]), (&text_value("shared"), &text_value("stays")));
        assert_eq!(t.tally().await, [1, 1, 2, 2, 0]);
    }

    /// Bytes stay as long as anything refers to them: a version, a write, another namespace.
    async fn bytes_stay_while_anything_refers_to_them(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "by version").value("b", "1", "by write").put(t).await;
        graph_step("t", 1).ns("sub").value("a", "1", "by namespace").put(t).await;
        graph_step("t", 2).ns("").value("c", "1", "by namespace").put(t).await;
        let step = graph_step("t", 3).value("a", "2", "by version");
        step.clone().put(t).await;
        put_writes(t, &step.reference(), "task", "", vec![graph_write(0, "x", "by write")]).await;
        let report = prune(t, keep(1)).await;
        assert_eq!(report, GraphPruneReport { checkpoints: 2, writes: 0, values: 3, bytes: 0 });
        assert_eq!(t.tally().await, [1, 2, 2, 3, 1]);
        let read = graph_state(t, "t", 3).await;
        assert_eq!(read.values["a"], text_value("by version"));
        assert_eq!(written(&read)[0].3, "by write");
    }

    /// Equal versions of different namespaces, and channels, do not keep each other.
    async fn equal_versions_do_not_keep_each_other(t: &Graphs) {
        for ns in ["", "sub"] {
            graph_step("t", 1).ns(ns).value("a", "1", &format!("a of {ns}")).put(t).await;
        }
        graph_step("t", 2).ns("sub").value("b", "1", "b").put(t).await;
        graph_step("t", 2).channel("a", "1").put(t).await;
        let report = prune(t, keep(1)).await;
        assert_eq!((report.checkpoints, report.values), (2, 1));
        assert_eq!(graph_state(t, "t", 2).await.values["a"], text_value("a of "));
        assert_eq!(t.tally().await, [1, 2, 2, 2, 0]);
    }

    /// The space of what goes is gone: rows, and bytes as reported.
    async fn the_space_of_what_goes_is_gone(t: &Graphs) {
        filled(t, 10).await;
        assert_eq!(t.tally().await, [1, 10, 10, 20, 10]);
        let before = stored_bytes(t).await;
        let report = prune(t, keep(1)).await;
        // The last one names its own value and that of the one before.
        let expected = GraphPruneReport { checkpoints: 9, writes: 9, values: 8, bytes: report.bytes };
        assert_eq!(report, expected);
        assert_eq!(t.tally().await, [1, 1, 2, 3, 1]);
        assert_eq!(report.bytes, before - stored_bytes(t).await);
        // "value n" and "write n" of one digit have seven bytes each.
        assert_eq!(report.bytes, 8 * 7 + 9 * 7);
    }

    /// With a checkpoint go its writes, and only its own.
    async fn with_a_pruned_checkpoint_go_its_writes(t: &Graphs) {
        filled(t, 3).await;
        let sub = graph_step("t", 1).ns("sub");
        sub.clone().put(t).await;
        put_writes(t, &sub.reference(), "task", "", vec![graph_write(0, "a", "sub")]).await;
        let report = prune(t, keep(2)).await;
        assert_eq!((report.checkpoints, report.writes), (1, 1));
        let writes: Vec<_> = all_states(t, "t").await.iter().map(|s| written(s)[0].3.clone()).collect();
        assert_eq!(writes, ["write 3", "write 2", "sub"]);
    }

    /// Writes to a checkpoint that is yet to come stay; those to one that never came go.
    async fn writes_to_a_checkpoint_that_is_yet_to_come_stay(t: &Graphs) {
        for number in [2, 4, 6] {
            graph_step("t", number).put(t).await;
        }
        for number in [1, 3, 5, 7, 9] {
            let write = graph_write(0, "a", &number.to_string());
            put_writes(t, &graph_step("t", number).reference(), "task", "", vec![write]).await;
        }
        prune(t, keep(1)).await;
        for number in [7, 9] {
            graph_step("t", number).put(t).await;
            let read = graph_state(t, "t", number).await;
            assert_eq!(written(&read)[0].3, number.to_string());
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM graph_writes").await, 2);
    }

    /// Writes of a namespace that has no checkpoint yet stay.
    async fn writes_of_a_namespace_without_a_checkpoint_stay(t: &Graphs) {
        filled(t, 3).await;
        let early = graph_step("t", 1).ns("sub");
        put_writes(t, &early.reference(), "task", "", vec![graph_write(0, "a", "early")]).await;
        prune(t, keep(1)).await;
        early.put(t).await;
        let read = t.store.fetch(&thread("t"), "sub", None).await.unwrap().unwrap();
        assert_eq!(written(&read)[0].3, "early");
    }

    /// A dry run reports what the run would, and changes nothing.
    async fn a_dry_run_reports_what_the_run_does(t: &Graphs) {
        filled(t, 12).await;
        graph_step("t", 1).ns("sub").value("a", "1", "value 3").put(t).await;
        graph_step("t", 2).ns("sub").value("a", "2", "own").put(t).await;
        let (states, tally) = (all_states(t, "t").await, t.tally().await);
        for count in [1, 2, 5, 11, 12] {
            let request = keep(count);
            let reported = prune(t, request.clone().dry_run()).await;
            assert_eq!(all_states(t, "t").await, states, "nothing changed");
            assert_eq!(t.tally().await, tally);
            let name = format!("copy {count}");
            t.store.copy_thread(&thread("t"), &thread(&name)).await.unwrap();
            let done = prune(t, GraphPrune { thread_id: thread(&name), ..request }).await;
            assert_eq!(reported, done, "keep {count}");
            t.store.delete_thread(&thread(&name)).await.unwrap();
        }
    }

    /// Other threads stay as they are.
    async fn a_prune_leaves_other_threads(t: &Graphs) {
        filled(t, 4).await;
        for number in 1..=4 {
            graph_step("u", number).value("odd", &number.to_string(), "value 1").put(t).await;
        }
        let others = all_states(t, "u").await;
        prune(t, keep(1)).await;
        assert_eq!(all_states(t, "u").await, others);
    }

    /// What was pruned can be put again, with any value.
    async fn what_was_pruned_can_be_put_again(t: &Graphs) {
        filled(t, 4).await;
        prune(t, keep(1)).await;
        let expected = graph_step("t", 1).value("odd", "1", "another").put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
    }

    /// To keep none is `Invalid`, and nothing goes.
    async fn to_keep_none_is_invalid(t: &Graphs) {
        filled(t, 2).await;
        for request in [keep(0), keep(0).dry_run()] {
            assert_invalid(t.store.prune(&request).await, "keep_last");
        }
        assert_eq!(all_states(t, "t").await.len(), 2);
    }
}
