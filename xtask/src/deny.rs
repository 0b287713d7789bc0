//! `cargo xtask deny`

use crate::Result;
use crate::sh::Cmd;
use crate::tool;
use crate::workspace::Workspace;

/// Checks what the workspace depends on: licences, banned crates, and where crates come from.
///
/// `deny.toml` has the rules. They need nothing but `Cargo.lock` and the crates themselves. Known
/// vulnerabilities are in a database on GitHub: `--advisories` fetches it and checks them too.
/// cargo-deny is installed if it is missing.
#[derive(clap::Args)]
pub(crate) struct Deny {
    /// Also check for known vulnerabilities, unmaintained and yanked crates; needs GitHub
    #[arg(long)]
    advisories: bool,
}

impl Deny {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        tool::ensure("cargo-deny")?;
        let mut deny = Cmd::cargo(["deny", "check", "licenses", "bans", "sources"]);
        if self.advisories {
            deny = deny.arg("advisories");
        } else {
            eprintln!("deny: vulnerabilities are checked with --advisories, which needs GitHub");
        }
        deny.dir(&workspace.root).run()
    }
}
