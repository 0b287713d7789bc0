use std::collections::BTreeMap;
use std::time::Duration;

use store_core::queue::{JobState, QueueLimits, QueueStats};
use store_core::{Result, Timestamp};

use super::limits::QueueSettings;

/// How far back the jobs that finished are counted.
pub(crate) const LAST: Duration = Duration::from_secs(60);

/// How many jobs of a queue are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) queue: String,
    pub(crate) state: JobState,
    pub(crate) jobs: u64,
    /// Since when the oldest of them could be claimed.
    pub(crate) oldest: Option<Timestamp>,
}

/// Reads how many jobs were counted.
pub(crate) fn counted(jobs: i64) -> u64 {
    // A count is never below zero.
    u64::try_from(jobs).unwrap_or_default()
}

/// Puts together what is known of queues, by name; the one that was asked for is always there.
pub(crate) fn assembled(
    asked: Option<&str>,
    counts: impl IntoIterator<Item = Result<Counted>>,
    settings: impl IntoIterator<Item = Result<QueueSettings>>,
) -> Result<Vec<QueueStats>> {
    let mut queues: BTreeMap<String, QueueStats> = BTreeMap::new();
    if let Some(queue) = asked {
        queues.insert(queue.to_owned(), empty(queue));
    }
    for count in counts {
        let count = count?;
        let stats = queues.entry(count.queue).or_insert_with_key(|queue| empty(queue));
        // Jobs that are due are counted apart from those that were available all along.
        *place(stats, count.state) += count.jobs;
        let oldest = stats.oldest_available.into_iter().chain(count.oldest).min();
        stats.oldest_available = oldest;
    }
    for set in settings {
        let set = set?;
        let stats = queues.entry(set.queue).or_insert_with_key(|queue| empty(queue));
        stats.paused = set.paused;
        stats.limits = set.limits;
    }
    Ok(queues.into_values().collect())
}

/// Shows the depth of queues and the age of their oldest job as gauges.
pub(crate) fn measured(stats: Vec<QueueStats>, now: Timestamp) -> Vec<QueueStats> {
    for queue in &stats {
        let depths = [
            (JobState::Blocked, queue.blocked),
            (JobState::Scheduled, queue.scheduled),
            (JobState::Available, queue.available),
            (JobState::Leased, queue.leased),
        ];
        for (state, depth) in depths {
            let name = queue.queue.clone();
            metrics::gauge!("store_queue_depth", "queue" => name, "state" => state.as_str())
                .set(depth as f64);
        }
        let age = queue.oldest_available.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        metrics::gauge!("store_queue_oldest_seconds", "queue" => queue.queue.clone()).set(age);
    }
    stats
}

fn place(stats: &mut QueueStats, state: JobState) -> &mut u64 {
    match state {
        JobState::Blocked => &mut stats.blocked,
        JobState::Scheduled => &mut stats.scheduled,
        JobState::Available => &mut stats.available,
        JobState::Leased => &mut stats.leased,
        JobState::Succeeded => &mut stats.succeeded_last_minute,
        JobState::Dead => &mut stats.dead_last_minute,
        JobState::Cancelled => &mut stats.cancelled_last_minute,
    }
}

fn empty(queue: &str) -> QueueStats {
    QueueStats {
        queue: queue.to_owned(),
        blocked: 0,
        scheduled: 0,
        available: 0,
        leased: 0,
        oldest_available: None,
        succeeded_last_minute: 0,
        dead_last_minute: 0,
        cancelled_last_minute: 0,
        paused: false,
        limits: QueueLimits::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    use super::*;

    /// Keeps what gauges were set to, by their names and labels.
    #[derive(Default)]
    struct Shown(Arc<Mutex<Vec<(String, f64)>>>);

    struct Dial(String, Arc<Mutex<Vec<(String, f64)>>>);

    impl GaugeFn for Dial {
        fn increment(&self, _: f64) {}
        fn decrement(&self, _: f64) {}
        fn set(&self, value: f64) {
            self.1.lock().unwrap().push((self.0.clone(), value));
        }
    }

    impl Recorder for Shown {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
            let name = format!("{} {}", key.name(), labels.join(" "));
            Gauge::from_arc(Arc::new(Dial(name, Arc::clone(&self.0))))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn the_depth_of_a_queue_and_the_age_of_its_oldest_job_are_shown() {
        let shown = Shown::default();
        let now = Timestamp::from_micros(10_500_000).unwrap();
        let oldest_available = Some(Timestamp::from_micros(3_000_000).unwrap());
        let stats = [QueueStats { available: 2, leased: 1, oldest_available, ..empty("q") }];
        let returned = metrics::with_local_recorder(&shown, || measured(stats.to_vec(), now));
        assert_eq!(returned, stats);
        let expected = [
            ("store_queue_depth q blocked", 0.0),
            ("store_queue_depth q scheduled", 0.0),
            ("store_queue_depth q available", 2.0),
            ("store_queue_depth q leased", 1.0),
            ("store_queue_oldest_seconds q", 7.5),
        ];
        let shown = shown.0.lock().unwrap();
        assert!(shown.iter().map(|(name, value)| (name.as_str(), *value)).eq(expected));
    }

    fn count(queue: &str, state: JobState, jobs: u64, oldest: Option<i64>) -> Result<Counted> {
        let oldest = oldest.map(|micros| Timestamp::from_micros(micros).unwrap());
        Ok(Counted { queue: queue.into(), state, jobs, oldest })
    }

    #[test]
    fn counts_of_one_state_add_up_and_the_oldest_stays() {
        let counts = [
            count("b", JobState::Available, 2, Some(7)),
            count("b", JobState::Available, 3, Some(5)),
            count("b", JobState::Leased, 1, None),
            count("a", JobState::Dead, 4, None),
        ];
        let stats = assembled(None, counts, []).unwrap();
        let names: Vec<_> = stats.iter().map(|stats| stats.queue.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((stats[0].dead_last_minute, stats[0].available), (4, 0));
        assert_eq!((stats[1].available, stats[1].leased), (5, 1));
        assert_eq!(stats[1].oldest_available, Some(Timestamp::from_micros(5).unwrap()));
    }

    #[test]
    fn the_queue_that_was_asked_for_is_there() {
        assert_eq!(assembled(Some("q"), [], []).unwrap(), [empty("q")]);
        assert_eq!(assembled(None, [], []).unwrap(), []);
        let limits = QueueLimits { per_key: Some(2), ..QueueLimits::default() };
        let set = QueueSettings { queue: "q".into(), paused: true, limits };
        let stats = assembled(Some("q"), [], [Ok(set)]).unwrap();
        assert_eq!(stats, [QueueStats { paused: true, limits, ..empty("q") }]);
    }
}
