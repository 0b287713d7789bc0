//! Whether a crate is ready to be published.

use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Package};

use super::changelog::{self, Section};
use super::{Published, State, directory, state, tag};
use crate::Result;

/// The texts of the licences: in the root, and in each package.
pub(super) const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Everything that keeps a crate from being published, each with the crate's name.
pub(super) fn problems(package: &Package, workspace: &Published) -> Result<Vec<String>> {
    let mut problems = always(package, workspace)?;
    problems.extend(named(package, history(package, workspace)?));
    Ok(problems)
}

/// What has to hold between releases as well.
pub(super) fn always(package: &Package, workspace: &Published) -> Result<Vec<String>> {
    let mut problems = manifest(package);
    problems.extend(siblings(package, workspace));
    problems.extend(files(directory(package), package.name.as_str(), &workspace.root)?);
    let form = changelog::form(&changelog(package)?);
    problems.extend(form.into_iter().map(|problem| format!("CHANGELOG.md {problem}")));
    Ok(named(package, problems))
}

fn named(package: &Package, problems: Vec<String>) -> Vec<String> {
    problems.into_iter().map(|problem| format!("{}: {problem}", package.name)).collect()
}

/// The text of a crate's CHANGELOG.
pub(super) fn changelog(package: &Package) -> Result<String> {
    let path = directory(package).join("CHANGELOG.md");
    Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

fn manifest(package: &Package) -> Vec<String> {
    let mut problems = Vec::new();
    let mut require = |met: bool, problem: &str| {
        if !met {
            problems.push(problem.to_owned());
        }
    };
    let described = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    require(described(&package.description), "no description: one line that says what it is");
    require(
        package.license.as_deref() == Some("MIT OR Apache-2.0"),
        "license is not `MIT OR Apache-2.0`",
    );
    require(described(&package.repository), "no repository");
    require(package.rust_version.is_some(), "no rust-version");
    require(package.readme.is_some(), "no readme");
    let keywords = &package.keywords;
    require((1..=5).contains(&keywords.len()), "crates.io takes one to five keywords");
    require(keywords.iter().all(|word| word.len() <= 20), "a keyword has more than 20 characters");
    require((1..=5).contains(&package.categories.len()), "crates.io takes one to five categories");
    require(package.metadata["docs"]["rs"].is_object(), "no [package.metadata.docs.rs]");
    problems
}

/// Dependencies on neighbours: with a version, and with one that the neighbour has.
fn siblings(package: &Package, workspace: &Published) -> Vec<String> {
    let mut problems = Vec::new();
    for dependency in &package.dependencies {
        let Some(sibling) = workspace.find(&dependency.name) else { continue };
        let name = &dependency.name;
        if dependency.req.comparators.is_empty() {
            // Cargo leaves those of tests out of the package.
            if dependency.kind != DependencyKind::Development {
                problems.push(format!("the dependency on {name} has no version"));
            }
        } else if !dependency.req.matches(&sibling.version) {
            let (wanted, version) = (&dependency.req, &sibling.version);
            problems.push(format!("depends on {name} {wanted}, and here is {version}"));
        }
    }
    problems
}

fn files(dir: &Path, name: &str, root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let readme = fs::read_to_string(dir.join("README.md")).unwrap_or_default();
    if !readme.starts_with(&format!("# {name}\n")) {
        problems.push(format!("README.md does not begin with `# {name}`"));
    }
    for licence in LICENCES {
        let text = root.join(licence);
        let text = fs::read(&text).map_err(|error| format!("{}: {error}", text.display()))?;
        if fs::read(dir.join(licence)).ok() != Some(text) {
            problems.push(format!("{licence} is not that of the root: ln -s ../{licence} {name}/"));
        }
    }
    Ok(problems)
}

/// Version, CHANGELOG and tag must tell the same.
fn history(package: &Package, workspace: &Published) -> Result<Vec<String>> {
    let version = package.version.to_string();
    let section = changelog::section(&changelog(package)?, &version);
    let mut problems = Vec::new();
    if section == Section::Missing {
        problems.push(format!("CHANGELOG.md has nothing on {version}"));
    }
    match state(package, &workspace.root) {
        State::Changed => problems.push(format!(
            "changed since {}: give it another version, and a section in CHANGELOG.md",
            tag(package)
        )),
        State::Released if !matches!(section, Section::Dated(_)) => {
            problems.push(format!("CHANGELOG.md does not say when {version} was released"));
        }
        State::Released | State::New => {}
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::TestDir;

    #[test]
    fn a_licence_that_is_missing_or_differs_is_found() {
        let dir = TestDir::new();
        for licence in LICENCES {
            dir.write(licence, "the text");
        }
        dir.write("store-x/README.md", "# store-x\n");
        dir.write("store-x/LICENSE-MIT", "another text");
        let problems = files(&dir.path().join("store-x"), "store-x", dir.path()).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        for licence in LICENCES {
            dir.write(&format!("store-x/{licence}"), "the text");
        }
        let problems = files(&dir.path().join("store-x"), "store-x", dir.path()).unwrap();
        assert_eq!(problems, [""; 0]);
    }
}
