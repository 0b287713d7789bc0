//! Listeners: how they come out of versions, and how they are listed and paused.

use std::time::Duration;

use serde_json::{Value, json};
use store_core::workflow::{ListenerStatus, ListenerSubscription, NewListener, NewVersion};
use store_core::{ListenerId, PageRequest, WorkflowId};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    ada, claim, created, graph, listen, listener, listening, secret, time, versioned,
};

/// SHA-256 of `123:bot-key`, made with Python's `hashlib`.
const BOT_IDENTITY: &str = "e4facc438c581f18261a45c8cf22d507a0f425bfdabe4b0eba425f6766758d26";

const MINUTE: Duration = Duration::from_secs(60);

/// Statuses in which nothing can be claimed.
const IDLE: [ListenerStatus; 4] = [
    ListenerStatus::Blocked,
    ListenerStatus::Paused,
    ListenerStatus::Error,
    ListenerStatus::Disabled,
];

async fn status(t: &Workflows, id: ListenerId) -> ListenerStatus {
    t.store.fetch_listener(id).await.unwrap().status
}

/// Listeners that are refused.
fn refused() -> Vec<NewListener> {
    let config = |config| NewListener { config, ..listener("inbox") };
    let window = |window: Value| config(json!({"dedupe_window_seconds": window}));
    let identity = |text: &str| NewListener { bot_identity: text.into(), ..listener("inbox") };
    vec![
        listener(""),
        listener(&"x".repeat(256)),
        listener("a\0b"),
        NewListener { platform: String::new(), ..listener("inbox") },
        NewListener { platform: "x".repeat(256), ..listener("inbox") },
        identity(""),
        identity("123:bot-key"),
        identity(&BOT_IDENTITY.to_uppercase()),
        identity(&BOT_IDENTITY[1..]),
        config(json!([])),
        config(json!(null)),
        config(json!({"a": "\0"})),
        window(json!(0)),
        window(json!(604_801)),
        window(json!(-1)),
        window(json!(1.5)),
        window(json!("300")),
    ]
}

