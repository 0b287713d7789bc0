//! What a start costs: opening all stores of an application on a database that has their tables,
//! and what the process then holds in memory while it waits.

#![expect(clippy::print_stdout, reason = "the table is the result")]

// Every benchmark uses a part of what they share.
#[expect(dead_code, reason = "the other benchmarks use the rest")]
#[path = "../common/mod.rs"]
mod common;
mod process;

use std::process::ExitCode;

use clap::Parser;
use store_core::Databases;
use store_tests::fixture::all;
use store_tests::fixture::postgres::url;

use crate::common::args::Backend;
use crate::common::load::median;
use crate::common::report::verdict;
use crate::common::{Result, postgres, rounds};
use crate::process::{Place, Start, start};

/// Opening all stores on SQLite, in milliseconds.
const SQLITE_MS: f64 = 50.0;

/// What a process with all stores open holds, in MiB.
const RESIDENT_MIB: f64 = 30.0;

/// Starts processes that open all stores on an existing database, one after the other.
///
/// PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in a schema of its own. SQLite is a file
/// under target/bench. The processes are this program itself, with nothing else in it: no server,
/// no application.
#[derive(Parser, Debug)]
#[command(name = "startup")]
struct Args {
    /// Only this backend
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// Processes that are started
    #[arg(long, default_value_t = 21)]
    starts: usize,
    /// The database that a started process opens, and the schema in it
    #[arg(long, hide = true, num_args = 2)]
    open: Option<Vec<String>>,
    /// `cargo bench` passes this
    #[arg(long, hide = true)]
    bench: bool,
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
    if let Some([dsn, schema]) = args.open.as_deref() {
        return runtime.block_on(process::opened(&Place::named(dsn, schema)));
    }
    if args.starts == 0 {
        return Err("at least one process has to be started".into());
    }
    println!("Medians over {} processes, the slowest in brackets.\n", args.starts);
    println!(
        "{:10}{:>22}{:>12}{:>14}",
        "backend", "all stores open, ms", "statements", "resident MiB"
    );
    let wanted = |backend| args.backend.is_none_or(|only| only == backend);
    let mut figures = Vec::new();
    if wanted(Backend::Sqlite) {
        figures.push(("sqlite", runtime.block_on(sqlite(args.starts))?));
    }
    if wanted(Backend::Postgres) {
        figures.push(("postgres", runtime.block_on(on_postgres(args.starts))?));
    }
    println!("\nFigures");
    for (backend, starts) in &figures {
        targets(backend, starts);
    }
    Ok(())
}

async fn sqlite(starts: usize) -> Result<Vec<Start>> {
    let directory = tempfile::tempdir_in(rounds::bench_directory()?)?;
    let path = directory.path().join("stores.sqlite");
    let path = path.to_str().ok_or("the path is not valid UTF-8")?;
    measure("sqlite", &Place::File(path.to_owned()), starts).await
}

async fn on_postgres(starts: usize) -> Result<Vec<Start>> {
    postgres::in_schema(async |schema| {
        measure("postgres", &Place::Schema { dsn: url(), schema: schema.to_owned() }, starts).await
    })
    .await
}

/// Makes the database, starts the processes, and prints a line of the table.
async fn measure(backend: &str, place: &Place, starts: usize) -> Result<Vec<Start>> {
    let databases = Databases::new(place.settings()?);
    drop(all::open_all(&databases).await?);
    databases.close().await;
    let mut all = Vec::new();
    for _ in 0..starts {
        all.push(start(place).await?);
    }
    println!(
        "{backend:10}{:>13.1} ({:>6.1}){:>12.0}{:>14.1}",
        median(of(&all, |start| start.milliseconds)),
        largest(of(&all, |start| start.milliseconds)),
        median(of(&all, |start| start.statements)),
        median(of(&all, |start| start.resident_mib)),
    );
    Ok(all)
}

fn targets(backend: &str, starts: &[Start]) {
    let milliseconds = median(of(starts, |start| start.milliseconds));
    if backend == "sqlite" {
        let what = format!("sqlite: all stores open in less than {SQLITE_MS} ms");
        verdict(Some(milliseconds < SQLITE_MS), &what, Some(&format!("{milliseconds:.1} ms")));
    }
    let resident = largest(of(starts, |start| start.resident_mib));
    let what = format!("{backend}: less than {RESIDENT_MIB} MiB resident");
    verdict(Some(resident < RESIDENT_MIB), &what, Some(&format!("{resident:.1} MiB")));
}

fn of(starts: &[Start], figure: fn(&Start) -> f64) -> Vec<f64> {
    starts.iter().map(figure).collect()
}

fn largest(figures: Vec<f64>) -> f64 {
    figures.into_iter().fold(0.0, f64::max)
}
