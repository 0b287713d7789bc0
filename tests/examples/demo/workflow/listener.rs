//! A listener on a chat platform.

use std::time::Duration;

use serde_json::json;
use store_core::PageRequest;
use store_core::workflow::{ListenerEvent, ListenerLease, ListenerMessage};

use super::{Scene, refused, runs_by, same};
use crate::Result;
use crate::report::{self, Report, timed};

const LEASE: Duration = Duration::from_secs(60);

/// Claims the listener, dispatches an event twice, and hands the listener over.
pub(super) async fn listen(report: &mut Report, scene: &Scene) -> Result<()> {
    report.section("Listen: one owner at a time, and each event once");
    let store = &scene.store;
    let listeners = store.list_listeners(Some(scene.id), &PageRequest::default()).await?.items;
    let [listener] = &listeners[..] else {
        return Err(format!("{} listeners, where 1 was expected", listeners.len()).into());
    };
    let (claimed, took) = timed(store.claim_listener(listener.id, "runtime-1", LEASE)).await;
    let lease = claimed?.ok_or("nobody holds the listener, but it cannot be claimed")?;
    let node = format!("`{}` on {}", listener.node_name, listener.platform);
    report::done(format!("{node}: {} holds it, epoch {}", lease.owner, lease.epoch), took);
    let (claimed, took) = timed(store.claim_listener(listener.id, "runtime-2", LEASE)).await;
    same("the claim of a second runtime", &None, &claimed?)?;
    report::done("runtime-2 does not get it", took);

    dispatch_twice(scene, &lease).await?;
    hand_over(scene, &lease).await
}

async fn dispatch_twice(scene: &Scene, lease: &ListenerLease) -> Result<()> {
    let event = ListenerEvent {
        message: Some(ListenerMessage {
            chat_id: Some("4711".into()),
            text: Some("is the export of yesterday there?".into()),
            ..ListenerMessage::default()
        }),
        ..ListenerEvent::new("message", "update-730")
    };
    let (started, took) = timed(scene.store.dispatch_event(lease, event.clone())).await;
    let run = started?.ok_or("the event started no run")?;
    report::done(format!("the event `{}` is run {}", event.dedupe_key, run.id), took);
    report::note(format!("message: {}", run.input["message"]["text"]));
    let (again, took) = timed(scene.store.dispatch_event(lease, event)).await;
    same("the event again", &None, &again?)?;
    report::done("the same event again starts none", took);
    same("runs of the listener", &1, &runs_by(scene, "listener").await?.len())
}

/// The next owner goes on where the first one stopped, who by then can write nothing.
async fn hand_over(scene: &Scene, lease: &ListenerLease) -> Result<()> {
    let (store, id) = (&scene.store, lease.listener_id);
    store.save_listener_cursor(lease, json!({"offset": 731})).await?;
    store.release_listener(lease).await?;
    let (claimed, took) = timed(store.claim_listener(id, "runtime-2", LEASE)).await;
    let next = claimed?.ok_or("the listener was released, but it cannot be claimed")?;
    same("the epoch of the next lease", &(lease.epoch + 1), &next.epoch)?;
    let cursor = store.listener_cursor(id).await?.ok_or("the cursor is gone")?;
    let what = format!("runtime-2 holds it, epoch {}, from {}", next.epoch, cursor.state);
    report::done(what, took);
    let late = timed(store.save_listener_cursor(lease, json!({"offset": 1}))).await;
    refused("a cursor of runtime-1", late, 409)
}
