//! The main job of the stores, as an application would do it, printed step by step.
//!
//! `cargo xtask demo` runs it on SQLite, `cargo xtask demo --backend postgres` on PostgreSQL.

#![expect(clippy::print_stdout, reason = "showing what happens is what a demo is for")]

mod appending;
mod chatkit;
mod checkpoints;
mod configuration;
mod digest;
mod health;
mod history;
mod input;
mod input_line;
#[cfg(feature = "migrate")]
mod moving;
mod read_back;
mod report;
mod story;
mod tasks;
mod tokens;
mod vault;
mod worker_process;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::read_back::Written;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

/// The life of a workflow and of one of its runs through the store traits, printed step by step.
///
/// A workflow is created, versioned and published. Cron, a webhook and somebody by hand start
/// runs; one is started by a hundred tasks at once, one is cancelled, one fails and is retried. A
/// listener dispatches an event. Workers carry out what is left; one of them is killed in the
/// middle of a run. The workflow is archived. Then a real agent run is recorded in
/// the history: its steps one by one, as a batch and from 32 tasks at once, its tasks and their
/// results; it is finished, listed, paged, streamed, and counted by a prune that deletes nothing.
/// A service token is minted, refused, authenticated, rotated and revoked, and its audit checked.
/// Checkpoints of training are recorded, ranked, compared and pruned; the state of a graph run is
/// saved step by step, resumed, copied and pruned. A conversation is saved, added to by two hundred
/// callers at once, paged, filtered and searched; a file is attached to it, and removed when the
/// conversation was pruned. A credential is sealed, refused, revealed, rotated and restored; one is
/// issued from a template and its tokens refreshed by one of twenty tasks; the key that seals is changed.
/// In the end this program starts itself again and checks that everything is there; where there is
/// a PostgreSQL, everything is moved to the other database, compared row by row, and back. It can be run
/// as often as you like: each time with a workflow and an execution of its own.
///
/// Without --input the steps are those of `tests/data/agent_run.jsonl`. Where all is kept is
/// decided by the environment, or by a file `.env` in the working directory for what the
/// environment does not set: `STORE_BACKEND` (sqlite or postgres), `STORE_SQLITE_PATH` (otherwise
/// `target/demo/stores.sqlite`), `STORE_POSTGRES_DSN`; with `STORE_VAULT_KEY` the secret of the
/// webhook is sealed, and credentials with that key instead of one from a file beside the database.
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
    /// What the second process is told: what the first has written.
    #[arg(long, hide = true)]
    read_back: Option<Written>,
    /// Makes this process a worker that never ends what it claims.
    #[arg(long, hide = true)]
    work: bool,
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
        if args.work {
            return worker_process::run(settings).await;
        }
        match args.read_back {
            Some(written) => read_back::run(settings, &written).await,
            None => story::tell(settings, input::read(args.input.as_deref())?).await,
        }
    })
}
