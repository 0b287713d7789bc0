//! What tasks write to a checkpoint.

use store_core::checkpoints::graph::{ChannelValue, GraphWrite};

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    graph_state, graph_step, graph_write, latest_state, put_writes, task_id, text_value, thread,
    written,
};

/// Writes of a checkpoint, as (task, index, channel, text).
async fn stored(t: &Graphs, number: u64) -> Vec<(String, i32, String, String)> {
    written(&graph_state(t, "t", number).await)
}

fn entry(task: &str, index: i32, channel: &str, text: &str) -> (String, i32, String, String) {
    (task.to_owned(), index, channel.to_owned(), text.to_owned())
}

behaviours! {
    emits graph_writes_tests from graph::writes;

    /// Every field of a write comes back as it was given.
    async fn every_field_of_a_write_round_trips(t: &Graphs) {
        let step = graph_step("t", 1).ns("sub|späße");
        step.clone().put(t).await;
        let all: Vec<u8> = (0..=255).collect();
        let value = ChannelValue::new("späße", all);
        let write = GraphWrite { index: 3, channel: "日本 '".into(), value: value.clone() };
        let path = "~__pregel_pull, späße:1, 'x'";
        put_writes(t, &step.reference(), "task 🎉", path, vec![write]).await;
        let read = t.store.fetch(&thread("t"), "sub|späße", None).await.unwrap().unwrap();
        let [pending] = &read.pending_writes[..] else { panic!("{:?}", read.pending_writes) };
        assert_eq!(pending.task_id, task_id("task 🎉"));
        assert_eq!((pending.task_path.as_str(), pending.index), (path, 3));
        assert_eq!((pending.channel.as_str(), &pending.value), ("日本 '", &value));
    }

    /// A value without bytes can be written.
    async fn a_value_without_bytes_can_be_written(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let value = ChannelValue::new("null", []);
        let write = GraphWrite { index: 0, channel: "a".into(), value: value.clone() };
        put_writes(t, &step.reference(), "task", "", vec![write]).await;
        assert_eq!(graph_state(t, "t", 1).await.pending_writes[0].value, value);
    }

    /// The same writes put again change nothing.
    async fn the_same_writes_again_change_nothing(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let writes = || vec![graph_write(0, "a", "1"), graph_write(1, "b", "2"), graph_write(-1, "__error__", "3")];
        put_writes(t, &step.reference(), "task", "path", writes()).await;
        let (read, tally) = (graph_state(t, "t", 1).await, t.tally().await);
        put_writes(t, &step.reference(), "task", "path", writes()).await;
        t.reopened()
            .await
            .put_writes(&step.reference(), &task_id("task"), "path", writes())
            .await
            .unwrap();
        assert_eq!(graph_state(t, "t", 1).await, read);
        assert_eq!(t.tally().await, tally);
    }

    /// Of writes with an index of 0 or more the first one stays, whole.
    async fn the_first_write_of_an_index_stays(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        put_writes(t, &step.reference(), "task", "p", vec![graph_write(0, "a", "first")]).await;
        let later = vec![graph_write(0, "b", "second"), graph_write(1, "b", "new")];
        put_writes(t, &step.reference(), "task", "q", later).await;
        assert_eq!(stored(t, 1).await, [entry("task", 0, "a", "first"), entry("task", 1, "b", "new")]);
        let paths: Vec<_> = graph_state(t, "t", 1).await.pending_writes;
        assert_eq!((paths[0].task_path.as_str(), paths[1].task_path.as_str()), ("p", "q"));
    }

    /// A write with an index below 0 is replaced, with its path and channel.
    async fn a_special_write_is_replaced(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let special = |text: &str| vec![graph_write(-3, "__interrupt__", text), graph_write(0, "a", text)];
        put_writes(t, &step.reference(), "task", "p", special("first")).await;
        put_writes(t, &step.reference(), "task", "q", vec![graph_write(-3, "other", "second")]).await;
        let read = graph_state(t, "t", 1).await;
        let write = read.pending_writes.iter().find(|write| write.index == -3).unwrap();
        assert_eq!((write.task_path.as_str(), write.channel.as_str()), ("q", "other"));
        assert_eq!(write.value, text_value("second"));
        assert_eq!(read.pending_writes.len(), 2);
    }

    /// Every special channel has an index of its own.
    async fn special_channels_have_indices_of_their_own(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let names = ["a", "__resume__", "__error__", "b", "__interrupt__", "__scheduled__"];
        let writes = names.map(|name| (name.to_owned(), text_value(name)));
        put_writes(t, &step.reference(), "task", "", GraphWrite::numbered(writes)).await;
        let expected = [
            entry("task", -4, "__resume__", "__resume__"),
            entry("task", -3, "__interrupt__", "__interrupt__"),
            entry("task", -2, "__scheduled__", "__scheduled__"),
            entry("task", -1, "__error__", "__error__"),
            entry("task", 0, "a", "a"),
            entry("task", 3, "b", "b"),
        ];
        assert_eq!(stored(t, 1).await, expected);
    }

    /// Writes are ordered by the path, the id and the index of their task.
    async fn writes_are_ordered_by_path_task_and_index(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let both = || vec![graph_write(1, "x", "1"), graph_write(0, "x", "0"), graph_write(10, "x", "10")];
        for (task, path) in [("b", "2"), ("a", "2"), ("z", "10"), ("ä", "2"), ("B", "2"), ("y", "")] {
            put_writes(t, &step.reference(), task, path, both()).await;
        }
        let tasks: Vec<_> = stored(t, 1).await.into_iter().map(|(task, index, ..)| (task, index)).collect();
        let order = ["y", "z", "B", "a", "b", "ä"];
        let expected: Vec<_> = order
            .into_iter()
            .flat_map(|task| [0, 1, 10].map(|index| (task.to_owned(), index)))
            .collect();
        assert_eq!(tasks, expected);
    }

    /// Writes may come before their checkpoint: it then finds them.
    async fn a_checkpoint_finds_writes_that_came_before_it(t: &Graphs) {
        let step = graph_step("t", 2).value("a", "1", "x");
        put_writes(t, &step.reference(), "task", "", vec![graph_write(0, "a", "early")]).await;
        assert_eq!(latest_state(t, "t").await, None);
        assert!(crate::samples::all_states(t, "t").await.is_empty());
        assert_eq!(t.tally().await, [1, 0, 0, 1, 1]);
        step.put(t).await;
        assert_eq!(stored(t, 2).await, [entry("task", 0, "a", "early")]);
    }

    /// Writes belong to one checkpoint of one namespace of one thread.
    async fn writes_belong_to_one_checkpoint(t: &Graphs) {
        let steps = [
            graph_step("t", 1),
            graph_step("t", 2),
            graph_step("t", 1).ns("sub"),
            graph_step("u", 1),
        ];
        for step in &steps {
            step.clone().put(t).await;
        }
        for (number, step) in steps.iter().enumerate() {
            let write = graph_write(0, "a", &number.to_string());
            put_writes(t, &step.reference(), "task", "", vec![write]).await;
        }
        for (number, step) in steps.iter().enumerate() {
            let place = &step.config;
            let id = Some(step.checkpoint.id);
            let read = t.store.fetch(&place.thread_id, &place.checkpoint_ns, id).await.unwrap();
            let expected = [entry("task", 0, "a", &number.to_string())];
            assert_eq!(written(&read.unwrap()), expected);
        }
    }

    /// Tasks of a checkpoint have their writes apart.
    async fn tasks_have_their_writes_apart(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        for task in ["one", "two"] {
            let writes = vec![graph_write(0, "a", task), graph_write(-1, "__error__", task)];
            put_writes(t, &step.reference(), task, "", writes).await;
        }
        let expected = [
            entry("one", -1, "__error__", "one"),
            entry("one", 0, "a", "one"),
            entry("two", -1, "__error__", "two"),
            entry("two", 0, "a", "two"),
        ];
        assert_eq!(stored(t, 1).await, expected);
    }

    /// No writes change nothing, and make no thread.
    async fn no_writes_change_nothing(t: &Graphs) {
        put_writes(t, &graph_step("t", 1).reference(), "task", "", vec![]).await;
        assert_eq!(t.tally().await, [0; 5]);
    }

    /// Ten thousand writes of a task are kept.
    async fn ten_thousand_writes_are_kept(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        let writes = (0..10_000).map(|n| graph_write(n, "a", &(n % 7).to_string())).collect();
        put_writes(t, &step.reference(), "task", "", writes).await;
        let read = graph_state(t, "t", 1).await.pending_writes;
        assert_eq!(read.len(), 10_000);
        assert_eq!((read[9_999].index, &read[9_999].value), (9_999, &text_value("3")));
        assert_eq!(t.tally().await, [1, 1, 0, 7, 10_000]);
    }

    /// Many tasks that write at once, before the checkpoint and after it, lose nothing.
    async fn concurrent_writes_lose_nothing(t: &Graphs) {
        let (step, other) = (graph_step("t", 1).value("a", "1", "x"), t.reopened().await);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..24_usize {
            let store = if number.is_multiple_of(2) { t.store.clone() } else { other.clone() };
            let step = step.clone();
            tasks.spawn(async move {
                if number == 7 {
                    return step.try_put(store.as_ref()).await.unwrap();
                }
                // Pairs write the same: one of them is first.
                let task = task_id(&format!("task {:02}", number / 2));
                let writes = vec![graph_write(1, "b", "2"), graph_write(0, "a", "1"), graph_write(-1, "c", "3")];
                store.put_writes(&step.reference(), &task, "", writes).await.unwrap();
            });
        }
        tasks.join_all().await;
        assert_eq!(stored(t, 1).await.len(), 36);
        assert_eq!(t.tally().await, [1, 1, 1, 4, 36]);
    }
}
