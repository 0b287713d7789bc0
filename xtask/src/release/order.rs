//! In which order crates are published: each after those it depends on.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Package};

use crate::Result;

/// The packages in order, or only the one that is named with what it depends on.
pub(super) fn of<'a>(packages: &'a [Package], only: Option<&str>) -> Result<Vec<&'a Package>> {
    let names: Vec<String> = packages.iter().map(|package| package.name.to_string()).collect();
    let needs = |name: &str| -> Vec<String> {
        let package = packages.iter().find(|package| package.name.as_str() == name);
        package.map(|package| needed(package, &names)).unwrap_or_default()
    };
    let wanted: Vec<&str> = match only {
        Some(name) if !names.iter().any(|known| known == name) => {
            return Err(
                format!("no published crate {name}; there are: {}", names.join(", ")).into()
            );
        }
        Some(name) => vec![name],
        None => names.iter().map(String::as_str).collect(),
    };
    let sorted = sorted(&wanted, needs)?;
    Ok(sorted.iter().filter_map(|name| packages.iter().find(|p| p.name.as_str() == name)).collect())
}

/// The crates of the workspace that must be on crates.io before this one. Dependencies of tests
/// without a version are not published.
fn needed(package: &Package, names: &[String]) -> Vec<String> {
    let published = package.dependencies.iter().filter(|dependency| {
        dependency.kind != DependencyKind::Development || !dependency.req.comparators.is_empty()
    });
    let siblings = published.map(|dependency| dependency.name.clone());
    siblings.filter(|name| names.contains(name)).collect()
}

/// Sorts names so that each comes after those it needs; ties by name.
fn sorted(names: &[&str], needs: impl Fn(&str) -> Vec<String>) -> Result<Vec<String>> {
    let (mut done, mut open) = (Vec::new(), Vec::new());
    let wanted: BTreeSet<&str> = names.iter().copied().collect();
    for name in wanted {
        visit(name, &needs, &mut open, &mut done)?;
    }
    Ok(done)
}

fn visit(
    name: &str,
    needs: &impl Fn(&str) -> Vec<String>,
    open: &mut Vec<String>,
    done: &mut Vec<String>,
) -> Result<()> {
    if done.iter().any(|one| one == name) {
        return Ok(());
    }
    if open.iter().any(|one| one == name) {
        return Err(format!("{} -> {name}: they depend on each other", open.join(" -> ")).into());
    }
    open.push(name.to_owned());
    let mut needed = needs(name);
    needed.sort();
    for one in needed {
        visit(&one, needs, open, done)?;
    }
    open.pop();
    done.push(name.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(name: &str) -> Vec<String> {
        let needed: &[&str] = match name {
            "migrate" => &["tokens", "core", "history"],
            "history" | "tokens" => &["core"],
            "egg" => &["hen"],
            "hen" => &["egg"],
            _ => &[],
        };
        needed.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn each_crate_comes_after_those_it_needs() {
        let order = sorted(&["migrate", "tokens", "history", "core"], needs).unwrap();
        assert_eq!(order, ["core", "history", "tokens", "migrate"]);
    }

    #[test]
    fn a_crate_brings_what_it_needs() {
        assert_eq!(sorted(&["history"], needs).unwrap(), ["core", "history"]);
    }

    #[test]
    fn a_circle_is_an_error_that_shows_it() {
        let error = sorted(&["egg"], needs).unwrap_err();
        assert_eq!(error.to_string(), "egg -> hen -> egg: they depend on each other");
    }
}
