//! Putting checkpoints: fields, once, again, and with another content.

use std::time::Duration;

use serde_json::json;

use crate::behaviours;
use crate::fixture::{Graphs, noon};
use crate::samples::{
    checkpoint_id, full_graph_step, graph_state, graph_step, latest_state, thread,
};

behaviours! {
    emits graph_putting_tests from graph::putting;

    /// Every field of a checkpoint comes back as it was given.
    async fn every_field_of_a_graph_checkpoint_round_trips(t: &Graphs) {
        let step = full_graph_step("thread späße 🎉", 5);
        let (ns, id) = (step.config.checkpoint_ns.clone(), step.checkpoint.id);
        let thread = step.config.thread_id.clone();
        let expected = step.put(t).await;
        for id in [None, Some(id)] {
            let read = t.store.fetch(&thread, &ns, id).await.unwrap();
            assert_eq!(read.as_ref(), Some(&expected));
            let reopened = t.reopened().await.fetch(&thread, &ns, id).await.unwrap();
            assert_eq!(reopened.as_ref(), Some(&expected));
        }
    }

    /// A checkpoint without channels, parent and metadata comes back as that.
    async fn a_bare_graph_checkpoint_round_trips(t: &Graphs) {
        let expected = graph_step("t", 1).metadata(json!({})).put(t).await;
        let read = latest_state(t, "t").await.unwrap();
        assert_eq!(read, expected);
        assert_eq!(read.config.parent_id, None);
        assert!(read.values.is_empty() && read.checkpoint.channel_versions.is_empty());
        assert_eq!((read.checkpoint.versions_seen, read.checkpoint.extra), (json!({}), json!({})));
        assert_eq!(read.metadata, json!({}));
    }

    /// The same put again changes nothing, the instant included.
    async fn the_same_put_again_changes_nothing(t: &Graphs) {
        let step = full_graph_step("t", 5);
        let ns = step.config.checkpoint_ns.clone();
        let expected = step.clone().put(t).await;
        let before = t.tally().await;
        t.clock.advance(Duration::from_secs(60)).unwrap();
        let reopened = t.reopened().await;
        for store in [&t.store, &reopened, &t.store] {
            step.clone().try_put(store.as_ref()).await.unwrap();
        }
        assert_eq!(t.tally().await, before);
        let read = t.store.fetch(&thread("t"), &ns, None).await.unwrap();
        assert_eq!(read, Some(expected));
    }

    /// The same id with another content replaces everything but the instant.
    async fn the_same_id_with_another_content_replaces_it(t: &Graphs) {
        graph_step("t", 9).value("a", "1", "old").value("b", "1", "stays").after(3).put(t).await;
        t.clock.advance(Duration::from_secs(60)).unwrap();
        let mut step = graph_step("t", 9)
            .value("a", "2", "new")
            .value("c", "1", "more")
            .after(4)
            .metadata(json!({"other": [1]}));
        step.checkpoint.versions_seen = json!({"node": {"a": "2"}});
        step.checkpoint.extra = json!({"v": 5});
        let expected = step.put(t).await;
        let read = graph_state(t, "t", 9).await;
        assert_eq!(read, expected);
        assert_eq!(read.created_at, noon());
    }

    /// A parent that is taken away by another put is gone.
    async fn a_parent_can_be_taken_away(t: &Graphs) {
        graph_step("t", 9).after(3).put(t).await;
        assert_eq!(graph_state(t, "t", 9).await.config.parent_id, Some(checkpoint_id(3)));
        graph_step("t", 9).put(t).await;
        assert_eq!(graph_state(t, "t", 9).await.config.parent_id, None);
    }

    /// The run of a checkpoint follows its metadata.
    async fn the_run_of_a_checkpoint_follows_its_metadata(t: &Graphs) {
        graph_step("t", 1).run("one").put(t).await;
        graph_step("t", 1).run("two").put(t).await;
        assert_eq!(t.store.delete_for_runs(&["one".into()]).await.unwrap(), 0);
        graph_step("t", 1).metadata(json!({"run_id": null})).put(t).await;
        assert_eq!(t.store.delete_for_runs(&["two".into(), "null".into()]).await.unwrap(), 0);
        graph_step("t", 1).metadata(json!({"run_id": 3})).put(t).await;
        assert_eq!(t.store.delete_for_runs(&["3".into()]).await.unwrap(), 0);
        graph_step("t", 1).run("three").put(t).await;
        assert_eq!(t.store.delete_for_runs(&["three".into()]).await.unwrap(), 1);
        assert_eq!(latest_state(t, "t").await, None);
    }

    /// A put that replaces a checkpoint leaves its writes.
    async fn a_replaced_checkpoint_keeps_its_writes(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let write = crate::samples::graph_write(0, "a", "1");
        crate::samples::put_writes(t, &step.reference(), "task", "", vec![write]).await;
        step.metadata(json!({"again": true})).put(t).await;
        let read = graph_state(t, "t", 1).await;
        assert_eq!(read.metadata, json!({"again": true}));
        assert_eq!(read.pending_writes.len(), 1);
    }

    /// A thread is made by its first checkpoint, once.
    async fn a_thread_is_made_by_its_first_checkpoint(t: &Graphs) {
        assert_eq!(t.tally().await, [0; 5]);
        graph_step("t", 1).put(t).await;
        graph_step("t", 2).put(t).await;
        graph_step("u", 1).ns("sub").put(t).await;
        assert_eq!(t.tally().await, [2, 3, 0, 0, 0]);
    }

    /// Ten thousand channels are kept.
    async fn ten_thousand_channels_are_kept(t: &Graphs) {
        let mut step = graph_step("t", 1);
        for number in 0..10_000 {
            step = step.channel(&format!("channel {number}"), &number.to_string());
        }
        for number in 0..100 {
            step = step.value(&format!("channel {number}"), &number.to_string(), "x");
        }
        let expected = step.put(t).await;
        assert_eq!(graph_state(t, "t", 1).await, expected);
    }
}
