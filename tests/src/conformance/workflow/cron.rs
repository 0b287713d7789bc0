//! Schedules: what is stored, what is refused, which are due.

use store_core::WorkflowId;
use store_core::workflow::{CronConfig, CronTrigger, Misfire};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    actions_of, ada, assert_set_and_deleted, at, created, cron, dispatch, overlapping, pending,
    runs_of, schedule_of, scheduled, time,
};

/// The workflows whose schedules are due, in the order they are listed.
async fn due(t: &Workflows, now: &str, limit: u32) -> Vec<WorkflowId> {
    let triggers = t.store.list_due_cron(time(now), limit).await.unwrap();
    triggers.iter().map(|trigger| trigger.workflow_id).collect()
}

/// Schedules that are refused, with the field that is to blame.
fn refused() -> Vec<(&'static str, CronConfig)> {
    let expressions = [
        "",
        "30",
        "* * * *",
        "0 0 * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "soon",
        "@hourly",
        "a\0b",
        "0 0 30 2 *",
        "0 0 31 4 *",
    ];
    let zone = |name: &str| CronConfig { timezone: name.into(), ..cron("0 * * * *") };
    let bounds = |start: &str, end: &str| CronConfig {
        start_at: Some(time(start)),
        end_at: Some(time(end)),
        ..cron("0 * * * *")
    };
    let catch_up = |max| CronConfig { misfire: Misfire::CatchUp { max }, ..cron("0 * * * *") };
    let mut refused: Vec<_> =
        expressions.iter().map(|text| ("cron.expression", overlapping(text))).collect();
    refused.extend([
        ("cron.expression", cron("* * * * *")),
        ("cron.expression", cron("*/4 * * * *")),
        ("cron.expression", cron("0,58 0,23 * * *")),
        ("cron.timezone", zone("")),
        ("cron.timezone", zone("Mars/Base")),
        ("cron.timezone", zone("UTC+2")),
        ("cron.start_at", bounds("12:00:01", "13:00:00")),
        ("cron.end_at", bounds("12:00:00", "13:00:30")),
        ("cron.end_at", bounds("13:00:00", "12:59:00")),
        ("cron.misfire", catch_up(0)),
        ("cron.misfire", catch_up(Misfire::CATCH_UP_MAX + 1)),
    ]);
    refused
}

