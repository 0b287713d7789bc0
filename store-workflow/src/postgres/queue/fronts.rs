// parity: SQLite has no dead entries: nobody writes beside its writer.
//! Where claims begin to look.
//!
//! While somebody holds an old transaction open, each job that was claimed since leaves a dead
//! entry at the front of the index that claims read, and every claim would pass over all of them.
//! So a process remembers, for each queue and priority, the last job that it claimed, and begins
//! there. A job that comes to lie before that is found because the next claim looks at everything
//! when jobs were given back, because one that finds too few does, and because one in a second does
//! anyway: a job that another process enqueues with an earlier `run_at` may wait that long behind
//! later ones. (Longer where a look takes long itself: then it gets a part of the time.)

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use store_core::postgres::Bind;

/// How often a claim looks at everything …
const EVERY: Duration = Duration::from_secs(1);
/// … unless that takes long: then it gets a twentieth of the time.
const SHARE: u32 = 20;
/// What takes no longer than this is done whenever there is a reason for it; what takes longer gets
/// a quarter of the time.
const CHEAP: Duration = Duration::from_millis(250);
const PAUSE: u32 = 4;
/// Above this many queues and capabilities they are forgotten: they can be found again.
const FRONTS: usize = 1024;

/// The place of a job among those of its queue and priority.
pub(super) type Place = (DateTime<Utc>, Uuid);

/// A queue, as a worker with certain capabilities sees it.
type Key = (String, String);

/// What this process remembers.
#[derive(Debug, Clone, Default)]
pub(in crate::postgres) struct Fronts(Arc<Mutex<HashMap<Key, Front>>>);

#[derive(Debug)]
struct Front {
    /// The last job that was claimed of each priority.
    last: BTreeMap<i16, Place>,
    /// When a claim last looked at everything, and how long that took.
    looked_at: Instant,
    took: Duration,
    /// Whether something may have been put before the front.
    stale: bool,
    /// Increases with each look at everything and when the front goes back: what began before it
    /// says nothing any more.
    version: u64,
}

impl Front {
    fn is_due(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.looked_at);
        since >= EVERY.max(self.took * SHARE) || (self.stale && self.may_look(now))
    }

    /// Tells whether another look at everything is not too much.
    fn may_look(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.looked_at);
        self.took <= CHEAP || since >= self.took * PAUSE
    }
}

/// A part of a queue, in the order of its index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    queue: String,
    /// Below all priorities when it begins with the queue.
    from_priority: i16,
    from: Place,
    to_priority: i16,
}

/// Where one claim looks.
#[derive(Debug)]
pub(super) struct Look {
    stretches: Vec<Stretch>,
    /// For each queue the version of its front; none when all of it is looked at.
    versions: Vec<(Key, Option<u64>)>,
    begun: Instant,
}

impl Look {
    /// Tells whether all of some queue is looked at.
    pub(super) fn is_any_complete(&self) -> bool {
        self.versions.iter().any(|(_, version)| version.is_none())
    }

    /// Tells whether it leaves nothing out.
    pub(super) fn is_complete(&self) -> bool {
        self.versions.iter().all(|(_, version)| version.is_none())
    }

    /// The stretches as arrays: queue, from priority, instant and id, to priority.
    pub(super) fn binds(&self) -> Vec<Bind<'_>> {
        fn column<'a, T>(look: &'a Look, of: impl Fn(&'a Stretch) -> T) -> Vec<T> {
            look.stretches.iter().map(of).collect()
        }
        vec![
            Bind::Texts(column(self, |one| one.queue.as_str())),
            Bind::SmallInts(column(self, |one| one.from_priority)),
            Bind::Instants(column(self, |one| one.from.0)),
            Bind::Uuids(column(self, |one| one.from.1)),
            Bind::SmallInts(column(self, |one| one.to_priority)),
        ]
    }
}

impl Fronts {
    /// Chooses where a claim looks: behind the fronts, or everywhere when that is due.
    pub(super) fn look(&self, queues: &[String], capabilities: &str) -> Look {
        self.look_where(queues, capabilities, Front::is_due)
    }

    /// Chooses where a claim looks that found too few: everywhere, unless that is too much.
    pub(super) fn look_again(&self, queues: &[String], capabilities: &str) -> Look {
        self.look_where(queues, capabilities, Front::may_look)
    }

    fn look_where(
        &self,
        queues: &[String],
        capabilities: &str,
        everywhere: impl Fn(&Front, Instant) -> bool,
    ) -> Look {
        let begun = Instant::now();
        let mut fronts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut look = Look { stretches: Vec::new(), versions: Vec::new(), begun };
        for queue in queues {
            let key = (queue.clone(), capabilities.to_owned());
            let bounded = match fronts.get_mut(&key) {
                Some(front) if everywhere(front, begun) => {
                    // The others do not look as well meanwhile.
                    front.looked_at = begun;
                    front.stale = false;
                    None
                }
                front => front.filter(|front| !front.last.is_empty()),
            };
            look.versions.push((key, bounded.as_ref().map(|front| front.version)));
            let nothing = BTreeMap::new();
            let last = bounded.map_or(&nothing, |front| &front.last);
            look.stretches.extend(stretches(queue, last));
        }
        look
    }

