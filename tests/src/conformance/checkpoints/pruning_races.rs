//! Pruning beside everything else.

use store_core::checkpoints::{CheckpointPrune, NewCheckpoint};

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, best_checkpoint, checkpoint, child_of, keep_last, measured, recorded, recorded_chain,
    recorded_many, stored_versions,
};

behaviours! {
    emits checkpoints_pruning_races_tests from checkpoints::pruning_races;

    /// Two prunes at once delete each checkpoint once.
    async fn two_prunes_at_once_delete_each_checkpoint_once(t: &Checkpoints) {
        recorded_many(t, 30).await;
        let request = CheckpointPrune { batch: 3, ..keep_last(4) };
        let (a, b, other) = (t.store.clone(), t.reopened().await, request.clone());
        let (a, b) = tokio::join!(
            tokio::spawn(async move { a.prune(&request).await.unwrap() }),
            tokio::spawn(async move { b.prune(&other).await.unwrap() }),
        );
        assert_eq!(a.unwrap().plus(b.unwrap()).checkpoints, 26);
        assert_eq!(stored_versions(t).await, [30, 29, 28, 27]);
        assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_checkpoints").await, 4);
    }

    /// A prune beside recorders loses none of the last, and no version comes twice.
    async fn a_prune_beside_recorders_keeps_the_last(t: &Checkpoints) {
        recorded_many(t, 20).await;
        let (store, other) = (t.store.clone(), t.reopened().await);
        let recorder = tokio::spawn(async move {
            for number in 0..30 {
                let is_best = number % 5 == 0;
                let new = NewCheckpoint { is_best, ..measured(serde_json::json!({"m": number})) };
                store.record(new).await.unwrap();
            }
        });
        let pruner = tokio::spawn(async move {
            let mut gone = 0;
            for _ in 0..10 {
                let request = CheckpointPrune { batch: 2, ..CheckpointPrune::new(TRAINING, 3) };
                gone += other.prune(&request).await.unwrap().checkpoints;
            }
            gone
        });
        recorder.await.unwrap();
        let gone = pruner.await.unwrap();
        let left = stored_versions(t).await;
        assert_eq!(left.len() as u64 + gone, 50);
        assert_eq!(left[..3], [50, 49, 48]);
        assert_eq!(t.store.best(TRAINING).await.unwrap().unwrap().config_version, 46);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 51);
    }

    /// The best that is marked beside a prune is there, or was not there to be marked.
    async fn a_best_marked_beside_a_prune_is_there(t: &Checkpoints) {
        let other = t.reopened().await;
        for _ in 0..10 {
            let old = recorded(t, best_checkpoint()).await;
            let target = recorded(t, checkpoint()).await;
            recorded_many(t, 4).await;
            let (store, pruner) = (t.store.clone(), other.clone());
            let (marked, pruned) = tokio::join!(
                tokio::spawn(async move { store.mark_best(target.id).await }),
                tokio::spawn(async move {
                    let request = CheckpointPrune { batch: 1, ..CheckpointPrune::new(TRAINING, 1) };
                    pruner.prune(&request).await
                }),
            );
            pruned.unwrap().unwrap();
            let best = t.store.best(TRAINING).await.unwrap();
            match marked.unwrap() {
                Ok(marked) => assert_eq!(best, Some(marked)),
                Err(error) => {
                    assert!(matches!(error, store_core::Error::NotFound { .. }), "{error}");
                    assert_eq!(best, Some(old));
                }
            }
        }
    }

    /// A parent that is referred to beside a prune is there, or was not there to be referred to.
    async fn a_parent_referred_to_beside_a_prune_is_there(t: &Checkpoints) {
        let other = t.reopened().await;
        for _ in 0..10 {
            let parent = recorded(t, checkpoint()).await;
            recorded_many(t, 3).await;
            let child = NewCheckpoint { workflow_id: "other".into(), ..child_of(&parent) };
            let (store, pruner) = (t.store.clone(), other.clone());
            let (child, pruned) = tokio::join!(
                tokio::spawn(async move { store.record(child).await }),
                tokio::spawn(async move { pruner.prune(&CheckpointPrune::new(TRAINING, 1)).await }),
            );
            pruned.unwrap().unwrap();
            match child.unwrap() {
                Ok(child) => {
                    let line = t.store.lineage(child.id, &Default::default()).await.unwrap().items;
                    assert_eq!(line, [child, parent]);
                }
                Err(error) => {
                    assert!(matches!(error, store_core::Error::NotFound { .. }), "{error}");
                    assert_eq!(t.store.find(parent.id).await.unwrap(), None);
                }
            }
        }
    }

    /// Prunes of two workflows whose lines cross, at once, both end.
    async fn prunes_of_crossing_lines_end(t: &Checkpoints) {
        let other = t.reopened().await;
        for _ in 0..5 {
            let mut parent_id = None;
            for number in 0..20 {
                let name = if number % 2 == 0 { TRAINING } else { "other" };
                let new = NewCheckpoint { parent_id, ..NewCheckpoint::new(name) };
                parent_id = Some(recorded(t, new).await.id);
            }
            let (store, pruner) = (t.store.clone(), other.clone());
            let prune = |name: &str| CheckpointPrune {
                keep_referenced: false,
                batch: 2,
                ..CheckpointPrune::new(name, 1)
            };
            let (ours, theirs) = (prune(TRAINING), prune("other"));
            let (a, b) = tokio::join!(
                tokio::spawn(async move { store.prune(&ours).await }),
                tokio::spawn(async move { pruner.prune(&theirs).await }),
            );
            a.unwrap().unwrap();
            b.unwrap().unwrap();
            assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_checkpoints").await, 2);
        }
    }

    /// A line is read whole, or up to where it was cut, beside a prune.
    async fn a_line_beside_a_prune_has_no_gap(t: &Checkpoints) {
        let chain = recorded_chain(t, 40).await;
        let (store, last) = (t.reopened().await, chain[39].id);
        let pruner = tokio::spawn(async move {
            let request = CheckpointPrune { batch: 1, ..keep_last(1) };
            store.prune(&request).await.unwrap()
        });
        while !pruner.is_finished() {
            let page = t.store.lineage(last, &Default::default()).await.unwrap();
            let line = crate::samples::versions(&page.items);
            let expected: Vec<i32> = (1..=40).rev().take(line.len()).collect();
            assert_eq!(line, expected);
        }
        assert_eq!(pruner.await.unwrap().checkpoints, 39);
    }
}
