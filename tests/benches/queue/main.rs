//! The job queue beside the raw drivers: each operation of the store, and a loop over the driver
//! that does the same durable work on the same tables, in one run on one machine.
//!
//! The raw side claims by one statement and completes by one statement, with plain values where the
//! store has arrays of one. It checks nothing, serialises nothing, looks for no limits, makes
//! nothing available whose time has come, and tells nobody that there is work.

#![expect(clippy::print_stdout, reason = "the table is the result")]

#[path = "../common/mod.rs"]
mod common;
mod held;
mod operation;
mod pickup;
mod postgres_connection;
mod postgres_sql;
mod raw;
mod raw_postgres;
mod raw_sqlite;
mod report;
mod rounds;
mod rows;
mod side;
mod sqlite_statements;
mod store;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::common::args::{self, Backend, Plan};
use crate::common::{Result, report as table};
use crate::operation::Operation;
use crate::rounds::{Asked, Measurements};

/// Measures the job queue on both backends beside their raw drivers.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema of its own; it must run with
/// fsync=on. SQLite is a file for each side under target/bench, with synchronous=FULL.
#[derive(Parser, Debug)]
#[command(name = "queue")]
struct Args {
    #[command(flatten)]
    common: args::Args,
    /// Concurrent workers, which claim jobs and complete them
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64])]
    workers: Vec<usize>,
    /// Seconds for which a transaction is held open; 120, or 10 when there is one round
    #[arg(long)]
    held_seconds: Option<f64>,
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
    let plan: Plan<Operation> = args.common.plan()?;
    if args.workers.contains(&0) {
        return Err("workers must be at least 1".into());
    }
    let by_default = if plan.rounds.count == 1 { 10.0 } else { 120.0 };
    let held = Duration::try_from_secs_f64(args.held_seconds.unwrap_or(by_default))?;
    let asked = Asked { plan, workers: args.workers.clone(), held };
    let mut measured = Measurements::default();
    if args.common.wants(Backend::Postgres) {
        measured.append(runtime.block_on(rounds::postgres(&asked))?);
    }
    if args.common.wants(Backend::Sqlite) {
        measured.append(runtime.block_on(rounds::sqlite(&asked))?);
    }
    if !measured.outcomes.is_empty() {
        table::table(asked.plan.rounds, &measured.outcomes);
    }
    report::notes(&measured);
    report::targets(&measured);
    Ok(())
}
