//! Pruning a workflow: what stays, what goes, and in which pieces.

use serde_json::json;
use store_core::checkpoints::{
    Checkpoint, CheckpointPrune, CheckpointPruneReport, Goal, NewCheckpoint,
};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, at_version, checkpoint, child_of, keep_last, measured, prune_checkpoints, recorded,
    recorded_chain, recorded_many, stored_versions, winner,
};

/// Keeps the highest so many versions, the best, and what these descend from.
fn sparing(count: u32) -> CheckpointPrune {
    CheckpointPrune::new(TRAINING, count)
}

/// Prunes and returns how many checkpoints went.
async fn pruned(t: &Checkpoints, request: CheckpointPrune) -> u64 {
    prune_checkpoints(t, &request).await.checkpoints
}

behaviours! {
    emits checkpoints_pruning_tests from checkpoints::pruning;

    /// The highest versions stay.
    async fn the_highest_versions_stay(t: &Checkpoints) {
        recorded_many(t, 6).await;
        assert_eq!(pruned(t, keep_last(4)).await, 2);
        assert_eq!(stored_versions(t).await, [6, 5, 4, 3]);
        assert_eq!(pruned(t, keep_last(4)).await, 0);
        assert_eq!(pruned(t, keep_last(1)).await, 3);
        assert_eq!(stored_versions(t).await, [6]);
    }

    /// The highest versions are meant, not the latest instants.
    async fn the_highest_versions_are_meant(t: &Checkpoints) {
        for version in [9, 3, 7, 1] {
            recorded(t, at_version(version)).await;
            t.clock.advance(std::time::Duration::from_secs(1)).unwrap();
        }
        assert_eq!(pruned(t, keep_last(2)).await, 2);
        assert_eq!(stored_versions(t).await, [9, 7]);
    }

    /// The highest version stays, though none is to be kept.
    async fn the_highest_version_always_stays(t: &Checkpoints) {
        recorded_many(t, 3).await;
        assert_eq!(pruned(t, keep_last(0)).await, 2);
        assert_eq!(stored_versions(t).await, [3]);
        assert_eq!(pruned(t, keep_last(0)).await, 0);
    }

    /// The best stays when it is to be kept, and goes otherwise.
    async fn the_best_stays_when_it_is_to_be_kept(t: &Checkpoints) {
        let all = recorded_many(t, 5).await;
        let best = t.store.mark_best(all[1].id).await.unwrap();
        assert_eq!(pruned(t, sparing(1)).await, 3);
        assert_eq!(stored_versions(t).await, [5, 2]);
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(best));
        assert_eq!(pruned(t, keep_last(1)).await, 1);
        assert_eq!(t.store.best(TRAINING).await.unwrap(), None);
        assert_eq!(stored_versions(t).await, [5]);
    }

    /// What the kept ones descend from stays when it is to be kept.
    async fn what_the_kept_ones_descend_from_stays(t: &Checkpoints) {
        let root = recorded(t, checkpoint()).await;
        let side = recorded(t, child_of(&root)).await;
        let middle = recorded(t, child_of(&root)).await;
        recorded(t, child_of(&side)).await;
        recorded(t, child_of(&middle)).await;
        assert_eq!(pruned(t, sparing(1)).await, 2);
        assert_eq!(stored_versions(t).await, [5, 3, 1]);
        let line = t.store.latest(TRAINING).await.unwrap().unwrap();
        let page = t.store.lineage(line.id, &Default::default()).await.unwrap();
        assert_eq!(crate::samples::versions(&page.items), [5, 3, 1]);
    }

    /// What the best descends from stays with it.
    async fn what_the_best_descends_from_stays(t: &Checkpoints) {
        let chain = recorded_chain(t, 3).await;
        t.store.mark_best(chain[2].id).await.unwrap();
        recorded_many(t, 4).await;
        assert_eq!(pruned(t, sparing(2)).await, 2);
        assert_eq!(stored_versions(t).await, [7, 6, 3, 2, 1]);
        let without_best = CheckpointPrune { keep_best: false, ..sparing(2) };
        assert_eq!(pruned(t, without_best).await, 3);
        assert_eq!(stored_versions(t).await, [7, 6]);
    }

    /// A parent of a checkpoint of another workflow stays when such are to be kept.
    async fn a_parent_of_another_workflow_stays(t: &Checkpoints) {
        let all = recorded_many(t, 4).await;
        let new = NewCheckpoint { parent_id: Some(all[1].id), ..NewCheckpoint::new("other") };
        let child = recorded(t, new).await;
        assert_eq!(pruned(t, sparing(1)).await, 2);
        assert_eq!(stored_versions(t).await, [4, 2]);
        assert_eq!(t.store.fetch(child.id).await.unwrap(), child);
    }

    /// Those that stay although their parent goes have no parent.
    async fn those_whose_parent_goes_have_none(t: &Checkpoints) {
        let chain = recorded_chain(t, 4).await;
        let request = CheckpointPrune { keep_referenced: false, ..sparing(2) };
        assert_eq!(pruned(t, request).await, 2);
        let expected = Checkpoint { parent_id: None, ..chain[2].clone() };
        assert_eq!(t.store.fetch(chain[2].id).await.unwrap(), expected);
        assert_eq!(t.store.fetch(chain[3].id).await.unwrap(), chain[3]);
    }

    /// A line that nothing kept descends from goes as a whole.
    async fn a_line_that_nothing_kept_descends_from_goes(t: &Checkpoints) {
        recorded_chain(t, 5).await;
        recorded_many(t, 2).await;
        for batch in [1, 2] {
            let request = CheckpointPrune { batch, ..sparing(2) };
            let expected = if batch == 1 { 5 } else { 0 };
            assert_eq!(pruned(t, request).await, expected);
        }
        assert_eq!(stored_versions(t).await, [7, 6]);
    }

    /// Small batches delete the same as one large one.
    async fn small_batches_delete_the_same(t: &Checkpoints) {
        for batch in [1, 3, 1000] {
            let name = format!("workflow {batch}");
            let mut parent_id = None;
            for number in 0..12 {
                let is_best = number == 3;
                let new = NewCheckpoint { parent_id, is_best, ..NewCheckpoint::new(&name) };
                let id = recorded(t, new).await.id;
                parent_id = (number % 4 != 3).then_some(id);
            }
            let request = CheckpointPrune { batch, ..CheckpointPrune::new(&name, 1) };
            // The lines of 4 (the best) and 12 (the highest) stay, that between them goes.
            assert_eq!(pruned(t, request).await, 4, "batch {batch}");
            let left = t.store.list(&name, &Default::default()).await.unwrap().items;
            assert_eq!(crate::samples::versions(&left), [12, 11, 10, 9, 4, 3, 2, 1]);
        }
    }

    /// A dry run reports what the run does, and changes nothing.
    async fn a_dry_run_of_a_prune_reports_what_the_run_does(t: &Checkpoints) {
        let chain = recorded_chain(t, 4).await;
        for n in 0..8 {
            recorded(t, measured(json!({"m": n, "text": "x".repeat(n)}))).await;
        }
        recorded(t, child_of(&chain[1])).await;
        t.store.mark_best(chain[3].id).await.unwrap();
        let all = t.store.list(TRAINING, &Default::default()).await.unwrap();
        for request in [sparing(9), keep_last(9), sparing(3), keep_last(3), sparing(1), keep_last(0)] {
            for batch in [1, 2, 100] {
                let request = CheckpointPrune { batch, ..request.clone() };
                let reported = prune_checkpoints(t, &request.clone().dry_run()).await;
                let again = prune_checkpoints(t, &request.dry_run()).await;
                assert_eq!(reported, again, "whatever the batch");
            }
            let now = t.store.list(TRAINING, &Default::default()).await.unwrap();
            if request == sparing(9) {
                assert_eq!(now, all, "nothing changed");
            }
            let reported = prune_checkpoints(t, &request.clone().dry_run()).await;
            assert_eq!(t.store.list(TRAINING, &Default::default()).await.unwrap(), now);
            assert_eq!(prune_checkpoints(t, &request).await, reported, "{request:?}");
        }
    }

    /// With the checkpoints go their metrics.
    async fn with_pruned_checkpoints_go_their_metrics(t: &Checkpoints) {
        for n in 0..5 {
            recorded(t, measured(json!({"m": 10 - n, "deep": {"x": n}}))).await;
        }
        pruned(t, keep_last(2)).await;
        assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_checkpoint_metrics").await, 4);
        assert_eq!(winner(t, "m", Goal::Max).await, Some(4));
    }

    /// Bytes of JSON are reported: more of it is more.
    async fn the_bytes_of_what_goes_are_reported(t: &Checkpoints) {
        let mut reported = Vec::new();
        for length in [10, 1000] {
            let metadata = json!({"text": "x".repeat(length)});
            recorded(t, NewCheckpoint { metadata, ..checkpoint() }).await;
            recorded(t, checkpoint()).await;
            reported.push(prune_checkpoints(t, &keep_last(1)).await.bytes);
        }
        // The second time what stayed goes as well: three empty objects.
        assert_eq!(reported[1] - reported[0], 990 + 3 * 2);
    }

    /// Other workflows stay as they are.
    async fn a_prune_leaves_other_workflows(t: &Checkpoints) {
        recorded_many(t, 3).await;
        for name in ["other", "Training", "training "] {
            for _ in 0..3 {
                recorded(t, NewCheckpoint::new(name)).await;
            }
        }
        assert_eq!(pruned(t, keep_last(1)).await, 2);
        for name in ["other", "Training", "training "] {
            let page = t.store.list(name, &Default::default()).await.unwrap();
            assert_eq!(page.items.len(), 3, "{name}");
        }
    }

    /// An unknown workflow has nothing to prune.
    async fn an_unknown_workflow_has_nothing_to_prune(t: &Checkpoints) {
        recorded_many(t, 2).await;
        let request = CheckpointPrune::new("unknown", 0);
        assert_eq!(prune_checkpoints(t, &request).await, CheckpointPruneReport::default());
        assert_eq!(stored_versions(t).await, [2, 1]);
        // Nor is it known afterwards.
        let known = "SELECT COUNT(*) FROM agentensor_workflows WHERE workflow_id = 'unknown'";
        assert_eq!(t.count(known).await, 0);
    }

    /// After a prune versions go on where they were.
    async fn after_a_prune_versions_go_on(t: &Checkpoints) {
        recorded_many(t, 4).await;
        pruned(t, keep_last(0)).await;
        assert_eq!(recorded(t, checkpoint()).await.config_version, 5);
    }

    /// A batch outside 1 to 1000 is `Invalid`, and nothing goes.
    async fn a_batch_of_a_prune_outside_1_to_1000_is_invalid(t: &Checkpoints) {
        recorded_many(t, 3).await;
        for batch in [0, 1001, u32::MAX] {
            let request = CheckpointPrune { batch, ..keep_last(1) };
            assert_invalid(t.store.prune(&request).await, "batch");
            assert_invalid(t.store.prune(&request.dry_run()).await, "batch");
        }
        assert_eq!(stored_versions(t).await, [3, 2, 1]);
    }
}
