//! The steps of a test matrix.

use std::ops::ControlFlow;
use std::time::Instant;

use super::runner::Runner;
use super::tally::{Outcomes, Suite, Tally};
use crate::pg::Server;
use crate::sh::Cmd;
use crate::workspace::{Backend, Member, feature_args};

/// The tool that moves databases.
pub(super) const MIGRATE: &str = "store-migrate";

/// `Break` after the first failure, unless told to keep going.
pub(super) type Step = ControlFlow<()>;

pub(super) struct Matrix {
    pub(super) runner: Runner,
    pub(super) keep_going: bool,
    pub(super) server: Option<Server>,
    pub(super) tally: Tally,
}

impl Matrix {
    /// Records a failure that no test stands for.
    pub(super) fn fail(&mut self, what: String) -> Step {
        self.tally.fail(what, false);
        self.after_failure()
    }

    fn after_failure(&self) -> Step {
        if self.keep_going { Step::Continue(()) } else { Step::Break(()) }
    }

    pub(super) fn build(
        &mut self,
        member: &Member,
        label: &'static str,
        features: &[&str],
    ) -> Step {
        let start = Instant::now();
        let built =
            Cmd::cargo(["build", "-p", &member.name]).args(feature_args(features)).run().is_ok();
        let took = built.then(|| start.elapsed());
        self.tally.builds.push((member.name.clone(), label, took));
        if built {
            return Step::Continue(());
        }
        self.fail(format!("{} does not build with features: {label}", member.name))
    }

    pub(super) fn unit_tests(&mut self, member: &Member, backends: &[Backend]) -> Step {
        let cmd = self.tests(&member.name, &member.features_within(backends));
        let cmd = match self.runner {
            // A crate without unit tests is no failure.
            Runner::Nextest => cmd.arg("--no-tests=pass"),
            Runner::CargoTest => cmd.arg("--tests"),
        };
        self.run(format!("unit tests of {}", member.name), self.runner, None, cmd)
    }

    pub(super) fn doc_tests(&mut self, member: &Member, backends: &[Backend]) -> Step {
        let features = feature_args(&member.features_within(backends));
        let cmd = Cmd::cargo(["test", "--doc", "-p", &member.name]).args(features);
        let label = format!("documentation tests of {}", member.name);
        self.run(label, Runner::CargoTest, None, cmd)
    }

    /// The suite, or its conformance part as a smoke test.
    pub(super) fn suite(
        &mut self,
        suite: Suite,
        smoke: bool,
        krate: Option<&str>,
        flags: &[String],
    ) -> Step {
        let backends = suite.backends();
        let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
        // Moving databases needs both backends: its tests are compiled only there.
        let moves = suite == Suite::Both;
        let features: Vec<&str> = names.iter().copied().chain(moves.then_some("migrate")).collect();
        let mut cmd = self.tests("store-tests", &features);
        if moves && krate.is_none() {
            // In the same build: on its own it would compile every store once more.
            cmd = cmd.args(["-p", MIGRATE]);
        }
        if smoke {
            cmd = cmd.args(["--test", "conformance"]);
        }
        cmd = self.runner.filtered(cmd, &filters(krate), flags);
        let label = format!("suite with {}", names.join(" and "));
        let before = self.tally.failures.len();
        self.run(label.clone(), self.runner, Some(suite), cmd)?;
        if self.tally.failures.len() > before {
            return Step::Continue(());
        }
        for backend in backends {
            if self.tally.behaviours_of(suite, backend) == 0 {
                self.fail(format!("{label}: 0 behaviours ran on {backend}"))?;
            }
        }
        Step::Continue(())
    }

    /// The tests of the tool that moves databases, alone.
    pub(super) fn moves(&mut self, flags: &[String]) -> Step {
        let features = ["sqlite", "postgres", "migrate"];
        let mut cmd = self.tests("store-tests", &features).args(["-p", MIGRATE]);
        for target in ["--lib", "--bins"] {
            cmd = cmd.arg(target);
        }
        for target in ["migrate", "migrate_orcheo", "archive", "auto", "schemas", "sync"] {
            cmd = cmd.args(["--test", target]);
        }
        self.run(format!("tests of {MIGRATE}"), self.runner, None, cmd.args(flags))
    }

    fn tests(&self, package: &str, features: &[&str]) -> Cmd {
        let cmd = self.runner.tests(package, features);
        if self.keep_going { cmd.arg("--no-fail-fast") } else { cmd }
    }

    fn run(&mut self, label: String, runner: Runner, suite: Option<Suite>, cmd: Cmd) -> Step {
        let cmd = match &self.server {
            Some(server) => server.export(cmd),
            None => cmd,
        };
        let mut outcomes = Outcomes::of(runner);
        let ended = cmd.stream(|line| outcomes.line(line));
        let explained = outcomes.any_failed();
        self.tally.add(suite, outcomes);
        let label = match ended {
            Ok(true) if !explained => return Step::Continue(()),
            Ok(_) => label,
            Err(error) => format!("{label}: {error}"),
        };
        self.tally.fail(label, explained);
        self.after_failure()
    }
}

/// The behaviours to run for a crate: those of its subsystems. Everything runs on store-core and is
/// read by store-migrate, so for these there is no filter.
fn filters(krate: Option<&str>) -> Vec<String> {
    let subsystems = match krate {
        None | Some("store-core" | "store-migrate") => vec![],
        Some("store-checkpoints") => vec!["checkpoints", "graph"],
        Some("store-workflow") => vec!["workflow", "queue"],
        Some(name) => vec![name.trim_start_matches("store-")],
    };
    subsystems.into_iter().map(|subsystem| format!("{subsystem}::")).collect()
}
