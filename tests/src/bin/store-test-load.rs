//! A load over all stores, in one or several processes: what `cargo xtask soak` runs.
//!
//! The database is that of the settings in the environment, such as `STORE_POSTGRES_DSN`.
//!
//! - `prepare` opens and migrates everything, creates the workflow of the load and prints its id;
//! - `drive PROCESS WORKFLOW CALLERS SECONDS JOURNAL` uses all stores from so many callers, and
//!   appends to a file what they acknowledge;
//! - `verify WORKFLOW JOURNAL…` checks that all of it is there, and prints a report;
//! - `share PROCESS CALLERS EACH` says `ready`, waits for a line, lets every caller do its share,
//!   and prints how long the fastest and the slowest took;
//! - `watch MOST EACH` looks at the connections of the server until a line comes, and prints the most
//!   there were, in all and of each application.
//!
//! It fails when something does not hold: facts that are lost, callers that wait for much longer than
//! others, more connections than allowed.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use store_tests::load::{self, Drive, Journal, Share, Stores};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let told = writeln!(std::io::stderr(), "{error}");
            if told.is_ok() { ExitCode::FAILURE } else { ExitCode::from(2) }
        }
    }
}

fn run() -> Outcome<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(carry_out(&arguments))
}

async fn carry_out(arguments: &[&str]) -> Outcome<bool> {
    match arguments {
        ["prepare"] => {
            let workflow = Stores::open().await?.prepare().await?;
            tell(&workflow.to_string())?;
        }
        ["drive", process, workflow, callers, seconds, journal] => {
            let drive = Drive {
                process: (*process).to_owned(),
                callers: callers.parse()?,
                lasts: Duration::from_secs(seconds.parse()?),
                workflow: workflow.parse()?,
            };
            load::drive(Stores::open().await?, &drive, Journal::open(Path::new(journal))).await;
        }
        ["verify", workflow, journals @ ..] => {
            let journals: Vec<PathBuf> = journals.iter().map(PathBuf::from).collect();
            let stores = Stores::open().await?;
            return told(load::verify(stores, workflow.parse()?, &journals).await?);
        }
        ["share", process, callers, each] => {
            let (callers, each) = (callers.parse()?, each.parse()?);
            let stores = Stores::open().await?;
            tell("ready")?;
            line().await?;
            let share = Share { process: (*process).to_owned(), callers, each };
            return told(load::share(&stores, &share).await?);
        }
        #[cfg(feature = "postgres")]
        ["watch", most, each] => {
            return told(load::watch(line(), most.parse()?, each.parse()?).await?);
        }
        _ => return Err("an unknown command".into()),
    }
    Ok(true)
}

/// Prints a report, and returns whether it is a good one.
fn told((report, holds): (String, bool)) -> Outcome<bool> {
    tell(&report)?;
    Ok(holds)
}

/// Prints at once.
fn tell(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// Reads a line, or nothing when the input has ended.
async fn line() -> Outcome<String> {
    Ok(tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_bytes| line)
    })
    .await??)
}
