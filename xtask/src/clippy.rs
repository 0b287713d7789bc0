//! `cargo xtask clippy`

use crate::Result;
use crate::sh::Cmd;
use crate::workspace::{Backend, Workspace, feature_args};

/// Runs clippy with warnings as errors: each store crate per feature set, then the workspace.
///
/// The feature sets are none, SQLite and PostgreSQL: code that only one of them compiles is linted
/// in that one, and what only the other one uses shows up as dead. The workspace has all of them.
#[derive(clap::Args)]
pub(crate) struct Clippy {}

impl Clippy {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        for member in workspace.stores(None)? {
            let clippy = || Cmd::cargo(["clippy", "-p", &member.name, "--all-targets"]);
            for backends in [&[][..], &[Backend::Sqlite], &[Backend::Postgres]] {
                let features = member.backend_features(backends);
                if features.is_empty() && !backends.is_empty() {
                    continue;
                }
                deny(clippy().args(feature_args(&features)))?;
            }
        }
        deny(Cmd::cargo(["clippy", "--workspace", "--all-targets", "--all-features"]))
    }
}

fn deny(clippy: Cmd) -> Result<()> {
    clippy.args(["--", "-D", "warnings"]).run()
}
