use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::json::Admitted;
use store_core::workflow::{
    ListenerEvent, ListenerLease, ListenerMessage, ListenerSubscription, NewListener, NewRun,
    RunnableConfig, WorkflowVersion,
};
use store_core::{
    Actor, Error, ListenerId, Result, Timestamp, WorkflowId, WorkflowVersionId, check_external,
};
use uuid::Uuid;

use super::Context;
use super::run::ReadyRun;

/// The namespace of the ids of subscriptions: the UUID of this name in the URL namespace.
const NAMESPACE: &[u8] = b"urn:store-workflow:listener";
const LISTENERS_MAX: usize = 1000;
const WINDOW_DEFAULT: u64 = 300;
const WINDOW_MAX: u64 = 604_800;

/// A listener of a version, checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyListener {
    pub(crate) id: ListenerId,
    pub(crate) workflow_id: WorkflowId,
    pub(crate) workflow_version_id: WorkflowVersionId,
    pub(crate) node_name: String,
    pub(crate) platform: String,
    pub(crate) bot_identity: String,
    pub(crate) config: Admitted,
    pub(crate) now: Timestamp,
}

/// Checks the listeners of a version.
pub(crate) fn checked_listeners(
    context: &Context,
    version: &WorkflowVersion,
    listeners: Vec<NewListener>,
) -> Result<Vec<ReadyListener>> {
    if listeners.len() > LISTENERS_MAX {
        return Err(Error::invalid("listeners", format!("are more than {LISTENERS_MAX}")));
    }
    let mut seen = HashSet::new();
    let mut ready = Vec::with_capacity(listeners.len());
    for listener in listeners {
        let of = (version.workflow_id, version.id, version.created_at);
        let listener = checked_listener(context, of, listener)?;
        if !seen.insert(listener.id) {
            return Err(Error::invalid("listeners", "name a platform, node and bot twice"));
        }
        ready.push(listener);
    }
    Ok(ready)
}

/// Checks a listener of a version of a workflow, made at an instant.
pub(crate) fn checked_listener(
    context: &Context,
    (workflow_id, workflow_version_id, now): (WorkflowId, WorkflowVersionId, Timestamp),
    new: NewListener,
) -> Result<ReadyListener> {
    check_external("listeners.node_name", &new.node_name)?;
    check_external("listeners.platform", &new.platform)?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if new.bot_identity.len() != 64 || !new.bot_identity.bytes().all(hex) {
        return Err(Error::invalid("listeners.bot_identity", "must be SHA-256 in lower-case hex"));
    }
    if !new.config.is_object() {
        return Err(Error::invalid("listeners.config", "must be an object"));
    }
    dedupe_window(&new.config)?;
    Ok(ReadyListener {
        id: listener_id(workflow_id, &new),
        workflow_id,
        workflow_version_id,
        node_name: new.node_name,
        platform: new.platform,
        bot_identity: new.bot_identity,
        config: context.json.admit("listeners.config", new.config)?,
        now,
    })
}

/// Returns the id of a subscription: a name-based UUID (RFC 9562, version 5) of workflow,
/// platform, node and bot, each with its length before it, so that no two lists read alike.
fn listener_id(workflow_id: WorkflowId, new: &NewListener) -> ListenerId {
    let workflow_id = workflow_id.to_string();
    let parts = [&workflow_id, &new.platform, &new.node_name, &new.bot_identity];
    let name: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE);
    Uuid::new_v5(&namespace, name.as_bytes()).into()
}

/// Returns how long an event is remembered, by the configuration of its subscription.
pub(crate) fn dedupe_window(config: &Value) -> Result<Duration> {
    let window = match config.get("dedupe_window_seconds") {
        None | Some(Value::Null) => Some(WINDOW_DEFAULT),
        Some(window) => window.as_u64().filter(|window| (1..=WINDOW_MAX).contains(window)),
    };
    window.map(Duration::from_secs).ok_or_else(|| {
        let reason = format!("must be an integer, 1 to {WINDOW_MAX}");
        Error::invalid("listeners.config.dedupe_window_seconds", reason)
    })
}

