//! `cargo xtask test-matrix`

mod outcomes;
mod report;
mod runner;
mod steps;
mod tally;

use std::time::Instant;

use crate::pg;
use crate::workspace::{Backend, Member, Workspace};
use crate::{Reported, Result};
pub(crate) use runner::Runner;
use steps::{MIGRATE, Matrix, Step};
pub(crate) use tally::{Counts, Outcomes};
use tally::{Suite, Tally};

/// The feature sets that each crate is built with.
const BUILDS: [(&str, &[Backend]); 4] = [
    ("none", &[]),
    ("sqlite", &[Backend::Sqlite]),
    ("postgres", &[Backend::Postgres]),
    ("both", &Backend::ALL),
];

/// Builds and tests every crate with each backend, with both and with none.
///
/// Builds each store crate with no backend, SQLite, PostgreSQL and both; runs the unit tests; runs
/// the whole suite with both backends, and its conformance part with each alone; runs the
/// documentation tests. Then prints a table, how many tests passed and failed, and fails if a
/// backend ran no behaviour at all.
///
/// PostgreSQL is `STORE_TEST_POSTGRES_URL` or a throw-away server, stopped at the end. Tests are run
/// by cargo-nextest if it is installed.
#[derive(clap::Args)]
pub(crate) struct TestMatrix {
    /// Only this crate, and the behaviours of its subsystem
    #[arg(long = "crate", value_name = "CRATE")]
    krate: Option<String>,
    /// Only what needs this backend
    #[arg(long, value_enum, default_value_t)]
    backend: Scope,
    /// Go on after a failure and report all of them
    #[arg(long)]
    keep_going: bool,
    /// Flags for the runner of the suite, after `--`
    #[arg(last = true)]
    flags: Vec<String>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Scope {
    Sqlite,
    Postgres,
    #[default]
    All,
}

impl Scope {
    fn backends(self) -> &'static [Backend] {
        match self {
            Scope::Sqlite => &[Backend::Sqlite],
            Scope::Postgres => &[Backend::Postgres],
            Scope::All => &Backend::ALL,
        }
    }

    /// The runs of the suite; the first is the whole suite, the others a smoke test.
    fn suites(self) -> &'static [Suite] {
        match self {
            Scope::Sqlite => &[Suite::Alone(Backend::Sqlite)],
            Scope::Postgres => &[Suite::Alone(Backend::Postgres)],
            Scope::All => {
                &[Suite::Both, Suite::Alone(Backend::Sqlite), Suite::Alone(Backend::Postgres)]
            }
        }
    }
}

impl TestMatrix {
    pub(crate) fn run(self) -> Result<()> {
        let start = Instant::now();
        let workspace = Workspace::load()?;
        // The tool that moves databases is no store: its tests run with both backends.
        let crates = match self.krate.as_deref() {
            Some(MIGRATE) => Vec::new(),
            only => workspace.stores(only)?,
        };
        let runner = Runner::find();
        let mut matrix =
            Matrix { runner, keep_going: self.keep_going, server: None, tally: Tally::default() };
        // Stopped early or not, the report is the same.
        let _ = self.steps(&workspace, &crates, &mut matrix);
        // The server's farewell comes before the report, whose last line is the result.
        if let Some(server) = matrix.server.take() {
            server.stop()?;
        }
        report::print(&matrix.tally, start.elapsed());
        if matrix.tally.failures.is_empty() { Ok(()) } else { Err(Reported.into()) }
    }

    fn steps(&self, workspace: &Workspace, crates: &[&Member], matrix: &mut Matrix) -> Step {
        let scope = self.backend.backends();
        for member in crates {
            for (label, backends) in BUILDS {
                let features = member.backend_features(backends);
                let declared =
                    backends.iter().all(|b| features.contains(&b.name()) && scope.contains(b));
                if declared {
                    matrix.build(member, label, &features)?;
                }
            }
        }
        if scope.contains(&Backend::Postgres) {
            match pg::ensure(workspace) {
                Ok(server) => matrix.server = Some(server),
                Err(error) => return matrix.fail(format!("PostgreSQL: {error}")),
            }
        }
        for member in crates {
            matrix.unit_tests(member, scope)?;
        }
        if self.krate.as_deref() == Some(MIGRATE) {
            return matrix.moves(&self.flags);
        }
        for (place, suite) in self.backend.suites().iter().enumerate() {
            matrix.suite(*suite, place > 0, self.krate.as_deref(), &self.flags)?;
        }
        for member in crates {
            matrix.doc_tests(member, scope)?;
        }
        Step::Continue(())
    }
}