    /// Remembers what was claimed: queue, priority and place of each job.
    pub(super) fn remember(&self, look: &Look, claimed: &[(&str, i16, Place)]) {
        let mut last: HashMap<&str, BTreeMap<i16, Place>> = HashMap::new();
        for &(queue, priority, place) in claimed {
            let place_of = last.entry(queue).or_default().entry(priority).or_insert(place);
            *place_of = place.max(*place_of);
        }
        let mut fronts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fronts.len() > FRONTS {
            fronts.clear();
        }
        for (key, version) in &look.versions {
            let last = last.remove(key.0.as_str()).unwrap_or_default();
            let Some(version) = version else {
                let front = fronts.entry(key.clone()).or_insert_with(|| Front {
                    last: BTreeMap::new(),
                    looked_at: look.begun,
                    took: Duration::ZERO,
                    version: 0,
                    stale: false,
                });
                front.took = look.begun.elapsed();
                front.version += 1;
                front.last.extend(last);
                continue;
            };
            if let Some(front) = fronts.get_mut(key).filter(|front| front.version == *version) {
                for (priority, place) in last {
                    let known = front.last.entry(priority).or_insert(place);
                    *known = place.max(*known);
                }
            }
        }
    }

    /// Says that a job was put into its queue.
    pub(in crate::postgres) fn put(&self, queue: &str, priority: i16, place: Place) {
        let mut fronts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((of, _), front) in fronts.iter_mut() {
            if of == queue
                && let Some(last) = front.last.get_mut(&priority)
                && place < *last
            {
                *last = place;
                front.version += 1;
            }
        }
    }

    /// Says that jobs were put into queues, wherever.
    pub(in crate::postgres) fn put_somewhere(&self) {
        let mut fronts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fronts.values_mut().for_each(|front| front.stale = true);
    }
}

/// The parts of a queue that are not before the last job claimed of their priority.
fn stretches(queue: &str, last: &BTreeMap<i16, Place>) -> Vec<Stretch> {
    let beginning = (-1_i16, (DateTime::UNIX_EPOCH, Uuid::nil()));
    let mut from = beginning;
    let mut all = Vec::new();
    let mut end = |from: (i16, Place), to_priority: i16| {
        all.push(Stretch {
            queue: queue.to_owned(),
            from_priority: from.0,
            from: from.1,
            to_priority,
        });
    };
    for (&priority, &place) in last {
        end(from, priority - 1);
        from = (priority, place);
    }
    end(from, i16::MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(second: i64) -> Place {
        (DateTime::from_timestamp(second, 0).unwrap(), Uuid::nil())
    }

    fn queues() -> Vec<String> {
        vec!["q".into()]
    }

    /// What a claim with `fronts` reads: from where to which priority.
    fn read(look: &Look) -> Vec<(i16, Place, i16)> {
        look.stretches.iter().map(|one| (one.from_priority, one.from, one.to_priority)).collect()
    }

    #[test]
    fn a_claim_begins_at_the_last_job_of_each_priority() {
        let fronts = Fronts::default();
        let first = fronts.look(&queues(), "[]");
        assert!(first.is_complete());
        fronts.remember(&first, &[("q", 10, place(3)), ("q", 10, place(5)), ("q", 50, place(1))]);
        let next = fronts.look(&queues(), "[]");
        assert!(!next.is_complete());
        let (all, end) = ((-1, place(0)), i16::MAX);
        assert_eq!(read(&next), [(all.0, all.1, 9), (10, place(5), 49), (50, place(1), end)]);
        let of_others = fronts.look(&queues(), "[\"gpu\"]");
        assert!(of_others.is_complete(), "other capabilities see other jobs");
    }

    #[test]
    fn a_job_that_comes_to_lie_before_the_front_moves_it_back() {
        let fronts = Fronts::default();
        let first = fronts.look(&queues(), "[]");
        fronts.remember(&first, &[("q", 50, place(5))]);
        let under_way = fronts.look(&queues(), "[]");
        fronts.put("q", 50, place(2));
        fronts.remember(&under_way, &[("q", 50, place(9))]);
        let next = fronts.look(&queues(), "[]");
        assert_eq!(read(&next)[1], (50, place(2), i16::MAX), "what was under way did not see it");
        fronts.put("q", 50, place(4));
        assert_eq!(read(&fronts.look(&queues(), "[]"))[1].1, place(2));
    }

    #[test]
    fn jobs_that_come_back_make_one_claim_look_at_everything() {
        let fronts = Fronts::default();
        let first = fronts.look(&queues(), "[]");
        fronts.remember(&first, &[("q", 50, place(5))]);
        fronts.put_somewhere();
        assert!(fronts.look(&queues(), "[]").is_complete());
        assert!(!fronts.look(&queues(), "[]").is_complete(), "the others need not");
        assert!(fronts.look_again(&queues(), "[]").is_complete(), "unless they find too few");
    }
}
