//! The best checkpoint of a workflow, and the latest.

use std::time::Duration;

use store_core::checkpoints::NewCheckpoint;

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{TRAINING, at_version, best_checkpoint, checkpoint, recorded, recorded_many};

/// The versions that are marked as the best: one, or none.
async fn marked(t: &Checkpoints) -> Vec<i32> {
    let page = t.store.list(TRAINING, &Default::default()).await.unwrap();
    let best = page.items.into_iter().filter(|checkpoint| checkpoint.is_best);
    best.map(|checkpoint| checkpoint.config_version).collect()
}

behaviours! {
    emits checkpoints_best_tests from checkpoints::best;

    /// A workflow that is unknown has no best and no latest checkpoint.
    async fn an_unknown_workflow_has_no_best_and_no_latest(t: &Checkpoints) {
        recorded(t, best_checkpoint()).await;
        assert_eq!(t.store.latest("unknown").await.unwrap(), None);
        assert_eq!(t.store.best("unknown").await.unwrap(), None);
    }

    /// A workflow none of whose checkpoints is marked has no best.
    async fn a_workflow_without_a_mark_has_no_best(t: &Checkpoints) {
        recorded_many(t, 3).await;
        assert_eq!(t.store.best(TRAINING).await.unwrap(), None);
    }

    /// The latest is the one of the highest version, whenever it was recorded.
    async fn the_latest_is_the_one_of_the_highest_version(t: &Checkpoints) {
        let first = recorded(t, checkpoint()).await;
        assert_eq!(t.store.latest(TRAINING).await.unwrap(), Some(first));
        let highest = recorded(t, at_version(9)).await;
        t.clock.advance(Duration::from_secs(60)).unwrap();
        recorded(t, at_version(5)).await;
        assert_eq!(t.store.latest(TRAINING).await.unwrap(), Some(highest));
    }

    /// A checkpoint that is recorded as the best takes that from the one before.
    async fn a_checkpoint_recorded_as_best_replaces_the_best(t: &Checkpoints) {
        let first = recorded(t, best_checkpoint()).await;
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(first.clone()));
        recorded(t, checkpoint()).await;
        assert_eq!(marked(t).await, [1]);
        let third = recorded(t, best_checkpoint()).await;
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(third));
        assert_eq!(marked(t).await, [3]);
        assert!(!t.store.fetch(first.id).await.unwrap().is_best);
    }

    /// Losing the mark changes nothing else of a checkpoint.
    async fn losing_the_mark_changes_nothing_else(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let full = recorded(t, crate::samples::full_checkpoint(parent.id)).await;
        t.clock.advance(Duration::from_secs(60)).unwrap();
        t.store.mark_best(parent.id).await.unwrap();
        let left = t.store.fetch(full.id).await.unwrap();
        assert!(full.is_best && !left.is_best);
        assert_eq!(left, store_core::checkpoints::Checkpoint { is_best: false, ..full });
    }

    /// Marking returns the checkpoint as it then is, and clears the mark of the one before.
    async fn marking_returns_the_best_and_clears_the_one_before(t: &Checkpoints) {
        let all = recorded_many(t, 3).await;
        for version in [2, 1, 3] {
            let returned = t.store.mark_best(all[version - 1].id).await.unwrap();
            assert!(returned.is_best);
            assert_eq!(returned.id, all[version - 1].id);
            assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(returned));
            assert_eq!(marked(t).await, [i32::try_from(version).unwrap()]);
        }
    }

    /// Marking the best again changes nothing.
    async fn marking_the_best_again_changes_nothing(t: &Checkpoints) {
        let all = recorded_many(t, 2).await;
        let once = t.store.mark_best(all[0].id).await.unwrap();
        t.clock.advance(Duration::from_secs(60)).unwrap();
        assert_eq!(t.store.mark_best(all[0].id).await.unwrap(), once);
        assert_eq!(t.store.fetch(all[1].id).await.unwrap(), all[1]);
        assert_eq!(marked(t).await, [1]);
    }

    /// Each workflow has a best of its own.
    async fn each_workflow_has_a_best_of_its_own(t: &Checkpoints) {
        let ours = recorded(t, best_checkpoint()).await;
        let new = NewCheckpoint { is_best: true, ..NewCheckpoint::new("other") };
        let theirs = recorded(t, new).await;
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(ours.clone()));
        let second = recorded(t, NewCheckpoint::new("other")).await;
        t.store.mark_best(second.id).await.unwrap();
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(ours));
        assert!(!t.store.fetch(theirs.id).await.unwrap().is_best);
    }

    /// A best that is deleted leaves none.
    async fn a_best_that_is_deleted_leaves_none(t: &Checkpoints) {
        let best = recorded(t, best_checkpoint()).await;
        recorded(t, checkpoint()).await;
        t.store.delete(best.id, true).await.unwrap();
        assert_eq!(t.store.best(TRAINING).await.unwrap(), None);
        let next = recorded(t, best_checkpoint()).await;
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(next));
    }
}
