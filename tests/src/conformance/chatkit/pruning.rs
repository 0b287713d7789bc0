//! Pruning: what goes, what stays, and what is counted.

use std::time::Duration;

use store_core::Timestamp;
use store_core::chatkit::{ChatContext, ThreadPrune, ThreadPruneReport};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    administrator, alice, at, attach, bob, file, file_at, file_in, item_id, message, new_thread,
    released, save, saved, say, thread, threads_of, wait_seconds,
};

pub(super) const DAY: u64 = 24 * 60 * 60;

/// So many seconds after the clock of the fixture began.
pub(super) fn second(seconds: u64) -> Timestamp {
    noon().plus(Duration::from_secs(seconds)).expect("within the calendar")
}

/// Saves threads `0` to `count - 1`, one a second; the clock then stands at `count`.
async fn threads(t: &Chats, cx: &ChatContext, count: u64) {
    for number in 0..count {
        save(t, cx, new_thread(&number.to_string())).await;
        wait_seconds(t, 1);
    }
}

pub(super) async fn prune(t: &Chats, cx: &ChatContext, request: &ThreadPrune) -> ThreadPruneReport {
    t.store.prune(cx, request).await.expect("it is pruned")
}

pub(super) fn report(threads: u64, items: u64, attachments: u64, files: u64) -> ThreadPruneReport {
    ThreadPruneReport { threads, items, attachments, files }
}

