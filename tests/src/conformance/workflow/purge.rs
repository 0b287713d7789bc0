//! Purging what only kept repeats out.

use std::time::Duration;

use store_core::workflow::{CronConfig, Misfire};

use super::{assert_conflict, assert_invalid};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, at, delivery, dispatch, event, hooked, idempotent_webhook, listening, occurrences,
    overlapping, runs_of, schedule_of, scheduled, signed_at, signed_webhook, time,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Dispatches that many events.
async fn events(t: &Workflows, count: usize) {
    let (_, id) = listening(t).await;
    let lease = t.store.claim_listener(id, "a", DAY).await.unwrap().unwrap();
    for number in 0..count {
        t.store.dispatch_event(&lease, event(&number.to_string())).await.unwrap();
    }
}

/// Accepts that many deliveries.
async fn deliveries(t: &Workflows, count: usize) {
    let id = hooked(t, idempotent_webhook()).await;
    for number in 0..count {
        t.store.handle_webhook(id, &delivery(&number.to_string())).await.unwrap();
    }
}

/// How many deliveries, events and occurrences are remembered.
async fn remembered(t: &Workflows) -> [i64; 3] {
    let mut counts = [0; 3];
    let tables =
        ["workflow_webhook_deliveries", "workflow_listener_events", "workflow_cron_occurrences"];
    for (count, table) in counts.iter_mut().zip(tables) {
        *count = t.count(&format!("SELECT COUNT(*) FROM {table}")).await;
    }
    counts
}

behaviours! {
    emits workflow_purge_tests from workflow::purge;

    /// What has expired is deleted, each kind in its time; what has not is kept.
    async fn only_what_has_expired_is_purged(t: &Workflows) {
        scheduled(t, overlapping("30 12 * * *")).await;
        dispatch(t, time("12:30:00")).await;
        t.clock.set(time("12:00:00"));
        events(t, 3).await;
        deliveries(t, 2).await;
        let stages = [
            ("2026-03-02T12:04:59Z", 0, [2, 3, 1]),
            ("2026-03-02T12:05:01Z", 3, [2, 0, 1]),
            ("2026-03-09T11:59:59Z", 0, [2, 0, 1]),
            ("2026-03-09T12:00:01Z", 2, [0, 0, 1]),
            ("2026-04-01T12:29:59Z", 0, [0, 0, 1]),
            ("2026-04-01T12:30:01Z", 1, [0, 0, 0]),
        ];
        for (now, purged, left) in stages {
            t.clock.set(at(now));
            assert_eq!(t.store.purge_expired(1000).await.unwrap(), purged, "{now}");
            assert_eq!(remembered(t).await, left, "{now}");
            assert_eq!(t.store.purge_expired(1000).await.unwrap(), 0, "{now}");
        }
    }

    /// Runs and triggers stay when what kept their repeats out goes.
    async fn purging_leaves_runs_and_triggers(t: &Workflows) {
        let cron = scheduled(t, overlapping("30 12 * * *")).await;
        dispatch(t, time("12:30:00")).await;
        let hook = hooked(t, idempotent_webhook()).await;
        t.store.handle_webhook(hook, &delivery("1")).await.unwrap();
        let before = (schedule_of(t, cron).await, t.store.find_webhook(hook).await.unwrap());
        let runs = (runs_of(t, cron).await, runs_of(t, hook).await);
        t.clock.advance(DAY * 40).unwrap();
        assert_eq!(t.store.purge_expired(1000).await.unwrap(), 2);
        assert_eq!((runs_of(t, cron).await, runs_of(t, hook).await), runs);
        let after = (schedule_of(t, cron).await, t.store.find_webhook(hook).await.unwrap());
        assert_eq!(after, before);
    }

    /// No more than a batch goes at once; repeated calls delete the rest, and then nothing.
    async fn no_more_than_a_batch_is_purged_at_once(t: &Workflows) {
        events(t, 5).await;
        deliveries(t, 4).await;
        t.clock.advance(DAY * 8).unwrap();
        let mut total = 0;
        loop {
            let purged = t.store.purge_expired(2).await.unwrap();
            assert!(purged <= 2, "{purged}");
            if purged == 0 {
                break;
            }
            total += purged;
        }
        assert_eq!((total, remembered(t).await), (9, [0, 0, 0]));
    }

    /// A batch is 1 to 1000 rows.
    async fn the_batch_of_a_purge_is_checked(t: &Workflows) {
        events(t, 1).await;
        t.clock.advance(DAY).unwrap();
        for batch in [0, 1001, u32::MAX] {
            assert_invalid(t.store.purge_expired(batch).await, "batch");
        }
        assert_eq!(t.store.purge_expired(1000).await.unwrap(), 1);
    }

    /// A delivery without an age limit is remembered for ever.
    async fn a_delivery_without_an_age_limit_is_never_purged(t: &Workflows) {
        let mut webhook = signed_webhook();
        webhook.config.hmac_tolerance_seconds = 0;
        let id = hooked(t, webhook).await;
        t.store.handle_webhook(id, &signed_at(1_772_452_800)).await.unwrap();
        t.clock.advance(DAY * 3650).unwrap();
        assert_eq!(t.store.purge_expired(1000).await.unwrap(), 0);
        assert_conflict(t.store.handle_webhook(id, &signed_at(1_772_452_800)).await);
    }

    /// An occurrence that the schedule has not moved past is kept: it would fire again.
    async fn an_occurrence_that_could_fire_again_is_kept(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 1000 };
        let patient = CronConfig { misfire, ..overlapping("30 12 * * *") };
        let id = scheduled(t, patient.clone()).await;
        dispatch(t, time("12:30:00")).await;
        // Set anew at the very instant, the schedule begins with the occurrence that has fired.
        let other = CronConfig { timezone: "Africa/Abidjan".into(), ..patient };
        t.store.configure_cron(&ada(), id, other).await.unwrap();
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("12:30:00")));
        t.clock.set(at("2026-04-05T00:00:00Z"));
        t.store.purge_expired(1000).await.unwrap();
        dispatch(t, at("2026-04-05T00:00:00Z")).await;
        let fired = occurrences(&runs_of(t, id).await);
        assert_eq!(fired.iter().filter(|at| **at == time("12:30:00")).count(), 1);
        assert_eq!(fired.len(), 34);
    }

    /// What was purged on one database is untouched on another.
    async fn a_purge_stays_in_its_database(t: &Workflows) {
        let other = t.other().await;
        events(t, 2).await;
        t.clock.advance(DAY).unwrap();
        assert_eq!(other.purge_expired(1000).await.unwrap(), 0);
        assert_eq!(remembered(t).await, [0, 2, 0]);
    }
}
