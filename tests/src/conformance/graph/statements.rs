//! How many statements an operation sends.

use store_core::PageRequest;
use store_core::checkpoints::graph::{GraphFilter, GraphPrune};

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{graph_step, graph_write, put_writes, thread};

/// Puts checkpoints with ten channels, of which each gives all, with writes.
async fn filled(t: &Graphs, name: &str, count: u64) {
    for number in 1..=count {
        let mut step = graph_step(name, number);
        for channel in 0..10 {
            step = step.value(
                &format!("c{channel}"),
                &number.to_string(),
                &format!("{channel} {number}"),
            );
        }
        step.clone().put(t).await;
        let writes = (0..5).map(|index| graph_write(index, "a", &index.to_string())).collect();
        put_writes(t, &step.reference(), "task", "", writes).await;
    }
}

behaviours! {
    emits graph_statements_tests from graph::statements;

    /// On PostgreSQL a put is one statement, however many channels it has, new or again.
    async fn a_put_is_one_statement(t: &Graphs) {
        filled(t, "t", 1).await;
        for (name, number) in [("t", 2), ("t", 2), ("new", 1)] {
            let mut step = graph_step(name, number).channel("c0", "1");
            for channel in 1..100 {
                step = step.value(&format!("c{channel}"), "2", &channel.to_string());
            }
            let before = t.statements();
            step.put(t).await;
            if !t.place.is_sqlite() {
                assert_eq!(t.statements() - before, 1);
            }
        }
    }

    /// On PostgreSQL a fetch is one statement, of the latest as by id, found or not.
    async fn a_fetch_is_one_statement(t: &Graphs) {
        filled(t, "t", 3).await;
        let ids = [None, Some(crate::samples::checkpoint_id(2)), Some(crate::samples::checkpoint_id(99))];
        for id in ids {
            let before = t.statements();
            t.store.fetch(&thread("t"), "", id).await.unwrap();
            if !t.place.is_sqlite() {
                assert_eq!(t.statements() - before, 1);
            }
        }
    }

    /// A page takes as many statements as any other, whatever its size; on PostgreSQL one.
    async fn a_page_takes_as_many_statements_whatever_its_size(t: &Graphs) {
        filled(t, "t", 12).await;
        let mut counts = Vec::new();
        for limit in [1, 2, 12, 1000] {
            let before = t.statements();
            let page = PageRequest::first(limit);
            let page = t.store.list(&thread("t"), &GraphFilter::default(), &page).await.unwrap();
            assert_eq!(page.items.len(), limit.min(12) as usize);
            counts.push(t.statements() - before);
        }
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        if !t.place.is_sqlite() {
            assert_eq!(counts[0], 1);
        }
    }

    /// Writes, deletions, copies and prunes take as many statements however much there is.
    async fn other_operations_take_as_many_statements_for_much(t: &Graphs) {
        filled(t, "one", 2).await;
        filled(t, "many", 20).await;
        let mut counts = Vec::new();
        for name in ["one", "many"] {
            let (copy, before) = (format!("copy of {name}"), t.statements());
            t.store.copy_thread(&thread(name), &thread(&copy)).await.unwrap();
            let copied = t.statements();
            t.store.prune(&GraphPrune::new(thread(name), 1)).await.unwrap();
            let pruned = t.statements();
            t.store.delete_thread(&thread(name)).await.unwrap();
            let deleted = t.statements();
            counts.push([copied - before, pruned - copied, deleted - pruned]);
        }
        assert_eq!(counts[0], counts[1]);
        let mut counts = Vec::new();
        for number in [1, 1000] {
            let writes = (0..number).map(|index| graph_write(index, "a", &index.to_string())).collect();
            let before = t.statements();
            let reference = graph_step("copy of one", 50 + number as u64).reference();
            put_writes(t, &reference, "task", "", writes).await;
            counts.push(t.statements() - before);
        }
        assert!(t.place.is_sqlite() || counts[0] == counts[1], "{counts:?}");
    }
}
