//! One lock between processes, by the real clocks.

use std::time::Duration;

use store_tests::fixture::Workflows;
use store_tests::process::Helper;

const HELPER: &str = env!("CARGO_BIN_EXE_store-test-helper");
const LOCK: &str = "late späße";
const TASKS: u32 = 8;
const EACH: u32 = 10;

/// Eight tasks in each of two processes take turns: what they write under the lock never overlaps,
/// and their tokens increase.
async fn sixteen_tasks_in_two_processes_take_turns(t: &Workflows) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("held");
    let helper = Helper::on_place(HELPER, &t.place);
    tokio::join!(
        helper.contend(LOCK, TASKS, EACH, &file),
        helper.contend(LOCK, TASKS, EACH, &file),
    );
    let written = std::fs::read_to_string(&file).unwrap();
    let expected: String =
        (1..=2 * TASKS * EACH).map(|token| format!("begin {token}\nend {token}\n")).collect();
    assert_eq!(written, expected);
    assert_eq!(t.store.find_lock(LOCK).await.unwrap(), None);
}

/// The lock of a process that was killed while it held it is free when its time is over, and not
/// before; the next holder has the next token.
async fn the_lock_of_a_killed_process_expires(t: &Workflows) {
    let helper = Helper::on_place(HELPER, &t.place);
    let holder = helper.hold(LOCK, Duration::from_secs(1)).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("held");
    let next = helper.contend(LOCK, 1, 1, &file);
    tokio::pin!(next);
    // Two times to live: the holder renews.
    let early = tokio::time::timeout(Duration::from_secs(2), &mut next).await;
    assert!(early.is_err(), "the lock is held");
    assert!(!file.exists());
    holder.kill().await;
    next.await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "begin 2\nend 2\n");
}

on_both! {
    fixture:
    sixteen_tasks_in_two_processes_take_turns,
    the_lock_of_a_killed_process_expires,
}
