use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use store_core::JobId;
use store_core::queue::JobLease;
use tokio::sync::{Notify, watch};

use super::context::{StopReason, StopSignal};

/// The leases of a running worker: each is one of its places, and is kept until the end of the
/// attempt is stored.
#[derive(Default)]
pub(super) struct HeldLeases {
    leases: Mutex<BTreeMap<(JobId, i64), Held>>,
    freed: Notify,
}

struct Held {
    lease: JobLease,
    /// Until when it lasts at least, by the clock of this machine.
    until: Instant,
    stop: watch::Sender<Option<StopReason>>,
}

impl HeldLeases {
    /// Adds a lease, and returns what tells its handler to stop.
    ///
    /// An earlier lease on the same job is lost: it was taken back before this one was given.
    pub(super) fn add(&self, lease: JobLease, until: Instant) -> StopSignal {
        let (stop, signal) = watch::channel(None);
        let (id, epoch) = key(&lease);
        let mut leases = self.lock();
        for (_, earlier) in leases.range((id, i64::MIN)..(id, epoch)) {
            earlier.stop.send_replace(Some(StopReason::LeaseLost));
        }
        leases.insert((id, epoch), Held { lease, until, stop });
        signal
    }

    /// Removes leases together, so that one claim can fill all the places.
    pub(super) fn remove<'a>(&self, leases: impl IntoIterator<Item = &'a JobLease>) {
        let mut removed = false;
        let mut held = self.lock();
        for lease in leases {
            removed |= held.remove(&key(lease)).is_some();
        }
        drop(held);
        if removed {
            self.freed.notify_one();
        }
    }

    /// Returns how many places are taken.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until a place becomes free, also if that was since it was last asked.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Returns all leases.
    pub(super) fn leases(&self) -> Vec<JobLease> {
        self.lock().values().map(|held| held.lease.clone()).collect()
    }

    /// Notes that a lease was extended.
    pub(super) fn extend(&self, lease: JobLease, until: Instant) {
        if let Some(held) = self.lock().get_mut(&key(&lease)) {
            held.lease = lease;
            held.until = until;
        }
    }

    /// Tells the handler of a lease to stop, and whether that was news.
    pub(super) fn stop(&self, lease: &JobLease, reason: StopReason) -> bool {
        self.lock().get(&key(lease)).is_some_and(|held| {
            held.stop.send_if_modified(|told| {
                let news = told.as_ref() != Some(&reason);
                *told = Some(reason);
                news
            })
        })
    }

    /// Tells all handlers to stop.
    pub(super) fn stop_all(&self, reason: &StopReason) {
        for held in self.lock().values() {
            held.stop.send_replace(Some(reason.clone()));
        }
    }

    /// Tells whether a lease may have run out.
    pub(super) fn has_run_out(&self, lease: &JobLease) -> bool {
        self.lock().get(&key(lease)).is_none_or(|held| held.until <= Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(JobId, i64), Held>> {
        // Nothing that holds it can panic half way.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same job can be held twice for a moment: the worker lost it, got it again, and has yet to
/// hear of the loss.
fn key(lease: &JobLease) -> (JobId, i64) {
    (lease.job_id, lease.epoch)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store_core::Timestamp;

    use super::*;

    fn lease(epoch: i64) -> JobLease {
        let expires_at = Timestamp::EPOCH;
        JobLease { job_id: JobId::mint(), owner: "w".into(), epoch, expires_at }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn an_earlier_lease_on_the_same_job_is_lost() {
        let held = HeldLeases::default();
        let old = lease(3);
        let new = JobLease { epoch: 5, ..old.clone() };
        let (other, told) = (lease(1), held.add(old.clone(), soon()));
        let not_told = held.add(other, soon());
        let current = held.add(new.clone(), soon());
        assert_eq!(*told.borrow(), Some(StopReason::LeaseLost));
        assert_eq!(*not_told.borrow(), None);
        assert_eq!(*current.borrow(), None);
        held.remove([&old]);
        assert!(held.stop(&new, StopReason::LeaseLost), "it is another one");
    }

    #[test]
    fn a_reason_is_news_once() {
        let held = HeldLeases::default();
        let lease = lease(1);
        assert!(!held.stop(&lease, StopReason::LeaseLost), "it is not held");
        let signal = held.add(lease.clone(), soon());
        let cancelled = StopReason::Cancelled("why".into());
        assert!(held.stop(&lease, cancelled.clone()));
        assert!(!held.stop(&lease, cancelled.clone()));
        assert_eq!(*signal.borrow(), Some(cancelled));
        assert!(held.stop(&lease, StopReason::LeaseLost));
    }

    #[test]
    fn a_lease_runs_out_unless_it_is_extended() {
        let held = HeldLeases::default();
        let lease = lease(1);
        assert!(held.has_run_out(&lease), "it is not held");
        held.add(lease.clone(), Instant::now());
        assert!(held.has_run_out(&lease));
        held.extend(lease.clone(), soon());
        assert!(!held.has_run_out(&lease));
        held.remove([&lease]);
        assert_eq!(held.len(), 0);
        held.extend(lease, soon());
        assert_eq!(held.len(), 0, "what is over is not held again");
    }
}
