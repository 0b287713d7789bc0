//! Tests of the cron rules; what they expect around clock changes comes from `../oracle`.

mod config;
mod due;
mod oracle;
mod plan;
mod properties;

use store_core::Timestamp;
use store_core::workflow::{CronConfig, Misfire};

use super::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ats(texts: &[&str]) -> Vec<Timestamp> {
    texts.iter().map(|text| at(text)).collect()
}

/// A schedule in a zone that may fire as often as it likes.
fn config(expression: &str, timezone: &str) -> CronConfig {
    CronConfig {
        expression: expression.into(),
        timezone: timezone.into(),
        allow_overlapping: true,
        ..CronConfig::default()
    }
}

fn schedule(expression: &str, timezone: &str) -> Schedule {
    Schedule::new(&config(expression, timezone)).unwrap()
}

/// A schedule in UTC with a misfire policy.
fn with_misfire(expression: &str, misfire: Misfire, allow_overlapping: bool) -> Schedule {
    let config = CronConfig { misfire, allow_overlapping, ..config(expression, "UTC") };
    Schedule::new(&config).unwrap()
}
