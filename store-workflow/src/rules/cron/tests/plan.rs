use std::collections::HashSet;
use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::workflow::{CronConfig, CronTrigger, Misfire};
use store_core::{Error, ManualClock, Timestamp, WorkflowId};

use super::{at, config};
use crate::rules::Context;
use crate::rules::cron::{Objections, Plan, claimed_runs, plans, settle};

const NOON: &str = "2026-03-02T12:00:00Z";

fn context() -> Context {
    let clock = Arc::new(ManualClock::new(at(NOON)));
    Context { json: JsonPolicy::default(), clock, keys: None }
}

/// A schedule whose first occurrence that is left lies `hours` before noon.
fn trigger(config: CronConfig, hours: u64) -> CronTrigger {
    let next_at = at(NOON).minus(std::time::Duration::from_secs(hours * 3600)).unwrap();
    CronTrigger {
        workflow_id: WorkflowId::mint(),
        config,
        next_at: Some(next_at),
        last_dispatched_at: None,
        last_skip_reason: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn catching_up(expression: &str, max: u32) -> CronConfig {
    CronConfig { misfire: Misfire::CatchUp { max }, ..config(expression, "UTC") }
}

/// The plan of one schedule at noon, with an objection.
fn planned(trigger: CronTrigger, objection: Option<&str>) -> Plan {
    let objections = Objections::from([(trigger.workflow_id, objection.map(str::to_owned))]);
    plans(&context(), vec![(trigger, 1)], &objections, at(NOON)).unwrap().remove(0)
}

#[test]
fn what_cannot_fire_is_consumed() {
    let plan = planned(trigger(config("0 * * * *", "UTC"), 3), Some("closed\0"));
    assert!(plan.runs.is_empty());
    assert_eq!(plan.trigger.last_skip_reason.as_deref(), Some("closed\u{fffd}"));
    assert_eq!(plan.trigger.next_at, Some(at("2026-03-02T13:00:00Z")));
    assert_eq!(plan.look_at, plan.trigger.next_at);
}

#[test]
fn catch_up_keeps_the_latest_and_looks_again_within_an_hour() {
    let cases = [
        ("*/30 * * * *", "2026-03-02T11:30:00Z", "2026-03-02T12:30:00Z"),
        ("0 */6 * * *", "2026-03-02T06:00:00Z", "2026-03-02T13:00:00Z"),
    ];
    for (expression, kept, look_at) in cases {
        let plan = planned(trigger(catching_up(expression, 2), 48), Some("closed"));
        assert_eq!(plan.trigger.next_at, Some(at(kept)), "{expression}");
        assert_eq!(plan.look_at, Some(at(look_at)), "{expression}");
    }
}

#[test]
fn catch_up_keeps_what_is_due_when_the_schedule_is_over() {
    let end_at = Some(at(NOON));
    let over = CronConfig { end_at, ..catching_up("0 * * * *", 2) };
    let plan = planned(trigger(over, 5), Some("closed"));
    assert_eq!(plan.trigger.next_at, Some(at("2026-03-02T11:00:00Z")));
    assert_eq!(plan.look_at, Some(at("2026-03-02T13:00:00Z")));
}

#[test]
fn a_schedule_that_no_longer_reads_waits_and_loses_nothing() {
    let before = trigger(config("0 * * * *", "Nowhere/Gone"), 3);
    let next_at = before.next_at;
    let plan = planned(before, None);
    assert!(plan.trigger.last_skip_reason.is_some_and(|reason| reason.contains("timezone")));
    assert_eq!((plan.trigger.next_at, plan.look_at), (next_at, Some(at("2026-03-02T13:00:00Z"))));
}

#[test]
fn one_dispatch_plans_a_bounded_number_of_runs() {
    let due: Vec<_> = (0..12).map(|_| (trigger(catching_up("* * * * * *", 1000), 1), 1)).collect();
    let plans = plans(&context(), due, &Objections::new(), at(NOON)).unwrap();
    assert_eq!(plans.len(), 10, "the others stay due");
    assert!(plans.iter().all(|plan| plan.runs.len() == 1000));
}

#[test]
fn only_what_was_claimed_runs() {
    let mut plans = vec![planned(trigger(catching_up("0 * * * *", 3), 3), None)];
    let ids: Vec<_> = plans[0].runs.iter().map(|run| run.id).collect();
    let runs = claimed_runs(&mut plans, &HashSet::from([ids[1]]));
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [ids[1]]);
    assert!(plans[0].runs.is_empty());
}

#[test]
fn runs_that_were_refused_are_held_from_the_first_on() {
    let mut plans = vec![planned(trigger(catching_up("0 * * * *", 3), 3), None)];
    let runs = std::mem::take(&mut plans[0].runs);
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    let refused = || Err(Error::invalid("runnable_config", "is too large"));
    let answers = runs.into_iter().map(|run| (run, refused()));
    let (created, refused) = settle(&context(), &mut plans, answers, at(NOON)).unwrap();
    assert!(created.is_empty());
    assert_eq!(refused, ids);
    let trigger = &plans[0].trigger;
    assert_eq!(trigger.next_at, Some(at("2026-03-02T10:00:00Z")));
    assert!(trigger.last_skip_reason.as_ref().is_some_and(|text| text.contains("too large")));
    assert_eq!(trigger.last_dispatched_at, None);
}
