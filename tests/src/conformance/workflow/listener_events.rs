//! The events of listeners: one run each, however often they arrive.

use std::time::Duration;

use serde_json::{Map, Value, json};
use store_core::workflow::{
    ListenerEvent, ListenerLease, ListenerMessage, ListenerStatus, NewListener, NewVersion, Run,
    RunStatus,
};
use store_core::{ListenerId, WorkflowId};

use super::{assert_invalid, assert_invalid_state};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, audit_of, claim, config, created, event, graph, listen, listener, listening, runs_of, time,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Creates a workflow that listens, and takes the lease of its listener for a day.
async fn leased(t: &Workflows) -> (WorkflowId, ListenerLease) {
    let (workflow, id) = listening(t).await;
    (workflow, lease(t, id).await)
}

async fn lease(t: &Workflows, id: ListenerId) -> ListenerLease {
    t.store.claim_listener(id, "a", DAY).await.unwrap().unwrap()
}

/// Dispatches one event 20 times at once on two handles, and returns the runs it started.
async fn dispatch_at_once(t: &Workflows, lease: &ListenerLease) -> Vec<Run> {
    let other = t.reopened().await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
        let lease = lease.clone();
        tasks.push(tokio::spawn(
            async move { store.dispatch_event(&lease, event("1")).await.unwrap() },
        ));
    }
    let mut started = Vec::new();
    for task in tasks {
        started.extend(task.await.unwrap());
    }
    started
}

/// An event with everything an event can have.
fn full_event(dedupe_key: &str) -> ListenerEvent {
    ListenerEvent {
        message: Some(ListenerMessage {
            chat_id: Some("1".into()),
            channel_id: Some("2".into()),
            guild_id: Some("3".into()),
            message_id: Some("4".into()),
            user_id: Some("5".into()),
            username: Some("späße".into()),
            text: Some("Hello 🎉".into()),
            chat_type: Some("private".into()),
            metadata: Map::from_iter([("thread".to_owned(), json!(6))]),
        }),
        reply_target: json!({"chat_id": 1}),
        raw_event: json!({"update_id": 7, "message": {"text": "Hello 🎉"}}),
        metadata: json!({"trace": "8"}),
        ..event(dedupe_key)
    }
}

/// Events that are refused, with the field that is to blame.
fn refused() -> Vec<(&'static str, ListenerEvent)> {
    let long = "x".repeat(256);
    let typed = |event_type: &str| ListenerEvent::new(event_type, "key");
    let text = Some("a\0b".to_owned());
    let message = Some(ListenerMessage { text, ..ListenerMessage::default() });
    vec![
        ("event_type", typed("")),
        ("event_type", typed(&long)),
        ("event_type", typed("a\0b")),
        ("dedupe_key", event("")),
        ("dedupe_key", event(&long)),
        ("dedupe_key", event("a\0b")),
        ("metadata", ListenerEvent { metadata: json!([]), ..event("key") }),
        ("metadata", ListenerEvent { metadata: json!({"a": "\0"}), ..event("key") }),
        ("raw_event", ListenerEvent { raw_event: json!(["\0"]), ..event("key") }),
        ("reply_target", ListenerEvent { reply_target: json!("\0"), ..event("key") }),
        ("message", ListenerEvent { message, ..event("key") }),
    ]
}

