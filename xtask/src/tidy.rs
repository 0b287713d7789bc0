//! `cargo xtask tidy`

use crate::Result;
use crate::check_deps::CheckDeps;
use crate::clippy::Clippy;
use crate::migrations;
use crate::msrv;
use crate::parity;
use crate::release;
use crate::sh::Cmd;
use crate::workspace::Workspace;

/// Runs every check that needs no database: format, spelling, lints, documentation, parity,
/// migrations, dependencies and the Rust they need, what a release has to find.
///
/// Run it with `test-matrix` before pushing. Spelling is checked by `typos` if that is installed.
#[derive(clap::Args)]
pub(crate) struct Tidy {
    /// Format the sources instead of complaining about them
    #[arg(long)]
    fix: bool,
}

impl Tidy {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let check: &[&str] = if self.fix { &[] } else { &["--check"] };
        Cmd::cargo(["fmt", "--all"]).args(check).run()?;
        spelling(&workspace)?;
        // The cheap checks first: they fail in a second.
        parity::check(&workspace.root, None)?;
        migrations::check(&workspace.root)?;
        CheckDeps {}.run()?;
        release::check()?;
        msrv::check_dependencies()?;
        Clippy {}.run()?;
        Cmd::cargo(["doc", "--no-deps", "--workspace", "--all-features"])
            .args(["--exclude", "xtask", "--exclude", "store-tests"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()?;
        println!("tidy: everything passes");
        Ok(())
    }
}

fn spelling(workspace: &Workspace) -> Result<()> {
    if Cmd::new("typos").arg("--version").succeeds() {
        return Cmd::new("typos").dir(&workspace.root).run();
    }
    eprintln!("typos: skipped, not installed (cargo install typos-cli)");
    Ok(())
}
