use std::str::FromStr;

use chrono::NaiveDateTime;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use store_core::{Error, Result};

/// The longest expression, in bytes.
const EXPRESSION_MAX_BYTES: usize = 255;

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// What one field may hold.
struct Field {
    name: &'static str,
    max: u8,
    names: &'static [&'static str],
    /// Forms that only this field knows.
    special: fn(&Self, &str) -> bool,
}

const FIELDS: [Field; 6] = [
    Field { name: "second", max: 59, names: &[], special: |_, _| false },
    Field { name: "minute", max: 59, names: &[], special: |_, _| false },
    Field { name: "hour", max: 23, names: &[], special: |_, _| false },
    Field { name: "day of month", max: 31, names: &[], special: Field::is_day_of_month },
    Field { name: "month", max: 12, names: MONTHS, special: |_, _| false },
    Field { name: "day of week", max: 7, names: DAYS, special: Field::is_day_of_week },
];

impl Field {
    /// Tells whether an element of this field's list has a form that is accepted.
    ///
    /// `croner` alone accepts more: empty elements, names in fields that have none, steps beyond
    /// the field. It checks the order of ranges and the lower bounds.
    fn admits(&self, element: &str) -> bool {
        let (range, step) = match element.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (element, None),
        };
        if step.is_some_and(|step| !self.is_number(step)) {
            return false;
        }
        match range.split_once('-') {
            // `croner` reads `SUN-SUN` as the whole week.
            Some((first, last)) => first != last && self.is_value(first) && self.is_value(last),
            None => {
                range == "*" || (step.is_none() && (self.is_value(range) || self.is_special(range)))
            }
        }
    }

    fn is_number(&self, text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_digit())
            && u8::from_str(text).is_ok_and(|number| number <= self.max)
    }

    fn is_value(&self, text: &str) -> bool {
        self.is_number(text) || self.names.contains(&text)
    }

    fn is_special(&self, text: &str) -> bool {
        (self.special)(self, text)
    }

    /// `l`, the last day, or `15w`, the working day nearest to the 15th within the month.
    fn is_day_of_month(&self, text: &str) -> bool {
        text == "l" || text.strip_suffix('w').is_some_and(|day| self.is_number(day))
    }

    /// `fri#2`, the second Friday, or `fril`, the last one.
    fn is_day_of_week(&self, text: &str) -> bool {
        let day = match text.split_once('#') {
            Some((day, "1" | "2" | "3" | "4" | "5")) => day,
            Some(_) => return false,
            None => text.strip_suffix('l').unwrap_or(""),
        };
        self.is_value(day)
    }
}

/// A cron expression, without a zone.
///
/// Five fields (minute, hour, day of month, month, day of week) or six (seconds first); five mean
/// second 0. A field is `*` or a list of values, ranges `a-b`, and steps `*/n` and `a-b/n`. Months
/// and days of the week may be named (`JAN`, `MON`); 0 and 7 are Sunday. The day of month also
/// takes `L`, the last day, and `15W`, the working day nearest to the 15th; the day of week also
/// `FRI#2`, the second Friday of the month, and `FRIL`, the last one. Where both days are given, a
/// day that matches either matches; only a bare `*` counts as not given. Nicknames such as
/// `@daily`, the year, `a/n`, `?` and `+` are refused.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    cron: Cron,
    hourly: bool,
}

impl Expression {
    /// Reads an expression; fails with `Invalid { field: "cron.expression" }`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > EXPRESSION_MAX_BYTES {
            return Err(invalid(format!("must not exceed {EXPRESSION_MAX_BYTES} bytes")));
        }
        let lower = text.to_ascii_lowercase();
        let fields: Vec<&str> = lower.split_whitespace().collect();
        if !matches!(fields.len(), 5 | 6) {
            return Err(invalid("must have 5 fields, or 6 with seconds first"));
        }
        let known = &FIELDS[FIELDS.len() - fields.len()..];
        for (field, text) in known.iter().zip(&fields) {
            if !text.split(',').all(|element| field.admits(element)) {
                return Err(invalid(format!("the field {} cannot be read", field.name)));
            }
        }
        let parser =
            CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron =
            parser.parse(&lower).map_err(|cause| invalid(format!("cannot be read: {cause}")))?;
        let hourly = fields[fields.len() - 4].split(',').any(|hour| hour.starts_with('*'));
        Ok(Self { cron, hourly })
    }

    /// Tells whether the schedule is hourly-like, by the module's definition.
    pub(super) const fn is_hourly(&self) -> bool {
        self.hourly
    }

    /// Returns the first match at or after `wall`; none after the year 5000.
    ///
    /// `croner` sees every time as UTC, so that its own rules of daylight saving do not apply. It
    /// fails only where its search ends.
    pub(super) fn at_or_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        self.cron.find_next_occurrence(&wall.and_utc(), true).ok().map(|found| found.naive_utc())
    }

    /// Returns the last match at or before `wall`; none before the year 1.
    pub(super) fn at_or_before(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let found = self.cron.find_previous_occurrence(&wall.and_utc(), true);
        found.ok().map(|found| found.naive_utc())
    }
}

/// Builds the error of an expression.
pub(super) fn invalid(reason: impl Into<String>) -> Error {
    Error::invalid("cron.expression", reason)
}
