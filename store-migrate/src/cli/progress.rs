//! Progress: bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::Observer;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a plain line is written.
const EVERY: Duration = Duration::from_secs(5);

/// Follows a migration on standard error.
pub(super) struct Progress {
    state: Mutex<State>,
    quiet: bool,
    terminal: bool,
}

struct State {
    phase: String,
    began: Instant,
    told: Instant,
    rows: u64,
    bytes: u64,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let now = Instant::now();
        let (phase, bar) = (String::new(), ProgressBar::hidden());
        let state = State { phase, began: now, told: now, rows: 0, bytes: 0, bar };
        Self { state: Mutex::new(state), quiet, terminal: stderr().is_terminal() }
    }

    /// Ends what is shown.
    pub(super) fn finish(&self) {
        self.with(|state| self.end(state));
    }

    fn with(&self, work: impl FnOnce(&mut State)) {
        if !self.quiet
            && let Ok(mut state) = self.state.lock()
        {
            work(&mut state);
        }
    }

    /// Says what a phase did.
    fn end(&self, state: &mut State) {
        state.bar.finish_and_clear();
        if state.rows > 0 {
            line(&state.summary());
        }
        (state.rows, state.bytes) = (0, 0);
    }
}

impl State {
    fn summary(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let per_second = |count: u64| Duration::from_secs(count).as_secs_f64() / seconds;
        format!(
            "{}: {} rows, {} in {seconds:.1} s ({:.0} rows/s, {:.1} MB/s)",
            self.phase,
            HumanCount(self.rows),
            HumanBytes(self.bytes),
            per_second(self.rows),
            per_second(self.bytes) / 1e6,
        )
    }
}

impl Observer for Progress {
    fn phase(&self, name: &str, rows: Option<u64>) {
        self.with(|state| {
            self.end(state);
            state.phase = name.to_owned();
            state.began = Instant::now();
            state.told = state.began;
            if self.terminal {
                state.bar = bar(rows);
                state.bar.set_message(name.to_owned());
            } else {
                line(&format!("{name} …"));
            }
        });
    }

    fn advance(&self, table: &str, rows: u64, bytes: u64) {
        self.with(|state| {
            state.rows += rows;
            state.bytes += bytes;
            state.bar.set_message(format!("{}: {table} {}", state.phase, HumanBytes(state.bytes)));
            state.bar.inc(rows);
            if !self.terminal && state.told.elapsed() >= EVERY {
                state.told = Instant::now();
                line(&format!("{} (table {table})", state.summary()));
            }
        });
    }

    fn say(&self, text: &str) {
        self.with(|state| {
            if self.terminal {
                state.bar.set_message(text.to_owned());
            } else {
                line(&format!("  {text}"));
            }
        });
    }
}

fn bar(rows: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows {
        Some(rows) => (
            ProgressBar::new(rows),
            "{bar:30} {human_pos}/{human_len} rows, {per_sec}, {eta} left  {msg}",
        ),
        None => {
            (ProgressBar::new_spinner(), "{spinner} {human_pos} rows, {per_sec}, {elapsed}  {msg}")
        }
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn line(text: &str) {
    // Who closed standard error does not want to read it.
    let _closed = writeln!(stderr(), "{text}");
}
