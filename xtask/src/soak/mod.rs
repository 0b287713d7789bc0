//! `cargo xtask soak`

mod guide;
mod load;
mod pgbouncer;
mod pooler;
mod processes;
mod transactions;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::pg::Lock;
use crate::sh::Cmd;
use crate::test_matrix::Runner;
use crate::workspace::{Backend, Workspace, feature_args};
use crate::{Reported, Result};

/// What the whole suite is built with: what is built here is built for `test-matrix` too.
const FEATURES: [&str; 3] = ["sqlite", "postgres", "migrate"];

/// Runs what is too slow for the test matrix: the stores at scale, on servers that fail.
///
/// Every part starts servers of its own, on the loopback address, and stops them again. They need
/// PostgreSQL's server binaries, and the first two PgBouncer as well; on Debian and Ubuntu, as root,
/// missing ones are installed. `STORE_TEST_PGBOUNCER` names another PgBouncer than the one that is
/// installed.
///
/// Example: `cargo xtask soak load --minutes 30` runs the load for half an hour.
#[derive(clap::Args)]
pub(crate) struct Soak {
    /// What is run, one part after the other; all of them, unless some are named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How long the load goes on
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// What the load is on; on SQLite processes are killed, and there is no server
    #[arg(long, value_enum, default_value_t = Backend::Postgres)]
    backend: Backend,
    /// A short run of every part, as CI has it: some subsystems behind the pooler, a minute of load
    #[arg(long)]
    brief: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The PostgreSQL suite through PgBouncer in session mode, as `docs/pgbouncer.md` sets it up
    Pooler,
    /// The load through PgBouncer in transaction mode, which needs version 1.21
    Transactions,
    /// Two processes with 200 callers each on pools of 10: all are served, none waits for long
    Processes,
    /// A hundred callers over all stores, while servers and processes are killed; then everything
    /// that was acknowledged is looked for
    Load,
}

impl Part {
    const ALL: [Part; 4] = [Part::Pooler, Part::Transactions, Part::Processes, Part::Load];
}

/// What the parts share.
struct Plan {
    workspace: Workspace,
    runner: Runner,
    brief: bool,
    minutes: u32,
}

impl Soak {
    pub(crate) fn run(self) -> Result<()> {
        let plan = Plan {
            workspace: Workspace::load()?,
            runner: Runner::find(),
            brief: self.brief,
            minutes: self.minutes,
        };
        let _lock = Lock::acquire(&plan.workspace.target, "soak.lock")?;
        let parts = if self.parts.is_empty() { Part::ALL.to_vec() } else { self.parts };
        plan.build()?;
        let mut lines = Vec::new();
        for part in parts {
            let start = Instant::now();
            let outcome = match part {
                Part::Pooler => pooler::run(&plan),
                Part::Transactions => transactions::run(&plan),
                Part::Processes => processes::run(&plan),
                Part::Load => load::run(&plan, self.backend),
            };
            let took = start.elapsed().as_secs();
            lines.push(match &outcome {
                Ok(summary) => format!("{part:?}: {summary}, {took} s"),
                Err(error) => format!("{part:?}: FAILED after {took} s: {error}"),
            });
            if outcome.is_err() {
                break;
            }
        }
        println!();
        let failed = lines.iter().any(|line| line.contains(": FAILED after "));
        lines.iter().for_each(|line| println!("soak: {}", line.to_lowercase()));
        if failed { Err(Reported.into()) } else { Ok(()) }
    }
}

impl Plan {
    /// Compiles once, for all parts and for the test matrix.
    fn build(&self) -> Result<()> {
        Cmd::cargo(["test", "--no-run", "-p", "store-tests"])
            .args(feature_args(&FEATURES))
            .args(["-p", "store-migrate", "--test", "conformance"])
            .run()
    }

    /// The test runner with the package of tests.
    fn tests(&self) -> Cmd {
        self.runner.tests("store-tests", &FEATURES)
    }

    /// How long the load goes on.
    fn lasts(&self) -> Duration {
        Duration::from_secs(60 * if self.brief { 1 } else { u64::from(self.minutes) })
    }

    /// The program that the load is made of, as it was built with the tests.
    fn program(&self) -> Result<PathBuf> {
        let program = self.workspace.target.join("debug").join("store-test-load");
        let is_there = program.is_file();
        is_there.then_some(program).ok_or_else(|| "store-test-load was not built".into())
    }
}
