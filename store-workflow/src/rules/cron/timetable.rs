use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::expression::Expression;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// An expression on the wall of a zone: the instants at which it fires.
///
/// Instants that go in and come out are whole seconds.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    pub(super) expression: Expression,
    pub(super) zone: Tz,
}

/// The stretch of wall time that is shown twice because the clock is set back.
struct Fold {
    /// The instant at which the clock is set back.
    change: DateTime<Utc>,
    /// The wall time it is set back to.
    starts: NaiveDateTime,
    /// The wall time it is set back from.
    ends: NaiveDateTime,
}

impl Timetable {
    /// Returns the first occurrence at or after `from`.
    pub(super) fn first_from(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.expression.is_hourly() { self.hourly_from(from) } else { self.fixed_from(from) }
    }

    /// Returns the last occurrence at or before `to`.
    pub(super) fn last_to(&self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.expression.is_hourly() { self.hourly_to(to) } else { self.fixed_to(to) }
    }

    fn fixed_from(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = match self.fold(from) {
            // What the second pass shows has fired in the first.
            Some(fold) if from >= fold.change => fold.ends,
            // One second earlier, because a gap that ends at `from` fires at `from`.
            _ => self.wall(from - SECOND) + SECOND,
        };
        self.reached(self.expression.at_or_after(start)?)
    }

    fn fixed_to(&self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = match self.fold(to) {
            Some(fold) if to >= fold.change => fold.ends - SECOND,
            _ => self.wall(to),
        };
        self.reached(self.expression.at_or_before(end)?)
    }

    /// Returns the first instant at which the clock shows `wall` or later.
    fn reached(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&wall) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => Some(at.to_utc()),
            MappedLocalTime::None => Some(GapInfo::new(&wall, &self.zone)?.end?.to_utc()),
        }
    }

    fn hourly_from(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.expression.at_or_after(self.wall(from))?;
        if let Some(fold) = self.fold(from)
            && from < fold.change
            && wall >= fold.ends
        {
            // The clock is set back before it shows `wall`: look at the second pass.
            return self.hourly_from(fold.change);
        }
        loop {
            match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(at) => return Some(at.to_utc()),
                MappedLocalTime::Ambiguous(first, _) if first >= from => {
                    return Some(first.to_utc());
                }
                MappedLocalTime::Ambiguous(_, second) => return Some(second.to_utc()),
                MappedLocalTime::None => {
                    let end = GapInfo::new(&wall, &self.zone)?.end?;
                    wall = self.expression.at_or_after(end.naive_local())?;
                }
            }
        }
    }

    fn hourly_to(&self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.expression.at_or_before(self.wall(to))?;
        if let Some(fold) = self.fold(to)
            && to >= fold.change
            && wall < fold.starts
        {
            // Nothing in the second pass: look at the first.
            return self.hourly_to(fold.change - SECOND);
        }
        loop {
            match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(at) => return Some(at.to_utc()),
                MappedLocalTime::Ambiguous(_, second) if second <= to => {
                    return Some(second.to_utc());
                }
                MappedLocalTime::Ambiguous(first, _) => return Some(first.to_utc()),
                MappedLocalTime::None => {
                    let (begin, _offset) = GapInfo::new(&wall, &self.zone)?.begin?;
                    wall = self.expression.at_or_before(begin - SECOND)?;
                }
            }
        }
    }

    fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// Returns the fold that `at` lies in, in either pass.
    fn fold(&self, at: DateTime<Utc>) -> Option<Fold> {
        let MappedLocalTime::Ambiguous(first, second) =
            self.zone.from_local_datetime(&self.wall(at))
        else {
            return None;
        };
        let after = second.offset().fix();
        let (mut before, mut change) = (first.to_utc(), second.to_utc());
        // The zone lists no changes: halve the time between the two passes.
        while change - before > SECOND {
            let middle = before + TimeDelta::seconds((change - before).num_seconds() / 2);
            if self.zone.offset_from_utc_datetime(&middle.naive_utc()).fix() == after {
                change = middle;
            } else {
                before = middle;
            }
        }
        Some(Fold { change, starts: self.wall(change), ends: self.wall(before) + SECOND })
    }
}
