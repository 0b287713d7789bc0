//! Run history beside the raw drivers: each operation of the store, and a loop over the driver
//! that does the same durable work on the same tables, in one run on one machine.
//!
//! No benchmark framework: what is wanted are percentiles under concurrent callers and a ratio
//! between two sides measured in turns, and frameworks time one closure on one thread. The two
//! sides alternate round by round, so that a machine that becomes slower does so for both.

#![expect(clippy::print_stdout, reason = "the table is the result")]

#[path = "../common/mod.rs"]
mod common;
mod operation;
mod processes;
mod raw_postgres;
mod raw_sqlite;
mod report;
mod rounds;
mod rows;
mod store;

use std::process::ExitCode;

use clap::Parser;

use crate::common::args::{self, Backend, Plan};
use crate::common::{Result, report as table};
use crate::operation::Operation;

/// Measures run history on both backends beside their raw drivers.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema of its own; it must run with
/// fsync=on. SQLite is a file for each side under target/bench, with synchronous=FULL.
#[derive(Parser, Debug)]
#[command(name = "history")]
struct Args {
    #[command(flatten)]
    common: args::Args,
    /// What a second process is told: the schema it appends in
    #[arg(long, hide = true)]
    child: Option<String>,
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
    let plan: Plan<Operation> = args.common.plan()?;
    let mut outcomes = Vec::new();
    if args.common.wants(Backend::Postgres) {
        outcomes.extend(runtime.block_on(rounds::postgres(&plan))?);
    }
    if args.common.wants(Backend::Sqlite) {
        outcomes.extend(runtime.block_on(rounds::sqlite(&plan))?);
    }
    table::table(plan.rounds, &outcomes);
    report::targets(&outcomes);
    Ok(())
}
