//! `cargo xtask migrations new`

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{backend_dir, digit, names};
use crate::Result;
use crate::workspace::Backend;

const UP: &str = "-- TITLE (BACKEND).
--
-- Write the change here. Name every constraint and index: uq_<table>_<columns>, fk_<table>_<other>,
-- ck_<table>_<what>, idx_<table>_<columns>; errors are mapped by these names. Where this backend
-- needs nothing, write `SELECT 1;` and say why.
";

const DOWN: &str = "-- Reverts: TITLE (BACKEND).
--
-- Write what takes the schema back to where it was. It is tested: up, down, up.
";

#[derive(clap::Args)]
pub(crate) struct New {
    /// The crate, for example store-history
    #[arg(value_name = "CRATE")]
    krate: String,
    /// What it does, in words of lower case letters and digits joined by underscores
    name: String,
    /// The day in its version, YYYY-MM-DD [default: today, UTC]
    #[arg(long)]
    date: Option<String>,
}

impl New {
    pub(super) fn run(self, root: &Path) -> Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(format!("{}: use words_with_underscores", self.name).into());
        }
        if !root.join(&self.krate).join("Cargo.toml").exists() {
            return Err(format!("there is no crate {}", self.krate).into());
        }
        let date = self.date.clone().map_or_else(today, Ok)?;
        let name = format!("{}_{}", next_version(root, &self.krate, &date)?, self.name);
        let title = self.name.replace('_', " ");
        for backend in Backend::ALL {
            let dir = backend_dir(root, &self.krate, backend).join(&name);
            fs::create_dir_all(&dir)?;
            for (file, template) in [("up.sql", UP), ("down.sql", DOWN)] {
                let text = template.replace("TITLE", &title).replace("BACKEND", backend.name());
                fs::write(dir.join(file), text)?;
                println!("{}/migrations/{backend}/{name}/{file}", self.krate);
            }
        }
        Ok(())
    }
}

/// `YYYY-MM-DD-NNNNNC`: the crate's migrations of that day are counted from 1, then its digit.
fn next_version(root: &Path, krate: &str, date: &str) -> Result<String> {
    let shape = |(place, c): (usize, char)| match place {
        4 | 7 => c == '-',
        _ => c.is_ascii_digit(),
    };
    if date.len() != 10 || !date.chars().enumerate().all(shape) {
        return Err(format!("{date} is not a date: use YYYY-MM-DD").into());
    }
    let digit = digit(krate)?;
    let mut last = 0_u32;
    for backend in Backend::ALL {
        for name in names(root, krate, backend)? {
            let number = name.strip_prefix(date).and_then(|rest| rest.strip_prefix('-'));
            let count = number.and_then(|rest| super::version(rest).strip_suffix(digit));
            last = last.max(count.and_then(|count| count.parse().ok()).unwrap_or(0));
        }
    }
    Ok(format!("{date}-{:05}{digit}", last + 1))
}

#[expect(clippy::disallowed_methods, reason = "a developer's tool: the date is today's")]
fn today() -> Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(civil_date(seconds / 86_400))
}

/// The date that many days after 1970-01-01.
fn civil_date(mut days: u64) -> String {
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::TestDir;

    #[test]
    fn the_next_version_counts_the_migrations_of_the_day() {
        let dir = TestDir::new();
        let next = |date| next_version(dir.path(), "store-history", date).unwrap();
        assert_eq!(next("2025-01-31"), "2025-01-31-000012");
        dir.write("store-history/migrations/sqlite/2025-01-31-000012_a/up.sql", "");
        // Present on one side only: still taken.
        dir.write("store-history/migrations/postgres/2025-01-31-000102_b/up.sql", "");
        assert_eq!(next("2025-01-31"), "2025-01-31-000112");
        assert_eq!(next("2025-02-01"), "2025-02-01-000012");
        assert!(next_version(dir.path(), "store-history", "2025-2-1").is_err());
        assert!(next_version(dir.path(), "store-unknown", "2025-02-01").is_err());
    }

    #[test]
    fn days_become_dates() {
        let cases = [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_088, "2024-12-31"),
            (20_089, "2025-01-01"),
        ];
        for (days, date) in cases {
            assert_eq!(civil_date(days), date);
        }
    }
}
