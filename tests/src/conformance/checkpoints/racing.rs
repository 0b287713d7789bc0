//! Many at once, through two handles on one database.

use std::sync::Arc;

use store_core::checkpoints::{Checkpoint, CheckpointStore, NewCheckpoint};
use store_core::{Error, PageRequest, Result};
use tokio::task::JoinSet;

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, at_version, best_checkpoint, checkpoint, child_of, keep_last, measured, recorded,
    recorded_many, versions,
};

/// Two handles, one after the other.
async fn handles(t: &Checkpoints) -> [Arc<dyn CheckpointStore>; 2] {
    [Arc::clone(&t.store), t.reopened().await]
}

/// Records all of these at once, over two handles, and returns the answers.
async fn record_at_once(
    t: &Checkpoints,
    all: impl IntoIterator<Item = NewCheckpoint>,
) -> Vec<Result<Checkpoint>> {
    let handles = handles(t).await;
    let mut tasks = JoinSet::new();
    for (number, new) in all.into_iter().enumerate() {
        let store = Arc::clone(&handles[number % 2]);
        tasks.spawn(async move { store.record(new).await });
    }
    tasks.join_all().await
}

/// Asserts that what went wrong is that the root was gone, or still the best.
fn tolerated<T>(answer: Result<T>) {
    if let Err(error) = answer {
        let expected = matches!(error, Error::NotFound { .. } | Error::InvalidState { .. });
        assert!(expected, "{error}");
    }
}

/// Asserts that versions are 1 to `count` without gap or repeat, and that one is the best.
async fn assert_complete(t: &Checkpoints, answers: Vec<Checkpoint>, count: i32, best: usize) {
    let mut given = versions(&answers);
    given.sort_unstable();
    let expected: Vec<i32> = (1..=count).collect();
    assert_eq!(given, expected);
    let page = t.store.list(TRAINING, &PageRequest::first(1000)).await.unwrap();
    let mut stored = versions(&page.items);
    stored.reverse();
    assert_eq!(stored, expected);
    assert_eq!(page.items.iter().filter(|checkpoint| checkpoint.is_best).count(), best);
}

