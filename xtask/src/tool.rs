//! Subcommands of Cargo that are not part of it.

use crate::Result;
use crate::sh::Cmd;

/// Installs a subcommand unless it is there: `cargo-deny` for `cargo deny`.
pub(crate) fn ensure(package: &str) -> Result<()> {
    if is_installed(package) {
        return Ok(());
    }
    eprintln!("{package} is not installed: it is built from crates.io now, which takes minutes");
    Cmd::cargo(["install", "--locked", package]).run()?;
    match is_installed(package) {
        true => Ok(()),
        false => Err(format!(
            "{package} was installed, but Cargo does not find it: is Cargo's bin directory on PATH?"
        )
        .into()),
    }
}

fn is_installed(package: &str) -> bool {
    Cmd::cargo([package.trim_start_matches("cargo-"), "--version"]).succeeds()
}
