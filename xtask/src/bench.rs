//! `cargo xtask bench`

use crate::Result;
use crate::pg;
use crate::sh::Cmd;
use crate::workspace::Workspace;

/// Runs the benchmarks of one area on both backends.
///
/// PostgreSQL is `STORE_TEST_POSTGRES_URL` or a throw-away server, which runs with `fsync=on`: the
/// numbers include what durability costs. Example: `cargo xtask bench history -- append_step`.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// The benchmark target of the package `store-tests`
    #[arg(default_value = "history")]
    area: String,
    /// Arguments of the benchmark itself, after `--`
    #[arg(last = true)]
    args: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let server = pg::ensure(&Workspace::load()?)?;
        let bench = Cmd::cargo(["bench", "-p", "store-tests", "--bench", &self.area, "--"]);
        let outcome = server.export(bench.args(&self.args)).run();
        server.stop()?;
        outcome
    }
}
