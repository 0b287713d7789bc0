//! `cargo xtask parity`

mod diff;
mod items;
mod names;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{Backend, Workspace};
use crate::{Result, verdict};
use items::Item;

/// Checks that the two implementations in each crate can be read side by side.
///
/// `src/sqlite` and `src/postgres` must have the same files, and each pair of files the same items
/// in the same order; names may differ by `Sqlite` and `Postgres` or `Pg`. Migrations must have the
/// same names. Prints how many lines each pair differs by.
///
/// An item that only one side needs says so in the line above it: `// parity: <reason>`. So does a
/// whole file, in its first line.
#[derive(clap::Args)]
pub(crate) struct Parity {
    /// Only this crate
    #[arg(value_name = "CRATE")]
    krate: Option<String>,
    /// The workspace to look at [default: this one]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Parity {
    pub(crate) fn run(self) -> Result<()> {
        let root = self.root.map_or_else(|| Workspace::load().map(|w| w.root), Ok)?;
        check(&root, self.krate.as_deref())
    }
}

/// Prints how the sides of each crate differ; fails if they differ in more than lines.
pub(crate) fn check(root: &Path, only: Option<&str>) -> Result<()> {
    let mut report = Report::default();
    let crates = crates(root, only)?;
    for krate in &crates {
        compare_sources(&root.join(krate).join("src"), krate, &mut report)?;
        compare_migrations(&root.join(krate).join("migrations"), krate, &mut report)?;
    }
    for line in &report.lines {
        println!("{line}");
    }
    let (crates, pairs) = (crates.len(), report.lines.len());
    println!("parity: {pairs} pairs of files in {crates} crates");
    verdict("parity", &report.problems)
}

#[derive(Default)]
struct Report {
    /// One for each pair of files: how much they differ.
    lines: Vec<String>,
    problems: Vec<String>,
}

/// Crates whose two modules do different things. Those of store-core connect to different servers,
/// and the protocol between them is what the other crates implement; of those of store-migrate one
/// reads what the other writes, by means that only its engine has (one writer, several loaders).
const DIFFERENT: [&str; 2] = ["store-core", "store-migrate"];

/// The crates with a side.
fn crates(root: &Path, only: Option<&str>) -> Result<BTreeSet<String>> {
    let has_side = |name: &String| {
        Backend::ALL.iter().any(|b| root.join(name).join("src").join(b.name()).is_dir())
    };
    let mut crates = BTreeSet::new();
    for entry in fs::read_dir(root)? {
        crates.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_pair = |name: &String| !DIFFERENT.contains(&name.as_str()) && has_side(name);
    crates.retain(|name| name.starts_with("store-") && is_pair(name));
    crates.retain(|name| only.is_none_or(|only| only == name));
    match only {
        Some(name) if crates.is_empty() => Err(format!("{name} has no two sides").into()),
        _ => Ok(crates),
    }
}

fn compare_sources(src: &Path, krate: &str, report: &mut Report) -> Result<()> {
    let [sqlite, postgres] = Backend::ALL.map(|backend| src.join(backend.name()));
    let (left, right) = (paired_files(&sqlite)?, paired_files(&postgres)?);
    one_sided("file", krate, &left, &right, report);
    for name in left.intersection(&right) {
        let left = fs::read_to_string(sqlite.join(name))?;
        let right = fs::read_to_string(postgres.join(name))?;
        let (plus, minus) = diff::lines(&left, &right);
        let shown = format!("{krate}/{name}");
        report.lines.push(format!("{shown:<44} +{plus} -{minus}"));
        // Generated from the migrations, where a column may have another type.
        if name.ends_with("schema.rs") {
            continue;
        }
        let parse = |text: &str, side: &Path| {
            items::of(text).map_err(|error| format!("{}: {error}", side.join(name).display()))
        };
        let problems = compare_items(&parse(&left, &sqlite)?, &parse(&right, &postgres)?);
        report.problems.extend(problems.into_iter().map(|problem| format!("{shown}: {problem}")));
    }
    Ok(())
}

fn compare_migrations(dir: &Path, krate: &str, report: &mut Report) -> Result<()> {
    // Names without their files: `migrations check` looks into them.
    let names = |backend: Backend| -> Result<BTreeSet<String>> {
        let entries = fs::read_dir(dir.join(backend.name())).into_iter().flatten();
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let (left, right) = (names(Backend::Sqlite)?, names(Backend::Postgres)?);
    one_sided("migration", krate, &left, &right, report);
    Ok(())
}

fn one_sided(
    what: &str,
    krate: &str,
    left: &BTreeSet<String>,
    right: &BTreeSet<String>,
    report: &mut Report,
) {
    for (only, backend) in
        [(left.difference(right), Backend::Sqlite), (right.difference(left), Backend::Postgres)]
    {
        let problem = |name| format!("{krate}: {what} {name} is there for {backend} only");
        report.problems.extend(only.map(problem));
    }
}

/// Items that one side lacks, and the first place where the order of the others differs.
fn compare_items(left: &[Item], right: &[Item]) -> Vec<String> {
    let mut problems = Vec::new();
    let (only_left, only_right) = (items::without(left, right), items::without(right, left));
    for (only, backend) in [(&only_left, Backend::Sqlite), (&only_right, Backend::Postgres)] {
        problems.extend(only.iter().map(|item| format!("{item} is there for {backend} only")));
    }
    let left = items::without(left, &only_left);
    let right = items::without(right, &only_right);
    if let Some((a, b)) = left.iter().zip(&right).find(|(a, b)| a != b) {
        problems.push(format!("order: {a} for sqlite is where {b} is for postgres"));
    }
    problems
}

/// The files that the other side must have as well.
fn paired_files(side: &Path) -> Result<BTreeSet<String>> {
    let mut paired = BTreeSet::new();
    for name in files(side)? {
        if !fs::read_to_string(side.join(&name))?.starts_with("// parity: ") {
            paired.insert(name);
        }
    }
    Ok(paired)
}

/// The Rust files below a directory, relative to it.
fn files(dir: &Path) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut queue = vec![dir.to_owned()];
    while let Some(next) = queue.pop().filter(|next| next.exists()) {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(path.strip_prefix(dir)?.to_string_lossy().into_owned());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
