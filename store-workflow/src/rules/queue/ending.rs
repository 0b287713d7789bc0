//! How a worker's time with a job ends.

use std::time::Duration;

use serde_json::Value;
use store_core::json::Admitted;
use store_core::queue::{AssignmentOutcome, Completion, JobLease, JobState, Retry};
use store_core::{Error, Result, Timestamp, check_external};

use super::job::checked_count;
use super::ready_state;
use crate::rules::Context;
use crate::rules::text::checked_error;

/// The error of a job whose lease ran out for the last time.
pub(crate) const LEASE_EXPIRED: &str = "lease expired";
/// Why a job is cancelled whose run ended without it.
pub(crate) const RUN_ENDED: &str = "its run ended without it";

const FIRST_DELAY: f64 = 1.0;
const LONGEST_DELAY: f64 = 3600.0;

/// What a store needs to know of a job that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) run_at: Timestamp,
    pub(crate) cancel_reason: Option<String>,
}

/// What a worker asks for.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Complete(Option<Admitted>),
    Fail {
        error: String,
        retry: Retry,
    },
    Snooze(Timestamp),
    Release,
    /// The lease ran out.
    Expire,
}

/// What becomes of the job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// It leaves the queue.
    Finish { state: JobState, outcome: AssignmentOutcome, error: Option<String> },
    /// It goes back to the queue.
    Requeue {
        state: JobState,
        run_at: Timestamp,
        attempt: i32,
        outcome: AssignmentOutcome,
        error: Option<String>,
    },
}

impl Ending {
    pub(crate) fn fail(error: &str, retry: Retry) -> Result<Self> {
        checked_error("error", error)?;
        Ok(Self::Fail { error: error.to_owned(), retry })
    }

    /// Decides what becomes of a job. `spread` is a random number of 0 to 1.
    pub(crate) fn decide(&self, job: &Held, now: Timestamp, spread: f64) -> Next {
        let cancelled = |error: Option<&str>| Next::Finish {
            state: JobState::Cancelled,
            outcome: AssignmentOutcome::Cancelled,
            error: error.map(str::to_owned),
        };
        let back = |run_at, attempt, outcome, error: Option<&str>| Next::Requeue {
            state: ready_state(run_at, now),
            run_at,
            attempt,
            outcome,
            error: error.map(str::to_owned),
        };
        let stop = job.cancel_reason.is_some();
        let used_up = job.attempt >= job.max_attempts;
        match self {
            Self::Complete(_) => Next::Finish {
                state: JobState::Succeeded,
                outcome: AssignmentOutcome::Succeeded,
                error: None,
            },
            Self::Fail { error, .. } if stop => cancelled(Some(error)),
            Self::Snooze(_) | Self::Release | Self::Expire if stop => cancelled(None),
            Self::Fail { error, retry } => match retry_at(*retry, job.attempt, now, spread) {
                Some(run_at) if !used_up => {
                    back(run_at, job.attempt, AssignmentOutcome::Failed, Some(error))
                }
                _ => dead(AssignmentOutcome::Failed, error),
            },
            Self::Snooze(until) => back(*until, job.attempt - 1, AssignmentOutcome::Snoozed, None),
            Self::Release => {
                back(job.run_at.min(now), job.attempt - 1, AssignmentOutcome::Released, None)
            }
            Self::Expire if used_up => dead(AssignmentOutcome::Expired, LEASE_EXPIRED),
            Self::Expire => back(
                job.run_at.min(now),
                job.attempt,
                AssignmentOutcome::Expired,
                Some(LEASE_EXPIRED),
            ),
        }
    }
}

fn dead(outcome: AssignmentOutcome, error: &str) -> Next {
    Next::Finish { state: JobState::Dead, outcome, error: Some(error.to_owned()) }
}

/// Returns when a job is tried again that failed at its `attempt`th attempt.
fn retry_at(retry: Retry, attempt: i32, now: Timestamp, spread: f64) -> Option<Timestamp> {
    match retry {
        Retry::Never => None,
        Retry::At(instant) => Some(instant),
        Retry::ByPolicy => {
            let delay = (FIRST_DELAY * 2_f64.powi((attempt - 1).max(0))).min(LONGEST_DELAY);
            // Past the year 9999 there is no date to try it at.
            now.plus(Duration::from_secs_f64(delay * (0.9 + 0.2 * spread))).ok()
        }
    }
}