behaviours! {
    emits chatkit_pruning_tests from chatkit::pruning;

    /// Threads last touched before the cutoff go, and those of its instant stay.
    async fn threads_touched_before_the_cutoff_go(t: &Chats) {
        threads(t, &alice(), 4).await;
        let done = prune(t, &alice(), &ThreadPrune::before(second(2))).await;
        assert_eq!(done, report(2, 0, 0, 0));
        assert_eq!(threads_of(t, &alice()).await, ["3", "2"]);
    }

    /// It is the last touch that counts, not the creation.
    async fn the_last_touch_counts_and_not_the_creation(t: &Chats) {
        for name in ["added", "batch", "changed", "deleted", "saved", "read", "attached"] {
            saved(t, name).await;
        }
        for name in ["changed", "deleted"] {
            say(t, name, ["a"]).await;
        }
        wait_seconds(t, 10);
        say(t, "added", ["a"]).await;
        let id = |name: &str| thread(name);
        let batch = vec![message("a", "a")];
        t.store.add_thread_items(&alice(), &id("batch"), batch).await.unwrap();
        t.store.save_item(&alice(), &id("changed"), message("a", "b")).await.unwrap();
        t.store.delete_thread_item(&alice(), &id("deleted"), &item_id("a")).await.unwrap();
        saved(t, "saved").await;
        t.store.load_thread(&alice(), &id("read")).await.unwrap();
        attach(t, file_in("attached", "atc_1", "p")).await;
        let done = prune(t, &alice(), &ThreadPrune::before(t.clock_now())).await;
        assert_eq!(done, report(2, 0, 1, 1));
        let touched = ["saved", "deleted", "changed", "batch", "added"];
        assert_eq!(threads_of(t, &alice()).await, touched);
    }

    /// Without a rule, threads untouched for 30 days go.
    async fn without_a_rule_threads_untouched_for_30_days_go(t: &Chats) {
        threads(t, &alice(), 3).await;
        t.clock.set(second(1 + 30 * DAY));
        assert_eq!(prune(t, &alice(), &ThreadPrune::default()).await.threads, 1);
        assert_eq!(threads_of(t, &alice()).await, ["2", "1"]);
        t.clock.set(second(1 + 30 * DAY).plus(Duration::from_micros(1)).unwrap());
        assert_eq!(prune(t, &alice(), &ThreadPrune::default()).await.threads, 1);
        assert_eq!(threads_of(t, &alice()).await, ["2"]);
    }

    /// So many threads of each owner stay, those touched last.
    async fn so_many_threads_of_each_owner_stay(t: &Chats) {
        for number in 0..4 {
            for (cx, owner) in [(alice(), "a"), (bob(), "b")] {
                save(t, &cx, new_thread(&format!("{owner}{number}"))).await;
                wait_seconds(t, 1);
            }
        }
        say(t, "a0", ["touched"]).await;
        let done = prune(t, &administrator(), &ThreadPrune::keep(2)).await;
        assert_eq!(done, report(4, 0, 0, 0));
        assert_eq!(threads_of(t, &administrator()).await, ["b3", "a3", "b2", "a0"]);
    }

    /// Of threads touched at one instant those with the greater ids stay.
    async fn of_one_instant_the_greater_ids_stay(t: &Chats) {
        for name in ["b", "A", "c", "ä", "a"] {
            saved(t, name).await;
        }
        prune(t, &alice(), &ThreadPrune::keep(2)).await;
        assert_eq!(threads_of(t, &alice()).await, ["ä", "c"]);
    }

    /// Who has no more threads than may stay keeps all; with none to stay all go.
    async fn as_many_threads_as_may_stay_do(t: &Chats) {
        threads(t, &alice(), 3).await;
        for max_threads in [u32::MAX, 4, 3] {
            let done = prune(t, &alice(), &ThreadPrune::keep(max_threads)).await;
            assert_eq!(done, report(0, 0, 0, 0));
        }
        assert_eq!(prune(t, &alice(), &ThreadPrune::keep(0)).await.threads, 3);
        assert!(threads_of(t, &alice()).await.is_empty());
    }

    /// With a number alone, age is no reason to go.
    async fn with_a_number_alone_age_is_no_reason(t: &Chats) {
        threads(t, &alice(), 3).await;
        attach(t, file_at("atc_1", "p")).await;
        wait_seconds(t, 365 * DAY);
        assert_eq!(prune(t, &alice(), &ThreadPrune::keep(2)).await, report(1, 0, 0, 0));
        assert_eq!(threads_of(t, &alice()).await, ["2", "1"]);
    }

    /// With both rules a thread goes when one of them says so.
    async fn with_both_rules_one_is_reason_enough(t: &Chats) {
        threads(t, &alice(), 6).await;
        let both = |cutoff, max_threads| ThreadPrune {
            max_threads: Some(max_threads),
            ..ThreadPrune::before(cutoff)
        };
        assert_eq!(prune(t, &alice(), &both(second(2), 5)).await.threads, 2);
        assert_eq!(prune(t, &alice(), &both(second(3), 2)).await.threads, 2);
        assert_eq!(threads_of(t, &alice()).await, ["5", "4"]);
        assert_eq!(prune(t, &alice(), &both(second(6), 2)).await.threads, 2);
    }

    /// An attachment without a thread goes by its own age, not by when it was saved again.
    async fn attachments_without_a_thread_go_by_their_age(t: &Chats) {
        for number in 0..4 {
            attach(t, file_at(&number.to_string(), &number.to_string())).await;
            wait_seconds(t, 1);
        }
        saved(t, "thr_1").await;
        attach(t, file_in("thr_1", "1", "1")).await;
        attach(t, file("0")).await;
        let done = prune(t, &alice(), &ThreadPrune::before(second(3))).await;
        assert_eq!(done, report(0, 0, 2, 2));
        assert_eq!(released(t).await, ["0", "2"]);
        for id in ["1", "3"] {
            let id = crate::samples::attachment_id(id);
            t.store.load_attachment(&alice(), &id).await.unwrap();
        }
    }

    /// An owner prunes what is theirs; an administrator what is anyone's.
    async fn an_owner_prunes_what_is_theirs(t: &Chats) {
        for (cx, name) in [(alice(), "a"), (bob(), "b")] {
            save(t, &cx, new_thread(name)).await;
            say(t, name, ["x"]).await;
            t.store.save_attachment(&cx, file_in(name, &format!("in {name}"), name)).await.unwrap();
            t.store.save_attachment(&cx, file(&format!("out {name}"))).await.unwrap();
        }
        wait_seconds(t, 1);
        let request = ThreadPrune::before(t.clock_now());
        assert_eq!(prune(t, &bob(), &request).await, report(1, 1, 2, 1));
        assert_eq!(threads_of(t, &administrator()).await, ["a"]);
        assert_eq!(released(t).await, ["b"]);
        assert_eq!(prune(t, &administrator(), &request).await, report(1, 1, 2, 1));
        assert_eq!(released(t).await, ["a", "b"]);
    }

    /// The metadata and workflow of the context do not narrow what is pruned.
    async fn the_context_narrows_a_prune_by_owner_alone(t: &Chats) {
        saved(t, "a").await;
        wait_seconds(t, 1);
        let cx = alice().with_workflow("other");
        assert_eq!(prune(t, &cx, &ThreadPrune::before(t.clock_now())).await.threads, 1);
    }

    /// Now is a cutoff; after now is none, and nothing goes.
    async fn a_cutoff_after_now_is_invalid(t: &Chats) {
        saved(t, "a").await;
        wait_seconds(t, 1);
        let future = t.clock_now().plus(Duration::from_micros(1)).unwrap();
        for cutoff in [future, at("9999-12-31T23:59:59Z")] {
            let request = ThreadPrune { max_threads: Some(0), ..ThreadPrune::before(cutoff) };
            assert_invalid(t.store.prune(&alice(), &request).await, "cutoff");
            assert_invalid(t.store.prune(&alice(), &request.dry_run()).await, "cutoff");
        }
        assert_eq!(threads_of(t, &alice()).await, ["a"]);
        assert_eq!(prune(t, &alice(), &ThreadPrune::before(t.clock_now())).await.threads, 1);
    }

    /// A batch outside 1 to 1000 is `Invalid`, and nothing goes.
    async fn a_batch_outside_1_to_1000_is_invalid(t: &Chats) {
        saved(t, "a").await;
        wait_seconds(t, 1);
        for batch in [0, 1001, u32::MAX] {
            let request = ThreadPrune { batch, ..ThreadPrune::before(t.clock_now()) };
            assert_invalid(t.store.prune(&alice(), &request).await, "batch");
        }
        assert_eq!(threads_of(t, &alice()).await, ["a"]);
    }
}
