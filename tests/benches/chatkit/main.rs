//! Conversations beside the raw drivers: each operation of the store, and a loop over the driver
//! that does the same durable work on tables of its own, in one run on one machine.
//!
//! The raw side cuts no text into words, checks nothing and serialises nothing.

#![expect(clippy::print_stdout, reason = "the table is the result")]

#[path = "../common/mod.rs"]
mod common;
mod conversation;
mod operation;
mod raw_postgres;
mod raw_sqlite;
mod report;
mod rounds;
mod rows;
mod seed;
mod store;

use std::process::ExitCode;

use clap::Parser;

use crate::common::args::{self, Backend, Plan};
use crate::common::{Result, report as table};
use crate::operation::Operation;

/// Measures conversations on both backends beside their raw drivers.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema for each side; it must run
/// with fsync=on. SQLite is a file for each side under target/bench, with synchronous=FULL. Each
/// side is filled with 101,000 items and 10,000 threads before anything is measured.
#[derive(Parser, Debug)]
#[command(name = "chatkit")]
struct Arguments {
    #[command(flatten)]
    common: args::Args,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let plan: Plan<Operation> = args.common.plan()?;
    let mut outcomes = Vec::new();
    if args.common.wants(Backend::Postgres) {
        outcomes.extend(runtime.block_on(rounds::postgres(&plan))?);
    }
    if args.common.wants(Backend::Sqlite) {
        outcomes.extend(runtime.block_on(rounds::sqlite(&plan))?);
    }
    table::table(plan.rounds, &outcomes);
    println!("\n{}", report::NOTES);
    report::targets(&outcomes);
    Ok(())
}
