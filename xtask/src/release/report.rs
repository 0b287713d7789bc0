//! What the plan prints.

use cargo_metadata::{DependencyKind, Package};

use super::changelog::{Section, section};
use super::{Published, State, checks, state, tag};
use crate::Result;

/// One crate in the table.
pub(super) struct Line {
    name: String,
    version: String,
    tag: String,
    needs: String,
    state: State,
    section: Section,
    problems: usize,
}

impl Line {
    pub(super) fn new(package: &Package, workspace: &Published, problems: usize) -> Result<Line> {
        let changelog = checks::changelog(package)?;
        let version = package.version.to_string();
        let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        let siblings = normal.filter(|d| workspace.find(&d.name).is_some());
        let needs: Vec<&str> = siblings.map(|d| d.name.trim_start_matches("store-")).collect();
        Ok(Line {
            name: package.name.to_string(),
            tag: tag(package),
            needs: needs.join(" "),
            state: state(package, &workspace.root),
            section: section(&changelog, &version),
            version,
            problems,
        })
    }
}

/// Prints the crates in the order in which they are published.
pub(super) fn table(lines: &[Line]) {
    println!("{:19}{:9}{:11}{:13}{:8}needs", "crate", "version", "tag", "CHANGELOG", "checks");
    for line in lines {
        let tag = match line.state {
            State::New => "new",
            State::Released => "released",
            State::Changed => "CHANGED",
        };
        let section = match &line.section {
            Section::Dated(date) => date.as_str(),
            Section::Undated => "no date yet",
            Section::Unreleased => "Unreleased",
            Section::Missing => "MISSING",
        };
        let checks = match line.problems {
            0 => "pass".to_owned(),
            count => format!("{count} FAIL"),
        };
        let Line { name, version, needs, .. } = line;
        println!("{name:19}{version:9}{tag:11}{section:13}{checks:8}{needs}");
    }
    println!();
}

/// Prints how the crates are published that are not released yet.
pub(super) fn commands(lines: &[Line]) {
    let new: Vec<&Line> = lines.iter().filter(|line| line.state == State::New).collect();
    if new.is_empty() {
        println!("release: nothing to publish, every version has its tag");
        return;
    }
    println!("\nTo publish, in this order (docs/releasing.md says what comes before and after):\n");
    for line in &new {
        println!("  cargo publish --package {}", line.name);
    }
    println!();
    for line in &new {
        println!("  git tag --annotate {0} --message {0}", line.tag);
    }
    if new.iter().any(|line| !matches!(line.section, Section::Dated(_))) {
        println!("\nFirst write the date into each CHANGELOG.md, and commit that.");
    }
}
