//! `cargo xtask bench`

use crate::Result;
use crate::pg;
use crate::sh::Cmd;
use crate::workspace::Workspace;

/// The benchmark targets of the package `store-tests`.
const AREAS: [&str; 9] = [
    "history",
    "workflow",
    "queue",
    "tokens",
    "checkpoints",
    "chatkit",
    "vault",
    "startup",
    "migrate",
];

/// Runs the benchmarks of areas on both backends, each operation beside the raw driver.
///
/// PostgreSQL is `STORE_TEST_POSTGRES_URL` or a throw-away server, which runs with `fsync=on`: the
/// numbers include what durability costs. Example: `cargo xtask bench history -- append_step`.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// What is measured, one area after the other
    #[arg(value_parser = AREAS, default_values = AREAS)]
    areas: Vec<String>,
    /// Arguments of the benchmarks themselves, after `--`; `-- --help` lists them
    #[arg(last = true)]
    args: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let server = pg::ensure(&Workspace::load()?)?;
        let outcome = self.areas.iter().try_for_each(|area| {
            let bench = Cmd::cargo(["bench", "-p", "store-tests", "--bench", area, "--"]);
            server.export(bench.args(&self.args)).run()
        });
        server.stop()?;
        outcome
    }
}
