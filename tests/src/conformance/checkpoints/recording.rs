//! Recording checkpoints: fields, versions, parents.

use serde_json::json;
use store_core::CheckpointId;
use store_core::checkpoints::{Checkpoint, Metrics, NewCheckpoint};

use super::{assert_conflict, assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Checkpoints, noon};
use crate::samples::{
    TRAINING, at_version, best_checkpoint, checkpoint, child_of, full_checkpoint, recorded,
    recorded_many, stored_versions,
};

behaviours! {
    emits checkpoints_recording_tests from checkpoints::recording;

    /// Every field of a checkpoint comes back as it was given.
    async fn every_field_of_a_checkpoint_round_trips(t: &Checkpoints) {
        let root = NewCheckpoint::new("späße & more 🎉");
        let parent = recorded(t, root).await.id;
        let new = full_checkpoint(parent);
        let returned = recorded(t, new.clone()).await;
        let expected = Checkpoint {
            id: returned.id,
            workflow_id: new.workflow_id,
            config_version: 7,
            runnable_config: new.runnable_config,
            metrics: new.metrics,
            metadata: new.metadata,
            artifact_url: new.artifact_url,
            is_best: true,
            parent_id: Some(parent),
            created_at: noon(),
        };
        assert_eq!(returned, expected);
        assert_eq!(t.store.fetch(returned.id).await.unwrap(), expected);
        assert_eq!(t.store.find(returned.id).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(t.reopened().await.fetch(returned.id).await.unwrap(), expected);
    }

    /// A checkpoint with nothing but its workflow has empty objects and is the first version.
    async fn a_bare_checkpoint_has_empty_objects(t: &Checkpoints) {
        let returned = recorded(t, checkpoint()).await;
        let read = t.store.fetch(returned.id).await.unwrap();
        assert_eq!(read, returned);
        assert_eq!((read.workflow_id.as_str(), read.config_version), (TRAINING, 1));
        assert_eq!((read.runnable_config, read.metadata), (json!({}), json!({})));
        assert_eq!(read.metrics, Metrics::default());
        assert_eq!(read.metrics.as_json(), &json!({}));
        assert_eq!((read.artifact_url, read.is_best, read.parent_id), (None, false, None));
        assert_eq!(read.created_at, noon());
    }

    /// An unknown checkpoint is nothing to `find` and `NotFound` to everything else.
    async fn an_unknown_checkpoint_is_not_found(t: &Checkpoints) {
        let (known, unknown) = (recorded(t, checkpoint()).await.id, CheckpointId::mint());
        assert_eq!(t.store.find(unknown).await.unwrap(), None);
        assert_not_found(t.store.fetch(unknown).await);
        assert_not_found(t.store.mark_best(unknown).await);
        assert_not_found(t.store.compare(known, unknown).await);
        assert_not_found(t.store.compare(unknown, known).await);
        assert_not_found(t.store.lineage(unknown, &Default::default()).await);
        assert_not_found(t.store.delete(unknown, false).await);
        assert_not_found(t.store.delete(unknown, true).await);
    }

    /// Versions of a workflow are 1, 2, 3 and so on; those of another one are its own.
    async fn versions_count_from_one_in_each_workflow(t: &Checkpoints) {
        for version in 1..=5 {
            assert_eq!(recorded(t, checkpoint()).await.config_version, version);
            let other = recorded(t, NewCheckpoint::new("other")).await;
            assert_eq!(other.config_version, version);
        }
    }

    /// Workflows are told apart byte by byte.
    async fn workflows_are_told_apart_byte_by_byte(t: &Checkpoints) {
        let names = ["a", "A", "ä", "a\u{308}", " a", "a ", "%", "_", "'", "日本", "🎉", "\\"];
        for name in names {
            let first = recorded(t, NewCheckpoint::new(name)).await;
            assert_eq!((first.workflow_id.as_str(), first.config_version), (name, 1));
        }
        for name in names {
            let page = t.store.list(name, &Default::default()).await.unwrap();
            assert_eq!(page.items.len(), 1, "{name}");
            assert_eq!(page.items[0].workflow_id, name);
        }
    }

    /// A version that is given is kept, and the next one follows it.
    async fn a_given_version_moves_the_counter_forward(t: &Checkpoints) {
        recorded(t, checkpoint()).await;
        assert_eq!(recorded(t, at_version(10)).await.config_version, 10);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 11);
        assert_eq!(stored_versions(t).await, [11, 10, 1]);
    }

    /// A lower version that is free is kept, and moves the counter nowhere.
    async fn a_lower_version_that_is_free_is_kept(t: &Checkpoints) {
        recorded(t, at_version(10)).await;
        let lower = recorded(t, at_version(4)).await;
        assert_eq!(lower.config_version, 4);
        assert_eq!(t.store.latest(TRAINING).await.unwrap().unwrap().config_version, 10);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 11);
    }

    /// A given version that is the next one is like none.
    async fn the_next_version_can_be_given(t: &Checkpoints) {
        assert_eq!(recorded(t, at_version(1)).await.config_version, 1);
        assert_eq!(recorded(t, at_version(2)).await.config_version, 2);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 3);
    }

    /// A version that is taken is `Conflict` and changes nothing, the best included.
    async fn a_version_that_is_taken_conflicts(t: &Checkpoints) {
        let first = recorded(t, best_checkpoint()).await;
        let second = recorded(t, checkpoint()).await;
        for taken in [1, 2] {
            assert_conflict(t.store.record(at_version(taken)).await);
            let best = NewCheckpoint { is_best: true, ..at_version(taken) };
            assert_conflict(t.store.record(best).await);
        }
        assert_eq!(t.store.fetch(first.id).await.unwrap(), first);
        assert_eq!(t.store.fetch(second.id).await.unwrap(), second);
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(first));
        assert_eq!(recorded(t, checkpoint()).await.config_version, 3);
    }

    /// A version of 0 or less is `Invalid` and changes nothing.
    async fn a_version_below_one_is_invalid(t: &Checkpoints) {
        for version in [0, -1, i32::MIN] {
            assert_invalid(t.store.record(at_version(version)).await, "config_version");
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_checkpoints").await, 0);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 1);
    }

    /// After the greatest version there is no next one: that is `Invalid`, and changes nothing.
    async fn after_the_greatest_version_there_is_no_next_one(t: &Checkpoints) {
        let last = recorded(t, at_version(i32::MAX)).await;
        assert_eq!(t.store.fetch(last.id).await.unwrap().config_version, i32::MAX);
        for none_left in [checkpoint(), best_checkpoint()] {
            assert_invalid(t.store.record(none_left).await, "config_version");
        }
        assert_conflict(t.store.record(at_version(i32::MAX)).await);
        assert_eq!(stored_versions(t).await, [i32::MAX]);
        assert_eq!(recorded(t, at_version(3)).await.config_version, 3);
    }

    /// A version that was deleted is not given out again.
    async fn a_version_that_was_deleted_is_not_given_out_again(t: &Checkpoints) {
        let all = recorded_many(t, 3).await;
        t.store.delete(all[2].id, true).await.unwrap();
        assert_eq!(recorded(t, checkpoint()).await.config_version, 4);
        for checkpoint in t.store.list(TRAINING, &Default::default()).await.unwrap().items {
            t.store.delete(checkpoint.id, true).await.unwrap();
        }
        assert_eq!(recorded(t, checkpoint()).await.config_version, 5);
    }

    /// A parent is kept.
    async fn a_parent_is_kept(t: &Checkpoints) {
        let parent = recorded(t, checkpoint()).await;
        let child = recorded(t, child_of(&parent)).await;
        assert_eq!(t.store.fetch(child.id).await.unwrap().parent_id, Some(parent.id));
    }

    /// A parent may be of another workflow.
    async fn a_parent_may_be_of_another_workflow(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("other")).await;
        let child = recorded(t, child_of(&parent)).await;
        assert_eq!(t.store.fetch(child.id).await.unwrap(), child);
        assert_eq!((child.parent_id, child.config_version), (Some(parent.id), 1));
    }

    /// An unknown parent is `NotFound`, and takes neither a version nor the best.
    async fn an_unknown_parent_is_not_found_and_changes_nothing(t: &Checkpoints) {
        let best = recorded(t, best_checkpoint()).await;
        let parent_id = Some(CheckpointId::mint());
        for is_best in [false, true] {
            for config_version in [None, Some(100)] {
                let orphan =
                    NewCheckpoint { parent_id, is_best, config_version, ..checkpoint() };
                assert_not_found(t.store.record(orphan).await);
            }
        }
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(best));
        assert_eq!(recorded(t, checkpoint()).await.config_version, 2);
    }

    /// The first checkpoint of a workflow with an unknown parent leaves nothing of the workflow.
    async fn a_first_checkpoint_that_fails_leaves_nothing(t: &Checkpoints) {
        let parent_id = Some(CheckpointId::mint());
        assert_not_found(t.store.record(NewCheckpoint { parent_id, ..checkpoint() }).await);
        for table in ["agentensor_checkpoints", "agentensor_checkpoint_metrics"] {
            assert_eq!(t.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0);
        }
        assert_eq!(recorded(t, checkpoint()).await.config_version, 1);
    }

    /// Two databases have nothing to do with each other.
    async fn two_stores_do_not_see_each_others_checkpoints(t: &Checkpoints) {
        let other = t.other().await;
        let ours = recorded(t, best_checkpoint()).await;
        assert_eq!(other.find(ours.id).await.unwrap(), None);
        assert_eq!(other.latest(TRAINING).await.unwrap(), None);
        let theirs = other.record(best_checkpoint()).await.unwrap();
        assert_eq!(theirs.config_version, 1);
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(ours));
    }

    /// The health of a working store is ready.
    async fn health_of_a_checkpoint_store_is_ready(t: &Checkpoints) {
        let health = t.store.health().await;
        assert!(health.is_ready(), "{health:?}");
        assert_eq!(health.migrations[0].crate_name, "store-checkpoints");
        assert!(!health.migrations[0].applied.is_empty());
    }
}
