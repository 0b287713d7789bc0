//! Queues: what operators set for them, and how they are doing.

use std::time::Duration;

use store_core::queue::{QueueLimits, QueueStats, Rate};
use store_core::{JobId, Timestamp};

use crate::behaviours;
use crate::conformance::workflow::assert_invalid;
use crate::fixture::{Workflows, noon};
use crate::samples::time;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn empty(queue: &str) -> QueueStats {
    QueueStats {
        queue: queue.into(),
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

fn full_limits() -> QueueLimits {
    QueueLimits { max_leased: Some(100), per_key: Some(2), rate: Some(rate(30, MINUTE)) }
}

fn rate(count: u32, per: Duration) -> Rate {
    Rate { count, per }
}

/// Stores an unfinished job.
async fn stored_job(t: &Workflows, queue: &str, state: &str, run_at: Timestamp) {
    let (id, now) = (JobId::mint(), noon());
    let waits_for = u8::from(state == "blocked");
    let lease = match state {
        "leased" => format!("'w', '{now}', '{now}'"),
        _ => "NULL, NULL, NULL".to_owned(),
    };
    t.sql(&format!(
        "INSERT INTO jobs (id, queue, kind, payload, priority, state, max_attempts, run_at, tags, \
         capabilities, waits_for, lease_owner, lease_expires_at, leased_at, created_at, \
         updated_at) VALUES ('{id}', '{queue}', 'k', '{{}}', 50, '{state}', 3, '{run_at}', '[]', \
         '[]', {waits_for}, {lease}, '{now}', '{now}')"
    ))
    .await;
}

/// Stores a finished job.
async fn stored_end(t: &Workflows, queue: &str, state: &str, finished_at: Timestamp) {
    let (id, now) = (JobId::mint(), noon());
    t.sql(&format!(
        "INSERT INTO job_history (id, queue, kind, payload, priority, state, attempt, \
         max_attempts, run_at, tags, capabilities, depends_on, lease_epoch, created_at, \
         finished_at) VALUES ('{id}', '{queue}', 'k', '{{}}', 50, '{state}', 1, 3, '{now}', '[]', \
         '[]', '[]', 0, '{now}', '{finished_at}')"
    ))
    .await;
}

async fn all(t: &Workflows) -> Vec<QueueStats> {
    t.store.queue_stats(None).await.unwrap()
}

async fn one(t: &Workflows, queue: &str) -> QueueStats {
    let mut stats = t.store.queue_stats(Some(queue)).await.unwrap();
    assert_eq!(stats.len(), 1);
    stats.remove(0)
}

/// When the window of a queue's rate began, and how many claims it counts.
async fn window(t: &Workflows) -> (bool, i64) {
    let begun = t.count("SELECT COUNT(*) FROM job_queues WHERE window_started_at IS NOT NULL");
    (begun.await == 1, t.count("SELECT window_claims FROM job_queues").await)
}

async fn count_claims(t: &Workflows) {
    t.sql(&format!("UPDATE job_queues SET window_started_at = '{}', window_claims = 7", noon()))
        .await;
}

behaviours! {
    emits queue_queues_tests from queue::queues;

    /// A queue nobody knows is empty, and is not among all queues.
    async fn an_unknown_queue_is_empty(t: &Workflows) {
        assert_eq!(one(t, "späße 🎉").await, empty("späße 🎉"));
        assert_eq!(all(t).await, []);
    }

    /// Jobs are counted by state and queue.
    async fn jobs_are_counted_by_state_and_queue(t: &Workflows) {
        let later = time("12:00:01");
        for (state, jobs, at) in
            [("blocked", 1, noon()), ("scheduled", 2, later), ("available", 3, noon()),
             ("leased", 4, noon())]
        {
            for _ in 0..jobs {
                stored_job(t, "a", state, at).await;
            }
        }
        stored_job(t, "A", "leased", noon()).await;
        let expected = QueueStats {
            blocked: 1,
            scheduled: 2,
            available: 3,
            leased: 4,
            oldest_available: Some(noon()),
            ..empty("a")
        };
        assert_eq!(one(t, "a").await, expected);
        assert_eq!(all(t).await, [QueueStats { leased: 1, ..empty("A") }, expected]);
    }

    /// The oldest available job is that which could be claimed first, whatever else waits.
    async fn the_oldest_available_job_is_told(t: &Workflows) {
        stored_job(t, "q", "blocked", time("11:00:00")).await;
        stored_job(t, "q", "leased", time("11:10:00")).await;
        stored_job(t, "q", "scheduled", time("13:00:00")).await;
        assert_eq!(one(t, "q").await.oldest_available, None);
        for at in ["11:59:00", "11:58:00.123456", "11:59:30"] {
            stored_job(t, "q", "available", time(at)).await;
        }
        stored_job(t, "other", "available", time("11:00:00")).await;
        assert_eq!(one(t, "q").await.oldest_available, Some(time("11:58:00.123456")));
    }

    /// A scheduled job whose time has come counts as available.
    async fn a_job_whose_time_has_come_is_available(t: &Workflows) {
        stored_job(t, "q", "scheduled", time("12:00:30")).await;
        stored_job(t, "q", "scheduled", time("12:00:31")).await;
        let before = QueueStats { scheduled: 2, ..empty("q") };
        assert_eq!(one(t, "q").await, before);
        t.clock.set(time("12:00:30"));
        let oldest_available = Some(time("12:00:30"));
        let expected = QueueStats { scheduled: 1, available: 1, oldest_available, ..empty("q") };
        assert_eq!(one(t, "q").await, expected);
        stored_job(t, "q", "available", time("12:00:20")).await;
        let oldest_available = Some(time("12:00:20"));
        let expected = QueueStats { available: 2, oldest_available, ..expected };
        assert_eq!(all(t).await, [expected]);
    }

    /// What finished in the last minute is counted by how it ended; what finished before is not.
    async fn the_last_minute_is_counted(t: &Workflows) {
        t.clock.set(time("12:01:00"));
        for (state, ends) in [("succeeded", 3), ("dead", 2), ("cancelled", 1)] {
            for _ in 0..ends {
                stored_end(t, "q", state, time("12:00:00.000001")).await;
            }
            stored_end(t, "q", state, time("12:00:00")).await;
        }
        stored_end(t, "past", "succeeded", time("12:00:00")).await;
        let expected = QueueStats {
            succeeded_last_minute: 3,
            dead_last_minute: 2,
            cancelled_last_minute: 1,
            ..empty("q")
        };
        assert_eq!(all(t).await, std::slice::from_ref(&expected));
        assert_eq!(one(t, "q").await, expected);
        t.clock.advance(Duration::from_micros(1)).unwrap();
        assert_eq!(all(t).await, []);
    }

    /// All queues are told of by the bytes of their names: those with jobs, ends or settings.
    async fn queues_are_told_of_by_name(t: &Workflows) {
        stored_job(t, "b", "blocked", noon()).await;
        stored_end(t, "ä", "dead", noon()).await;
        t.store.pause_queue("a").await.unwrap();
        t.store.set_queue_limits("B", full_limits()).await.unwrap();
        stored_job(t, "🎉", "leased", noon()).await;
        let names: Vec<_> = all(t).await.into_iter().map(|stats| stats.queue).collect();
        assert_eq!(names, ["B", "a", "b", "ä", "🎉"]);
    }

    /// Stats are three statements, however many queues and jobs there are.
    async fn stats_are_three_statements(t: &Workflows) {
        for queue in 0..20 {
            stored_job(t, &format!("q{queue}"), "available", noon()).await;
            stored_end(t, &format!("e{queue}"), "succeeded", noon()).await;
            t.store.pause_queue(&format!("p{queue}")).await.unwrap();
        }
        let (store, statements) = t.reopened_counting().await;
        store.queue_stats(None).await.unwrap();
        let before = statements();
        assert_eq!(store.queue_stats(None).await.unwrap().len(), 60);
        assert_eq!(statements() - before, 3);
        store.queue_stats(Some("q1")).await.unwrap();
        assert_eq!(statements() - before, 6);
    }

    /// A queue is paused until it is resumed; either again changes nothing.
    async fn a_queue_is_paused_until_it_is_resumed(t: &Workflows) {
        for _ in 0..2 {
            t.store.pause_queue("q").await.unwrap();
            assert_eq!(one(t, "q").await, QueueStats { paused: true, ..empty("q") });
        }
        let other = t.reopened().await;
        assert!(other.queue_stats(None).await.unwrap()[0].paused);
        for _ in 0..2 {
            other.resume_queue("q").await.unwrap();
            assert_eq!(one(t, "q").await, empty("q"));
            assert_eq!(all(t).await, []);
        }
    }

    /// Resuming a queue nobody knows leaves nothing behind.
    async fn resuming_an_unknown_queue_changes_nothing(t: &Workflows) {
        t.store.resume_queue("q").await.unwrap();
        assert_eq!(t.count("SELECT COUNT(*) FROM job_queues").await, 0);
    }

    /// Limits come back as they were set, each with and without the others.
    async fn limits_round_trip(t: &Workflows) {
        let none = QueueLimits::default();
        let cases = [
            full_limits(),
            QueueLimits { max_leased: Some(1), ..none },
            QueueLimits { per_key: Some(1_000_000), ..none },
            QueueLimits { rate: Some(rate(1, Duration::from_millis(1))), ..none },
            QueueLimits { rate: Some(rate(1_000_000, DAY)), ..none },
            none,
        ];
        let other = t.reopened().await;
        for limits in cases {
            t.store.set_queue_limits("q", limits).await.unwrap();
            let expected = [QueueStats { limits, ..empty("q") }];
            assert_eq!(other.queue_stats(Some("q")).await.unwrap(), expected);
        }
        assert_eq!(all(t).await, [], "nothing is set any more");
    }

    /// Pausing and limits do not touch each other.
    async fn pausing_and_limits_are_apart(t: &Workflows) {
        let limits = full_limits();
        t.store.set_queue_limits("q", limits).await.unwrap();
        t.store.pause_queue("q").await.unwrap();
        assert_eq!(one(t, "q").await, QueueStats { paused: true, limits, ..empty("q") });
        let limits = QueueLimits { rate: None, ..limits };
        t.store.set_queue_limits("q", limits).await.unwrap();
        assert_eq!(one(t, "q").await, QueueStats { paused: true, limits, ..empty("q") });
        t.store.resume_queue("q").await.unwrap();
        assert_eq!(one(t, "q").await, QueueStats { limits, ..empty("q") });
    }

    /// Settings of one queue are not those of another.
    async fn settings_are_those_of_one_queue(t: &Workflows) {
        t.store.pause_queue("q").await.unwrap();
        t.store.set_queue_limits("Q", full_limits()).await.unwrap();
        assert_eq!(one(t, "q").await, QueueStats { paused: true, ..empty("q") });
        assert_eq!(one(t, "Q").await, QueueStats { limits: full_limits(), ..empty("Q") });
        assert_eq!(one(t, "r").await, empty("r"));
    }

    /// Another rate begins with a window of its own; the same rate goes on with its window.
    async fn another_rate_restarts_the_window(t: &Workflows) {
        let limits = full_limits();
        t.store.set_queue_limits("q", limits).await.unwrap();
        assert_eq!(window(t).await, (false, 0));
        count_claims(t).await;
        t.store.set_queue_limits("q", QueueLimits { max_leased: None, ..limits }).await.unwrap();
        t.store.pause_queue("q").await.unwrap();
        t.store.resume_queue("q").await.unwrap();
        assert_eq!(window(t).await, (true, 7));
        for rate in [Some(rate(31, MINUTE)), Some(rate(31, MINUTE * 2)), None, Some(rate(1, DAY))] {
            t.store.set_queue_limits("q", QueueLimits { rate, ..limits }).await.unwrap();
            assert_eq!(window(t).await, (false, 0), "{rate:?}");
            count_claims(t).await;
        }
    }

    /// Operators that set things at once on two handles leave one row.
    async fn concurrent_settings_leave_one_row(t: &Workflows) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                match number % 4 {
                    0 | 1 => store.pause_queue("q").await,
                    _ => store.set_queue_limits("q", full_limits()).await,
                }
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let expected = QueueStats { paused: true, limits: full_limits(), ..empty("q") };
        assert_eq!(all(t).await, [expected]);
    }

    /// Names have 1 to 255 bytes.
    async fn names_of_queues_are_checked(t: &Workflows) {
        for queue in ["", "a\0b", &"x".repeat(256)] {
            assert_invalid(t.store.pause_queue(queue).await, "queue");
            assert_invalid(t.store.resume_queue(queue).await, "queue");
            assert_invalid(t.store.set_queue_limits(queue, full_limits()).await, "queue");
            assert_invalid(t.store.queue_stats(Some(queue)).await, "queue");
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM job_queues").await, 0);
        t.store.pause_queue(&"x".repeat(255)).await.unwrap();
    }

    /// Limits are 1 to 1,000,000, windows 1 millisecond to 1 day; what was set before stays.
    async fn limits_are_checked(t: &Workflows) {
        t.store.set_queue_limits("q", full_limits()).await.unwrap();
        let none = QueueLimits::default();
        let limited = |count, per| QueueLimits { rate: Some(rate(count, per)), ..none };
        let tick = Duration::from_nanos(1);
        let millisecond = Duration::from_millis(1);
        let cases = [
            (QueueLimits { max_leased: Some(0), ..none }, "limits.max_leased"),
            (QueueLimits { max_leased: Some(1_000_001), ..none }, "limits.max_leased"),
            (QueueLimits { per_key: Some(0), ..none }, "limits.per_key"),
            (QueueLimits { per_key: Some(u32::MAX), ..none }, "limits.per_key"),
            (limited(0, MINUTE), "limits.rate.count"),
            (limited(1_000_001, MINUTE), "limits.rate.count"),
            (limited(1, Duration::ZERO), "limits.rate.per"),
            (limited(1, millisecond - tick), "limits.rate.per"),
            (limited(1, DAY + tick), "limits.rate.per"),
            (limited(1, Duration::MAX), "limits.rate.per"),
        ];
        for (limits, field) in cases {
            assert_invalid(t.store.set_queue_limits("q", limits).await, field);
        }
        assert_eq!(one(t, "q").await.limits, full_limits());
    }

    /// Queues of another database are not seen.
    async fn queues_of_another_database_are_not_seen(t: &Workflows) {
        let other = t.other().await;
        other.pause_queue("q").await.unwrap();
        assert_eq!(all(t).await, []);
        t.store.resume_queue("q").await.unwrap();
        stored_job(t, "q", "blocked", noon()).await;
        let expected = QueueStats { paused: true, ..empty("q") };
        assert_eq!(other.queue_stats(None).await.unwrap(), [expected]);
    }
}
