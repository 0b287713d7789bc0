//! Development commands of the workspace: `cargo xtask --help`.
//!
//! One file per command. Every command prints the command lines it runs, so that any of them can be
//! copied into a shell.
#![expect(clippy::print_stdout, reason = "printing results is what these commands are for")]

mod bench;
mod check_deps;
mod check_features;
mod clippy;
mod demo;
mod deny;
mod downstream;
mod guides;
mod migrations;
mod minimal_versions;
mod msrv;
mod parity;
mod pg;
mod release;
mod schema;
mod semver;
mod sh;
mod soak;
#[cfg(test)]
mod test_dir;
mod test_matrix;
mod tidy;
mod tool;
mod workspace;

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use clap::Parser;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Development commands of the workspace.
///
/// `test-matrix`, `bench` and `soak` need PostgreSQL and start a throw-away server themselves; set
/// `STORE_TEST_POSTGRES_URL` to use a server of your own.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Cli {
    Demo(demo::Demo),
    Downstream(downstream::Downstream),
    Bench(bench::Bench),
    #[command(subcommand)]
    Pg(pg::Pg),
    TestMatrix(test_matrix::TestMatrix),
    CheckFeatures(check_features::CheckFeatures),
    CheckDeps(check_deps::CheckDeps),
    #[command(subcommand)]
    Schema(schema::Schema),
    #[command(subcommand)]
    Migrations(migrations::Migrations),
    Parity(parity::Parity),
    Guides(guides::Guides),
    Clippy(clippy::Clippy),
    Tidy(tidy::Tidy),
    Msrv(msrv::Msrv),
    MinimalVersions(minimal_versions::MinimalVersions),
    Deny(deny::Deny),
    Semver(semver::Semver),
    #[command(subcommand)]
    Release(release::Release),
    Soak(soak::Soak),
}

impl Cli {
    fn run(self) -> Result<()> {
        match self {
            Cli::Demo(command) => command.run(),
            Cli::Downstream(command) => command.run(),
            Cli::Bench(command) => command.run(),
            Cli::Pg(command) => command.run(),
            Cli::Release(command) => command.run(),
            Cli::TestMatrix(command) => command.run(),
            Cli::CheckFeatures(command) => command.run(),
            Cli::CheckDeps(command) => command.run(),
            Cli::Schema(command) => command.run(),
            Cli::Migrations(command) => command.run(),
            Cli::Parity(command) => command.run(),
            Cli::Guides(command) => command.run(),
            Cli::Clippy(command) => command.run(),
            Cli::Tidy(command) => command.run(),
            Cli::Msrv(command) => command.run(),
            Cli::MinimalVersions(command) => command.run(),
            Cli::Deny(command) => command.run(),
            Cli::Semver(command) => command.run(),
            Cli::Soak(command) => command.run(),
        }
    }
}

/// The command failed and has already said why: nothing more is printed.
#[derive(Debug)]
pub(crate) struct Reported;

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed, as reported above")
    }
}

impl Error for Reported {}

/// Prints the problems a check found and fails if there are any.
pub(crate) fn verdict(check: &str, problems: &[String]) -> Result<()> {
    for problem in problems {
        eprintln!("{check}: {problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(format!("{check}: 1 problem").into()),
        n => Err(format!("{check}: {n} problems").into()),
    }
}

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<Reported>() {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
