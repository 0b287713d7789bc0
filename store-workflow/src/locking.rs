//! Work that is done while a lock is held.

use std::future::Future;
use std::time::Duration;

use store_core::queue::{LockGuard, Locks};
use store_core::{Error, Result};
use tokio::time::{Instant, sleep_until, timeout_at};

/// The lock is renewed after this part of its time to live …
const RENEWED_AFTER: u32 = 3;
/// … and when that failed, again after this part of it.
const REPEATED_AFTER: u32 = 30;

/// Does some work while a lock is held; returns nothing when somebody else holds it.
///
/// The work gets the guard, with the fencing token to hand to other systems. Meanwhile the lock is
/// renewed every third of `ttl`; while the backend fails, that is tried again until the lock
/// expires by the clock of this process, which began to count before the database did. A lock that
/// is lost ends the work where it next waits: its future is dropped.
///
/// The lock is released at the end, also when the work failed; a release the backend fails is left
/// to the expiry, and so is the lock of a call that is dropped. Renewing and work take turns in
/// one task: work that blocks its thread must hand that to `spawn_blocking`.
///
/// # Errors
/// Those of the work; `LeaseLost` when the lock was lost before the work was done; those of
/// [`acquire_lock`](Locks::acquire_lock).
pub async fn with_lock<T, F>(
    store: &dyn Locks,
    name: &str,
    owner: &str,
    ttl: Duration,
    work: impl FnOnce(LockGuard) -> F,
) -> Result<Option<T>>
where
    F: Future<Output = Result<T>>,
{
    let asked_at = Instant::now();
    let Some(guard) = store.acquire_lock(name, owner, ttl).await? else { return Ok(None) };
    let done = tokio::select! {
        // A lock that is lost comes first: work that ends in the same moment came too late.
        biased;
        lost = renew_until_lost(store, &guard, ttl, asked_at) => return Err(lost),
        done = work(guard.clone()) => done,
    };
    match (done, store.release_lock(&guard).await) {
        (Err(error), _released) => Err(error),
        (Ok(_too_late), Err(error @ Error::LeaseLost { .. })) => Err(error),
        (Ok(value), _released) => Ok(Some(value)),
    }
}

/// Keeps a lock, and returns why that was no longer possible.
async fn renew_until_lost(
    store: &dyn Locks,
    guard: &LockGuard,
    ttl: Duration,
    asked_at: Instant,
) -> Error {
    let mut held_until = asked_at + ttl;
    let mut next = asked_at + ttl / RENEWED_AFTER;
    loop {
        sleep_until(next.min(held_until)).await;
        let asked_at = Instant::now();
        match timeout_at(held_until, store.renew_lock(guard, ttl)).await {
            Ok(Ok(_renewed)) => {
                held_until = asked_at + ttl;
                next = asked_at + ttl / RENEWED_AFTER;
            }
            // Renewing twice does no harm, so that an unknown outcome is repeated like any other.
            Ok(Err(Error::Backend { .. })) if Instant::now() < held_until => {
                next = Instant::now() + ttl / REPEATED_AFTER;
            }
            Ok(Err(error @ Error::LeaseLost { .. })) => return error,
            Ok(Err(_)) | Err(_) => {
                return Error::LeaseLost { entity: "lock", id: guard.name.clone() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use async_trait::async_trait;
    use store_core::{Failure, Timestamp};
    use tokio::time::sleep;

    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    /// A lock that is always given; what renewing and releasing answer is set.
    #[derive(Default)]
    struct Fake {
        renewed: AtomicU32,
        renewing_fails: AtomicBool,
        lost: AtomicBool,
        released: AtomicU32,
        releasing_fails: bool,
        slow: Duration,
    }

    #[async_trait]
    impl Locks for Fake {
        async fn acquire_lock(
            &self,
            name: &str,
            owner: &str,
            _: Duration,
        ) -> Result<Option<LockGuard>> {
            sleep(self.slow).await;
            let (name, owner) = (name.to_owned(), owner.to_owned());
            Ok(Some(LockGuard { name, owner, epoch: 1, expires_at: Timestamp::EPOCH }))
        }

        async fn renew_lock(&self, guard: &LockGuard, _: Duration) -> Result<LockGuard> {
            if self.lost.load(Ordering::SeqCst) {
                return Err(Error::LeaseLost { entity: "lock", id: guard.name.clone() });
            }
            if self.renewing_fails.load(Ordering::SeqCst) {
                return Err(Error::failed("lock_renew", Failure::Timeout));
            }
            self.renewed.fetch_add(1, Ordering::SeqCst);
            Ok(guard.clone())
        }

        async fn release_lock(&self, _: &LockGuard) -> Result<()> {
            self.released.fetch_add(1, Ordering::SeqCst);
            match self.releasing_fails {
                true => Err(Error::failed("lock_release", Failure::Timeout)),
                false => Ok(()),
            }
        }

        async fn find_lock(&self, _: &str) -> Result<Option<LockGuard>> {
            Ok(None)
        }
    }

    /// Works for a time under a fake lock; returns the answer and how long it took.
    async fn work(fake: &Fake, time: Duration) -> (Result<Option<u8>>, Duration) {
        let began = Instant::now();
        let done = with_lock(fake, "lock", "me", TTL, |_guard| async move {
            sleep(time).await;
            Ok(7)
        });
        (done.await, began.elapsed())
    }

    #[track_caller]
    fn assert_lost(answer: &Result<Option<u8>>) {
        assert!(matches!(answer, Err(Error::LeaseLost { entity: "lock", .. })), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_renewed_every_third_of_its_time() {
        let fake = Fake::default();
        let (done, took) = work(&fake, TTL * 10 + TTL / 6).await;
        assert_eq!(done.unwrap(), Some(7));
        assert_eq!(took, TTL * 10 + TTL / 6);
        assert_eq!(fake.renewed.load(Ordering::SeqCst), 30);
        assert_eq!(fake.released.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_lost_ends_the_work_at_the_next_renewal() {
        let fake = Fake { lost: true.into(), ..Fake::default() };
        let (done, took) = work(&fake, TTL * 10).await;
        assert_lost(&done);
        assert!((TTL / 3..TTL / 3 + Duration::from_millis(2)).contains(&took), "{took:?}");
        assert_eq!(fake.released.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn renewing_is_tried_again_until_the_lock_expires() {
        let fake = Fake { renewing_fails: true.into(), slow: TTL / 2, ..Fake::default() };
        let (done, took) = work(&fake, TTL * 10).await;
        assert_lost(&done);
        // Counted from before the lock was asked for, which took a while.
        assert!((TTL..TTL + Duration::from_millis(2)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_comes_back_in_time_keeps_the_lock() {
        let fake = Fake { renewing_fails: true.into(), ..Fake::default() };
        let back = async {
            sleep(TTL - TTL / 10).await;
            fake.renewing_fails.store(false, Ordering::SeqCst);
        };
        let ((done, _took), ()) = tokio::join!(work(&fake, TTL * 2), back);
        assert_eq!(done.unwrap(), Some(7));
        assert!(fake.renewed.load(Ordering::SeqCst) > 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_release_that_the_backend_fails_is_left_to_the_expiry() {
        let fake = Fake { releasing_fails: true, ..Fake::default() };
        assert_eq!(work(&fake, TTL).await.0.unwrap(), Some(7));
        assert_eq!(fake.released.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn work_under_a_lock_can_be_spawned() {
        fn spawnable<T: Send>(_future: &T) {}
        let fake = Fake::default();
        spawnable(&with_lock(&fake, "lock", "me", TTL, |_guard| async { Ok(()) }));
    }
}
