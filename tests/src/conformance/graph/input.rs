//! Bad input: the same verdict and the same error on every backend, and nothing changed.

use serde_json::{Value, json};
use store_core::checkpoints::graph::{ChannelValue, CheckpointRef, GraphFilter};
use store_core::{GraphCheckpointId, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    GraphStep, checkpoint_id, graph_step, graph_write, latest_state, task_id, text_value, thread,
    uuid,
};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({"a": inner}),
    })
}

/// Ids that cannot order checkpoints.
fn bad_ids() -> Vec<GraphCheckpointId> {
    let mut bad: Vec<_> = [1, 2, 3, 4, 5, 8, 0, 9, 15].map(|version| uuid(version, 1)).into();
    let texts = [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        // Version 7 of a variant that has no versions.
        "00000000-0001-7000-0000-000000000000",
        "00000000-0001-7000-c000-000000000000",
    ];
    bad.extend(texts.map(|text| text.parse::<GraphCheckpointId>().unwrap()));
    bad
}

/// Asserts that a checkpoint is `Invalid`, and that nothing came of it.
async fn assert_refused(t: &Graphs, step: GraphStep, field: &str) {
    assert_invalid(step.try_put(t.store.as_ref()).await, field);
    assert_eq!(t.tally().await, [0; 5], "{field}");
}

