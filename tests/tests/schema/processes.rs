//! Several processes on one database.

use store_core::PageRequest;
use store_core::workflow::{RunFilter, RunStatus};
use store_tests::fixture::{History, Workflows};
use store_tests::process::Helper;
use store_tests::samples::{actions_of, execution, id, pending, runnable};

use crate::bare::Bare;
use crate::crates::ALL;

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
    for one in ALL {
        let journal = format!("SELECT name FROM {} ORDER BY version", one.journal());
        assert_eq!(t.column(&journal).await, one.migrations);
        t.verify(t.schema(one)).await.unwrap();
    }
}

mod starts {
    use super::eight_processes_start_at_once_and_each_migration_is_applied_once;
    on_both! { bare: eight_processes_start_at_once_and_each_migration_is_applied_once }
}

/// Two processes start the same 50 runs at once: each run is started once.
async fn two_processes_start_each_run_once(t: &Workflows) {
    let workflow = runnable(t).await;
    let mut runs = Vec::new();
    for _ in 0..50 {
        runs.push(pending(t, workflow.id).await.id);
    }
    let helper = Helper::on_place(HELPER, &t.place);
    let (mut all, others) = tokio::join!(helper.start_runs(&runs), helper.start_runs(&runs));
    all.extend(others);
    all.sort_unstable();
    assert_eq!(all, runs);
    let running = RunFilter { status: Some(RunStatus::Running), ..Default::default() };
    let page = t.store.list_runs(&running, &PageRequest::default()).await.unwrap();
    assert!(page.items.iter().all(|run| run.row_version == 2), "each changed once");
    assert_eq!(page.items.len(), 50);
    let started = "SELECT count(*) FROM workflow_audit WHERE action = 'run_started'";
    assert_eq!(t.count(started).await, 50);
    assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
}

/// Two processes change one workflow 100 times each: every change counts.
async fn two_processes_change_a_workflow_and_every_change_counts(t: &Workflows) {
    let workflow = runnable(t).await;
    let helper = Helper::on_place(HELPER, &t.place);
    tokio::join!(helper.rename(workflow.id, 4, 25), helper.rename(workflow.id, 4, 25));
    let read = t.store.fetch_workflow(workflow.id).await.unwrap();
    assert_eq!(read.row_version, workflow.row_version + 200);
    let actions = actions_of(t, workflow.id).await;
    assert_eq!(actions.iter().filter(|action| *action == "workflow_updated").count(), 200);
}

mod runs_and_workflows {
    use super::{
        two_processes_change_a_workflow_and_every_change_counts, two_processes_start_each_run_once,
    };
    on_both! {
        workflows: two_processes_start_each_run_once,
        two_processes_change_a_workflow_and_every_change_counts,
    }
}
