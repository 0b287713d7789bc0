//! Credentials beside the raw drivers: each operation of the vault, and a loop over the driver and
//! AES-256-GCM that does the same durable work on the same tables, in one run on one machine.
//!
//! The raw side sends the statements that the store sends for a lone caller, one by one; it seals
//! once where the store seals a value and its data key, checks nothing and hashes nothing.

#![expect(clippy::print_stdout, reason = "the table is the result")]

#[path = "../common/mod.rs"]
mod common;
mod operation;
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

/// Measures credentials on both backends beside their raw drivers.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema of its own; it must run with
/// fsync=on. SQLite is a file for each side under target/bench, with synchronous=FULL.
#[derive(Parser, Debug)]
#[command(name = "vault")]
struct Args {
    #[command(flatten)]
    common: args::Args,
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
    let mut outcomes = Vec::new();
    if args.common.wants(Backend::Postgres) {
        outcomes.extend(runtime.block_on(rounds::postgres(&plan))?);
    }
    if args.common.wants(Backend::Sqlite) {
        outcomes.extend(runtime.block_on(rounds::sqlite(&plan))?);
    }
    table::table(plan.rounds, &outcomes);
    println!("\n{}", report::NOTES);
    report::figures(&outcomes);
    Ok(())
}
