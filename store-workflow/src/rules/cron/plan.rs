//! What one dispatch does about the schedules that are due.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;
use store_core::workflow::{CronTrigger, DispatchGuard, Misfire, NewRun, Run};
use store_core::{Actor, Result, RunId, Timestamp, WorkflowId};

use super::{Due, Schedule};
use crate::rules::Context;
use crate::rules::run::ReadyRun;

/// The most runs of one dispatch: schedules beyond that stay due for the next one.
const RUNS_MAX: usize = 10_000;
/// When a schedule is looked at again that could not fire and loses nothing by waiting.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 1024;

/// Why workflows must not fire; nothing about those that may.
pub(crate) type Objections = HashMap<WorkflowId, Option<String>>;

/// Asks the guard about each workflow.
pub(crate) async fn objections(
    guard: Option<&dyn DispatchGuard>,
    due: Vec<WorkflowId>,
) -> Result<Objections> {
    let mut objections = Objections::with_capacity(due.len());
    for workflow_id in due {
        let objection = match guard {
            Some(guard) => guard.objection(workflow_id).await?,
            None => None,
        };
        objections.insert(workflow_id, objection);
    }
    Ok(objections)
}

/// What becomes of a schedule that is due.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) trigger: CronTrigger,
    /// When to look at it next.
    pub(crate) look_at: Option<Timestamp>,
    /// The runs that it starts, oldest first.
    pub(crate) runs: Vec<ReadyRun>,
}

impl Plan {
    /// Makes the plan of a schedule: it fires, unless there is a reason why it cannot.
    fn new(
        context: &Context,
        trigger: CronTrigger,
        objection: Option<String>,
        now: Timestamp,
    ) -> Result<Self> {
        let from = trigger.next_at.unwrap_or(now);
        match (Schedule::new(&trigger.config), objection) {
            (Ok(schedule), None) => Self::firing(context, trigger, schedule.due(from, now)),
            (Ok(schedule), Some(reason)) => Self::holding(trigger, &schedule, &reason, (from, now)),
            // It was checked when it was stored, by another release: with other zones, perhaps.
            (Err(invalid), _) => {
                let trigger = with_reason(trigger, &invalid.to_string());
                Ok(Self { trigger, look_at: Some(now.plus(PATIENCE)?), runs: Vec::new() })
            }
        }
    }

    fn firing(context: &Context, trigger: CronTrigger, due: Due) -> Result<Self> {
        let actor = Actor::new("cron")?;
        let run = |at: Timestamp| {
            let new = NewRun {
                input: json!({"scheduled_for": at, "timezone": trigger.config.timezone}),
                scheduled_for: Some(at),
                ..NewRun::new(trigger.workflow_id, "cron")
            };
            ReadyRun::new(context, &actor, new)
        };
        let runs = due.fire.into_iter().map(run).collect::<Result<_>>()?;
        let trigger = CronTrigger { next_at: due.next, last_skip_reason: None, ..trigger };
        Ok(Self { look_at: due.next, trigger, runs })
    }

    /// Consumes what is due without firing; `catch_up` keeps what it would have fired.
    fn holding(
        trigger: CronTrigger,
        schedule: &Schedule,
        reason: &str,
        (from, now): (Timestamp, Timestamp),
    ) -> Result<Self> {
        let next = schedule.next_after(now);
        let kept = match trigger.config.misfire {
            Misfire::CatchUp { .. } => schedule.due(from, now).fire.first().copied(),
            Misfire::Skip | Misfire::FireOnce => None,
        };
        let look_at = match kept {
            // Not at once, or it would keep the others out of a dispatch with a limit.
            Some(_) => {
                let again = now.plus(PATIENCE)?;
                Some(next.map_or(again, |next| next.min(again)))
            }
            None => next,
        };
        let trigger = CronTrigger { next_at: kept.or(next), ..with_reason(trigger, reason) };
        Ok(Self { trigger, look_at, runs: Vec::new() })
    }
}

/// Makes the plans of schedules that are due and locked, given with their number of versions.
pub(crate) fn plans(
    context: &Context,
    due: Vec<(CronTrigger, i32)>,
    objections: &Objections,
    now: Timestamp,
) -> Result<Vec<Plan>> {
    let (mut plans, mut runs) = (Vec::with_capacity(due.len()), 0);
    for (trigger, versions) in due {
        if runs >= RUNS_MAX {
            break;
        }
        let objection = match versions {
            0 => Some("the workflow has no version".to_owned()),
            _ => objections.get(&trigger.workflow_id).cloned().flatten(),
        };
        let plan = Plan::new(context, trigger, objection, now)?;
        runs += plan.runs.len();
        plans.push(plan);
    }
    Ok(plans)
}

/// Takes the runs out of the plans whose occurrences were claimed; the others fired before.
pub(crate) fn claimed_runs(plans: &mut [Plan], claimed: &HashSet<RunId>) -> Vec<ReadyRun> {
    let runs = plans.iter_mut().flat_map(|plan| std::mem::take(&mut plan.runs));
    runs.filter(|run| claimed.contains(&run.id)).collect()
}

/// Brings what became of the runs into the plans; returns those that were created, and the ids of
/// those that were refused, whose schedules then hold.
pub(crate) fn settle(
    context: &Context,
    plans: &mut [Plan],
    answers: impl Iterator<Item = (ReadyRun, Result<Run>)>,
    now: Timestamp,
) -> Result<(Vec<Run>, Vec<RunId>)> {
    let places: HashMap<_, _> =
        plans.iter().enumerate().map(|(place, plan)| (plan.trigger.workflow_id, place)).collect();
    let (mut created, mut refused) = (Vec::new(), Vec::new());
    for (ready, answer) in answers {
        let Some(plan) = places.get(&ready.workflow_id).map(|place| &mut plans[*place]) else {
            continue;
        };
        match answer {
            Ok(run) => {
                plan.trigger.last_dispatched_at = ready.scheduled_for;
                created.push(run);
            }
            Err(error) => {
                refused.push(ready.id);
                // The first one counts: what comes after it is held as well.
                if plan.trigger.last_skip_reason.is_none() {
                    let next_at = ready.scheduled_for;
                    let trigger = CronTrigger { next_at, ..plan.trigger.clone() };
                    *plan = Plan::new(context, trigger, Some(error.to_string()), now)?;
                }
            }
        }
    }
    Ok((created, refused))
}

/// Keeps why a schedule could not fire, in a form that every database stores.
fn with_reason(trigger: CronTrigger, reason: &str) -> CronTrigger {
    let visible = |c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c };
    let reason = reason.chars().map(visible).take(REASON_MAX).collect();
    CronTrigger { last_skip_reason: Some(reason), ..trigger }
}
