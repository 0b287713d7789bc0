//! `store-migrate` beside `psql \copy` of the same rows, the fastest way a client has into
//! PostgreSQL, and beside `pgloader` when that is installed.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod limit;
mod moved;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures how fast a database moves from SQLite to PostgreSQL and back.
///
/// The source is a file under target/bench with the tables of run history: many small steps, or
/// few large values. PostgreSQL is the server in `STORE_TEST_POSTGRES_URL`, in schemas of its own.
/// `\copy` loads the same rows into a table with the same columns, without any index, from a file
/// in the text format: what `store-migrate` does besides (reading SQLite, converting, hashing,
/// bookkeeping) is not in it.
#[derive(Parser, Debug)]
#[command(name = "migrate")]
struct Args {
    /// How many steps
    #[arg(long, default_value_t = 1_000_000)]
    steps: u32,
    /// How many large blobs
    #[arg(long, default_value_t = 8)]
    blobs: u32,
    /// MiB of each of them
    #[arg(long, default_value_t = 100)]
    blob_mib: u32,
    /// Passed by `cargo bench`
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
    let dir = tempfile::tempdir_in(directory()?)?;
    println!(
        "{:<34} {:>12} {:>10} {:>10} {:>9} {:>9}",
        "", "rows/s", "MB/s", "seconds", "of \\copy", "peak MiB"
    );
    let steps = dir.path().join("steps.db");
    runtime.block_on(source::steps(&steps, args.steps))?;
    measure(&runtime, &format!("{} steps", args.steps), &steps, "history_steps")?;
    let blobs = dir.path().join("blobs.db");
    runtime.block_on(source::blobs(&blobs, args.blobs, u64::from(args.blob_mib) << 20))?;
    let label = format!("{} blobs of {} MiB", args.blobs, args.blob_mib);
    measure(&runtime, &label, &blobs, "graph_blobs")
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    label: &str,
    source: &std::path::Path,
    table: &str,
) -> Result<()> {
    println!("{label}");
    let target = runtime.block_on(moved::Schema::create())?;
    let there = moved::run("run", &moved::sqlite(source), &target.url)?;
    // The text file is as large again as its values; a bench of blobs is about memory.
    let limit = limit::copy(runtime, &target, table, source)?;
    moved::report("copy to PostgreSQL", &there.copied(), Some(limit));
    moved::report("  the whole run, validation too", &there.whole(), None);
    println!(
        "{:<34} {:>12.0} {:>10} {:>10.2}",
        "psql \\copy",
        limit.rows_per_second(),
        "",
        limit.seconds
    );
    match limit::pgloader(runtime, source)? {
        Some(seconds) => {
            let per_second = limit.rows / seconds;
            println!("{:<34} {per_second:>12.0} {:>10} {seconds:>10.2}", "pgloader", "");
        }
        None => println!("pgloader: not installed, or it failed"),
    }
    let back = source.with_extension("back.db");
    let returned = moved::run("rollback", &target.url, &moved::sqlite(&back))?;
    moved::report("copy to SQLite", &returned.copied(), None);
    if there.root != returned.root {
        return Err(format!("{label}: the root hashes differ there and back").into());
    }
    runtime.block_on(target.drop())
}

fn directory() -> Result<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
