//! Making the archives of crates, and looking into them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_metadata::Package;

use super::checks::LICENCES;
use super::{Published, directory};
use crate::sh::Cmd;
use crate::{Result, verdict};

pub(super) struct DryRun {
    pub(super) verify: bool,
    pub(super) allow_dirty: bool,
}

impl DryRun {
    pub(super) fn run(&self, packages: &[&Package], workspace: &Published) -> Result<()> {
        let mut problems = Vec::new();
        for package in packages {
            problems.extend(self.missing(package)?);
        }
        verdict("release", &problems)?;
        // All at once: a crate that crates.io does not have is taken from its archive.
        let mut cargo = self.cargo("package");
        for package in packages {
            cargo = cargo.args(["--package", package.name.as_str()]);
        }
        match self.verify {
            true => cargo.arg("--all-features").run()?,
            false => cargo.arg("--no-verify").run()?,
        }
        println!("\nrelease: the archives are in {}", workspace.target.join("package").display());
        Ok(())
    }

    fn cargo(&self, command: &str) -> Cmd {
        let cargo = Cmd::cargo([command]);
        if self.allow_dirty { cargo.arg("--allow-dirty") } else { cargo }
    }

    /// What should be in the archive of a crate and is not.
    fn missing(&self, package: &Package) -> Result<Vec<String>> {
        let name = package.name.as_str();
        let list = self.cargo("package").args(["--list", "--package", name]).read()?;
        let packed: BTreeSet<&str> = list.lines().collect();
        let mut wanted: Vec<String> = ["Cargo.toml", "CHANGELOG.md", "README.md"]
            .into_iter()
            .chain(LICENCES)
            .map(str::to_owned)
            .collect();
        let dir = directory(package);
        below(dir, &dir.join("migrations"), &mut wanted)?;
        wanted.retain(|path| !packed.contains(path.as_str()));
        Ok(wanted.into_iter().map(|path| format!("{name}: its archive lacks {path}")).collect())
    }
}

/// Adds the files below a directory, as paths from `dir`.
fn below(dir: &Path, part: &Path, files: &mut Vec<String>) -> Result<()> {
    if !part.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(part)? {
        let path = entry?.path();
        if path.is_dir() {
            below(dir, &path, files)?;
        } else if let Some(path) = path.strip_prefix(dir)?.to_str() {
            files.push(path.replace('\\', "/"));
        }
    }
    Ok(())
}
