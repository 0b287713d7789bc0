use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta};

use super::expression::Expression;

const SECOND: TimeDelta = TimeDelta::seconds(1);
const DAY: TimeDelta = TimeDelta::days(1);

/// 28 years: every date falls on every day of the week, as long as no century is crossed.
const CYCLE: TimeDelta = TimeDelta::days(28 * 365 + 7);

/// Returns 1970-01-01 on the wall, where the years that are searched begin.
pub(super) fn reference() -> NaiveDateTime {
    DateTime::UNIX_EPOCH.naive_utc()
}

/// Tells whether two neighbouring occurrences can lie less than `gap` apart.
///
/// Looks at the clock on the wall from 1970 to 1997, without a zone, so that the answer depends
/// neither on the day it is asked nor on daylight saving. `first` is the first occurrence there.
pub(super) fn is_denser_than(
    expression: &Expression,
    first: NaiveDateTime,
    gap: TimeDelta,
) -> bool {
    // Every day that matches has the same times, so the first such day stands for all.
    let mut last = first;
    while let Some(next) = expression.at_or_after(last + SECOND)
        && next.date() == first.date()
    {
        if next - last < gap {
            return true;
        }
        last = next;
    }
    let over_midnight = first + DAY - last;
    over_midnight < gap && has_neighbouring_days(expression, first)
}

fn has_neighbouring_days(expression: &Expression, first: NaiveDateTime) -> bool {
    let midnight = |wall: NaiveDateTime| wall.date().and_time(NaiveTime::MIN);
    let end = reference() + CYCLE;
    let mut day = midnight(first);
    while day < end {
        let Some(next) = expression.at_or_after(day + DAY).map(midnight) else {
            return false;
        };
        if next - day == DAY {
            return true;
        }
        day = next;
    }
    false
}
