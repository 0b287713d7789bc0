//! The leases of listeners: who holds them, until when, and what a lost one cannot do.

use std::time::Duration;

use serde_json::json;
use store_core::workflow::{ListenerCursor, ListenerLease, ListenerStatus};
use store_core::{Error, ListenerId, Result};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{ada, claim, event, listen, listener, listening, runs_of, time, versioned};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(answer: Result<T>) {
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    assert_eq!(error.http_status(), Some(409));
}

/// Asserts that a lease lets nothing be written, and that nothing was.
async fn assert_powerless(t: &Workflows, lease: &ListenerLease) {
    let id = lease.listener_id;
    let listener = t.store.fetch_listener(id).await.unwrap();
    let before = (listener.clone(), t.store.listener_cursor(id).await.unwrap());
    let runs = runs_of(t, listener.workflow_id).await;
    assert_lost(t.store.save_listener_cursor(lease, json!({"stale": true})).await);
    assert_lost(t.store.dispatch_event(lease, event("stale")).await);
    assert_lost(t.store.renew_listener(lease, MINUTE).await);
    assert_lost(t.store.release_listener(lease).await);
    let after = t.store.fetch_listener(id).await.unwrap();
    assert_eq!((after, t.store.listener_cursor(id).await.unwrap()), before);
    assert_eq!(runs_of(t, listener.workflow_id).await, runs);
    assert_eq!(t.count("SELECT COUNT(*) FROM workflow_listener_events").await, 0);
}

/// A lease that somebody else took over after a minute, and the new one.
async fn taken_over(t: &Workflows, id: ListenerId) -> (ListenerLease, ListenerLease) {
    let old = claim(t, id, "a").await.unwrap();
    t.clock.advance(MINUTE).unwrap();
    (old, claim(t, id, "b").await.unwrap())
}