/// A job that is done: checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyCompletion {
    pub(crate) lease: JobLease,
    pub(crate) result: Option<Admitted>,
}

impl ReadyCompletion {
    pub(crate) fn new(context: &Context, lease: &JobLease, result: Option<Value>) -> Result<Self> {
        let admit = |result| context.json.admit("result", result);
        Ok(Self { lease: checked_holder(lease)?.clone(), result: result.map(admit).transpose()? })
    }

    pub(crate) fn batch(context: &Context, done: Vec<Completion>) -> Result<Vec<Self>> {
        checked_count("done", done.len())?;
        done.into_iter().map(|one| Self::new(context, &one.lease, one.result)).collect()
    }
}

/// Checks the owner of a lease that somebody shows.
pub(crate) fn checked_holder(lease: &JobLease) -> Result<&JobLease> {
    check_external("owner", &lease.owner)?;
    Ok(lease)
}

/// Checks the leases of a heartbeat: at most 1000.
pub(crate) fn checked_leases(leases: &[JobLease]) -> Result<Vec<JobLease>> {
    if !leases.is_empty() {
        checked_count("leases", leases.len())?;
    }
    leases.iter().map(|lease| checked_holder(lease).cloned()).collect()
}

/// Returns the error of a lease that somebody else took.
pub(crate) fn lost(lease: &JobLease) -> Error {
    Error::LeaseLost { entity: "job", id: lease.job_id.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Held =
        Held { attempt: 1, max_attempts: 3, run_at: Timestamp::EPOCH, cancel_reason: None };

    fn requeued(next: &Next) -> (JobState, Duration, i32) {
        match next {
            Next::Requeue { state, run_at, attempt, .. } => {
                (*state, run_at.since(Timestamp::EPOCH), *attempt)
            }
            Next::Finish { .. } => panic!("it is finished: {next:?}"),
        }
    }

    #[test]
    fn delays_double_up_to_an_hour_and_are_spread_by_a_tenth() {
        let fail = Ending::fail("e", Retry::ByPolicy).unwrap();
        for (attempt, seconds) in [(1, 1.0), (2, 2.0), (5, 16.0), (13, 3600.0), (999, 3600.0)] {
            let job = Held { attempt, max_attempts: 1000, ..JOB };
            for (spread, factor) in [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)] {
                let (state, delay, kept) = requeued(&fail.decide(&job, Timestamp::EPOCH, spread));
                assert_eq!((state, kept), (JobState::Scheduled, attempt));
                assert!((delay.as_secs_f64() - seconds * factor).abs() < 1e-3, "{delay:?}");
            }
        }
    }

    #[test]
    fn attempts_that_are_used_up_are_not_tried_again() {
        let job = Held { attempt: 3, ..JOB };
        let now = Timestamp::EPOCH;
        for retry in [Retry::ByPolicy, Retry::At(now), Retry::Never] {
            let next = Ending::fail("e", retry).unwrap().decide(&job, now, 0.5);
            assert_eq!(next, dead(AssignmentOutcome::Failed, "e"));
        }
        assert_eq!(
            Ending::Expire.decide(&job, now, 0.5),
            dead(AssignmentOutcome::Expired, LEASE_EXPIRED)
        );
        let (state, _, attempt) = requeued(&Ending::Release.decide(&job, now, 0.5));
        assert_eq!((state, attempt), (JobState::Available, 2), "a release does not count");
    }

    #[test]
    fn a_job_that_was_asked_to_stop_is_cancelled_unless_it_is_done() {
        let job = Held { cancel_reason: Some("r".into()), ..JOB };
        let now = Timestamp::EPOCH;
        let endings = [
            Ending::fail("e", Retry::ByPolicy).unwrap(),
            Ending::Snooze(now),
            Ending::Release,
            Ending::Expire,
        ];
        for ending in endings {
            let next = ending.decide(&job, now, 0.5);
            assert!(matches!(next, Next::Finish { state: JobState::Cancelled, .. }), "{next:?}");
        }
        let done = Ending::Complete(None).decide(&job, now, 0.5);
        assert!(matches!(done, Next::Finish { state: JobState::Succeeded, .. }));
    }
}
