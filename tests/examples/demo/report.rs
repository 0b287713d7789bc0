//! What the demo prints.

use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Prints numbered sections.
#[derive(Default)]
pub(crate) struct Report {
    sections: usize,
}

impl Report {
    /// Begins the next part; sections go on counting.
    pub(crate) fn part(&self, title: &str) {
        println!("{}{title}", if self.sections == 0 { "" } else { "\n\n" });
    }

    /// Begins the next section.
    pub(crate) fn section(&mut self, title: &str) {
        self.sections += 1;
        println!("\n{:>2}. {title}", self.sections);
    }
}

/// Waits for a call and tells how long it took.
pub(crate) async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let answer = call.await;
    (answer, started.elapsed())
}

/// Prints what happened, and how long it took.
pub(crate) fn done(what: impl Display, took: Duration) {
    println!("    {:<84} {:>9}", what.to_string(), span(took));
}

/// Prints something that took no time.
pub(crate) fn note(what: impl Display) {
    println!("    {what}");
}

/// Three digits are enough for people.
pub(crate) fn span(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1000.0),
    }
}

/// Groups digits by three.
pub(crate) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How many per second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rate for people"
)]
pub(crate) fn rate(number: usize, took: Duration) -> String {
    format!("{} a second", count((number as f64 / took.as_secs_f64().max(1e-9)) as u64))
}

/// A line every second while something takes long.
pub(crate) struct Progress {
    total: usize,
    done: AtomicUsize,
    last: Mutex<Instant>,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: AtomicUsize::new(0), last: Mutex::new(Instant::now()) }
    }

    /// Counts what was done, from any task.
    pub(crate) fn add(&self, number: usize) {
        let done = self.done.fetch_add(number, Ordering::Relaxed) + number;
        // Whoever cannot have the clock at once leaves the line to another.
        let Ok(mut last) = self.last.try_lock() else { return };
        if last.elapsed() >= Duration::from_secs(1) {
            *last = Instant::now();
            println!("    … {} of {}", count(done as u64), count(self.total as u64));
        }
    }
}
