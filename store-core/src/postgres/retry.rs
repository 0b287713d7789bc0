//! The one place where operations are repeated.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::observe::{or_of_database, within};
use crate::{Error, Failure, Result};

/// The most attempts, the first included.
const ATTEMPTS: u32 = 10;
/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(5);
/// The longest wait without its jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Added at random, so that those who collided once do not collide again.
const JITTER_MS: u64 = 50;

/// Whether an operation may have changed something when its connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing: run it again.
    Read,
    /// It may have been carried out: the caller has to look.
    Write,
}

/// Runs `attempt` again while it fails in a way that passes, up to ten times and the deadline.
pub(super) async fn retry<T, F, Fut>(
    operation: &'static str,
    kind: Kind,
    deadline: Instant,
    mut attempt: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let named = or_of_database(operation, "postgres");
    let mut wait = FIRST_WAIT;
    for number in 1.. {
        // Boxed, because the future of every operation would have it inside, several times.
        let error = match within(named, Box::pin(attempt())).await {
            Ok(value) => return Ok(value),
            Err(error) => known_outcome(kind, error),
        };
        let pause = wait + Duration::from_millis(fastrand::u64(0..=JITTER_MS));
        if number >= ATTEMPTS || !worth_repeating(&error) || Instant::now() + pause >= deadline {
            return Err(error);
        }
        metrics::counter!(
            "store_operation_retries_total",
            "subsystem" => named.subsystem,
            "operation" => named.operation,
            "backend" => named.backend,
        )
        .increment(1);
        tokio::time::sleep(pause).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    Err(Error::failed(operation, Failure::Other))
}

/// A read whose connection was lost has changed nothing.
fn known_outcome(kind: Kind, error: Error) -> Error {
    match error {
        Error::Backend {
            operation,
            failure: Failure::Unavailable { outcome_unknown: true },
            source,
        } if kind == Kind::Read => {
            let failure = Failure::Unavailable { outcome_unknown: false };
            Error::Backend { operation, failure, source }
        }
        other => other,
    }
}

/// Time that ran out once would run out again, and who waited for the pool has waited enough.
fn worth_repeating(error: &Error) -> bool {
    match error.failure() {
        Some(Failure::Timeout | Failure::PoolExhausted { .. }) | None => false,
        Some(failure) => failure.is_transient(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn attempts(kind: Kind, failure: Failure, limit: Duration) -> (u32, Error) {
        let mut count = 0;
        let result = retry("test", kind, Instant::now() + limit, || {
            count += 1;
            async move { Err::<(), _>(Error::failed("test", failure)) }
        })
        .await;
        (count, result.unwrap_err())
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn retries_stop_after_ten_attempts() {
        let long = Duration::from_secs(3600);
        assert_eq!(block_on(attempts(Kind::Write, Failure::Deadlock, long)).0, ATTEMPTS);
    }

    #[test]
    fn retries_stop_at_the_deadline() {
        assert_eq!(block_on(attempts(Kind::Write, Failure::Deadlock, Duration::ZERO)).0, 1);
    }

    #[test]
    fn an_unknown_outcome_is_repeated_for_reads_only() {
        let long = Duration::from_secs(3600);
        let lost = Failure::Unavailable { outcome_unknown: true };
        assert_eq!(block_on(attempts(Kind::Write, lost, long)).0, 1);
        let (count, error) = block_on(attempts(Kind::Read, lost, long));
        assert_eq!(count, ATTEMPTS);
        assert_eq!(error.failure(), Some(Failure::Unavailable { outcome_unknown: false }));
    }
}
