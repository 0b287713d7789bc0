//! What a claim may take.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use store_core::json::Admitted;
use store_core::queue::{ClaimRequest, QueueLimits, Rate};
use store_core::{Error, Result, Timestamp, check_external};

use super::job::{checked_capabilities, checked_lease};
use crate::rules::Context;
use crate::rules::run::checked_batch;

/// The most queues one call names.
const QUEUES_MAX: usize = 64;

/// A claim that was checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyClaim {
    pub(crate) worker: String,
    /// Each once.
    pub(crate) queues: Vec<String>,
    pub(crate) capabilities: Admitted,
    pub(crate) limit: i64,
    pub(crate) lease: Duration,
    pub(crate) now: Timestamp,
}

impl ReadyClaim {
    pub(crate) fn new(context: &Context, request: &ClaimRequest) -> Result<Self> {
        check_external("worker", &request.worker)?;
        checked_capabilities(&request.capabilities)?;
        checked_lease(request.lease)?;
        let capabilities = Value::from(request.capabilities.clone());
        Ok(Self {
            worker: request.worker.clone(),
            queues: checked_queues(&request.queues)?,
            capabilities: context.json.admit("capabilities", capabilities)?,
            limit: checked_batch("limit", request.limit)?,
            lease: request.lease,
            now: context.clock.now(),
        })
    }
}

/// Checks names of queues and returns each once, in order.
pub(crate) fn checked_queues(queues: &[String]) -> Result<Vec<String>> {
    if queues.is_empty() || queues.len() > QUEUES_MAX {
        let count = queues.len();
        return Err(Error::invalid("queues", format!("are {count}, allowed is 1 to {QUEUES_MAX}")));
    }
    queues.iter().try_for_each(|queue| check_external("queues", queue))?;
    let mut distinct = queues.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    Ok(distinct)
}

/// What is left of a queue's limits at one moment, under the lock of its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    max_leased: Option<u32>,
    per_key: Option<u32>,
    rate: Option<Rate>,
    window_started_at: Option<Timestamp>,
    window_claims: u32,
    leased: u32,
    keys: HashMap<String, u32>,
    /// How many jobs this claim took.
    taken: u32,
}

impl Room {
    /// Begins with what a queue allows, and the window its claims are counted in.
    pub(crate) fn new(
        limits: QueueLimits,
        window_started_at: Option<Timestamp>,
        window_claims: u32,
    ) -> Self {
        let QueueLimits { max_leased, per_key, rate } = limits;
        Self { max_leased, per_key, rate, window_started_at, window_claims, ..Self::default() }
    }

    /// Begins a new window when the last one is over. One that begins in the future was begun by a
    /// clock that was set back since.
    pub(crate) fn at(mut self, now: Timestamp) -> Result<Self> {
        if let Some(rate) = self.rate {
            let over = match self.window_started_at {
                Some(started) => started > now || started.plus(rate.per)? <= now,
                None => true,
            };
            if over {
                self.window_started_at = Some(now);
                self.window_claims = 0;
            }
        }
        Ok(self)
    }

    /// Counts jobs that are leased.
    pub(crate) fn count(&mut self, key: Option<String>, leased: u32) {
        self.leased += leased;
        if let Some(key) = key {
            *self.keys.entry(key).or_default() += leased;
        }
    }

    /// Tells whether one more job fits, of any key.
    pub(crate) fn is_open(&self) -> bool {
        self.max_leased.is_none_or(|max| self.leased < max)
            && self.rate.is_none_or(|rate| self.window_claims < rate.count)
    }

    fn is_open_for(&self, key: Option<&str>) -> bool {
        let leased = key.and_then(|key| self.keys.get(key)).copied().unwrap_or(0);
        key.is_none() || self.per_key.is_none_or(|max| leased < max)
    }

    /// Takes one more job, if it fits.
    fn take(&mut self, key: Option<&str>) -> bool {
        if !self.is_open() || !self.is_open_for(key) {
            return false;
        }
        self.window_claims += 1;
        self.taken += 1;
        self.count(key.map(str::to_owned), 1);
        true
    }
}

/// The queues of a claim that are not paused, each with what is left of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rooms(pub(crate) HashMap<String, Room>);

impl Rooms {
    /// Takes a job, if it fits.
    pub(crate) fn take(&mut self, queue: &str, key: Option<&str>) -> bool {
        self.0.get_mut(queue).is_some_and(|room| room.take(key))
    }

    /// Returns the queues that have room.
    pub(crate) fn open(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, room)| room.is_open()).map(|(queue, _)| queue.as_str()).collect()
    }

    /// Returns the keys that have no room, each behind its queue. Names hold no control characters.
    pub(crate) fn full_keys(&self) -> Vec<String> {
        let keys = |(queue, room): (&String, &Room)| {
            let full = |key: &&String| !room.is_open_for(Some(key));
            let named = |key: &String| format!("{queue}\u{1f}{key}");
            room.keys.keys().filter(full).map(named).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(keys).collect()
    }

    /// Returns the queues whose window counts further claims now, with its start and its count.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (&str, Timestamp, u32)> {
        self.0.iter().filter(|(_, room)| room.taken > 0 && room.rate.is_some()).filter_map(
            |(queue, room)| Some((queue.as_str(), room.window_started_at?, room.window_claims)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_micros(at * 1_000_000).unwrap()
    }

    #[test]
    fn a_key_that_is_full_leaves_room_for_others() {
        let mut room = Room { per_key: Some(1), max_leased: Some(3), ..Room::default() };
        room.count(Some("a".into()), 1);
        let mut rooms = Rooms(HashMap::from([("q".into(), room)]));
        assert!(!rooms.take("q", Some("a")));
        assert!(rooms.take("q", Some("b")) && !rooms.take("q", Some("b")));
        assert!(rooms.take("q", None) && !rooms.take("q", None), "three are leased");
        assert!(rooms.open().is_empty());
        assert!(!rooms.take("another", None), "a queue that is not there is paused");
    }

    #[test]
    fn a_window_begins_with_the_first_claim_after_the_last_one() {
        let rate = Some(Rate { count: 2, per: Duration::from_secs(10) });
        let fresh = Room { rate, ..Room::default() };
        let mut room = fresh.at(second(100)).unwrap();
        assert!(room.take(None) && room.take(None) && !room.take(None));
        assert_eq!(room.window_started_at, Some(second(100)));
        assert!(!room.clone().at(second(109)).unwrap().take(None));
        assert!(room.clone().at(second(110)).unwrap().take(None));
        assert!(room.at(second(50)).unwrap().take(None), "the clock was set back");
    }
}
