//! Run history beside the raw drivers: each operation of the store, and a loop over the driver
//! that does the same durable work on the same tables, in one run on one machine.
//!
//! No benchmark framework: what is wanted are percentiles under concurrent callers and a ratio
//! between two sides measured in turns, and frameworks time one closure on one thread. The two
//! sides alternate round by round, so that a machine that becomes slower does so for both.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod load;
mod operation;
mod processes;
mod raw_postgres;
mod raw_sqlite;
mod report;
mod rounds;
mod rows;
mod store;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::operation::Operation;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures run history on both backends beside their raw drivers.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema of its own; it must run with
/// fsync=on. SQLite is a file for each side under target/bench, with synchronous=FULL.
#[derive(Parser, Debug)]
#[command(name = "history")]
struct Args {
    /// Only operations whose name contains one of these, such as `append_step`
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
    /// What a second process is told: the schema it appends in, and for which side
    #[arg(long, hide = true)]
    child: Option<String>,
    /// `cargo bench` passes this
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    Sqlite,
    Postgres,
}

/// What is measured, and for how long.
#[derive(Debug, Clone)]
struct Plan {
    operations: Vec<Operation>,
    callers: Vec<usize>,
    rounds: usize,
    round: Duration,
}

impl Args {
    fn plan(&self) -> Result<Plan> {
        let wanted = |operation: &Operation| {
            let name = operation.name();
            self.operations.is_empty() || self.operations.iter().any(|part| name.contains(part))
        };
        let operations: Vec<_> = Operation::ALL.into_iter().filter(wanted).collect();
        if operations.is_empty() {
            let names: Vec<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
            return Err(format!("no such operation; there are {}", names.join(", ")).into());
        }
        let (rounds, seconds) = if self.quick { (1, 0.3) } else { (self.rounds, self.seconds) };
        if rounds == 0 || self.callers.contains(&0) {
            return Err("rounds and callers must be at least 1".into());
        }
        let round = Duration::try_from_secs_f64(seconds)?;
        Ok(Plan { operations, callers: self.callers.clone(), rounds, round })
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(child) = &args.child {
        return runtime.block_on(processes::child(child));
    }
    let plan = args.plan()?;
    let mut rows = Vec::new();
    if args.backend != Some(Backend::Sqlite) {
        rows.extend(runtime.block_on(rounds::postgres(&plan))?);
    }
    if args.backend != Some(Backend::Postgres) {
        rows.extend(runtime.block_on(rounds::sqlite(&plan))?);
    }
    report::table(&plan, &rows);
    report::targets(&rows);
    Ok(())
}
