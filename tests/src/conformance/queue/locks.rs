//! Named locks: who holds them, until when, and their fencing tokens.

use std::time::Duration;

use store_core::Error;
use store_core::queue::LockGuard;
use store_workflow::locking::with_lock;

use super::assert_lost;
use crate::behaviours;
use crate::conformance::workflow::assert_invalid;
use crate::fixture::{Workflows, noon};
use crate::samples::time;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

async fn acquire(t: &Workflows, name: &str, owner: &str) -> Option<LockGuard> {
    t.store.acquire_lock(name, owner, MINUTE).await.unwrap()
}

/// Asserts that a guard can do nothing, and that nothing was done.
async fn assert_powerless(t: &Workflows, guard: &LockGuard) {
    let before = t.store.find_lock(&guard.name).await.unwrap();
    assert_lost(t.store.renew_lock(guard, DAY).await);
    assert_lost(t.store.release_lock(guard).await);
    assert_eq!(t.store.find_lock(&guard.name).await.unwrap(), before);
}

behaviours! {
    emits queue_locks_tests from queue::locks;

    /// A lock that nobody holds is given, and found.
    async fn a_free_lock_is_given(t: &Workflows) {
        assert_eq!(t.store.find_lock("späße 🎉").await.unwrap(), None);
        let guard = acquire(t, "späße 🎉", "Öwner").await.unwrap();
        let expected = LockGuard {
            name: "späße 🎉".into(),
            owner: "Öwner".into(),
            epoch: 1,
            expires_at: time("12:01:00"),
        };
        assert_eq!(guard, expected);
        let other = t.reopened().await;
        assert_eq!(other.find_lock("späße 🎉").await.unwrap(), Some(expected));
    }

    /// A lock that is held is not given, also not to who holds it.
    async fn a_lock_that_is_held_is_not_given(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await;
        t.clock.set(time("12:00:59"));
        for owner in ["b", "a", "A"] {
            assert_eq!(acquire(t, "lock", owner).await, None);
        }
        assert_eq!(t.store.find_lock("lock").await.unwrap(), guard);
    }

    /// A lock that has expired is free, and its next holder has the next epoch.
    async fn a_lock_that_expired_is_free(t: &Workflows) {
        let first = acquire(t, "lock", "a").await.unwrap();
        t.clock.set(time("12:01:00"));
        assert_eq!(t.store.find_lock("lock").await.unwrap(), None);
        let second = acquire(t, "lock", "b").await.unwrap();
        assert_eq!((second.epoch, second.expires_at), (2, time("12:02:00")));
        assert_powerless(t, &first).await;
        t.clock.set(time("12:02:00"));
        assert_eq!(acquire(t, "lock", "a").await.unwrap().epoch, 3);
        assert_powerless(t, &first).await;
        assert_powerless(t, &second).await;
    }

    /// A lock that is released is free at once, and its epoch goes on from where it was.
    async fn a_lock_that_is_released_is_free(t: &Workflows) {
        for epoch in 1..=3 {
            let guard = acquire(t, "lock", "a").await.unwrap();
            assert_eq!(guard.epoch, epoch);
            t.store.release_lock(&guard).await.unwrap();
            assert_eq!(t.store.find_lock("lock").await.unwrap(), None);
            assert_powerless(t, &guard).await;
        }
        assert_eq!(acquire(t, "lock", "b").await.unwrap().epoch, 4);
    }

    /// A lock that expired can be released by its holder while nobody else has it.
    async fn a_lock_that_expired_can_be_released(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await.unwrap();
        t.clock.set(time("13:00:00"));
        t.store.release_lock(&guard).await.unwrap();
        assert_lost(t.store.release_lock(&guard).await);
    }

    /// Renewing extends a lock from now, also to an earlier end, and keeps its epoch.
    async fn renewing_extends_a_lock_from_now(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await.unwrap();
        t.clock.set(time("12:00:45"));
        let renewed = t.store.renew_lock(&guard, MINUTE * 2).await.unwrap();
        assert_eq!(renewed, LockGuard { expires_at: time("12:02:45"), ..guard.clone() });
        assert_eq!(t.store.find_lock("lock").await.unwrap(), Some(renewed));
        t.clock.set(time("12:02:44"));
        assert_eq!(acquire(t, "lock", "b").await, None);
        let shortened = t.store.renew_lock(&guard, Duration::from_secs(1)).await.unwrap();
        assert_eq!(shortened.expires_at, time("12:02:45"));
        t.clock.set(time("12:02:45"));
        assert_eq!(acquire(t, "lock", "b").await.unwrap().epoch, 2);
    }

    /// A lock that expired can be renewed as long as nobody acquired it.
    async fn a_lock_that_nobody_took_can_be_renewed_late(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await.unwrap();
        t.clock.set(time("13:00:00"));
        let renewed = t.store.renew_lock(&guard, MINUTE).await.unwrap();
        assert_eq!((renewed.epoch, renewed.expires_at), (1, time("13:01:00")));
        assert_eq!(acquire(t, "lock", "b").await, None);
    }

    /// Another owner, epoch or name is no guard.
    async fn another_owner_epoch_or_name_is_no_guard(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await.unwrap();
        acquire(t, "other", "b").await.unwrap();
        assert_powerless(t, &LockGuard { owner: "A".into(), ..guard.clone() }).await;
        for epoch in [0, 2, -1, i64::MAX, i64::MIN] {
            assert_powerless(t, &LockGuard { epoch, ..guard.clone() }).await;
        }
        for name in ["other", "Lock", "never"] {
            assert_powerless(t, &LockGuard { name: name.into(), ..guard.clone() }).await;
        }
        t.store.release_lock(&guard).await.unwrap();
    }

    /// Locks of different names are apart.
    async fn locks_of_different_names_are_apart(t: &Workflows) {
        for name in ["a", "A", "ä", "a_", "a%"] {
            assert_eq!(acquire(t, name, "me").await.unwrap().epoch, 1, "{name}");
        }
    }

    /// Of 32 owners that acquire at once on two handles, one gets the lock, in each epoch.
    async fn concurrent_acquires_give_one_lock(t: &Workflows) {
        let other = t.reopened().await;
        for epoch in 1..=3 {
            let mut tasks = Vec::new();
            for number in 0..32 {
                let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
                tasks.push(tokio::spawn(async move {
                    store.acquire_lock("lock", &format!("owner {number}"), MINUTE).await.unwrap()
                }));
            }
            let mut guards = Vec::new();
            for task in tasks {
                guards.extend(task.await.unwrap());
            }
            assert_eq!(guards.len(), 1, "{guards:?}");
            assert_eq!(guards[0].epoch, epoch);
            assert_eq!(t.store.find_lock("lock").await.unwrap(), guards.pop());
            t.clock.advance(MINUTE).unwrap();
        }
    }

    /// Names and owners have 1 to 255 bytes, and a lock lives 1 second to 1 day.
    async fn what_a_lock_is_asked_for_with_is_checked(t: &Workflows) {
        for bad in ["", "a\0b", &"x".repeat(256)] {
            assert_invalid(t.store.acquire_lock(bad, "a", MINUTE).await, "name");
            assert_invalid(t.store.acquire_lock("lock", bad, MINUTE).await, "owner");
        }
        let tick = Duration::from_millis(1);
        let second = Duration::from_secs(1);
        for ttl in [Duration::ZERO, second - tick, DAY + tick, Duration::MAX] {
            assert_invalid(t.store.acquire_lock("lock", "a", ttl).await, "ttl");
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_locks").await, 0);
        let long = "x".repeat(255);
        let guard = t.store.acquire_lock(&long, &long, second).await.unwrap().unwrap();
        assert_eq!(guard.expires_at, time("12:00:01"));
        for ttl in [Duration::ZERO, DAY + tick] {
            assert_invalid(t.store.renew_lock(&guard, ttl).await, "ttl");
        }
        let renewed = t.store.renew_lock(&guard, DAY).await.unwrap();
        assert_eq!(renewed.expires_at, noon().plus(DAY).unwrap());
    }

    /// A guard that nobody can have is `Invalid` to renew, and lost to release.
    async fn a_guard_nobody_can_have_holds_nothing(t: &Workflows) {
        let guard = acquire(t, "lock", "a").await.unwrap();
        for bad in ["", "a\0b", &"x".repeat(256)] {
            let named = LockGuard { name: bad.into(), ..guard.clone() };
            let owned = LockGuard { owner: bad.into(), ..guard.clone() };
            assert_invalid(t.store.renew_lock(&named, MINUTE).await, "name");
            assert_invalid(t.store.renew_lock(&owned, MINUTE).await, "owner");
            assert_lost(t.store.release_lock(&named).await);
            assert_lost(t.store.release_lock(&owned).await);
            assert_eq!(t.store.find_lock(bad).await.unwrap(), None);
        }
        assert_eq!(t.store.find_lock("lock").await.unwrap(), Some(guard));
    }

    /// Locks of another database are not seen.
    async fn locks_of_another_database_are_not_seen(t: &Workflows) {
        let other = t.other().await;
        let guard = other.acquire_lock("lock", "a", MINUTE).await.unwrap().unwrap();
        assert_eq!(t.store.find_lock("lock").await.unwrap(), None);
        assert_powerless(t, &guard).await;
        assert!(acquire(t, "lock", "b").await.is_some());
        assert_eq!(other.find_lock("lock").await.unwrap(), Some(guard));
    }

    /// Work under a lock gets the guard, and its value comes back; then the lock is free.
    async fn work_is_done_under_a_lock(t: &Workflows) {
        for epoch in [1, 2] {
            let done = with_lock(t.store.as_ref(), "lock", "a", MINUTE, |guard| async move {
                let held = t.store.find_lock("lock").await?;
                assert_eq!(held.as_ref(), Some(&guard));
                Ok(guard.epoch)
            });
            assert_eq!(done.await.unwrap(), Some(epoch));
            assert_eq!(t.store.find_lock("lock").await.unwrap(), None);
        }
    }

    /// While somebody else holds the lock, the work is not begun.
    async fn work_is_not_begun_while_the_lock_is_held(t: &Workflows) {
        let guard = acquire(t, "lock", "b").await;
        let work = |_guard| async { panic!("the lock is held") };
        let done = with_lock::<(), _>(t.store.as_ref(), "lock", "a", MINUTE, work).await;
        assert_eq!(done.unwrap(), None);
        assert_eq!(t.store.find_lock("lock").await.unwrap(), guard);
        let work = |_guard| async { panic!("the name is empty") };
        let done = with_lock::<(), _>(t.store.as_ref(), "", "a", MINUTE, work).await;
        assert_invalid(done, "name");
    }

    /// The lock is released after work that failed, whose error comes back.
    async fn the_lock_is_released_after_work_that_failed(t: &Workflows) {
        let work = |_guard| async { Err::<(), _>(Error::invalid("work", "fails")) };
        let done = with_lock(t.store.as_ref(), "lock", "a", MINUTE, work).await;
        assert_invalid(done, "work");
        assert_eq!(acquire(t, "lock", "b").await.unwrap().epoch, 2);
    }

    /// Work whose lock is taken over is dropped, and the new holder keeps the lock.
    async fn work_whose_lock_was_taken_over_is_dropped(t: &Workflows) {
        let second = Duration::from_secs(1);
        let work = |_guard| async {
            t.clock.advance(second)?;
            let taken = acquire(t, "lock", "b").await;
            assert!(taken.is_some());
            std::future::pending::<store_core::Result<()>>().await
        };
        assert_lost(with_lock(t.store.as_ref(), "lock", "a", second, work).await);
        let holder = t.store.find_lock("lock").await.unwrap().unwrap();
        assert_eq!((holder.owner.as_str(), holder.epoch), ("b", 2));
    }

    /// Work that failed after its lock was lost says what it failed with.
    async fn the_error_of_the_work_comes_before_a_lost_lock(t: &Workflows) {
        let work = |guard| async move {
            t.store.release_lock(&guard).await?;
            Err::<(), _>(Error::invalid("work", "fails"))
        };
        assert_invalid(with_lock(t.store.as_ref(), "lock", "a", MINUTE, work).await, "work");
        let work = |guard| async move { t.store.release_lock(&guard).await };
        assert_lost(with_lock(t.store.as_ref(), "lock", "a", MINUTE, work).await);
    }
}
