use std::time::Duration;

use store_core::queue::{QueueLimits, Rate};
use store_core::{Error, Result, check_external};

const LIMIT_MAX: u32 = 1_000_000;
const RATE_SHORTEST: Duration = Duration::from_millis(1);
const RATE_LONGEST: Duration = Duration::from_secs(86_400);

/// What a queue allows, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredLimits {
    pub(crate) max_leased: Option<i32>,
    pub(crate) per_key: Option<i32>,
    pub(crate) rate_count: Option<i32>,
    pub(crate) rate_per_us: Option<i64>,
}

/// What is set for a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueSettings {
    pub(crate) queue: String,
    pub(crate) paused: bool,
    pub(crate) limits: QueueLimits,
}

/// Checks the name of a queue.
pub(crate) fn checked_queue(queue: &str) -> Result<()> {
    check_external("queue", queue)
}

impl StoredLimits {
    /// Checks what a queue is to allow.
    pub(crate) fn new(limits: QueueLimits) -> Result<Self> {
        let rate = limits.rate;
        if let Some(rate) = rate.filter(|rate| !(RATE_SHORTEST..=RATE_LONGEST).contains(&rate.per))
        {
            let reason = format!("is {:?}, allowed is 1 millisecond to 1 day", rate.per);
            return Err(Error::invalid("limits.rate.per", reason));
        }
        Ok(Self {
            max_leased: checked_limit("limits.max_leased", limits.max_leased)?,
            per_key: checked_limit("limits.per_key", limits.per_key)?,
            rate_count: checked_limit("limits.rate.count", rate.map(|rate| rate.count))?,
            // A day fits by far.
            rate_per_us: rate.map(|rate| i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX)),
        })
    }

    /// Reads what is set for a queue.
    pub(crate) fn into_settings(self, queue: String, paused: bool) -> Result<QueueSettings> {
        let corrupt = |column, cause| Error::corrupt("job_queues", column, &queue, cause);
        let limit = |column, stored: Option<i32>| {
            stored.map(u32::try_from).transpose().map_err(|cause| corrupt(column, cause))
        };
        // The schema says that both parts of a rate are there or none.
        let rate = match (limit("rate_count", self.rate_count)?, self.rate_per_us) {
            (Some(count), Some(micros)) => {
                let micros =
                    u64::try_from(micros).map_err(|cause| corrupt("rate_per_us", cause))?;
                Some(Rate { count, per: Duration::from_micros(micros) })
            }
            _ => None,
        };
        let limits = QueueLimits {
            max_leased: limit("max_leased", self.max_leased)?,
            per_key: limit("per_key", self.per_key)?,
            rate,
        };
        Ok(QueueSettings { queue, paused, limits })
    }
}

fn checked_limit(field: &str, limit: Option<u32>) -> Result<Option<i32>> {
    match limit {
        None => Ok(None),
        Some(limit @ 1..=LIMIT_MAX) => Ok(i32::try_from(limit).ok()),
        Some(limit) => {
            Err(Error::invalid(field, format!("is {limit}, allowed is 1 to {LIMIT_MAX}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(count: u32, per: Duration) -> QueueLimits {
        QueueLimits { rate: Some(Rate { count, per }), ..QueueLimits::default() }
    }

    #[test]
    fn limits_come_back_as_they_were_stored() {
        let full = QueueLimits {
            max_leased: Some(1),
            per_key: Some(LIMIT_MAX),
            rate: Some(Rate { count: 7, per: Duration::from_millis(1500) }),
        };
        for limits in [full, QueueLimits::default(), rate(1, RATE_SHORTEST), rate(1, RATE_LONGEST)]
        {
            let stored = StoredLimits::new(limits).unwrap();
            let settings = stored.into_settings("q".into(), true).unwrap();
            assert_eq!(settings, QueueSettings { queue: "q".into(), paused: true, limits });
        }
    }

    #[test]
    fn each_limit_is_refused_by_its_name() {
        let none = QueueLimits::default();
        let second = Duration::from_secs(1);
        let nanosecond = Duration::from_nanos(1);
        let cases = [
            (QueueLimits { max_leased: Some(0), ..none }, "limits.max_leased"),
            (QueueLimits { max_leased: Some(LIMIT_MAX + 1), ..none }, "limits.max_leased"),
            (QueueLimits { per_key: Some(0), ..none }, "limits.per_key"),
            (QueueLimits { per_key: Some(u32::MAX), ..none }, "limits.per_key"),
            (rate(0, second), "limits.rate.count"),
            (rate(LIMIT_MAX + 1, second), "limits.rate.count"),
            (rate(1, Duration::ZERO), "limits.rate.per"),
            (rate(1, RATE_SHORTEST - nanosecond), "limits.rate.per"),
            (rate(1, RATE_LONGEST + nanosecond), "limits.rate.per"),
        ];
        for (limits, expected) in cases {
            let error = StoredLimits::new(limits).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
        }
    }

    #[test]
    fn a_stored_limit_below_zero_is_corrupt() {
        let stored = StoredLimits {
            max_leased: Some(-1),
            per_key: None,
            rate_count: None,
            rate_per_us: None,
        };
        let error = stored.into_settings("q".into(), false).unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: "max_leased", .. }), "{error}");
    }
}
