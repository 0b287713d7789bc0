//! The program that runs the tests.

use std::num::NonZero;

use crate::sh::Cmd;
use crate::workspace::feature_args;

/// The program that runs the tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    Nextest,
    CargoTest,
}

impl Runner {
    /// cargo-nextest if it is installed.
    pub(crate) fn find() -> Runner {
        match Cmd::cargo(["nextest", "--version"]).succeeds() {
            true => Runner::Nextest,
            false => Runner::CargoTest,
        }
    }

    /// The runner, so far without a filter. Whatever its settings are, it never retries, and it
    /// says how each test ended.
    pub(crate) fn tests(self, package: &str, features: &[&str]) -> Cmd {
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = (2 * cpus).to_string();
        let cmd = match self {
            Runner::Nextest => Cmd::cargo(["nextest", "run"]).args([
                "--retries",
                "0",
                // Tests wait for the disk and for the server more than they compute.
                "--test-threads",
                &threads,
                "--status-level",
                "pass",
                "--final-status-level",
                "fail",
            ]),
            Runner::CargoTest => Cmd::cargo(["test"]),
        };
        cmd.args(["-p", package]).args(feature_args(features))
    }

    /// Adds the names, or parts of names, of the tests to run.
    pub(crate) fn filtered(self, cmd: Cmd, filters: &[String], flags: &[String]) -> Cmd {
        if self == Runner::CargoTest && filters.len() > 1 {
            // Before the dashes cargo takes only one.
            cmd.arg("--").args(filters).args(flags)
        } else {
            cmd.args(filters).args(flags)
        }
    }
}
