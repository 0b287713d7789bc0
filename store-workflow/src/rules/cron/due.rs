use std::iter::successors;
use std::time::Duration;

use store_core::Timestamp;
use store_core::workflow::Misfire;

use super::Schedule;

const GRACE: Duration = Duration::from_secs(Misfire::GRACE_SECONDS);

/// Occurrences to fire, oldest first, and where the trigger continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) fire: Vec<Timestamp>,
    /// The first occurrence that is not consumed; none when the schedule is over.
    pub(crate) next: Option<Timestamp>,
}

impl Schedule {
    /// Decides what a scheduler that looks at `now` does about a trigger whose first occurrence
    /// that is not consumed is `from`.
    ///
    /// The misfire policy chooses among the occurrences from `from` to `now`; all others of them
    /// are passed over. Those that are not late all fire. Of the late ones `Skip` fires none, and
    /// `FireOnce` the latest, if nothing else fires. `CatchUp` fires the latest `max` of both.
    /// Without overlap at most one fires: the latest chosen one, or for `CatchUp` the oldest,
    /// while the others remain due.
    pub(crate) fn due(&self, from: Timestamp, now: Timestamp) -> Due {
        if from > now {
            return Due { fire: Vec::new(), next: self.first_from(from) };
        }
        let mut fire = self.chosen(from, now);
        let mut next = self.next_after(now);
        if !self.allow_overlapping && fire.len() > 1 {
            if let Misfire::CatchUp { .. } = self.misfire {
                next = fire.get(1).copied();
                fire.truncate(1);
            } else {
                fire.drain(..fire.len() - 1);
            }
        }
        Due { fire, next }
    }

    fn chosen(&self, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        let in_time = now.minus(GRACE).map_or(from, |grace| grace.max(from));
        if let Misfire::CatchUp { max } = self.misfire {
            return self.latest(from, now, max);
        }
        // No limit is needed: this is a minute, and a schedule is no finer than a second.
        let fresh = self.latest(in_time, now, u32::MAX);
        match self.misfire {
            Misfire::FireOnce if fresh.is_empty() => self.latest(from, now, 1),
            _ => fresh,
        }
    }

    /// Returns the latest occurrences from `from` to `to`, at most `count`, oldest first.
    ///
    /// Walks backwards, so that the cost does not grow with the time nobody looked.
    fn latest(&self, from: Timestamp, to: Timestamp, count: u32) -> Vec<Timestamp> {
        let backwards = successors(self.last_to(to), |at| self.last_before(*at));
        let mut found: Vec<Timestamp> =
            (0..count).zip(backwards.take_while(|at| *at >= from)).map(|(_index, at)| at).collect();
        found.reverse();
        found
    }
}
