//! Occurrences that nobody dispatched in time, and occurrences that would overlap.

use store_core::WorkflowId;
use store_core::workflow::{CronConfig, Misfire, Run};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, at, cron, dispatch, occurrences, overlapping, runs_of, schedule_of, scheduled, time,
};

/// Creates a workflow that is started each half past, with overlap and this policy.
async fn half_past(t: &Workflows, misfire: Misfire) -> WorkflowId {
    scheduled(t, CronConfig { misfire, ..overlapping("30 * * * *") }).await
}

/// Starts a run and brings it to its end.
async fn finish(t: &Workflows, run: &Run) {
    t.store.start_run(&ada(), run.id).await.unwrap();
    t.store.succeed_run(&ada(), run.id, None).await.unwrap();
}

behaviours! {
    emits workflow_cron_misfire_tests from workflow::cron_misfire;

    /// An occurrence that is a minute old fires under every policy.
    async fn an_occurrence_of_a_minute_ago_is_in_time(t: &Workflows) {
        for misfire in [Misfire::Skip, Misfire::FireOnce, Misfire::CatchUp { max: 1 }] {
            half_past(t, misfire).await;
        }
        let fired = occurrences(&dispatch(t, time("12:31:00")).await);
        assert_eq!(fired, [time("12:30:00"); 3]);
    }

    /// Under `skip`, an occurrence that is older than a minute does not fire.
    async fn skip_passes_over_what_is_late(t: &Workflows) {
        let id = half_past(t, Misfire::Skip).await;
        assert_eq!(dispatch(t, time("12:31:01")).await, []);
        let trigger = schedule_of(t, id).await;
        assert_eq!(trigger.next_at, Some(time("13:30:00")));
        assert_eq!(trigger.last_dispatched_at, None);
        assert_eq!(dispatch(t, time("17:45:00")).await, []);
        assert_eq!(occurrences(&dispatch(t, time("18:30:00")).await), [time("18:30:00")]);
    }

    /// Under `skip`, what is in time fires even when something before it was late.
    async fn skip_fires_what_is_in_time_after_a_pause(t: &Workflows) {
        half_past(t, Misfire::Skip).await;
        assert_eq!(occurrences(&dispatch(t, time("17:30:10")).await), [time("17:30:00")]);
    }

    /// Under `fire_once`, the latest of the late occurrences fires for all of them.
    async fn fire_once_fires_the_latest_of_the_late_ones(t: &Workflows) {
        let id = half_past(t, Misfire::FireOnce).await;
        assert_eq!(occurrences(&dispatch(t, time("17:45:00")).await), [time("17:30:00")]);
        let trigger = schedule_of(t, id).await;
        assert_eq!(trigger.next_at, Some(time("18:30:00")));
        assert_eq!(trigger.last_dispatched_at, Some(time("17:30:00")));
        assert_eq!(dispatch(t, time("17:46:00")).await, []);
    }

    /// Under `fire_once`, the late occurrences are made up for by one that is in time.
    async fn fire_once_fires_no_late_one_beside_one_in_time(t: &Workflows) {
        half_past(t, Misfire::FireOnce).await;
        assert_eq!(occurrences(&dispatch(t, time("17:30:30")).await), [time("17:30:00")]);
    }

    /// Under `catch_up`, the latest `max` occurrences fire, oldest first.
    async fn catch_up_fires_the_latest_oldest_first(t: &Workflows) {
        let id = half_past(t, Misfire::CatchUp { max: 3 }).await;
        let fired = occurrences(&dispatch(t, time("17:45:00")).await);
        assert_eq!(fired, [time("15:30:00"), time("16:30:00"), time("17:30:00")]);
        let trigger = schedule_of(t, id).await;
        assert_eq!(trigger.next_at, Some(time("18:30:00")));
        assert_eq!(trigger.last_dispatched_at, Some(time("17:30:00")));
        assert_eq!(dispatch(t, time("17:46:00")).await, []);
    }

    /// Under `catch_up`, all occurrences fire when there are no more than `max`.
    async fn catch_up_fires_all_when_they_are_few(t: &Workflows) {
        half_past(t, Misfire::CatchUp { max: 1000 }).await;
        let fired = occurrences(&dispatch(t, time("14:30:10")).await);
        assert_eq!(fired, [time("12:30:00"), time("13:30:00"), time("14:30:00")]);
    }

    /// Several occurrences that are in time all fire.
    async fn all_occurrences_in_time_fire(t: &Workflows) {
        for misfire in [Misfire::Skip, Misfire::FireOnce] {
            let config = CronConfig { misfire, ..overlapping("10,35 * * * * *") };
            scheduled(t, config).await;
        }
        let mut fired = occurrences(&dispatch(t, time("12:01:00")).await);
        fired.sort_unstable();
        let (first, second) = (time("12:00:10"), time("12:00:35"));
        assert_eq!(fired, [first, first, second, second]);
    }

    /// After years of every second, the latest occurrences are caught up with at once.
    async fn a_pause_of_years_is_caught_up_with(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 1000 };
        let id = scheduled(t, CronConfig { misfire, ..overlapping("* * * * * *") }).await;
        let fired = occurrences(&dispatch(t, at("2029-07-01T00:16:39Z")).await);
        assert_eq!(fired.len(), 1000);
        assert_eq!(fired[0], at("2029-07-01T00:00:00Z"));
        assert!(fired.is_sorted());
        assert_eq!(schedule_of(t, id).await.next_at, Some(at("2029-07-01T00:16:40Z")));
    }

    /// Without overlap, a pending or running run keeps the next occurrence from firing.
    async fn without_overlap_a_run_that_lasts_blocks_the_next(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let run = dispatch(t, time("12:30:00")).await.remove(0);
        assert_eq!(dispatch(t, time("13:30:00")).await, []);
        t.store.start_run(&ada(), run.id).await.unwrap();
        assert_eq!(dispatch(t, time("13:30:10")).await, []);
        t.store.succeed_run(&ada(), run.id, None).await.unwrap();
        let fired = occurrences(&dispatch(t, time("13:30:20")).await);
        assert_eq!(fired, [time("13:30:00")]);
        assert_eq!(runs_of(t, id).await.len(), 2);
    }

    /// Without overlap, a run that failed or was cancelled blocks nothing.
    async fn without_overlap_a_run_that_is_over_blocks_nothing(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let run = dispatch(t, time("12:30:00")).await.remove(0);
        t.store.fail_run(&ada(), run.id, "error").await.unwrap();
        let run = dispatch(t, time("13:30:00")).await.remove(0);
        t.store.cancel_run(&ada(), run.id, None).await.unwrap();
        assert_eq!(dispatch(t, time("14:30:00")).await.len(), 1);
        assert_eq!(runs_of(t, id).await.len(), 3);
    }

    /// Without overlap, what was due while a run lasted is late by the misfire policy.
    async fn what_a_run_blocked_for_long_is_late(t: &Workflows) {
        let skip = CronConfig { misfire: Misfire::Skip, ..cron("30 * * * *") };
        let (once, skip) = (scheduled(t, cron("30 * * * *")).await, scheduled(t, skip).await);
        for run in dispatch(t, time("12:30:00")).await {
            t.clock.set(time("14:45:00"));
            finish(t, &run).await;
        }
        let runs = dispatch(t, time("14:45:00")).await;
        assert_eq!(occurrences(&runs), [time("14:30:00")]);
        assert_eq!(runs[0].workflow_id, once);
        assert_eq!(runs_of(t, skip).await.len(), 1);
    }

    /// With overlap, every occurrence fires, whatever its predecessors do.
    async fn with_overlap_every_occurrence_fires(t: &Workflows) {
        let id = scheduled(t, overlapping("30 * * * *")).await;
        for now in ["12:30:00", "13:30:00", "14:30:00"] {
            assert_eq!(dispatch(t, time(now)).await.len(), 1, "{now}");
        }
        assert_eq!(runs_of(t, id).await.len(), 3);
    }

    /// Without overlap, `catch_up` fires one occurrence after the other, oldest first.
    async fn without_overlap_catch_up_fires_one_by_one(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 3 };
        let id = scheduled(t, CronConfig { misfire, ..cron("30 * * * *") }).await;
        for expected in ["15:30:00", "16:30:00", "17:30:00"] {
            let runs = dispatch(t, time("17:45:00")).await;
            assert_eq!(occurrences(&runs), [time(expected)]);
            assert_eq!(dispatch(t, time("17:45:00")).await, [], "one at a time");
            finish(t, &runs[0]).await;
        }
        assert_eq!(dispatch(t, time("17:45:00")).await, []);
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("18:30:00")));
    }

    /// Without overlap, the latest of several due occurrences fires and consumes the others.
    async fn without_overlap_the_latest_due_occurrence_fires(t: &Workflows) {
        for misfire in [Misfire::Skip, Misfire::FireOnce] {
            scheduled(t, CronConfig { misfire, ..cron("*/5 * * * *") }).await;
        }
        let runs = dispatch(t, time("12:10:00")).await;
        assert_eq!(occurrences(&runs), [time("12:10:00"); 2]);
        for run in &runs {
            assert_eq!(schedule_of(t, run.workflow_id).await.next_at, Some(time("12:15:00")));
            finish(t, run).await;
        }
        assert_eq!(dispatch(t, time("12:10:00")).await, []);
    }
}