behaviours! {
    emits workflow_listeners_tests from workflow::listeners;

    /// A version brings its listeners, active and without lease and cursor.
    async fn a_version_brings_its_listeners(t: &Workflows) {
        let workflow = created(t).await;
        let config = json!({"dedupe_window_seconds": 60, "späße": ["🎉"]});
        let new = NewListener { config: config.clone(), ..listener("inbox") };
        let ids = listen(t, workflow.id, &[new]).await;
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        let expected = ListenerSubscription {
            id: ids[0],
            workflow_id: workflow.id,
            workflow_version_id: version.id,
            node_name: "inbox".into(),
            platform: "telegram".into(),
            bot_identity: BOT_IDENTITY.into(),
            config,
            status: ListenerStatus::Active,
            lease: None,
            last_event_at: None,
            last_error: None,
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(t.store.fetch_listener(ids[0]).await.unwrap(), expected);
        assert_eq!(t.store.listener_cursor(ids[0]).await.unwrap(), None);
    }

    /// Of the key of a bot only the hash is stored.
    async fn the_key_of_a_bot_is_not_stored(t: &Workflows) {
        listening(t).await;
        let columns = "bot_identity, config, node_name, platform, last_error, cursor_state";
        let rows = t.rows(&format!("SELECT {columns} FROM workflow_listeners")).await;
        assert!(rows[0][0] == BOT_IDENTITY && !format!("{rows:?}").contains("bot-key"), "{rows:?}");
    }

    /// The id is a UUID of version 5; workflow, platform, node and bot each make another.
    async fn the_id_is_made_of_workflow_platform_node_and_bot(t: &Workflows) {
        let (one, two) = (created(t).await, created(t).await);
        let listeners = [
            listener("inbox"),
            listener("outbox"),
            NewListener::new("inbox", "discord", &secret("123:bot-key")),
            NewListener::new("inbox", "telegram", &secret("456:bot-key")),
            // The same letters, parted in another way.
            NewListener::new("m", "telegrainbox", &secret("123:bot-key")),
        ];
        let mut ids = listen(t, one.id, &listeners).await;
        ids.extend(listen(t, two.id, &listeners[..1]).await);
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 5), "{ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 6);
    }

    /// Over versions a listener keeps its id and its age; version and configuration are the new.
    async fn a_listener_keeps_its_id_over_versions(t: &Workflows) {
        let workflow = created(t).await;
        let before = listen(t, workflow.id, &[listener("inbox")]).await;
        t.clock.set(time("13:00:00"));
        let new = NewListener { config: json!({"a": 1}), ..listener("inbox") };
        assert_eq!(listen(t, workflow.id, &[new]).await, before);
        let version = t.store.latest_version(workflow.id).await.unwrap().unwrap();
        let read = t.store.fetch_listener(before[0]).await.unwrap();
        assert_eq!((read.workflow_version_id, read.config), (version.id, json!({"a": 1})));
        assert_eq!((read.created_at, read.updated_at), (noon(), time("13:00:00")));
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_listeners").await, 1);
    }

    /// A listener that a version does not have is disabled, and active again with the next one.
    async fn a_listener_that_is_missing_is_disabled_until_it_is_back(t: &Workflows) {
        let workflow = created(t).await;
        let both = [listener("inbox"), listener("outbox")];
        let ids = listen(t, workflow.id, &both).await;
        assert_eq!(listen(t, workflow.id, &both[..1]).await, ids);
        for &id in &ids {
            let read = t.store.fetch_listener(id).await.unwrap();
            let gone = read.node_name == "outbox";
            let expected = [ListenerStatus::Active, ListenerStatus::Disabled][usize::from(gone)];
            assert_eq!(read.status, expected, "{}", read.node_name);
        }
        versioned(t, workflow.id).await;
        for &id in &ids {
            assert_eq!(status(t, id).await, ListenerStatus::Disabled);
            assert_eq!(claim(t, id, "a").await, None);
        }
        listen(t, workflow.id, &both).await;
        for &id in &ids {
            assert_eq!(status(t, id).await, ListenerStatus::Active);
            assert!(claim(t, id, "a").await.is_some());
        }
    }

    /// Cursor and lease survive a new version.
    async fn cursor_and_lease_survive_a_new_version(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        let cursor = t.store.save_listener_cursor(&lease, json!({"offset": 7})).await.unwrap();
        listen(t, workflow, &[listener("inbox")]).await;
        let read = t.store.fetch_listener(id).await.unwrap();
        assert_eq!(read.lease, Some(lease.clone()));
        assert_eq!(t.store.listener_cursor(id).await.unwrap(), Some(cursor));
        t.store.save_listener_cursor(&lease, json!({"offset": 8})).await.unwrap();
    }

    /// The cursor of a listener is there again when the listener is.
    async fn the_cursor_survives_a_version_without_the_listener(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        let cursor = t.store.save_listener_cursor(&lease, json!({"offset": 7})).await.unwrap();
        versioned(t, workflow).await;
        assert_eq!(t.store.listener_cursor(id).await.unwrap(), Some(cursor.clone()));
        listen(t, workflow, &[listener("inbox")]).await;
        assert_eq!(t.store.listener_cursor(id).await.unwrap(), Some(cursor));
    }

    /// A new version leaves the status of its listeners, unless they are disabled.
    async fn a_new_version_leaves_the_status(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        for idle in IDLE {
            t.store.set_listener_status(id, idle, Some("why")).await.unwrap();
            listen(t, workflow, &[listener("inbox")]).await;
            let expected =
                if idle == ListenerStatus::Disabled { ListenerStatus::Active } else { idle };
            assert_eq!(status(t, id).await, expected);
        }
    }

    /// What is no listener keeps the version from being created.
    async fn what_is_no_listener_is_refused_with_its_version(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let before = t.store.fetch_listener(id).await.unwrap();
        for bad in refused() {
            let label = format!("{bad:?}");
            let listeners = vec![listener("outbox"), bad];
            let new = NewVersion { listeners, ..NewVersion::new(workflow, graph()) };
            let answer = t.store.create_version(&ada(), new).await;
            assert!(answer.is_err(), "{label}");
            assert_invalid(answer, "listeners");
        }
        assert_eq!(t.store.latest_version(workflow).await.unwrap().unwrap().version, 1);
        assert_eq!(t.store.fetch_listener(id).await.unwrap(), before);
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_listeners").await, 1);
    }

    /// The same listener twice in one version is refused, and so are more than 1000.
    async fn listeners_given_twice_and_too_many_are_refused(t: &Workflows) {
        let workflow = created(t).await;
        let twice = vec![listener("inbox"), listener("inbox")];
        let many = (0..1001).map(|number| listener(&number.to_string())).collect();
        for listeners in [twice, many] {
            let new = NewVersion { listeners, ..NewVersion::new(workflow.id, graph()) };
            assert_invalid(t.store.create_version(&ada(), new).await, "listeners");
        }
        assert_eq!(t.store.latest_version(workflow.id).await.unwrap(), None);
        let most: Vec<_> = (0..1000).map(|number| listener(&number.to_string())).collect();
        assert_eq!(listen(t, workflow.id, &most).await.len(), 1000);
    }

    /// Archiving disables the listeners; taken out of the archive, they stay so.
    async fn archiving_disables_the_listeners(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        t.store.archive_workflow(&ada(), workflow).await.unwrap();
        assert_eq!(status(t, id).await, ListenerStatus::Disabled);
        assert_eq!(claim(t, id, "a").await, None);
        t.store.unarchive_workflow(&ada(), workflow).await.unwrap();
        assert_eq!(status(t, id).await, ListenerStatus::Disabled);
        t.store.set_listener_status(id, ListenerStatus::Active, None).await.unwrap();
        assert!(claim(t, id, "a").await.is_some());
    }

    /// Listeners are listed by id, of one workflow or of all, page by page.
    async fn listeners_are_listed_by_id(t: &Workflows) {
        let (one, two) = (created(t).await, created(t).await);
        let nodes = ["a", "b", "c", "d", "e"].map(listener);
        let mut all = listen(t, one.id, &nodes).await;
        assert!(all.is_sorted());
        all.extend(listen(t, two.id, &nodes).await);
        all.sort_unstable();
        let mut listed = Vec::new();
        let mut page = PageRequest::first(3);
        loop {
            let answer = t.store.list_listeners(None, &page).await.unwrap();
            listed.extend(answer.items.iter().map(|listener| listener.id));
            match answer.next {
                Some(next) => page = PageRequest::first(3).after(next),
                None => break,
            }
        }
        assert_eq!(listed, all);
        let nobody = Some(WorkflowId::mint());
        let page = PageRequest::default();
        assert_eq!(t.store.list_listeners(nobody, &page).await.unwrap().items, []);
    }

    /// A status and what is said about it come back; setting it again replaces both.
    async fn a_status_and_its_error_come_back(t: &Workflows) {
        let (_, id) = listening(t).await;
        t.clock.set(time("13:00:00"));
        let text = "no such bot: späße 🎉";
        let set = t.store.set_listener_status(id, ListenerStatus::Error, Some(text)).await.unwrap();
        assert_eq!((set.status, set.last_error.as_deref()), (ListenerStatus::Error, Some(text)));
        assert_eq!((set.created_at, set.updated_at), (noon(), time("13:00:00")));
        assert_eq!(t.store.fetch_listener(id).await.unwrap(), set);
        let set = t.store.set_listener_status(id, ListenerStatus::Active, None).await.unwrap();
        assert_eq!((set.status, &set.last_error), (ListenerStatus::Active, &None));
        assert_eq!(t.store.fetch_listener(id).await.unwrap(), set);
    }

    /// Only an active listener can be claimed.
    async fn only_an_active_listener_can_be_claimed(t: &Workflows) {
        let (_, id) = listening(t).await;
        for idle in IDLE {
            t.store.set_listener_status(id, idle, None).await.unwrap();
            assert_eq!(claim(t, id, "a").await, None, "{idle}");
        }
        t.store.set_listener_status(id, ListenerStatus::Active, None).await.unwrap();
        assert!(claim(t, id, "a").await.is_some());
    }

    /// An error text with NUL, or of more than 1 MiB, is refused and changes nothing.
    async fn an_unfit_error_text_is_refused(t: &Workflows) {
        let (_, id) = listening(t).await;
        let before = t.store.fetch_listener(id).await.unwrap();
        for text in ["a\0b".to_owned(), "x".repeat((1 << 20) + 1)] {
            let answer = t.store.set_listener_status(id, ListenerStatus::Error, Some(&text)).await;
            assert_invalid(answer, "last_error");
        }
        assert_eq!(t.store.fetch_listener(id).await.unwrap(), before);
        let longest = "x".repeat(1 << 20);
        t.store.set_listener_status(id, ListenerStatus::Error, Some(&longest)).await.unwrap();
        assert_eq!(t.store.fetch_listener(id).await.unwrap().last_error, Some(longest));
    }

    /// An absent listener is not found by anything, nor by another database.
    async fn an_absent_listener_is_not_found(t: &Workflows) {
        let other = t.other().await;
        let (_, there) = listening(t).await;
        let absent = ListenerId::from(WorkflowId::mint().as_uuid());
        for (store, id) in [(&t.store, absent), (&other, there)] {
            assert_not_found(store.fetch_listener(id).await);
            assert_not_found(store.claim_listener(id, "a", MINUTE).await);
            assert_not_found(store.listener_cursor(id).await);
            let answer = store.set_listener_status(id, ListenerStatus::Active, None).await;
            assert_not_found(answer);
        }
        assert_eq!(other.list_listeners(None, &PageRequest::default()).await.unwrap().items, []);
    }
}