/// Checks who wants a lease for how long.
pub(crate) fn checked_lease(owner: &str, ttl: Duration) -> Result<()> {
    check_external("owner", owner)?;
    if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&ttl) {
        return Ok(());
    }
    Err(Error::invalid("ttl", "must be 1 second to 1 day"))
}

/// Checks that a lease can have been given out: any other owner holds nothing.
pub(crate) fn checked_holder(lease: &ListenerLease) -> Result<&ListenerLease> {
    check_external("owner", &lease.owner).map(|()| lease).map_err(|_no_owner| lost(lease))
}

/// Says that a lease is not held, or not any more.
pub(crate) fn lost(lease: &ListenerLease) -> Error {
    Error::LeaseLost { entity: "listener", id: lease.listener_id.to_string() }
}

/// Checks the state of a cursor.
pub(crate) fn checked_state(context: &Context, state: Value) -> Result<Admitted> {
    if !state.is_object() {
        return Err(Error::invalid("state", "must be an object"));
    }
    context.json.admit("state", state)
}

/// Checks an event before its subscription is known.
pub(crate) fn checked_event(context: &Context, event: ListenerEvent) -> Result<ListenerEvent> {
    check_external("event_type", &event.event_type)?;
    check_external("dedupe_key", &event.dedupe_key)?;
    if !event.metadata.is_object() {
        return Err(Error::invalid("metadata", "must be an object"));
    }
    let admit = |field: &str, value| context.json.admit(field, value).map(drop);
    admit("metadata", event.metadata.clone())?;
    admit("reply_target", event.reply_target.clone())?;
    admit("raw_event", event.raw_event.clone())?;
    admit("message", event.message.as_ref().map_or(Value::Null, message_to_json))?;
    Ok(event)
}

/// Makes the run of an event.
pub(crate) fn event_run(
    context: &Context,
    listener: &ListenerSubscription,
    event: &ListenerEvent,
) -> Result<ReadyRun> {
    let mut new = NewRun::new(listener.workflow_id, "listener");
    new.workflow_version_id = Some(listener.workflow_version_id);
    new.input = json!({
        "listener": {"id": listener.id, "node_name": listener.node_name},
        "platform": listener.platform,
        "event_type": event.event_type,
        "bot_identity": listener.bot_identity,
        "message": event.message.as_ref().map(message_to_json),
        "reply_target": event.reply_target,
        "raw_event": event.raw_event,
    });
    new.runnable_config = RunnableConfig {
        metadata: event.metadata.as_object().filter(|metadata| !metadata.is_empty()).cloned(),
        ..RunnableConfig::default()
    };
    ReadyRun::new(context, &Actor::new("listener")?, new)
}

