//! What the context adds to threads that are saved.

use serde_json::json;
use store_core::chatkit::NewThread;

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{alice, described, fields, loaded, message, new_thread, save, saved, thread};

behaviours! {
    emits chatkit_thread_context_tests from chatkit::thread_context;

    /// The context's metadata is laid over the thread's key by key, not deeper, at every save.
    async fn the_metadata_of_the_context_is_laid_over_key_by_key(t: &Chats) {
        let over = json!({"a": {"y": 2}, "n": null, "new": [1]});
        let cx = alice().with_metadata(fields(over));
        let given = json!({"a": {"x": 1}, "n": 5, "kept": "k"});
        let expected = json!({"a": {"y": 2}, "n": null, "new": [1], "kept": "k"});
        let thread = save(t, &cx, described("thr_1", given)).await;
        assert_eq!(thread.metadata, expected);
        assert_eq!(loaded(t, "thr_1").await.metadata, expected);
        // It is laid over what is given, and what is given replaces what was stored.
        let thread = save(t, &cx, described("thr_1", json!({"other": 1}))).await;
        assert_eq!(thread.metadata, json!({"a": {"y": 2}, "n": null, "new": [1], "other": 1}));
        let thread = save(t, &alice(), described("thr_1", json!({"last": 1}))).await;
        assert_eq!(thread.metadata, json!({"last": 1}));
    }

    /// Reading with metadata in the context changes nothing of what is read.
    async fn reading_does_not_lay_metadata_over(t: &Chats) {
        let before = saved(t, "thr_1").await;
        let cx = alice().with_metadata(fields(json!({"a": 1}))).with_workflow("w");
        assert_eq!(t.store.load_thread(&cx, &before.id).await.unwrap(), before);
        t.store.add_thread_item(&cx, &before.id, message("a", "a")).await.unwrap();
        assert_eq!(loaded(t, "thr_1").await, before);
    }

    /// The workflow is that of the thread, else that of the context, else the one it had.
    async fn the_workflow_is_given_named_by_the_context_or_kept(t: &Chats) {
        let own = |workflow: &str| NewThread {
            workflow_id: Some(workflow.into()),
            ..new_thread("thr_1")
        };
        let workflow = async |cx, new| save(t, &cx, new).await.workflow_id;
        assert_eq!(workflow(alice(), new_thread("thr_1")).await, None);
        let cx = alice().with_workflow("of the context");
        assert_eq!(workflow(cx.clone(), own("own")).await.as_deref(), Some("own"));
        assert_eq!(workflow(alice(), new_thread("thr_1")).await.as_deref(), Some("own"));
        let named = workflow(cx, new_thread("thr_1")).await;
        assert_eq!(named.as_deref(), Some("of the context"));
        assert_eq!(loaded(t, "thr_1").await.workflow_id, named);
        assert_eq!(workflow(alice(), own("late")).await.as_deref(), Some("late"));
    }

    /// A context whose workflow or metadata is bad saves nothing.
    async fn a_bad_context_saves_nothing(t: &Chats) {
        let long = "x".repeat(256);
        for workflow in ["", "a\0", "a\n", &long] {
            let cx = alice().with_workflow(workflow);
            assert_invalid(t.store.save_thread(&cx, new_thread("thr_1")).await, "workflow_id");
        }
        let cx = alice().with_metadata(fields(json!({"a": "x\0"})));
        assert_invalid(t.store.save_thread(&cx, new_thread("thr_1")).await, "metadata");
        assert_not_found(t.store.load_thread(&alice(), &thread("thr_1")).await);
    }
}
