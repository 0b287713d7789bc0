use std::str::FromStr;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use store_core::workflow::{CronConfig, Misfire};
use store_core::{Error, Result, Timestamp};

use super::expression::{Expression, invalid};
use super::spacing::{is_denser_than, reference};
use super::timetable::Timetable;

/// The longest name of a zone, in bytes: longer than any of the database.
const ZONE_MAX_BYTES: usize = 64;

/// The smallest distance of two occurrences that may not overlap.
const MIN_GAP: TimeDelta = TimeDelta::minutes(5);

/// A cron schedule that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    timetable: Timetable,
    start_at: Option<Timestamp>,
    end_at: Option<Timestamp>,
    pub(super) allow_overlapping: bool,
    pub(super) misfire: Misfire,
}

impl Schedule {
    /// Checks a configuration.
    ///
    /// # Errors
    /// `Invalid` for `cron.expression` (also when it never fires, or too often for runs that may
    /// not overlap), `cron.timezone`, `cron.start_at`, `cron.end_at` and `cron.misfire`.
    pub(crate) fn new(config: &CronConfig) -> Result<Self> {
        let expression = Expression::parse(&config.expression)?;
        let zone = zone(&config.timezone)?;
        check_bounds(config)?;
        check_misfire(config.misfire)?;
        let first = expression
            .at_or_after(reference())
            .ok_or_else(|| invalid("never fires: no month has such a day"))?;
        if !config.allow_overlapping && is_denser_than(&expression, first, MIN_GAP) {
            return Err(invalid(format!(
                "fires more often than every {} seconds: this needs allow_overlapping",
                MIN_GAP.num_seconds()
            )));
        }
        Ok(Self {
            timetable: Timetable { expression, zone },
            start_at: config.start_at,
            end_at: config.end_at,
            allow_overlapping: config.allow_overlapping,
            misfire: config.misfire,
        })
    }

    /// Returns the first occurrence at or after `from`, within the bounds of the schedule.
    ///
    /// None when there is none before the year 5000.
    pub(crate) fn first_from(&self, from: Timestamp) -> Option<Timestamp> {
        let from = self.start_at.map_or(from, |start| start.max(from)).to_datetime();
        let floor = from.trunc_subsecs(0);
        let from = if floor < from { floor + TimeDelta::seconds(1) } else { floor };
        let found = instant(self.timetable.first_from(from)?)?;
        self.end_at.is_none_or(|end| found <= end).then_some(found)
    }

    /// Returns the first occurrence after `after`.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.first_from(instant(after.to_datetime() + TimeDelta::microseconds(1))?)
    }

    /// Returns the last occurrence at or before `to`, within the bounds of the schedule.
    pub(super) fn last_to(&self, to: Timestamp) -> Option<Timestamp> {
        let to = self.end_at.map_or(to, |end| end.min(to)).to_datetime();
        let found = instant(self.timetable.last_to(to.trunc_subsecs(0))?)?;
        self.start_at.is_none_or(|start| found >= start).then_some(found)
    }

    /// Returns the last occurrence before `before`.
    pub(super) fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        self.last_to(instant(before.to_datetime() - TimeDelta::microseconds(1))?)
    }
}

/// Returns an instant, unless it lies outside the years that can be stored.
fn instant(at: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::try_from(at).ok()
}

fn zone(name: &str) -> Result<Tz> {
    let invalid = |reason| Error::invalid("cron.timezone", reason);
    if name.len() > ZONE_MAX_BYTES {
        return Err(invalid(format!("must not exceed {ZONE_MAX_BYTES} bytes")));
    }
    Tz::from_str(name).map_err(|_unknown| {
        invalid(format!("`{}` is not the name of an IANA zone", name.escape_debug()))
    })
}

fn check_bounds(config: &CronConfig) -> Result<()> {
    const MINUTE_MICROS: i64 = 60_000_000;
    for (field, bound) in [("cron.start_at", config.start_at), ("cron.end_at", config.end_at)] {
        if bound.is_some_and(|bound| bound.as_micros() % MINUTE_MICROS != 0) {
            return Err(Error::invalid(field, "must be a whole minute"));
        }
    }
    match (config.start_at, config.end_at) {
        (Some(start), Some(end)) if start > end => {
            Err(Error::invalid("cron.end_at", "must not lie before start_at"))
        }
        _ => Ok(()),
    }
}

fn check_misfire(misfire: Misfire) -> Result<()> {
    match misfire {
        Misfire::CatchUp { max } if !(1..=Misfire::CATCH_UP_MAX).contains(&max) => {
            let rule = format!("catch_up takes 1 to {} occurrences", Misfire::CATCH_UP_MAX);
            Err(Error::invalid("cron.misfire", rule))
        }
        _ => Ok(()),
    }
}
