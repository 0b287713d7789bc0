//! Time as a parameter, so that tests neither sleep nor flake.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::{Result, Timestamp};

/// Tells what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;

    /// Returns what PostgreSQL is told instead of asking its own clock: nothing in production.
    ///
    /// Lease arithmetic reads `COALESCE($now, clock_timestamp())`, so that leases of several
    /// machines are measured by one clock, and a test can still move it.
    fn database_override(&self) -> Option<Timestamp> {
        None
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
        let now = chrono::Utc::now();
        // A machine whose clock shows a year after 9999 gets the epoch: visible, and no panic.
        Timestamp::try_from(now).unwrap_or(Timestamp::EPOCH)
    }
}

/// A clock that moves only when it is told to. Clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Starts a clock at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_micros())))
    }

    /// Moves the clock to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    ///
    /// # Errors
    /// `Invalid` when that would be after the year 9999; the clock then stays.
    pub fn advance(&self, by: Duration) -> Result<()> {
        self.set(self.now().plus(by)?);
        Ok(())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::EPOCH)
    }

    fn database_override(&self) -> Option<Timestamp> {
        Some(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_is_shared_by_clones() {
        let clock = ManualClock::new(Timestamp::EPOCH);
        let other = clock.clone();
        assert_eq!(other.now(), Timestamp::EPOCH);
        clock.advance(Duration::from_secs(5)).unwrap();
        assert_eq!(other.now().as_micros(), 5_000_000);
        assert_eq!(other.database_override(), Some(other.now()));
        assert_eq!(SystemClock.database_override(), None);
    }
}
