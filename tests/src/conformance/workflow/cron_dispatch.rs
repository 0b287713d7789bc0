//! Dispatching schedules: the runs they start, and what keeps them from starting one.

use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;
use store_core::workflow::{CronConfig, DispatchGuard, Misfire, NewVersion, RunFilter, RunStatus};
use store_core::{Denial, Error, PageRequest, Result, WorkflowId};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, config, created, cron, dispatch, graph, occurrences, overlapping, runs_of, schedule_of,
    scheduled, time, versioned,
};

/// Objects to workflows, or fails; and remembers which it was asked about.
#[derive(Default)]
struct Guard {
    objects_to: Vec<WorkflowId>,
    fails_for: Vec<WorkflowId>,
    asked: Mutex<Vec<WorkflowId>>,
}

#[async_trait]
impl DispatchGuard for Guard {
    async fn objection(&self, workflow_id: WorkflowId) -> Result<Option<String>> {
        self.asked.lock().unwrap().push(workflow_id);
        if self.fails_for.contains(&workflow_id) {
            return Err(Error::Denied { reason: Denial::Forbidden });
        }
        let objects = self.objects_to.contains(&workflow_id);
        Ok(objects.then(|| "credentials are expired 🎉".to_owned()))
    }
}

/// Creates a workflow without a version, with a schedule.
async fn scheduled_without_version(t: &Workflows, config: CronConfig) -> WorkflowId {
    let workflow = created(t).await;
    t.store.configure_cron(&ada(), workflow.id, config).await.unwrap();
    workflow.id
}

