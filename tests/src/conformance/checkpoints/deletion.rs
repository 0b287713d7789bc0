//! Deleting one checkpoint.

use serde_json::json;
use store_core::Error;
use store_core::checkpoints::{Checkpoint, Goal, NewCheckpoint};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, checkpoint, child_of, measured, recorded, recorded_chain, recorded_many,
    stored_versions, winner,
};

/// What is said about a checkpoint that is not deleted.
async fn refused(t: &Checkpoints, checkpoint: &Checkpoint) -> String {
    match t.store.delete(checkpoint.id, false).await.unwrap_err() {
        Error::InvalidState { id, from, .. } => {
            assert_eq!(id, checkpoint.id.to_string());
            from
        }
        other => panic!("{other}"),
    }
}

behaviours! {
    emits checkpoints_deletion_tests from checkpoints::deletion;

    /// A checkpoint that is nothing in particular is deleted, with its metrics.
    async fn a_checkpoint_is_deleted_with_its_metrics(t: &Checkpoints) {
        let first = recorded(t, measured(json!({"a": 1, "b": {"c": 2}}))).await;
        recorded(t, measured(json!({"a": 0}))).await;
        t.store.delete(first.id, false).await.unwrap();
        assert_eq!(t.store.find(first.id).await.unwrap(), None);
        assert_eq!(stored_versions(t).await, [2]);
        assert_eq!(winner(t, "a", Goal::Max).await, Some(2));
        assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_checkpoint_metrics").await, 1);
    }

    /// A checkpoint that was deleted is not there to be deleted.
    async fn a_deleted_checkpoint_is_not_found(t: &Checkpoints) {
        let all = recorded_many(t, 2).await;
        t.store.delete(all[0].id, false).await.unwrap();
        assert_not_found(t.store.delete(all[0].id, false).await);
        assert_not_found(t.store.delete(all[0].id, true).await);
        assert_not_found(t.store.fetch(all[0].id).await);
        assert_not_found(t.store.mark_best(all[0].id).await);
    }

    /// The best, the highest version and a parent are `InvalidState`, and stay.
    async fn the_best_the_highest_and_a_parent_are_not_deleted(t: &Checkpoints) {
        let all = recorded_many(t, 3).await;
        let best = t.store.mark_best(all[0].id).await.unwrap();
        let child = recorded(t, child_of(&all[1])).await;
        for (checkpoint, word) in [(&best, "best"), (&all[1], "parent"), (&child, "")] {
            let from = refused(t, checkpoint).await;
            assert!(from.contains(word), "{from}");
            assert_eq!(&t.store.fetch(checkpoint.id).await.unwrap(), checkpoint);
        }
        assert_eq!(stored_versions(t).await, [4, 3, 2, 1]);
        t.store.delete(all[2].id, false).await.unwrap();
    }

    /// Of several reasons the best comes first, then the highest version, then a child.
    async fn the_reasons_not_to_delete_have_an_order(t: &Checkpoints) {
        let one = recorded(t, checkpoint()).await;
        let highest = refused(t, &one).await;
        let other = NewCheckpoint { parent_id: Some(one.id), ..NewCheckpoint::new("other") };
        recorded(t, other).await;
        assert_eq!(refused(t, &one).await, highest, "the highest version before a child");
        let one = t.store.mark_best(one.id).await.unwrap();
        let best = refused(t, &one).await;
        assert_ne!(best, highest, "the best before the highest version");
        recorded(t, crate::samples::best_checkpoint()).await;
        let parent = refused(t, &t.store.fetch(one.id).await.unwrap()).await;
        assert!(parent != best && parent != highest, "{parent}");
    }

    /// With force anything is deleted.
    async fn with_force_anything_is_deleted(t: &Checkpoints) {
        let all = recorded_many(t, 2).await;
        let best = t.store.mark_best(all[0].id).await.unwrap();
        let child = recorded(t, child_of(&all[1])).await;
        for id in [best.id, all[1].id, child.id] {
            assert_invalid_state(t.store.delete(id, false).await);
            t.store.delete(id, true).await.unwrap();
        }
        assert!(stored_versions(t).await.is_empty());
        assert_eq!(t.store.latest(TRAINING).await.unwrap(), None);
    }

    /// Children of what is deleted have no parent, and are otherwise as before.
    async fn children_of_what_is_deleted_have_no_parent(t: &Checkpoints) {
        let chain = recorded_chain(t, 3).await;
        let twin = NewCheckpoint { parent_id: Some(chain[0].id), ..NewCheckpoint::new("other") };
        let twin = recorded(t, twin).await;
        t.store.delete(chain[0].id, true).await.unwrap();
        for child in [&chain[1], &twin] {
            let expected = Checkpoint { parent_id: None, ..child.clone() };
            assert_eq!(t.store.fetch(child.id).await.unwrap(), expected);
        }
        assert_eq!(t.store.fetch(chain[2].id).await.unwrap(), chain[2]);
    }

    /// The latest is then the one before.
    async fn the_latest_is_then_the_one_before(t: &Checkpoints) {
        let all = recorded_many(t, 3).await;
        t.store.delete(all[2].id, true).await.unwrap();
        assert_eq!(t.store.latest(TRAINING).await.unwrap().as_ref(), Some(&all[1]));
        assert_invalid_state(t.store.delete(all[1].id, false).await);
    }

    /// What is no longer a parent can be deleted.
    async fn what_is_no_longer_a_parent_can_be_deleted(t: &Checkpoints) {
        let chain = recorded_chain(t, 3).await;
        assert_invalid_state(t.store.delete(chain[0].id, false).await);
        t.store.delete(chain[1].id, true).await.unwrap();
        t.store.delete(chain[0].id, false).await.unwrap();
        assert_eq!(stored_versions(t).await, [3]);
    }

    /// Of many that delete a checkpoint at once, one does.
    async fn of_many_that_delete_one_does(t: &Checkpoints) {
        let all = recorded_many(t, 2).await;
        let other = t.reopened().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8_usize {
            let store = if number.is_multiple_of(2) { t.store.clone() } else { other.clone() };
            let id = all[0].id;
            tasks.spawn(async move { store.delete(id, number % 3 == 0).await });
        }
        let (good, bad): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_not_found);
    }
}