behaviours! {
    emits workflow_listener_events_tests from workflow::listener_events;

    /// An event starts a pending run of the listener's version, with its job.
    async fn an_event_starts_a_run(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        let run = t.store.dispatch_event(&lease, event("1")).await.unwrap().unwrap();
        let version = t.store.latest_version(workflow).await.unwrap().unwrap();
        assert_eq!((run.workflow_id, run.workflow_version_id), (workflow, version.id));
        assert_eq!((run.status, run.triggered_by.as_str()), (RunStatus::Pending, "listener"));
        assert_eq!(runs_of(t, workflow).await, [run]);
        let jobs = t.rows("SELECT kind, state FROM jobs WHERE run_id IS NOT NULL").await;
        assert_eq!(jobs, [["run", "available"]]);
    }

    /// The input of the run is the event, and says which listener it came from.
    async fn the_input_of_the_run_is_the_event(t: &Workflows) {
        let (_, lease) = leased(t).await;
        let run = t.store.dispatch_event(&lease, full_event("update 7")).await.unwrap().unwrap();
        let listener = t.store.fetch_listener(lease.listener_id).await.unwrap();
        let expected = json!({
            "listener": {"id": listener.id, "node_name": "inbox"},
            "platform": "telegram",
            "event_type": "message",
            "bot_identity": listener.bot_identity,
            "message": {
                "chat_id": "1", "channel_id": "2", "guild_id": "3", "message_id": "4",
                "user_id": "5", "username": "späße", "text": "Hello 🎉", "chat_type": "private",
                "metadata": {"thread": 6},
            },
            "reply_target": {"chat_id": 1},
            "raw_event": {"update_id": 7, "message": {"text": "Hello 🎉"}},
        });
        assert_eq!(run.input, expected);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap().input, expected);
    }

    /// What an event does not have is null in the input.
    async fn what_an_event_does_not_have_is_null(t: &Workflows) {
        let (_, lease) = leased(t).await;
        let run = t.store.dispatch_event(&lease, event("1")).await.unwrap().unwrap();
        let input = run.input.as_object().unwrap();
        let names: Vec<_> = input.keys().map(String::as_str).collect();
        let expected = [
            "bot_identity", "event_type", "listener", "message", "platform", "raw_event",
            "reply_target",
        ];
        assert_eq!(names, expected);
        for name in ["message", "reply_target", "raw_event"] {
            assert_eq!(input[name], Value::Null, "{name}");
        }
    }

    /// The free data of an event is that of its run, beside that of the version.
    async fn the_metadata_of_an_event_is_that_of_its_run(t: &Workflows) {
        let workflow = created(t).await;
        let settings = json!({"tags": ["chat"], "metadata": {"a": 1, "trace": "version"}});
        let new = NewVersion {
            runnable_config: Some(config(settings)),
            listeners: vec![listener("inbox")],
            ..NewVersion::new(workflow.id, graph())
        };
        t.store.create_version(&ada(), new).await.unwrap();
        let page = store_core::PageRequest::default();
        let listed = t.store.list_listeners(Some(workflow.id), &page).await.unwrap().items;
        let lease = lease(t, listed[0].id).await;
        let run = t.store.dispatch_event(&lease, full_event("update 7")).await.unwrap().unwrap();
        assert_eq!(run.metadata, json!({"a": 1, "trace": "8"}));
        assert_eq!(run.tags, ["chat"]);
        let run = t.store.dispatch_event(&lease, event("bare")).await.unwrap().unwrap();
        assert_eq!(run.metadata, json!({"a": 1, "trace": "version"}));
    }

    /// A run is of the version its listener is of.
    async fn a_run_is_of_the_version_of_its_listener(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        t.store.dispatch_event(&lease, event("1")).await.unwrap();
        listen(t, workflow, &[listener("inbox")]).await;
        let run = t.store.dispatch_event(&lease, event("2")).await.unwrap().unwrap();
        let latest = t.store.latest_version(workflow).await.unwrap().unwrap();
        assert_eq!((latest.version, run.workflow_version_id), (2, latest.id));
    }

    /// A dispatched event is when the listener last had one.
    async fn a_listener_shows_when_its_last_event_was(t: &Workflows) {
        let (_, lease) = leased(t).await;
        t.clock.set(time("12:00:10"));
        t.store.dispatch_event(&lease, event("1")).await.unwrap();
        let read = t.store.fetch_listener(lease.listener_id).await.unwrap();
        assert_eq!(read.last_event_at, Some(time("12:00:10")));
        assert_eq!(read.lease, Some(lease));
    }

    /// An event that was dispatched in the last 300 seconds starts nothing; later it does again.
    async fn a_repeated_event_starts_nothing_for_five_minutes(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        let first = t.store.dispatch_event(&lease, event("1")).await.unwrap();
        for now in ["12:00:00", "12:04:59"] {
            t.clock.set(time(now));
            assert_eq!(t.store.dispatch_event(&lease, full_event("1")).await.unwrap(), None);
        }
        assert_eq!(runs_of(t, workflow).await, Vec::from_iter(first));
        t.clock.set(time("12:05:01"));
        assert!(t.store.dispatch_event(&lease, event("1")).await.unwrap().is_some());
        assert_eq!(t.store.dispatch_event(&lease, event("1")).await.unwrap(), None);
        assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 2);
    }

    /// The window in which repeats are dropped is that of the configuration.
    async fn the_window_is_that_of_the_configuration(t: &Workflows) {
        let workflow = created(t).await;
        let config = json!({"dedupe_window_seconds": 10});
        let short = NewListener { config, ..listener("inbox") };
        let ids = listen(t, workflow.id, &[short]).await;
        let lease = lease(t, ids[0]).await;
        t.store.dispatch_event(&lease, event("1")).await.unwrap();
        t.clock.set(time("12:00:09"));
        assert_eq!(t.store.dispatch_event(&lease, event("1")).await.unwrap(), None);
        t.clock.set(time("12:00:11"));
        assert!(t.store.dispatch_event(&lease, event("1")).await.unwrap().is_some());
        assert_eq!(runs_of(t, workflow.id).await.len(), 2);
    }

    /// A repeat does not make the window longer.
    async fn a_repeat_does_not_extend_the_window(t: &Workflows) {
        let (_, lease) = leased(t).await;
        t.store.dispatch_event(&lease, event("1")).await.unwrap();
        t.clock.set(time("12:04:00"));
        assert_eq!(t.store.dispatch_event(&lease, event("1")).await.unwrap(), None);
        t.clock.set(time("12:05:01"));
        assert!(t.store.dispatch_event(&lease, event("1")).await.unwrap().is_some());
    }

    /// The same key at two listeners is two events.
    async fn keys_of_two_listeners_are_apart(t: &Workflows) {
        let workflow = created(t).await;
        let ids = listen(t, workflow.id, &[listener("inbox"), listener("outbox")]).await;
        for id in ids {
            let lease = lease(t, id).await;
            assert!(t.store.dispatch_event(&lease, event("1")).await.unwrap().is_some());
            assert!(t.store.dispatch_event(&lease, event("2")).await.unwrap().is_some());
        }
        assert_eq!(runs_of(t, workflow.id).await.len(), 4);
    }

    /// An event that its first owner dispatched is known to the next one.
    async fn the_next_owner_knows_what_was_dispatched(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let first = claim(t, id, "a").await.unwrap();
        t.store.dispatch_event(&first, event("1")).await.unwrap();
        t.clock.set(time("12:01:00"));
        let second = claim(t, id, "b").await.unwrap();
        let other = t.reopened().await;
        assert_eq!(other.dispatch_event(&second, event("1")).await.unwrap(), None);
        assert_eq!(runs_of(t, workflow).await.len(), 1);
    }

    /// Of 20 identical events at once on two handles, one starts a run.
    async fn concurrent_identical_events_start_one_run(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        let started = dispatch_at_once(t, &lease).await;
        assert_eq!(started.len(), 1);
        assert_eq!(runs_of(t, workflow).await, started);
    }

    /// Of concurrent repeats after the window, one starts a run.
    async fn concurrent_events_after_the_window_start_one_run(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        t.store.dispatch_event(&lease, event("1")).await.unwrap();
        t.clock.set(time("12:10:00"));
        assert_eq!(dispatch_at_once(t, &lease).await.len(), 1);
        assert_eq!(runs_of(t, workflow).await.len(), 2);
    }

    /// What is no event is `Invalid`, starts nothing and is not remembered.
    async fn what_is_no_event_is_refused(t: &Workflows) {
        let (workflow, lease) = leased(t).await;
        for (field, event) in refused() {
            assert_invalid(t.store.dispatch_event(&lease, event).await, field);
        }
        assert_eq!(runs_of(t, workflow).await, []);
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_listener_events").await, 0);
        let read = t.store.fetch_listener(lease.listener_id).await.unwrap();
        assert_eq!(read.last_event_at, None);
        assert!(t.store.dispatch_event(&lease, event("key")).await.unwrap().is_some());
    }

    /// An archived workflow starts no run for an event, which is audited; once it is taken out
    /// of the archive, the same event does: it was not remembered.
    async fn an_archived_workflow_starts_no_run_for_an_event(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        t.store.archive_workflow(&ada(), workflow).await.unwrap();
        t.store.set_listener_status(id, ListenerStatus::Active, None).await.unwrap();
        let lease = lease(t, id).await;
        assert_invalid_state(t.store.dispatch_event(&lease, event("1")).await);
        let (action, _, metadata) = audit_of(t, workflow).await.pop().unwrap();
        assert_eq!(action, "run_refused");
        assert_eq!(metadata, json!({"triggered_by": "listener"}));
        assert_eq!(runs_of(t, workflow).await, []);
        assert_eq!(t.store.fetch_listener(id).await.unwrap().last_event_at, None);
        t.store.unarchive_workflow(&ada(), workflow).await.unwrap();
        let run = t.store.dispatch_event(&lease, event("1")).await.unwrap().unwrap();
        assert_eq!(runs_of(t, workflow).await, [run]);
    }
}
