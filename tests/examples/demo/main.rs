//! The main job of the stores, as an application would do it, printed step by step.
//!
//! `cargo xtask demo` runs it on SQLite, `cargo xtask demo --backend postgres` on PostgreSQL.

#![expect(clippy::print_stdout, reason = "showing what happens is what a demo is for")]

mod appending;
mod configuration;
mod digest;
mod input;
mod input_line;
mod read_back;
mod report;
mod story;
mod tasks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::digest::Digest;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Records a real agent run through the store traits, and reads it back from a second process.
///
/// An execution is started; its steps are appended one by one, as a batch and from 32 tasks at
/// once; tasks and results are recorded; it is finished, listed, paged, streamed, and counted by
/// a prune that deletes nothing. Then this program starts itself again and checks that everything
/// is there. It can be run as often as you like: each run is an execution of its own.
///
/// Without --input the steps are those of `tests/data/agent_run.jsonl`. Where they are kept is
/// decided by the environment, or by a file `.env` in the working directory for what the
/// environment does not set: `STORE_BACKEND` (sqlite or postgres), `STORE_SQLITE_PATH` (otherwise
/// `target/demo/stores.sqlite`), `STORE_POSTGRES_DSN`.
#[derive(Parser)]
#[command(name = "demo")]
struct Args {
    /// Your own steps: a file of JSON Lines, one object per line.
    ///
    /// A line whose keys are among `at`, `kind`, `name`, `payload`, `usage` and
    /// `idempotency_key`, `payload` included, is taken as such a step. Of any other line the
    /// whole object is the payload. The file is read into memory.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What the second process is told: the execution to read.
    #[arg(long, hide = true, requires = "expect")]
    read_back: Option<String>,
    /// What the second process is told: what the first has written.
    #[arg(long, hide = true)]
    expect: Option<Digest>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    let settings = configuration::load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match (args.read_back, args.expect) {
            (Some(id), Some(expected)) => read_back::run(settings, &id, expected).await,
            _ => story::tell(settings, input::read(args.input.as_deref())?).await,
        }
    })
}
