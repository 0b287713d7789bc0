use std::time::Duration;

use store_core::workflow::RetryPolicy;
use store_core::{Error, Result};

/// The most attempts a policy can ask for.
const ATTEMPTS_MAX: u32 = 10_000;
/// The longest delay when a policy sets no limit: ten years, so that the instant stays a date.
const DELAY_MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// Checks a retry policy.
pub(crate) fn checked_retry(policy: RetryPolicy) -> Result<RetryPolicy> {
    let check = |holds: bool, field: &str, reason: &str| {
        if holds { Ok(()) } else { Err(Error::invalid(format!("retry.{field}"), reason)) }
    };
    let at_least = |value: f64, min: f64| value.is_finite() && value >= min;
    let attempts = (1..=ATTEMPTS_MAX).contains(&policy.max_attempts);
    check(attempts, "max_attempts", "must be 1 to 10000")?;
    let initial = at_least(policy.initial_delay_seconds, 0.0);
    check(initial, "initial_delay_seconds", "must be a number of at least 0")?;
    let factor = at_least(policy.backoff_factor, 1.0);
    check(factor, "backoff_factor", "must be a number of at least 1")?;
    let max = policy.max_delay_seconds.is_none_or(|max| at_least(max, 0.0));
    check(max, "max_delay_seconds", "must be none or a number of at least 0")?;
    let jitter = (0.0..=1.0).contains(&policy.jitter_factor);
    check(jitter, "jitter_factor", "must be 0 to 1")?;
    Ok(policy)
}

/// Returns the delay before retry `retry`, counted from 0; `random` is 0 to 1.
pub(crate) fn retry_delay(policy: &RetryPolicy, retry: i32, random: f64) -> Duration {
    let max = policy.max_delay_seconds.unwrap_or(DELAY_MAX_SECONDS).min(DELAY_MAX_SECONDS);
    // An overflow is infinite, and infinity is cut to the maximum like any other delay. With an
    // initial delay of 0 it would be 0 times infinity, which is no number.
    let full = if policy.initial_delay_seconds == 0.0 {
        0.0
    } else {
        (policy.initial_delay_seconds * policy.backoff_factor.powi(retry)).min(max)
    };
    let spread = policy.jitter_factor * (2.0 * random - 1.0);
    Duration::from_secs_f64((full * (1.0 + spread)).clamp(0.0, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(initial: f64, factor: f64, max: Option<f64>, jitter: f64) -> RetryPolicy {
        RetryPolicy {
            max_attempts: 5,
            initial_delay_seconds: initial,
            backoff_factor: factor,
            max_delay_seconds: max,
            jitter_factor: jitter,
        }
    }

    #[test]
    fn delays_grow_by_the_factor_up_to_the_maximum() {
        let policy = policy(30.0, 2.0, Some(300.0), 0.0);
        let delays: Vec<u64> = (0..6).map(|i| retry_delay(&policy, i, 0.5).as_secs()).collect();
        assert_eq!(delays, [30, 60, 120, 240, 300, 300]);
    }

    #[test]
    fn jitter_spreads_in_both_directions_but_never_above_the_maximum() {
        let policy = policy(100.0, 1.0, Some(105.0), 0.1);
        assert_eq!(retry_delay(&policy, 0, 0.0).as_secs(), 90);
        assert_eq!(retry_delay(&policy, 0, 1.0).as_secs(), 105);
    }

    #[test]
    fn delays_are_never_infinite_and_never_negative() {
        let wild = policy(f64::MAX, f64::MAX, None, 1.0);
        assert!(checked_retry(wild).is_ok());
        for random in [0.0, 0.5, 1.0] {
            let delay = retry_delay(&wild, i32::MAX, random).as_secs_f64();
            assert!((0.0..=DELAY_MAX_SECONDS).contains(&delay), "{delay}");
        }
        assert_eq!(retry_delay(&policy(0.0, f64::MAX, None, 1.0), 99, 1.0), Duration::ZERO);
    }

    #[test]
    fn policies_are_checked() {
        let good = RetryPolicy::default();
        assert!(checked_retry(good).is_ok());
        let bad = [
            RetryPolicy { max_attempts: 0, ..good },
            RetryPolicy { initial_delay_seconds: -1.0, ..good },
            RetryPolicy { initial_delay_seconds: f64::NAN, ..good },
            RetryPolicy { backoff_factor: 0.5, ..good },
            RetryPolicy { backoff_factor: f64::INFINITY, ..good },
            RetryPolicy { max_delay_seconds: Some(-1.0), ..good },
            RetryPolicy { jitter_factor: 1.5, ..good },
            RetryPolicy { jitter_factor: f64::NAN, ..good },
        ];
        for policy in bad {
            assert!(checked_retry(policy).is_err(), "{policy:?}");
        }
    }
}
