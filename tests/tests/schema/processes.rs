//! Several processes on one database.

use store_tests::fixture::History;
use store_tests::process::Helper;
use store_tests::samples::{execution, id};

use crate::bare::Bare;

const HELPER: &str = env!("CARGO_BIN_EXE_store-test-helper");

/// 32 writers in each of two processes append 100 steps each: every index is given once.
async fn two_processes_of_32_writers_append_without_gap_or_duplicate(t: &History) {
    t.store.start(execution("e")).await.unwrap();
    let helper = Helper::on(HELPER, t);
    let (mut all, others) = tokio::join!(helper.append("e", 32, 100), helper.append("e", 32, 100));
    all.extend(others);
    all.sort_unstable();
    assert_eq!(all, (0..6400).collect::<Vec<i64>>());
    assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 6400);
    let mut stored = helper.read("e").await;
    assert!(stored.iter().map(|(index, _)| *index).eq(0..6400), "stored as acknowledged");
    stored.sort_by_key(|(_, payload)| payload.to_string());
    stored.dedup_by_key(|(_, payload)| payload.to_string());
    assert_eq!(stored.len(), 6400, "no payload is there twice");
}

mod appends {
    use super::two_processes_of_32_writers_append_without_gap_or_duplicate;
    on_both! { history: two_processes_of_32_writers_append_without_gap_or_duplicate }
}

/// Eight processes start 20 times each on an empty database: each migration is applied once.
async fn eight_processes_start_at_once_and_each_migration_is_applied_once(t: &Bare) {
    let helper = t.helper(HELPER);
    let mut processes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let helper = helper.clone();
        processes.spawn(async move { helper.start(20).await });
    }
    while let Some(ended) = processes.join_next().await {
        ended.unwrap();
    }
    let journal = t.rows("SELECT name FROM store_history_migrations ORDER BY version").await;
    assert_eq!(journal, [["2026-11-21-000012_create_history"]]);
    t.verify(t.history()).await.unwrap();
}

mod starts {
    use super::eight_processes_start_at_once_and_each_migration_is_applied_once;
    on_both! { bare: eight_processes_start_at_once_and_each_migration_is_applied_once }
}