behaviours! {
    emits checkpoints_racing_tests from checkpoints::racing;

    /// 32 that record at once get the versions 1 to 32.
    async fn concurrent_recorders_leave_no_gap(t: &Checkpoints) {
        let answers = record_at_once(t, (0..32).map(|_| checkpoint())).await;
        let answers = answers.into_iter().collect::<Result<_>>().unwrap();
        assert_complete(t, answers, 32, 0).await;
    }

    /// Of 32 that record the best at once, one is the best.
    async fn of_concurrent_recorders_one_is_the_best(t: &Checkpoints) {
        let answers = record_at_once(t, (0..32).map(|_| best_checkpoint())).await;
        let answers: Vec<_> = answers.into_iter().collect::<Result<_>>().unwrap();
        assert!(answers.iter().all(|checkpoint| checkpoint.is_best), "each is, when it is recorded");
        assert_complete(t, answers, 32, 1).await;
        let best = t.store.best(TRAINING).await.unwrap().unwrap();
        // The counter is the lock: whoever comes last by version clears all before.
        assert_eq!(best.config_version, 32);
    }

    /// With and without the mark, with metrics and a parent: no gap, and one best.
    async fn recorders_of_every_kind_leave_no_gap_and_one_best(t: &Checkpoints) {
        let root = recorded(t, checkpoint()).await;
        let new = |number: i32| NewCheckpoint {
            is_best: number % 3 == 0,
            parent_id: (number % 2 == 0).then_some(root.id),
            ..measured(serde_json::json!({"number": number, "nested": {"x": 0.5}}))
        };
        let answers = record_at_once(t, (0..32).map(new)).await;
        let mut all: Vec<_> = answers.into_iter().collect::<Result<_>>().unwrap();
        all.push(root);
        assert_complete(t, all, 33, 1).await;
    }

    /// Recorders that fail beside others take no version.
    async fn recorders_that_fail_take_no_version(t: &Checkpoints) {
        let new = |number: i32| NewCheckpoint {
            parent_id: (number % 2 == 0).then(store_core::CheckpointId::mint),
            is_best: number % 3 == 0,
            ..checkpoint()
        };
        let answers = record_at_once(t, (0..32).map(new)).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (16, 16));
        let good = good.into_iter().map(Result::unwrap).collect();
        assert_complete(t, good, 16, 1).await;
    }

    /// Of those that give the same version at once, one gets it and the others `Conflict`.
    async fn a_version_is_given_to_one_of_many(t: &Checkpoints) {
        let answers = record_at_once(t, (0..16).map(|_| at_version(5))).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 6);
    }

    /// Recorders of many workflows at once do not get in each other's way.
    async fn workflows_count_apart_at_the_same_time(t: &Checkpoints) {
        let new = |number: usize| NewCheckpoint {
            is_best: number.is_multiple_of(2),
            ..NewCheckpoint::new(format!("w{}", number % 4))
        };
        for answer in record_at_once(t, (0..40).map(new)).await {
            answer.unwrap();
        }
        for number in 0..4 {
            let page = t.store.list(&format!("w{number}"), &PageRequest::first(100)).await.unwrap();
            assert_eq!(versions(&page.items), (1..=10).rev().collect::<Vec<_>>());
        }
    }

    /// Many that mark at once, through two handles, leave one best.
    async fn concurrent_marks_leave_one_best(t: &Checkpoints) {
        let all = recorded_many(t, 8).await;
        let handles = handles(t).await;
        let mut tasks = JoinSet::new();
        for number in 0..32_usize {
            let (store, id) = (Arc::clone(&handles[number % 2]), all[number % 8].id);
            tasks.spawn(async move { store.mark_best(id).await.unwrap() });
        }
        assert!(tasks.join_all().await.iter().all(|checkpoint| checkpoint.is_best));
        let page = t.store.list(TRAINING, &Default::default()).await.unwrap();
        assert_eq!(page.items.iter().filter(|checkpoint| checkpoint.is_best).count(), 1);
    }

    /// At no time is there more than one best, or none once there was one.
    async fn at_all_times_there_is_one_best(t: &Checkpoints) {
        let first = recorded(t, best_checkpoint()).await;
        let store = t.reopened().await;
        let churn = tokio::spawn(async move {
            for number in 0..20 {
                match number % 2 {
                    0 => drop(store.record(best_checkpoint()).await.unwrap()),
                    _ => drop(store.mark_best(first.id).await.unwrap()),
                }
            }
        });
        while !churn.is_finished() {
            let page = t.store.list(TRAINING, &PageRequest::first(1000)).await.unwrap();
            assert_eq!(page.items.iter().filter(|checkpoint| checkpoint.is_best).count(), 1);
            assert!(t.store.best(TRAINING).await.unwrap().is_some());
        }
        churn.await.unwrap();
    }

    /// Recording, marking, deleting and pruning at once: all end, and no version comes twice.
    async fn everything_at_once_ends(t: &Checkpoints) {
        let root = recorded(t, best_checkpoint()).await;
        let handles = handles(t).await;
        let mut tasks = JoinSet::new();
        for number in 0..48_usize {
            let store = Arc::clone(&handles[number % 2]);
            let root = root.clone();
            tasks.spawn(async move {
                match number % 6 {
                    0 => drop(store.record(best_checkpoint()).await.unwrap()),
                    1 => tolerated(store.record(child_of(&root)).await),
                    2 => tolerated(store.mark_best(root.id).await),
                    3 => drop(store.prune(&keep_last(5)).await.unwrap()),
                    4 => tolerated(store.delete(root.id, number > 40).await),
                    _ => drop(store.record(measured(serde_json::json!({"a": 1}))).await.unwrap()),
                }
            });
        }
        tasks.join_all().await;
        let page = t.store.list(TRAINING, &PageRequest::first(1000)).await.unwrap();
        assert!(page.items.iter().filter(|checkpoint| checkpoint.is_best).count() <= 1);
        let orphans = "SELECT COUNT(*) FROM agentensor_checkpoint_metrics WHERE checkpoint_id \
                       NOT IN (SELECT id FROM agentensor_checkpoints)";
        assert_eq!(t.count(orphans).await, 0);
        let latest = t.store.latest(TRAINING).await.unwrap().unwrap();
        let next = recorded(t, checkpoint()).await;
        assert!(next.config_version > latest.config_version);
    }
}
