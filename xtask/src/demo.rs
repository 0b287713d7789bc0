//! `cargo xtask demo`

use crate::Result;
use crate::pg;
use crate::sh::Cmd;
use crate::workspace::{Backend, Workspace};

/// Runs the demo: the lifecycle of a platform through the store traits, printed step by step.
///
/// On SQLite it needs nothing. On PostgreSQL it uses the database in `STORE_POSTGRES_DSN`; without
/// that variable it starts a throw-away server and stops it at the end. Where there is a
/// PostgreSQL, the demo ends with its data moved to the other backend, compared, and back.
///
/// Everything after the options of this command goes to the demo, for example
/// `cargo xtask demo --backend postgres --input events.jsonl`. The demo's own options:
/// `cargo xtask demo -- --help`.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// The database to run on; must come before the demo's own arguments
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    /// Arguments of the demo itself
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "DEMO ARGS")]
    args: Vec<String>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        let has_dsn = std::env::var_os("STORE_POSTGRES_DSN").is_some_and(|dsn| !dsn.is_empty());
        // Where there is a PostgreSQL, everything is moved to the other backend and back.
        let feature = match self.backend {
            Backend::Sqlite if !has_dsn => self.backend.name(),
            _ => "migrate",
        };
        let demo = Cmd::cargo(["run", "--quiet", "-p", "store-tests", "--example", "demo"])
            .args(["--no-default-features", "--features", feature, "--"])
            .args(&self.args)
            // A DSN that happens to be set must not move the demo to the other backend.
            .env("STORE_BACKEND", self.backend.name());

        if self.backend == Backend::Sqlite || has_dsn {
            return demo.run();
        }
        let server = pg::ensure(&Workspace::load()?)?;
        let outcome = demo.secret_env("STORE_POSTGRES_DSN", server.url()).run();
        server.stop()?;
        outcome
    }
}