behaviours! {
    emits workflow_listener_leases_tests from workflow::listener_leases;

    /// A claim gives the lease, which the listener then shows.
    async fn a_claim_gives_the_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        let before = t.store.fetch_listener(id).await.unwrap();
        let lease = claim(t, id, "späße").await.unwrap();
        let expected = ListenerLease {
            listener_id: id,
            owner: "späße".into(),
            epoch: 1,
            expires_at: time("12:01:00"),
        };
        assert_eq!(lease, expected);
        let read = t.store.fetch_listener(id).await.unwrap();
        assert_eq!(read.lease, Some(lease));
        assert_eq!(read.updated_at, before.updated_at);
    }

    /// While a lease lasts, no other owner gets it; from its end on, one does, in a new epoch.
    async fn another_owner_waits_for_the_end_of_the_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        let first = claim(t, id, "a").await.unwrap();
        assert_eq!(claim(t, id, "b").await, None);
        assert_eq!(claim(t, id, "A").await, None, "owners are compared byte by byte");
        t.clock.set(time("12:00:59"));
        assert_eq!(claim(t, id, "b").await, None);
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, Some(first));
        t.clock.set(time("12:01:00"));
        let second = claim(t, id, "b").await.unwrap();
        assert_eq!((second.epoch, second.owner.as_str()), (2, "b"));
        assert_eq!(second.expires_at, time("12:02:00"));
    }

    /// The owner that claims again renews its lease and keeps the epoch.
    async fn the_owner_that_claims_again_keeps_the_epoch(t: &Workflows) {
        let (_, id) = listening(t).await;
        let first = claim(t, id, "a").await.unwrap();
        t.clock.set(time("12:00:30"));
        let again = claim(t, id, "a").await.unwrap();
        assert_eq!((again.epoch, again.expires_at), (first.epoch, time("12:01:30")));
        t.store.save_listener_cursor(&first, json!({})).await.unwrap();
        t.store.save_listener_cursor(&again, json!({})).await.unwrap();
    }

    /// Renewing extends a lease and keeps its epoch.
    async fn renewing_extends_a_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        t.clock.set(time("12:00:45"));
        let renewed = t.store.renew_listener(&lease, MINUTE * 2).await.unwrap();
        let expected = ListenerLease { expires_at: time("12:02:45"), ..lease };
        assert_eq!(renewed, expected);
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, Some(renewed));
        t.clock.set(time("12:02:44"));
        assert_eq!(claim(t, id, "b").await, None);
    }

    /// A lease that ran out can be renewed as long as nobody took it.
    async fn a_lease_that_nobody_took_can_be_renewed_late(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        t.clock.set(time("13:00:00"));
        let renewed = t.store.renew_listener(&lease, MINUTE).await.unwrap();
        assert_eq!((renewed.epoch, renewed.expires_at), (lease.epoch, time("13:01:00")));
        assert_eq!(claim(t, id, "b").await, None);
    }

    /// A lease that is given back can be taken at once, in a new epoch.
    async fn a_lease_that_is_given_back_can_be_taken_at_once(t: &Workflows) {
        let (_, id) = listening(t).await;
        let first = claim(t, id, "a").await.unwrap();
        t.store.release_listener(&first).await.unwrap();
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, None);
        assert_powerless(t, &first).await;
        let second = claim(t, id, "b").await.unwrap();
        assert_eq!(second.epoch, 2);
        t.store.release_listener(&second).await.unwrap();
        assert_eq!(claim(t, id, "b").await.unwrap().epoch, 3);
    }

    /// Who lost the lease to another owner can write nothing; the new owner can.
    async fn a_lease_that_was_taken_over_is_lost(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let (old, new) = taken_over(t, id).await;
        assert_powerless(t, &old).await;
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, Some(new.clone()));
        t.store.save_listener_cursor(&new, json!({"offset": 1})).await.unwrap();
        assert!(t.store.dispatch_event(&new, event("stale")).await.unwrap().is_some());
        t.store.renew_listener(&new, MINUTE).await.unwrap();
        t.store.release_listener(&new).await.unwrap();
        assert_eq!(runs_of(t, workflow).await.len(), 1);
    }

    /// Who lost the lease and takes it again has a new epoch: the old one stays lost.
    async fn a_lost_epoch_stays_lost_when_its_owner_is_back(t: &Workflows) {
        let (_, id) = listening(t).await;
        let (old, new) = taken_over(t, id).await;
        t.store.release_listener(&new).await.unwrap();
        let back = claim(t, id, "a").await.unwrap();
        assert_eq!((back.owner.as_str(), back.epoch), ("a", 3));
        assert_powerless(t, &old).await;
        assert_powerless(t, &new).await;
    }

    /// The current epoch in the name of another owner is no lease, and none is an epoch to come.
    async fn another_owner_or_epoch_is_no_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        assert_powerless(t, &ListenerLease { owner: "b".into(), ..lease.clone() }).await;
        for epoch in [0, 2, -1, i64::MAX] {
            assert_powerless(t, &ListenerLease { epoch, ..lease.clone() }).await;
        }
        t.store.save_listener_cursor(&lease, json!({})).await.unwrap();
    }

    /// Setting a status ends the lease, also when the listener is active before and after.
    async fn setting_a_status_ends_the_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        for status in [ListenerStatus::Paused, ListenerStatus::Active] {
            t.store.set_listener_status(id, ListenerStatus::Active, None).await.unwrap();
            let lease = claim(t, id, "a").await.unwrap();
            let set = t.store.set_listener_status(id, status, None).await.unwrap();
            assert_eq!(set.lease, None);
            assert_powerless(t, &lease).await;
        }
        assert_eq!(claim(t, id, "b").await.unwrap().epoch, 3);
    }

    /// A listener that is disabled by a version or by the archive ends its lease.
    async fn disabling_a_listener_ends_the_lease(t: &Workflows) {
        let (workflow, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        versioned(t, workflow).await;
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, None);
        assert_powerless(t, &lease).await;
        let (workflow, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        t.store.archive_workflow(&ada(), workflow).await.unwrap();
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, None);
        assert_powerless(t, &lease).await;
    }

    /// Leases of different listeners are apart.
    async fn leases_of_different_listeners_are_apart(t: &Workflows) {
        let (workflow, _) = listening(t).await;
        let ids = listen(t, workflow, &[listener("inbox"), listener("outbox")]).await;
        let lease = claim(t, ids[0], "a").await.unwrap();
        assert!(claim(t, ids[1], "b").await.is_some());
        assert_powerless(t, &ListenerLease { listener_id: ids[1], ..lease }).await;
    }

    /// Of 20 owners that claim at once on two handles, one gets the lease.
    async fn concurrent_claims_give_one_lease(t: &Workflows) {
        let (_, id) = listening(t).await;
        let other = t.reopened().await;
        for epoch in [1, 2] {
            let mut tasks = Vec::new();
            for number in 0..20 {
                let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
                tasks.push(tokio::spawn(async move {
                    store.claim_listener(id, &format!("owner {number}"), MINUTE).await.unwrap()
                }));
            }
            let mut leases = Vec::new();
            for task in tasks {
                leases.extend(task.await.unwrap());
            }
            assert_eq!(leases.len(), 1, "{leases:?}");
            assert_eq!(leases[0].epoch, epoch);
            assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, leases.pop());
            t.clock.advance(MINUTE).unwrap();
        }
    }

    /// An owner has 1 to 255 bytes, and a lease lasts 1 second to 1 day.
    async fn owners_and_times_to_live_are_checked(t: &Workflows) {
        let (_, id) = listening(t).await;
        for owner in ["", "a\0b", &"x".repeat(256)] {
            assert_invalid(t.store.claim_listener(id, owner, MINUTE).await, "owner");
        }
        let (shortest, longest) = (Duration::from_secs(1), DAY);
        let tick = Duration::from_millis(1);
        for ttl in [Duration::ZERO, shortest - tick, longest + tick, Duration::MAX] {
            assert_invalid(t.store.claim_listener(id, "a", ttl).await, "ttl");
        }
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, None);
        let lease = t.store.claim_listener(id, &"x".repeat(255), shortest).await.unwrap().unwrap();
        assert_eq!(lease.expires_at, time("12:00:01"));
        for ttl in [Duration::ZERO, longest + tick] {
            assert_invalid(t.store.renew_listener(&lease, ttl).await, "ttl");
        }
        assert_eq!(t.store.fetch_listener(id).await.unwrap().lease, Some(lease.clone()));
        let renewed = t.store.renew_listener(&lease, longest).await.unwrap();
        assert_eq!(renewed.expires_at, noon().plus(DAY).unwrap());
    }

    /// A cursor comes back as it was saved, and the next one replaces it.
    async fn a_cursor_round_trips(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        let before = t.store.fetch_listener(id).await.unwrap();
        let states = [json!({"offset": 7, "session": "späße 🎉", "n": null}), json!({})];
        for (number, state) in states.into_iter().enumerate() {
            t.clock.set(time(&format!("12:00:1{number}")));
            let saved = t.store.save_listener_cursor(&lease, state.clone()).await.unwrap();
            let expected = ListenerCursor { state, updated_at: time(&format!("12:00:1{number}")) };
            assert_eq!(saved, expected);
            assert_eq!(t.store.listener_cursor(id).await.unwrap(), Some(expected));
        }
        assert_eq!(t.store.fetch_listener(id).await.unwrap(), before);
    }

    /// The state of a cursor is an object within the JSON policy.
    async fn the_state_of_a_cursor_is_an_object(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        let saved = t.store.save_listener_cursor(&lease, json!({"offset": 1})).await.unwrap();
        for state in [json!(null), json!([]), json!("7"), json!(7), json!({"a": "\0"})] {
            assert_invalid(t.store.save_listener_cursor(&lease, state).await, "state");
        }
        assert_eq!(t.store.listener_cursor(id).await.unwrap(), Some(saved));
    }

    /// The cursor is the listener's: whoever takes the lease continues from it.
    async fn the_next_owner_continues_from_the_cursor(t: &Workflows) {
        let (_, id) = listening(t).await;
        let lease = claim(t, id, "a").await.unwrap();
        let saved = t.store.save_listener_cursor(&lease, json!({"offset": 7})).await.unwrap();
        t.clock.advance(MINUTE).unwrap();
        let other = t.reopened().await;
        assert!(other.claim_listener(id, "b", MINUTE).await.unwrap().is_some());
        assert_eq!(other.listener_cursor(id).await.unwrap(), Some(saved));
    }
}