fn message_to_json(message: &ListenerMessage) -> Value {
    json!({
        "chat_id": message.chat_id,
        "channel_id": message.channel_id,
        "guild_id": message.guild_id,
        "message_id": message.message_id,
        "user_id": message.user_id,
        "username": message.username,
        "text": message.text,
        "chat_type": message.chat_type,
        "metadata": message.metadata,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use store_core::ManualClock;
    use store_core::json::JsonPolicy;
    use store_core::workflow::ListenerStatus;

    use super::*;

    const WORKFLOW: &str = "018f4e1c-7a3b-7def-8abc-0123456789ab";

    fn context() -> Context {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        Context { json: JsonPolicy::default(), clock, keys: None }
    }

    fn listener(platform: &str, node_name: &str, bot_identity: &str) -> NewListener {
        let (node_name, platform) = (node_name.to_owned(), platform.to_owned());
        NewListener { node_name, platform, bot_identity: bot_identity.into(), config: json!({}) }
    }

    fn id(platform: &str, node: &str, bot: &str) -> String {
        listener_id(WORKFLOW.parse().unwrap(), &listener(platform, node, bot)).to_string()
    }

    #[test]
    fn ids_are_uuid5_of_workflow_platform_node_and_bot() {
        // Python: namespace = uuid5(NAMESPACE_URL, "urn:store-workflow:listener"), then
        // uuid5(namespace, "".join(f"{len(part.encode())}:{part}" for part in parts)).
        let expected = "59f6a144-5107-5a8a-a52d-b8b958fbe3df";
        assert_eq!(id("telegram", "späher", &"a".repeat(64)), expected);
        let expected = "3ac5f9f0-e94b-5482-b98a-64e9e034794b";
        assert_eq!(id("discord", "listen", &"0".repeat(64)), expected);
    }

    #[test]
    fn ids_differ_when_one_part_does_or_a_border_moves() {
        let other = "018f4e1c-7a3b-7def-8abc-0123456789ac".parse().unwrap();
        let ids = HashSet::from([
            id("ab", "cd", "ef"),
            id("ab", "cd", "eg"),
            id("ab", "cg", "ef"),
            id("ag", "cd", "ef"),
            id("a", "bcd", "ef"),
            id("ab", "c", "def"),
            listener_id(other, &listener("ab", "cd", "ef")).to_string(),
        ]);
        assert_eq!(ids.len(), 7);
    }

    #[test]
    fn an_event_is_remembered_for_one_second_to_a_week() {
        let window = |window: Value| dedupe_window(&json!({"dedupe_window_seconds": window}));
        assert_eq!(dedupe_window(&json!({})).unwrap().as_secs(), 300);
        assert_eq!(window(Value::Null).unwrap().as_secs(), 300);
        assert_eq!(window(json!(1)).unwrap().as_secs(), 1);
        assert_eq!(window(json!(604_800)).unwrap().as_secs(), 604_800);
        for bad in [json!(0), json!(604_801), json!(-1), json!(1.0), json!("300"), json!([])] {
            assert!(window(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn leases_are_for_an_owner_and_for_one_second_to_a_day() {
        let seconds = Duration::from_secs;
        assert!(checked_lease("me", seconds(1)).is_ok());
        assert!(checked_lease(&"x".repeat(255), seconds(86_400)).is_ok());
        for (owner, ttl) in [
            ("", seconds(1)),
            ("a\0", seconds(1)),
            ("me", Duration::from_millis(999)),
            ("me", seconds(86_400) + Duration::from_nanos(1)),
        ] {
            let error = checked_lease(owner, ttl).unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{error}");
        }
    }

    #[test]
    fn a_lease_nobody_can_have_is_lost() {
        let lease = |owner: &str| ListenerLease {
            listener_id: Uuid::nil().into(),
            owner: owner.into(),
            epoch: 1,
            expires_at: Timestamp::EPOCH,
        };
        assert!(checked_holder(&lease("me")).is_ok());
        let error = checked_holder(&lease("a\0")).unwrap_err();
        assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    }

    #[test]
    fn the_run_of_an_event_carries_what_happened() {
        let (context, version) = (context(), WorkflowVersionId::mint());
        let listener = ListenerSubscription {
            id: Uuid::nil().into(),
            workflow_id: WORKFLOW.parse().unwrap(),
            workflow_version_id: version,
            node_name: "listen".into(),
            platform: "telegram".into(),
            bot_identity: "b".into(),
            config: json!({}),
            status: ListenerStatus::Active,
            lease: None,
            last_event_at: None,
            last_error: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        let mut event = ListenerEvent::new("message", "k-1");
        event.message = Some(ListenerMessage {
            chat_id: Some("7".into()),
            text: Some("hi".into()),
            ..ListenerMessage::default()
        });
        event.reply_target = json!({"chat": 7});
        event.raw_event = json!({"update_id": 1});
        event.metadata = json!({"m": 1});
        let run = event_run(&context, &listener, &event).unwrap();
        assert_eq!((run.triggered_by.as_str(), run.actor.as_str()), ("listener", "listener"));
        assert_eq!(run.workflow_version_id, Some(version));
        assert_eq!(run.config.metadata, event.metadata.as_object().cloned());
        let expected = json!({
            "listener": {"id": listener.id, "node_name": "listen"}, "platform": "telegram",
            "event_type": "message", "bot_identity": "b",
            "message": {
                "chat_id": "7", "channel_id": null, "guild_id": null, "message_id": null,
                "user_id": null, "username": null, "text": "hi", "chat_type": null, "metadata": {}
            },
            "reply_target": {"chat": 7}, "raw_event": {"update_id": 1},
        });
        assert_eq!(run.input.value, expected);
        event.message = None;
        let run = event_run(&context, &listener, &event).unwrap();
        assert_eq!(run.input.value["message"], Value::Null);
    }
}
