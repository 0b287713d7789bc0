//! Pruning: what is counted, in dry runs and batches.

use store_core::chatkit::{NewAttachment, ThreadPrune};

use super::pruning::{DAY, prune, report, second};
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    administrator, alice, attach, bob, file, file_at, file_in, message, new_thread, released, save,
    saved, say, thread, threads_of, wait_seconds,
};

/// How many rows each table has.
async fn tally(t: &Chats) -> [i64; 4] {
    let mut tally = [0; 4];
    for (count, table) in tally.iter_mut().zip(["threads", "items", "attachments", "files"]) {
        *count = t.count(&format!("SELECT COUNT(*) FROM chatkit_{table}")).await;
    }
    tally
}

/// Five threads a second apart with two items each, attachments with and without files and threads.
async fn furnished(t: &Chats) {
    for number in 0..5_u64 {
        let name = number.to_string();
        saved(t, &name).await;
        say(t, &name, ["a", "b"]).await;
        attach(t, file_in(&name, &format!("in {name}"), &format!("in/{name}"))).await;
        let bare = NewAttachment { thread_id: Some(thread(&name)), ..file(&format!("no {name}")) };
        attach(t, bare).await;
        attach(t, file_at(&format!("out {name}"), &format!("out/{name}"))).await;
        wait_seconds(t, 1);
    }
}

behaviours! {
    emits chatkit_prune_counts_tests from chatkit::prune_counts;

    /// Items and attachments go with their thread, and all are counted.
    async fn what_goes_with_a_thread_is_counted(t: &Chats) {
        furnished(t).await;
        // Of the first three threads, and the attachments without one of these seconds.
        let done = prune(t, &alice(), &ThreadPrune::before(second(3))).await;
        assert_eq!(done, report(3, 6, 9, 6));
        // Files stay on the list until they were removed.
        assert_eq!(tally(t).await, [2, 4, 6, 10]);
        assert_eq!(released(t).await, ["in/0", "in/1", "in/2", "out/0", "out/1", "out/2"]);
        assert_eq!(prune(t, &alice(), &ThreadPrune::before(second(3))).await, report(0, 0, 0, 0));
    }

    /// A dry run changes nothing and says what the run will.
    async fn a_dry_run_says_what_the_run_will(t: &Chats) {
        furnished(t).await;
        save(t, &bob(), new_thread("bob's")).await;
        wait_seconds(t, 40 * DAY);
        say(t, "4", ["c"]).await;
        let requests = [
            ThreadPrune { max_threads: Some(4), ..ThreadPrune::before(second(1)) },
            ThreadPrune::keep(3),
            ThreadPrune::before(second(2)),
            ThreadPrune { batch: 1, ..ThreadPrune::before(second(3)) },
            ThreadPrune::default(),
        ];
        for cx in [alice(), bob(), administrator()] {
            for request in &requests {
                let before = (tally(t).await, threads_of(t, &administrator()).await);
                let dry = prune(t, &cx, &request.clone().dry_run()).await;
                let after = (tally(t).await, threads_of(t, &administrator()).await);
                assert_eq!(after, before);
                assert_eq!(prune(t, &cx, request).await, dry, "{request:?}");
            }
        }
        assert_eq!(threads_of(t, &administrator()).await, ["4"]);
        assert_eq!(tally(t).await, [1, 3, 2, 10]);
    }

    /// Batches of every size delete the same.
    async fn batches_of_every_size_delete_the_same(t: &Chats) {
        for batch in [1, 2, 3, 7, 1000] {
            for number in 0..7 {
                let name = number.to_string();
                saved(t, &name).await;
                say(t, &name, ["a", "b"]).await;
                let path = format!("{batch}/{name}");
                attach(t, file_in(&name, &format!("in {name}"), &path)).await;
                attach(t, file(&format!("out {name}"))).await;
            }
            wait_seconds(t, 1);
            saved(t, "stays").await;
            let request = ThreadPrune { batch, ..ThreadPrune::before(t.clock_now()) };
            assert_eq!(prune(t, &alice(), &request).await, report(7, 14, 14, 7), "batch {batch}");
            assert_eq!(threads_of(t, &alice()).await, ["stays"]);
        }
    }

    /// Nothing there, nothing pruned.
    async fn where_nothing_is_nothing_is_pruned(t: &Chats) {
        for request in [ThreadPrune::default(), ThreadPrune::keep(0), ThreadPrune::before(noon())] {
            for cx in [alice(), administrator()] {
                assert_eq!(prune(t, &cx, &request).await, report(0, 0, 0, 0));
                assert_eq!(prune(t, &cx, &request.clone().dry_run()).await, report(0, 0, 0, 0));
            }
        }
    }

    /// More threads go than are decided upon at a time.
    async fn more_than_ten_thousand_threads_go(t: &Chats) {
        t.sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050) \
             INSERT INTO chatkit_threads (thread_id, owner, status, metadata, extra, record_bytes, \
             created_at, updated_at) SELECT 't' || i, 'alice', 'active', '{}', '{}', 4, \
             '2026-03-02T11:00:00.000000+00:00', '2026-03-02T11:00:00.000000+00:00' FROM n",
        )
        .await;
        saved(t, "stays").await;
        let request = ThreadPrune { batch: 1000, ..ThreadPrune::before(t.clock_now()) };
        let dry = prune(t, &alice(), &request.clone().dry_run()).await;
        assert_eq!(dry, report(10_050, 0, 0, 0));
        assert_eq!(prune(t, &alice(), &request).await, dry);
        assert_eq!(threads_of(t, &alice()).await, ["stays"]);
    }

    /// A thread of thousands of items goes whole.
    async fn a_thread_of_many_items_goes_whole(t: &Chats) {
        saved(t, "a").await;
        for batch in 0..3 {
            let items = (0..1000).map(|n| message(&format!("{batch} {n}"), "text")).collect();
            t.store.add_thread_items(&alice(), &thread("a"), items).await.unwrap();
        }
        wait_seconds(t, 1);
        let request = ThreadPrune { batch: 1, ..ThreadPrune::before(t.clock_now()) };
        assert_eq!(prune(t, &alice(), &request.clone().dry_run()).await, report(1, 3000, 0, 0));
        assert_eq!(prune(t, &alice(), &request).await, report(1, 3000, 0, 0));
        assert_eq!(tally(t).await, [0, 0, 0, 0]);
    }
}
