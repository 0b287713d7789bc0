use std::future::Future;
use std::time::Duration;

use store_core::queue::{JobLease, JobState};
use store_core::{Error, Failure, Result};

use super::held::HeldLeases;

/// Pauses that double, each shortened by up to half at random.
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// For a database that is away.
    pub(super) const fn of_database() -> Self {
        Self::between(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// For jobs that are there and cannot be claimed.
    pub(super) const fn of_idling() -> Self {
        Self::between(Duration::from_millis(20), Duration::from_millis(500))
    }

    const fn between(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// Returns the next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Begins with the first pause again.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }
}

/// What became of the end of an attempt.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is stored.
    Stored,
    /// Somebody else has the job.
    Lost,
    /// It was refused, or could not be stored while the lease lasted.
    Failed(Error),
}

/// What an answer of the store means.
pub(super) enum Verdict {
    Final(Answer),
    Again { outcome_unknown: bool },
}

/// Judges an answer. After one whose outcome is unknown, a lost lease means that it was stored:
/// nobody else ends the attempt as long as its lease is extended.
pub(super) fn judge(answer: Result<JobState>, was_unknown: bool, run_out: bool) -> Verdict {
    match answer {
        Ok(_) => Verdict::Final(Answer::Stored),
        Err(Error::LeaseLost { .. }) if was_unknown => Verdict::Final(Answer::Stored),
        Err(Error::LeaseLost { .. }) => Verdict::Final(Answer::Lost),
        Err(error) if may_pass(&error) && !run_out => {
            let failure = error.failure();
            let outcome_unknown = was_unknown
                || matches!(failure, Some(Failure::Unavailable { outcome_unknown: true }));
            Verdict::Again { outcome_unknown }
        }
        Err(error) => Verdict::Final(Answer::Failed(error)),
    }
}

/// Tells whether a failure may be gone later. The end of an attempt can be sent again even when
/// the outcome is unknown: its epoch keeps it from counting twice.
fn may_pass(error: &Error) -> bool {
    error.failure().is_some_and(|failure| {
        failure.is_transient()
            || matches!(
                failure,
                Failure::Unavailable { .. } | Failure::ReadOnly | Failure::DiskFull
            )
    })
}

/// Sends the end of an attempt until it is answered, or its lease has run out.
pub(super) async fn until_answered<F, Fut>(held: &HeldLeases, lease: &JobLease, send: F) -> Answer
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<JobState>>,
{
    let mut backoff = Backoff::of_database();
    let mut unknown = false;
    loop {
        match judge(send().await, unknown, held.has_run_out(lease)) {
            Verdict::Final(answer) => return answer,
            Verdict::Again { outcome_unknown } => unknown = outcome_unknown,
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(failure: Failure) -> Result<JobState> {
        Err(Error::failed("complete_jobs", failure))
    }

    fn lost() -> Result<JobState> {
        Err(Error::LeaseLost { entity: "job", id: "j".into() })
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::of_database();
        for expected in [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000] {
            let pause = backoff.pause();
            let expected = Duration::from_millis(expected);
            assert!((expected / 2..=expected).contains(&pause), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(50));
    }

    #[test]
    fn a_lost_lease_after_an_unknown_outcome_counts_as_stored() {
        assert!(matches!(judge(lost(), false, false), Verdict::Final(Answer::Lost)));
        let unknown = failed(Failure::Unavailable { outcome_unknown: true });
        let Verdict::Again { outcome_unknown: true } = judge(unknown, false, false) else {
            panic!("it is sent again");
        };
        assert!(matches!(judge(lost(), true, false), Verdict::Final(Answer::Stored)));
    }

    #[test]
    fn an_outcome_stays_unknown_over_later_failures() {
        let away = failed(Failure::Unavailable { outcome_unknown: false });
        assert!(matches!(judge(away, true, false), Verdict::Again { outcome_unknown: true }));
        let away = failed(Failure::Timeout);
        assert!(matches!(judge(away, false, false), Verdict::Again { outcome_unknown: false }));
    }

    #[test]
    fn what_does_not_pass_is_not_sent_again() {
        let invalid = Err(Error::invalid("result", "is too long"));
        assert!(matches!(judge(invalid, false, false), Verdict::Final(Answer::Failed(_))));
        let other = failed(Failure::Other);
        assert!(matches!(judge(other, false, false), Verdict::Final(Answer::Failed(_))));
        let late = failed(Failure::Timeout);
        assert!(matches!(judge(late, false, true), Verdict::Final(Answer::Failed(_))));
    }
}
