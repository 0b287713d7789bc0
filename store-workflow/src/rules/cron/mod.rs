//! When a cron trigger fires.
//!
//! The expression is matched against the clock on the wall in its zone. Where that clock is
//! changed, what happens depends on the hour field, as in Vixie cron:
//!
//! - **Hourly-like**: the hour field, or an element of it, is `*` or `*/n`. It fires whenever the
//!   clock shows a matching time: in both of the repeated hours, and not for a time that is left
//!   out.
//! - **Fixed**: every other hour field (`2`, `1,13`, `9-17`, `9-17/2`). Each matching time fires
//!   once, at the first instant at which the clock shows that time or a later one: of two equal
//!   times the first, and for a time that is left out the first instant after the gap. Several
//!   that meet at that instant fire once.
//!
//! The other fields do not count: `*/15 2 * * *` is fixed. `oracle` holds what this means at the
//! clock changes of 2026.
//!
//! The zones are those compiled into `chrono-tz`. They list changes up to the year 2099; after that
//! a zone keeps its last offset.

mod due;
mod expression;
mod plan;
mod schedule;
mod spacing;
#[cfg(test)]
mod tests;
mod timetable;

use due::Due;
pub(crate) use plan::{Objections, Plan, claimed_runs, objections, plans, settle};
pub(crate) use schedule::Schedule;
