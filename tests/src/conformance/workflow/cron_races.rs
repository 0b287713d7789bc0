//! Schedulers that race, many schedules at once, and days on which the clock is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use store_core::WorkflowId;
use store_core::workflow::CronConfig;

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, at, cron, dispatch, occurrence, occurrences, overlapping, schedule_of, scheduled, time,
};

/// Creates that many workflows that are started each half past.
async fn many_scheduled(t: &Workflows, count: usize) -> Vec<WorkflowId> {
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let batch = (count - ids.len()).min(50);
        ids.extend(join_all((0..batch).map(|_| scheduled(t, cron("30 * * * *")))).await);
    }
    ids
}

/// Dispatches every half hour, and returns the occurrences that fired.
async fn dispatched(t: &Workflows, from: &str, half_hours: u32) -> Vec<String> {
    let mut fired = Vec::new();
    for number in 0..half_hours {
        let now = at(from).plus(Duration::from_secs(1800) * number).unwrap();
        let runs = dispatch(t, now).await;
        fired.extend(occurrences(&runs).iter().map(|at| at.to_string()[5..16].to_owned()));
    }
    fired
}

behaviours! {
    emits workflow_cron_races_tests from workflow::cron_races;

    /// Of 16 schedulers on two handles that dispatch 50 schedules at once, one starts each run.
    async fn concurrent_schedulers_fire_each_occurrence_once(t: &Workflows) {
        let ids = many_scheduled(t, 50).await;
        let other = t.reopened().await;
        for hour in [12, 13] {
            let now = time(&format!("{hour}:30:00"));
            t.clock.set(now);
            let mut tasks = Vec::new();
            for number in 0..16 {
                let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
                tasks.push(tokio::spawn(async move {
                    store.dispatch_due_cron(now, 1000, None).await.unwrap()
                }));
            }
            let mut runs = Vec::new();
            for task in tasks {
                runs.extend(task.await.unwrap());
            }
            assert_eq!(runs.len(), 50, "each occurrence is returned to one scheduler");
            assert!(runs.iter().all(|run| occurrence(run) == now));
            let started: BTreeSet<_> = runs.iter().map(|run| run.workflow_id).collect();
            assert_eq!(started, ids.iter().copied().collect());
            for run in &runs {
                t.store.cancel_run(&ada(), run.id, None).await.unwrap();
            }
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_runs").await, 100);
    }

    /// 1,000 due schedules are dispatched in a number of statements that does not grow with them.
    async fn a_thousand_due_schedules_take_few_statements(t: &Workflows) {
        let ids = many_scheduled(t, 1000).await;
        let before = t.statements();
        let runs = dispatch(t, time("12:30:00")).await;
        let sent = t.statements() - before;
        assert!(sent < 60, "{sent} statements");
        assert_eq!(runs.len(), 1000);
        let started: BTreeSet<_> = runs.iter().map(|run| run.workflow_id).collect();
        assert_eq!(started, ids.iter().copied().collect());
        assert!(runs.iter().all(|run| occurrence(run) == time("12:30:00")));
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 1000);
        let created = "SELECT COUNT(*) FROM workflow_audit WHERE action = 'run_created'";
        assert_eq!(t.count(created).await, 1000);
        for id in [ids[0], ids[999]] {
            assert_eq!(schedule_of(t, id).await.next_at, Some(time("13:30:00")));
        }
    }

    /// When Berlin sets its clock back, an hourly schedule fires in both of the repeated hours.
    async fn an_hourly_schedule_fires_in_both_repeated_hours(t: &Workflows) {
        t.clock.set(at("2026-10-24T23:00:00Z"));
        let berlin = "Europe/Berlin".to_owned();
        scheduled(t, CronConfig { timezone: berlin, ..overlapping("30 * * * *") }).await;
        // 02:30 on the wall is 00:30 and 01:30 in UTC.
        let fired = dispatched(t, "2026-10-24T23:00:00Z", 8).await;
        assert_eq!(fired, ["10-24T23:30", "10-25T00:30", "10-25T01:30", "10-25T02:30"]);
    }

    /// When Berlin sets its clock back, a daily time that occurs twice fires once.
    async fn a_daily_time_that_occurs_twice_fires_once(t: &Workflows) {
        t.clock.set(at("2026-10-24T12:00:00Z"));
        let berlin = "Europe/Berlin".to_owned();
        scheduled(t, CronConfig { timezone: berlin, ..overlapping("30 2 * * *") }).await;
        let fired = dispatched(t, "2026-10-24T12:00:00Z", 96).await;
        assert_eq!(fired, ["10-25T00:30", "10-26T01:30"]);
    }

    /// When Berlin sets its clock forward, a daily time that is left out fires after the gap.
    async fn a_daily_time_that_is_left_out_fires_after_the_gap(t: &Workflows) {
        t.clock.set(at("2026-03-28T12:00:00Z"));
        let berlin = "Europe/Berlin".to_owned();
        scheduled(t, CronConfig { timezone: berlin, ..overlapping("30 2 * * *") }).await;
        let fired = dispatched(t, "2026-03-28T12:00:00Z", 96).await;
        assert_eq!(fired, ["03-29T01:00", "03-30T00:30"]);
    }
}