behaviours! {
    emits graph_input_tests from graph::input;

    /// Ids of other versions than 6 and 7 are `Invalid`, also that of the parent.
    async fn ids_of_other_versions_are_invalid(t: &Graphs) {
        for bad in bad_ids() {
            assert_refused(t, graph_step("t", 1).id(bad), "checkpoint_id").await;
            let mut step = graph_step("t", 1);
            step.config.parent_id = Some(bad);
            assert_refused(t, step, "parent_id").await;
            let reference = CheckpointRef { id: bad, ..graph_step("t", 1).reference() };
            let writes = vec![graph_write(0, "a", "x")];
            let answer = t.store.put_writes(&reference, &task_id("task"), "", writes).await;
            assert_invalid(answer, "checkpoint_id");
        }
        assert_eq!(t.tally().await, [0; 5]);
    }

    /// An id that was never put is nothing, whatever its version.
    async fn an_id_of_another_version_is_not_there(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        let all = GraphFilter::default();
        for bad in bad_ids() {
            match t.store.fetch(&thread("t"), "", Some(bad)).await {
                Ok(found) => assert_eq!(found, None),
                Err(error) => assert_invalid::<()>(Err(error), "checkpoint_id"),
            }
            let filter = GraphFilter { before: Some(bad), ..all.clone() };
            if let Err(error) = t.store.list(&thread("t"), &filter, &PageRequest::default()).await {
                assert_invalid::<()>(Err(error), "before");
            }
        }
    }

    /// A namespace that is too long, or has a control character, is `Invalid` to everything.
    async fn a_bad_namespace_is_invalid(t: &Graphs) {
        for bad in ["a\0b", "\n", "\u{7f}", "\u{85}", &"x".repeat(256), &"ä".repeat(128)] {
            let step = graph_step("t", 1).ns(bad);
            assert_refused(t, step.clone(), "checkpoint_ns").await;
            let writes = vec![graph_write(0, "a", "x")];
            let answer = t.store.put_writes(&step.reference(), &task_id("task"), "", writes).await;
            assert_invalid(answer, "checkpoint_ns");
            assert_invalid(t.store.fetch(&thread("t"), bad, None).await, "checkpoint_ns");
            let filter = GraphFilter { checkpoint_ns: Some(bad.into()), ..Default::default() };
            let answer = t.store.list(&thread("t"), &filter, &PageRequest::default()).await;
            assert_invalid(answer, "checkpoint_ns");
        }
        assert_eq!(t.tally().await, [0; 5]);
    }

    /// Channels, versions and type tags that break their rule are `Invalid`.
    async fn bad_channels_versions_and_type_tags_are_invalid(t: &Graphs) {
        let step = || graph_step("t", 1).value("good", "1", "x");
        let (long, wide) = ("x".repeat(256), "ä".repeat(128));
        for bad in ["", "a\0b", "\n", "\u{7f}", &long, &wide] {
            assert_refused(t, step().channel(bad, "1"), "channel_versions").await;
            assert_refused(t, step().channel("a", bad), "channel_versions").await;
        }
        for bad in ["", "a\0b", "\n", "\u{85}", &long[..65], &wide[..66]] {
            let value = ChannelValue::new(bad, *b"x");
            assert_refused(t, step().typed("a", "1", value.clone()), "values").await;
            let mut write = graph_write(0, "a", "x");
            write.value = value;
            let reference = step().reference();
            let answer = t.store.put_writes(&reference, &task_id("task"), "", vec![write]).await;
            assert_invalid(answer, "writes");
        }
        assert_eq!(t.tally().await, [0; 5]);
    }

    /// What just fits is kept: 255 bytes of channel and version, 64 of a type tag.
    async fn what_just_fits_into_a_graph_checkpoint_is_kept(t: &Graphs) {
        let (name, tag) = ("ä".repeat(127), "t".repeat(64));
        let expected = graph_step(&name, 1)
            .ns(&name)
            .typed(&name, &name, ChannelValue::new(tag, *b"x"))
            .metadata(json!({"run_id": name, "deep": nested(99)}))
            .put(t)
            .await;
        let read = t.store.fetch(&thread(&name), &name, None).await.unwrap();
        assert_eq!(read, Some(expected));
        assert_eq!(t.store.delete_for_runs(&[name]).await.unwrap(), 1);
    }

    /// A value of a channel that has no version is `Invalid`.
    async fn a_value_of_a_channel_without_a_version_is_invalid(t: &Graphs) {
        let mut step = graph_step("t", 1).value("a", "1", "x");
        step.values.insert("b".into(), text_value("y"));
        assert_refused(t, step, "values").await;
    }

    /// More than ten thousand channels are `Invalid`.
    async fn too_many_channels_are_invalid(t: &Graphs) {
        let mut step = graph_step("t", 1);
        for number in 0..10_001 {
            step = step.channel(&number.to_string(), "1");
        }
        assert_refused(t, step, "channel_versions").await;
    }

    /// Values of more than 64 MiB, and of more than 256 MiB in all, are `Invalid`.
    async fn values_that_are_too_large_are_invalid(t: &Graphs) {
        let value = |bytes: usize| ChannelValue::new("bytes", vec![0; bytes]);
        let step = graph_step("t", 1).typed("a", "1", value((64 << 20) + 1));
        assert_refused(t, step, "values").await;
        let mut step = graph_step("t", 1).typed("last", "1", value(1));
        for name in ["a", "b", "c", "d"] {
            step = step.typed(name, "1", value(64 << 20));
        }
        assert_refused(t, step, "values").await;
        let mut write = graph_write(0, "a", "x");
        write.value = value((64 << 20) + 1);
        let reference = graph_step("t", 1).reference();
        let answer = t.store.put_writes(&reference, &task_id("task"), "", vec![write]).await;
        assert_invalid(answer, "writes");
        assert_eq!(t.tally().await, [0; 5]);
    }

    /// Versions seen, extra and metadata are objects that the databases can hold.
    async fn bad_json_of_a_graph_checkpoint_is_invalid(t: &Graphs) {
        let bad = [
            json!(null), json!([]), json!("x"), json!(1), json!({"a": "x\0"}), json!({"a\0": 1}),
            json!({"a": nested(100)}),
        ];
        for bad in bad {
            assert_refused(t, graph_step("t", 1).metadata(bad.clone()), "metadata").await;
            let mut step = graph_step("t", 1);
            step.checkpoint.versions_seen = bad.clone();
            assert_refused(t, step, "versions_seen").await;
            let mut step = graph_step("t", 1);
            step.checkpoint.extra = bad;
            assert_refused(t, step, "extra").await;
        }
    }

    /// A text that is no run is `Invalid`, in metadata and to delete.
    async fn bad_runs_are_invalid(t: &Graphs) {
        let long = "x".repeat(256);
        for bad in ["", "a\nb", "\u{7f}", &long] {
            assert_refused(t, graph_step("t", 1).run(bad), "metadata").await;
        }
        graph_step("t", 1).run("good").put(t).await;
        for bad in ["", "a\0", "\n", &long] {
            let runs = ["good".to_owned(), bad.to_owned()];
            assert_invalid(t.store.delete_for_runs(&runs).await, "run_ids");
        }
        let many: Vec<String> = (0..1001).map(|_| "good".to_owned()).collect();
        assert_invalid(t.store.delete_for_runs(&many).await, "run_ids");
        assert!(latest_state(t, "t").await.is_some());
    }

    /// A bad path, channel or index of writes is `Invalid`, and none of them is put.
    async fn bad_writes_are_invalid(t: &Graphs) {
        let good = || graph_write(7, "good", "x");
        let long = "x".repeat(256);
        let mut bad = vec![(vec![good(), graph_write(7, "b", "y")], "writes")];
        for channel in ["", "a\0", "\n", &long] {
            bad.push((vec![good(), graph_write(1, channel, "x")], "writes"));
        }
        bad.push(((0..10_001).map(|index| graph_write(index, "a", "x")).collect(), "writes"));
        let reference = graph_step("t", 1).reference();
        for (writes, field) in bad {
            let answer = t.store.put_writes(&reference, &task_id("task"), "", writes).await;
            assert_invalid(answer, field);
        }
        for path in ["a\0", "\n", &"x".repeat(4097)] {
            let answer = t.store.put_writes(&reference, &task_id("task"), path, vec![good()]).await;
            assert_invalid(answer, "task_path");
        }
        assert_eq!(t.tally().await, [0; 5]);
        let path = "x".repeat(4096);
        t.store.put_writes(&reference, &task_id("task"), &path, vec![good()]).await.unwrap();
        assert_eq!(t.tally().await, [1, 0, 0, 1, 1]);
    }

    /// A filter that is no object, and a limit outside 1 to 1000, are `Invalid`.
    async fn bad_listings_are_invalid(t: &Graphs) {
        graph_step("t", 1).put(t).await;
        for bad in [json!(null), json!([]), json!("x"), json!(1), json!({"a": "\0"})] {
            let filter = GraphFilter { metadata: Some(bad), ..GraphFilter::default() };
            let answer = t.store.list(&thread("t"), &filter, &PageRequest::default()).await;
            assert_invalid(answer, "metadata");
        }
        for limit in [0, 1001, u32::MAX] {
            let page = PageRequest::first(limit);
            let answer = t.store.list(&thread("t"), &GraphFilter::default(), &page).await;
            assert_invalid(answer, "limit");
        }
    }

    /// What is bad is said without a statement.
    async fn bad_input_is_said_without_a_statement(t: &Graphs) {
        let before = t.statements();
        let bad = graph_step("t", 1).id(uuid(4, 1));
        bad.try_put(t.store.as_ref()).await.unwrap_err();
        t.store.fetch(&thread("t"), "\n", None).await.unwrap_err();
        let page = PageRequest::first(0);
        t.store.list(&thread("t"), &GraphFilter::default(), &page).await.unwrap_err();
        t.store.delete_for_runs(&[String::new()]).await.unwrap_err();
        let request = store_core::checkpoints::graph::GraphPrune::new(thread("t"), 0);
        t.store.prune(&request).await.unwrap_err();
        assert_eq!(t.statements(), before);
    }

    /// Hostile texts are only texts.
    async fn hostile_texts_of_a_graph_are_only_texts(t: &Graphs) {
        let names = ["'; DROP TABLE graph_threads; --", "%", "_", "\"x\"", "$1", "?1", "{}", "\\x00"];
        let mut expected = Vec::new();
        for name in names {
            let step = graph_step(name, 1).ns(name).value(name, name, name).run(name);
            expected.push(step.put(t).await);
        }
        for (name, expected) in names.into_iter().zip(expected) {
            let id = Some(checkpoint_id(1));
            let read = t.store.fetch(&thread(name), name, id).await.unwrap();
            assert_eq!(read, Some(expected));
            assert_eq!(t.store.delete_for_runs(&[name.to_owned()]).await.unwrap(), 1);
        }
        assert_eq!(t.tally().await, [0; 5]);
    }
}
