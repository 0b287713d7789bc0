//! `cargo xtask migrations`

mod check;
mod lock;
mod new;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{Backend, Workspace};
use crate::{Result, verdict};

/// Creates, checks and locks migrations.
///
/// A migration is a pair of directories with the same name, one for each backend. Once released it
/// is never edited: `migrations.lock` holds the hash of each `up.sql`.
#[derive(clap::Subcommand)]
pub(crate) enum Migrations {
    /// Create a migration on both sides, with the next version of the day
    New(new::New),
    /// Check that migrations come in pairs, have unique versions, and match the lock
    Check,
    /// Add the hashes of new migrations to migrations.lock
    Lock(lock::Lock),
}

impl Migrations {
    pub(crate) fn run(self) -> Result<()> {
        let root = Workspace::load()?.root;
        match self {
            Migrations::New(command) => command.run(&root),
            Migrations::Check => check(&root),
            Migrations::Lock(command) => command.run(&root),
        }
    }
}

/// Fails if a migration in the workspace breaks a rule.
pub(crate) fn check(root: &Path) -> Result<()> {
    verdict("migrations", &check::problems(root)?)
}

/// The last digit of each crate's versions: unique versions let an application run the migrations
/// of several crates in one journal, where equal ones would collide silently.
const CRATES: [(&str, char); 6] = [
    ("store-workflow", '1'),
    ("store-history", '2'),
    ("store-tokens", '3'),
    ("store-checkpoints", '4'),
    ("store-chatkit", '5'),
    ("store-vault", '6'),
];

fn digit(krate: &str) -> Result<char> {
    let entry = CRATES.iter().find(|(name, _)| *name == krate);
    entry.map(|(_, digit)| *digit).ok_or_else(|| {
        format!("{krate} has no digit for its versions: give it one in xtask/src/migrations").into()
    })
}

/// The crates of the workspace that have migrations, by name.
fn crates(root: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = directories(root)?.into_iter().collect();
    names.retain(|name| root.join(name).join("migrations").is_dir());
    Ok(names)
}

fn backend_dir(root: &Path, krate: &str, backend: Backend) -> PathBuf {
    root.join(krate).join("migrations").join(backend.name())
}

/// The names of a crate's migrations for a backend.
fn names(root: &Path, krate: &str, backend: Backend) -> Result<BTreeSet<String>> {
    let dir = backend_dir(root, krate, backend);
    if dir.exists() { directories(&dir) } else { Ok(BTreeSet::new()) }
}

fn directories(dir: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// What Diesel takes for the version: the name up to the first underscore.
fn version(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}