behaviours! {
    emits workflow_cron_dispatch_tests from workflow::cron_dispatch;

    /// A due occurrence starts a pending run of the latest version, triggered by cron.
    async fn a_due_occurrence_starts_a_run(t: &Workflows) {
        let zone = CronConfig { timezone: "Asia/Tokyo".into(), ..cron("30 * * * *") };
        let id = scheduled(t, zone).await;
        let latest = versioned(t, id).await;
        let runs = dispatch(t, time("12:30:05")).await;
        let [run] = &runs[..] else { panic!("one run instead of {runs:?}") };
        assert_eq!((run.workflow_id, run.workflow_version_id), (id, latest.id));
        assert_eq!((run.status, run.triggered_by.as_str()), (RunStatus::Pending, "cron"));
        let input = json!({"scheduled_for": time("12:30:00"), "timezone": "Asia/Tokyo"});
        assert_eq!(run.input, input);
        assert_eq!((run.attempt, run.retry_of, run.created_at), (1, None, time("12:30:05")));
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), *run);
    }

    /// A dispatch moves the schedule on to its next occurrence.
    async fn a_dispatch_moves_the_schedule_on(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let before = schedule_of(t, id).await;
        assert_eq!((before.next_at, before.last_dispatched_at), (Some(time("12:30:00")), None));
        dispatch(t, time("12:30:05")).await;
        let after = schedule_of(t, id).await;
        assert_eq!(after.next_at, Some(time("13:30:00")));
        assert_eq!(after.last_dispatched_at, Some(time("12:30:00")));
        assert_eq!(after.last_skip_reason, None);
        assert_eq!(after.config, before.config);
    }

    /// An occurrence fires once, whatever its run does and however often it is asked for.
    async fn an_occurrence_fires_once(t: &Workflows) {
        let id = scheduled(t, overlapping("30 * * * *")).await;
        assert_eq!(dispatch(t, time("12:29:59")).await, []);
        assert_eq!(dispatch(t, time("12:30:00")).await.len(), 1);
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        assert_eq!(dispatch(t, time("12:30:01")).await, []);
        assert_eq!(runs_of(t, id).await.len(), 1);
    }

    /// An occurrence that fired does not fire again when its schedule is set anew.
    async fn an_occurrence_fires_once_even_if_its_schedule_is_set_anew(t: &Workflows) {
        let id = scheduled(t, overlapping("30 * * * *")).await;
        dispatch(t, time("12:30:00")).await;
        let finer = overlapping("0,30 * * * *");
        t.store.configure_cron(&ada(), id, finer).await.unwrap();
        dispatch(t, time("12:30:00")).await;
        t.store.delete_cron(&ada(), id).await.unwrap();
        t.store.configure_cron(&ada(), id, overlapping("30 * * * *")).await.unwrap();
        dispatch(t, time("12:30:01")).await;
        assert_eq!(occurrences(&runs_of(t, id).await), [time("12:30:00")]);
        assert_eq!(dispatch(t, time("13:30:00")).await.len(), 1);
    }

    /// The run comes with its job, and its audit says that cron created it.
    async fn a_run_of_cron_has_its_job_and_its_audit(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let run = dispatch(t, time("12:30:00")).await.remove(0);
        let jobs = t.rows("SELECT kind, state FROM jobs WHERE run_id IS NOT NULL").await;
        assert_eq!(jobs, [["run", "available"]]);
        let audit = t.store.list_run_audit(run.id, &PageRequest::default()).await.unwrap().items;
        assert_eq!(audit.len(), 1);
        assert_eq!((audit[0].actor.as_str(), audit[0].action.as_str()), ("cron", "run_created"));
        assert_eq!((audit[0].workflow_id, audit[0].at), (id, time("12:30:00")));
    }

    /// A run of cron begins with the configuration of its version.
    async fn a_run_of_cron_has_the_configuration_of_its_version(t: &Workflows) {
        let id = scheduled(t, cron("30 * * * *")).await;
        let settings = json!({"tags": ["night"], "metadata": {"a": 1}, "run_name": "Nightly"});
        let new = NewVersion {
            runnable_config: Some(config(settings.clone())),
            ..NewVersion::new(id, graph())
        };
        t.store.create_version(&ada(), new).await.unwrap();
        let run = dispatch(t, time("12:30:00")).await.remove(0);
        assert_eq!(run.runnable_config, config(settings));
        assert_eq!((run.tags, run.metadata), (vec!["night".to_owned()], json!({"a": 1})));
        assert_eq!(run.run_name.as_deref(), Some("Nightly"));
    }

    /// Runs of cron are found by what triggered them.
    async fn runs_of_cron_are_listed_by_their_trigger(t: &Workflows) {
        scheduled(t, cron("30 * * * *")).await;
        let runs = dispatch(t, time("12:30:00")).await;
        let filter = RunFilter { triggered_by: Some("cron".into()), ..RunFilter::default() };
        let listed = t.store.list_runs(&filter, &PageRequest::default()).await.unwrap().items;
        assert_eq!(listed, runs);
    }

    /// A limit dispatches the schedules that are due longest and leaves the others due.
    async fn a_limit_dispatches_the_longest_due(t: &Workflows) {
        let late = scheduled(t, cron("50 * * * *")).await;
        let early = scheduled(t, cron("10 * * * *")).await;
        let middle = scheduled(t, cron("30 * * * *")).await;
        let now = time("12:55:00");
        t.clock.set(now);
        let first = t.store.dispatch_due_cron(now, 2, None).await.unwrap();
        let mut started: Vec<_> = first.iter().map(|run| run.workflow_id).collect();
        started.sort_unstable();
        let mut expected = [early, middle];
        expected.sort_unstable();
        assert_eq!(started, expected);
        let rest = t.store.dispatch_due_cron(now, 2, None).await.unwrap();
        assert_eq!(rest.iter().map(|run| run.workflow_id).collect::<Vec<_>>(), [late]);
        assert_eq!(t.store.dispatch_due_cron(now, 2, None).await.unwrap(), []);
    }

    /// Both bounds of a schedule fire; after the last occurrence there is no next one.
    async fn both_bounds_of_a_schedule_fire(t: &Workflows) {
        let bounded = CronConfig {
            start_at: Some(time("13:30:00")),
            end_at: Some(time("14:30:00")),
            ..overlapping("30 * * * *")
        };
        let id = scheduled(t, bounded).await;
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("13:30:00")));
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        assert_eq!(occurrences(&dispatch(t, time("13:30:00")).await), [time("13:30:00")]);
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("14:30:00")));
        assert_eq!(occurrences(&dispatch(t, time("14:30:00")).await), [time("14:30:00")]);
        assert_eq!(schedule_of(t, id).await.next_at, None);
        assert_eq!(dispatch(t, time("15:30:00")).await, []);
        assert_eq!(t.store.list_due_cron(time("15:30:00"), 10).await.unwrap(), []);
    }

    /// A schedule that ended before it was set never fires.
    async fn a_schedule_that_is_over_never_fires(t: &Workflows) {
        let over = CronConfig { end_at: Some(time("11:59:00")), ..cron("* 11 * * *") };
        let over = CronConfig { allow_overlapping: true, ..over };
        let id = scheduled(t, over).await;
        assert_eq!(schedule_of(t, id).await.next_at, None);
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
    }

    /// Without a version the reason is kept and the occurrence is consumed.
    async fn without_a_version_the_occurrence_is_consumed(t: &Workflows) {
        let id = scheduled_without_version(t, cron("30 * * * *")).await;
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        let trigger = schedule_of(t, id).await;
        assert!(trigger.last_skip_reason.is_some_and(|reason| reason.contains("version")));
        assert_eq!(trigger.next_at, Some(time("13:30:00")));
        assert_eq!(trigger.last_dispatched_at, None);
        versioned(t, id).await;
        assert_eq!(dispatch(t, time("12:30:30")).await, []);
        assert_eq!(occurrences(&dispatch(t, time("13:30:00")).await), [time("13:30:00")]);
        assert_eq!(schedule_of(t, id).await.last_skip_reason, None);
    }

    /// Without a version, `catch_up` keeps the occurrences until there is one.
    async fn without_a_version_catching_up_keeps_the_occurrences(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 10 };
        let patient = CronConfig { misfire, ..overlapping("30 * * * *") };
        let id = scheduled_without_version(t, patient).await;
        assert_eq!(dispatch(t, time("12:30:00")).await, []);
        assert_eq!(dispatch(t, time("13:30:00")).await, []);
        let trigger = schedule_of(t, id).await;
        assert!(trigger.last_skip_reason.is_some());
        assert_eq!((trigger.next_at, trigger.last_dispatched_at), (Some(time("12:30:00")), None));
        versioned(t, id).await;
        let fired = occurrences(&dispatch(t, time("14:30:00")).await);
        assert_eq!(fired, [time("12:30:00"), time("13:30:00"), time("14:30:00")]);
        let trigger = schedule_of(t, id).await;
        assert_eq!(trigger.last_skip_reason, None);
        assert_eq!(trigger.last_dispatched_at, Some(time("14:30:00")));
    }

    /// A schedule that cannot fire does not keep the others from firing, whatever the limit.
    async fn a_schedule_that_cannot_fire_does_not_starve_others(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 10 };
        for _ in 0..3 {
            let patient = CronConfig { misfire, ..overlapping("10 * * * *") };
            scheduled_without_version(t, patient).await;
        }
        let able = scheduled(t, cron("30 * * * *")).await;
        t.clock.set(time("12:30:00"));
        let mut fired = Vec::new();
        for _ in 0..4 {
            fired.extend(t.store.dispatch_due_cron(time("12:30:00"), 1, None).await.unwrap());
        }
        assert_eq!(fired.iter().map(|run| run.workflow_id).collect::<Vec<_>>(), [able]);
    }

    /// When the guard objects, its reason is kept and the occurrence is consumed.
    async fn an_objection_of_the_guard_consumes_the_occurrence(t: &Workflows) {
        let barred = scheduled(t, cron("30 * * * *")).await;
        let free = scheduled(t, cron("30 * * * *")).await;
        let idle = scheduled(t, cron("45 23 * * *")).await;
        let guard = Guard { objects_to: vec![barred], ..Guard::default() };
        t.clock.set(time("12:30:00"));
        let runs = t.store.dispatch_due_cron(time("12:30:00"), 10, Some(&guard)).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.workflow_id).collect::<Vec<_>>(), [free]);
        let trigger = schedule_of(t, barred).await;
        assert_eq!(trigger.last_skip_reason.as_deref(), Some("credentials are expired 🎉"));
        assert_eq!(trigger.next_at, Some(time("13:30:00")));
        assert_eq!(trigger.last_dispatched_at, None);
        let asked = guard.asked.lock().unwrap().clone();
        assert!(asked.contains(&barred) && asked.contains(&free) && !asked.contains(&idle));
        assert_eq!(dispatch(t, time("12:30:30")).await, []);
        assert_eq!(dispatch(t, time("13:30:00")).await.len(), 1, "the other run is not over");
        assert_eq!(schedule_of(t, barred).await.last_skip_reason, None);
    }

    /// When the guard objects, `catch_up` keeps the occurrence for later.
    async fn an_objection_of_the_guard_is_caught_up_with(t: &Workflows) {
        let misfire = Misfire::CatchUp { max: 10 };
        let id = scheduled(t, CronConfig { misfire, ..overlapping("30 * * * *") }).await;
        let guard = Guard { objects_to: vec![id], ..Guard::default() };
        t.clock.set(time("12:30:00"));
        let runs = t.store.dispatch_due_cron(time("12:30:00"), 10, Some(&guard)).await.unwrap();
        assert_eq!(runs, []);
        assert_eq!(schedule_of(t, id).await.next_at, Some(time("12:30:00")));
        let fired = occurrences(&dispatch(t, time("13:30:00")).await);
        assert_eq!(fired, [time("12:30:00"), time("13:30:00")]);
    }

    /// An error of the guard is returned, and nothing was claimed for any workflow.
    async fn an_error_of_the_guard_changes_nothing(t: &Workflows) {
        let one = scheduled(t, cron("30 * * * *")).await;
        let two = scheduled(t, cron("30 * * * *")).await;
        let before = (schedule_of(t, one).await, schedule_of(t, two).await);
        t.clock.set(time("12:30:00"));
        for broken in [one, two] {
            let guard = Guard { fails_for: vec![broken], ..Guard::default() };
            let answer = t.store.dispatch_due_cron(time("12:30:00"), 10, Some(&guard)).await;
            let error = answer.unwrap_err();
            assert!(matches!(error, Error::Denied { reason: Denial::Forbidden }), "{error}");
        }
        assert_eq!((schedule_of(t, one).await, schedule_of(t, two).await), before);
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_runs").await, 0);
        assert_eq!(dispatch(t, time("12:30:00")).await.len(), 2);
    }
}