behaviours! {
    emits workflow_cron_tests from workflow::cron;

    /// Every field of a schedule comes back as it was given.
    async fn every_field_of_a_schedule_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let config = CronConfig {
            expression: "30 15 9-17 * JAN,MAR MON-FRI".into(),
            timezone: "Europe/Berlin".into(),
            allow_overlapping: true,
            start_at: Some(at("2026-03-03T00:00:00Z")),
            end_at: Some(at("2026-12-31T23:59:00Z")),
            misfire: Misfire::CatchUp { max: 7 },
        };
        let set = t.store.configure_cron(&ada(), workflow.id, config.clone()).await.unwrap();
        let expected = CronTrigger {
            workflow_id: workflow.id,
            config,
            next_at: Some(at("2026-03-03T08:15:30Z")),
            last_dispatched_at: None,
            last_skip_reason: None,
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(set, expected);
        assert_eq!(t.store.find_cron(workflow.id).await.unwrap(), Some(expected));
    }

    /// Each misfire policy and a schedule of defaults come back as they were given.
    async fn every_misfire_policy_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let max = Misfire::CATCH_UP_MAX;
        let policies = [
            Misfire::Skip, Misfire::FireOnce, Misfire::CatchUp { max: 1 }, Misfire::CatchUp { max },
        ];
        for misfire in policies {
            let config = CronConfig { misfire, ..CronConfig::default() };
            t.store.configure_cron(&ada(), workflow.id, config.clone()).await.unwrap();
            assert_eq!(schedule_of(t, workflow.id).await.config, config);
        }
    }

    /// A workflow without a schedule has none; nor has one that is not there.
    async fn a_workflow_without_a_schedule_has_none(t: &Workflows) {
        let workflow = created(t).await;
        assert_eq!(t.store.find_cron(workflow.id).await.unwrap(), None);
        assert_eq!(t.store.find_cron(WorkflowId::mint()).await.unwrap(), None);
    }

    /// An absent workflow takes no schedule and has none to delete.
    async fn a_schedule_of_an_absent_workflow_is_not_found(t: &Workflows) {
        let id = WorkflowId::mint();
        assert_not_found(t.store.configure_cron(&ada(), id, cron("0 * * * *")).await);
        assert_not_found(t.store.delete_cron(&ada(), id).await);
        assert_eq!(t.store.find_cron(id).await.unwrap(), None);
    }

    /// The first occurrence is the first one from now on: now is not too late.
    async fn the_first_occurrence_may_be_now(t: &Workflows) {
        let id = scheduled(t, cron("0 * * * *")).await;
        assert_eq!(schedule_of(t, id).await.next_at, Some(noon()));
        t.clock.set(at("2026-03-02T12:00:00.000001Z"));
        let id = scheduled(t, cron("0 * * * *")).await;
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("13:00:00")));
    }

    /// Six fields begin with seconds.
    async fn six_fields_begin_with_seconds(t: &Workflows) {
        let id = scheduled(t, overlapping("15 * * * * *")).await;
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("12:00:15")));
    }

    /// Setting the same schedule again changes nothing and is not audited.
    async fn setting_the_same_schedule_again_changes_nothing(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        dispatch(t, time("12:30:00")).await;
        let before = (schedule_of(t, id).await, actions_of(t, id).await);
        t.clock.set(time("14:00:00"));
        let again = t.store.configure_cron(&ada(), id, cron("30 * * * *")).await.unwrap();
        assert_eq!(again, before.0);
        assert_eq!((schedule_of(t, id).await, actions_of(t, id).await), before);
    }

    /// Another schedule starts over from now: what was due is dropped.
    async fn another_schedule_starts_over(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        t.clock.set(time("14:00:01"));
        let set = t.store.configure_cron(&ada(), id, cron("0,30 * * * *")).await.unwrap();
        assert_eq!(set.next_at, Some(time("14:30:00")));
        assert_eq!((set.created_at, set.updated_at), (noon(), time("14:00:01")));
        assert_eq!(schedule_of(t, id).await, set);
        assert_eq!(dispatch(t, time("14:00:01")).await, []);
        assert_eq!(dispatch(t, time("14:30:00")).await.len(), 1);
    }

    /// What is no schedule is `Invalid`, and the one that was set stays.
    async fn what_is_no_schedule_is_refused(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let before = (schedule_of(t, id).await, actions_of(t, id).await);
        for (field, config) in refused() {
            let label = format!("{config:?}");
            let answer = t.store.configure_cron(&ada(), id, config).await;
            assert!(answer.is_err(), "{label}");
            assert_invalid(answer, field);
        }
        assert_eq!((schedule_of(t, id).await, actions_of(t, id).await), before);
        let fresh = created(t).await;
        let answer = t.store.configure_cron(&ada(), fresh.id, cron("soon")).await;
        assert_invalid(answer, "cron.expression");
        assert_eq!(t.store.find_cron(fresh.id).await.unwrap(), None);
    }

    /// Without overlap, 300 seconds between two occurrences are enough; with it, a second is.
    async fn five_minutes_are_enough_without_overlap(t: &Workflows) {
        let workflow = created(t).await;
        for config in [cron("*/5 * * * *"), cron("30 */5 * * * *"), overlapping("* * * * * *")] {
            t.store.configure_cron(&ada(), workflow.id, config.clone()).await.unwrap();
            assert_eq!(schedule_of(t, workflow.id).await.config, config);
        }
    }

    /// Whether a schedule is refused does not depend on when it is set.
    async fn a_schedule_is_refused_whenever_it_is_set(t: &Workflows) {
        let workflow = created(t).await;
        // Fires every minute of one hour in May, and seldom: each 29 February.
        let configs = [cron("* 3 1 5 *"), cron("*/2 0 29 2 *")];
        for month in ["01", "05", "06", "12"] {
            t.clock.set(at(&format!("2026-{month}-01T02:59:30Z")));
            for config in &configs {
                let answer = t.store.configure_cron(&ada(), workflow.id, config.clone()).await;
                assert_invalid(answer, "cron.expression");
            }
            t.store.configure_cron(&ada(), workflow.id, cron("0 3 29 2 *")).await.unwrap();
        }
    }

    /// A deleted schedule is gone and fires no more; the runs it started stay.
    async fn a_deleted_schedule_is_gone_and_its_runs_stay(t: &Workflows) {
        let id = scheduled(t, overlapping("30 * * * *")).await;
        let runs = dispatch(t, time("12:30:00")).await;
        t.store.delete_cron(&ada(), id).await.unwrap();
        assert_eq!(t.store.find_cron(id).await.unwrap(), None);
        assert_eq!(dispatch(t, time("13:30:00")).await, []);
        assert_eq!(runs_of(t, id).await, runs);
        assert_not_found(t.store.delete_cron(&ada(), id).await);
    }

    /// Setting and deleting a schedule is audited.
    async fn setting_and_deleting_a_schedule_is_audited(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        t.store.delete_cron(&ada(), id).await.unwrap();
        assert_set_and_deleted(t, id, "cron").await;
    }

    /// A schedule is due from its occurrence on, and not before.
    async fn a_schedule_is_due_from_its_occurrence_on(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        assert_eq!(due(t, "12:29:59", 10).await, []);
        assert_eq!(due(t, "12:30:00", 10).await, [id]);
        let listed = t.store.list_due_cron(time("15:00:00"), 10).await.unwrap();
        assert_eq!(listed, [schedule_of(t, id).await]);
    }

    /// The longest due schedule comes first, and no more come than asked for.
    async fn the_longest_due_schedule_comes_first(t: &Workflows) {
        let late = scheduled(t, cron("50 * * * *")).await;
        let early = scheduled(t, cron("10 * * * *")).await;
        let middle = scheduled(t, cron("30 * * * *")).await;
        assert_eq!(due(t, "13:00:00", 10).await, [early, middle, late]);
        assert_eq!(due(t, "13:00:00", 2).await, [early, middle]);
        assert_eq!(due(t, "12:40:00", 10).await, [early, middle]);
    }

    /// The schedule of an archived workflow is not due until it is taken out of the archive.
    async fn the_schedule_of_an_archived_workflow_is_not_due(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        t.store.archive_workflow(&ada(), id).await.unwrap();
        assert_eq!(due(t, "12:30:00", 10).await, []);
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        t.store.unarchive_workflow(&ada(), id).await.unwrap();
        assert_eq!(due(t, "12:30:00", 10).await, [id]);
        assert_eq!(dispatch(t, time("12:30:00")).await.len(), 1);
    }

    /// Without overlap, a schedule is not due while a run that cron started is not over.
    async fn a_schedule_is_not_due_while_its_run_lasts(t: &Workflows) {
        let alone = scheduled(t, cron("30 * * * *")).await;
        let both = scheduled(t, overlapping("30 * * * *")).await;
        dispatch(t, time("12:30:00")).await;
        assert_eq!(due(t, "13:30:00", 10).await, [both]);
        let run = runs_of(t, alone).await.remove(0);
        t.store.start_run(&ada(), run.id).await.unwrap();
        assert_eq!(due(t, "13:30:00", 10).await, [both]);
        t.store.succeed_run(&ada(), run.id, None).await.unwrap();
        assert_eq!(due(t, "13:30:00", 10).await.len(), 2);
    }

    /// A run that something else started keeps no schedule from being due.
    async fn a_run_by_hand_does_not_keep_a_schedule_from_being_due(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        pending(t, id).await;
        assert_eq!(due(t, "12:30:00", 10).await, [id]);
        assert_eq!(dispatch(t, time("12:30:00")).await.len(), 1);
    }

    /// Listing and dispatching take limits of 1 to 1000.
    async fn limits_of_due_schedules_are_checked(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        for limit in [0, 1001, u32::MAX] {
            assert_invalid(t.store.list_due_cron(time("12:30:00"), limit).await, "limit");
            let answer = t.store.dispatch_due_cron(time("12:30:00"), limit, None).await;
            assert_invalid(answer, "limit");
        }
        assert_eq!(runs_of(t, id).await, []);
        assert_eq!(due(t, "12:30:00", 1).await, [id]);
        assert_eq!(due(t, "12:30:00", 1000).await, [id]);
    }

    /// A store on another database neither lists nor dispatches these schedules.
    async fn schedules_of_another_database_are_not_seen(t: &Workflows) {
        let other = t.other().await;
        let id = scheduled(t, cron("30 * * * *")).await;
        t.clock.set(time("12:30:00"));
        assert_eq!(other.find_cron(id).await.unwrap(), None);
        assert_eq!(other.list_due_cron(time("12:30:00"), 10).await.unwrap(), []);
        assert_eq!(other.dispatch_due_cron(time("12:30:00"), 10, None).await.unwrap(), []);
        assert_eq!(runs_of(t, id).await, []);
    }
}
