//! The arguments of a benchmark, and what they ask for.

use std::time::Duration;

use clap::ValueEnum;

use super::Result;

/// What every benchmark is told.
// The group is named after the struct otherwise, and so is that of a benchmark which flattens this.
#[derive(clap::Args, Debug)]
#[group(id = "common")]
pub(crate) struct Args {
    /// Only operations whose name contains one of these
    operations: Vec<String>,
    /// Only this backend
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// Concurrent callers
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 100])]
    callers: Vec<usize>,
    /// Rounds of each side; what is printed are medians over them
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// One round of 0.3 seconds: to see that it works, not to compare
    #[arg(long)]
    quick: bool,
    /// `cargo bench` passes this
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// The operations of one benchmark, in the order in which they are measured.
pub(crate) trait Measured: Copy + Eq + 'static {
    const ALL: &'static [Self];

    fn name(self) -> &'static str;

    /// The numbers of callers it is measured with, of those that were asked for.
    fn callers(self, asked: &[usize]) -> Vec<usize> {
        asked.to_vec()
    }
}

/// How often each side is measured, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) length: Duration,
}

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Plan<O> {
    pub(crate) operations: Vec<O>,
    pub(crate) callers: Vec<usize>,
    pub(crate) rounds: Rounds,
}

impl Args {
    pub(crate) fn plan<O: Measured>(&self) -> Result<Plan<O>> {
        let wanted = |operation: &O| {
            let name = operation.name();
            self.operations.is_empty() || self.operations.iter().any(|part| name.contains(part))
        };
        let operations: Vec<O> = O::ALL.iter().copied().filter(wanted).collect();
        if operations.is_empty() {
            let names: Vec<_> = O::ALL.iter().map(|operation| operation.name()).collect();
            return Err(format!("no such operation; there are {}", names.join(", ")).into());
        }
        let (count, seconds) = if self.quick { (1, 0.3) } else { (self.rounds, self.seconds) };
        if count == 0 || self.callers.contains(&0) {
            return Err("rounds and callers must be at least 1".into());
        }
        let rounds = Rounds { count, length: Duration::try_from_secs_f64(seconds)? };
        Ok(Plan { operations, callers: self.callers.clone(), rounds })
    }

    /// Tells whether a backend is to be measured.
    pub(crate) fn wants(&self, backend: Backend) -> bool {
        self.backend.is_none_or(|only| only == backend)
    }
}

impl<O: Measured> Plan<O> {
    /// Each operation with each number of callers.
    pub(crate) fn combinations(&self) -> impl Iterator<Item = (O, usize)> + '_ {
        let of = |operation: O| {
            let callers = operation.callers(&self.callers);
            callers.into_iter().map(move |callers| (operation, callers))
        };
        self.operations.iter().copied().flat_map(of)
    }
}
