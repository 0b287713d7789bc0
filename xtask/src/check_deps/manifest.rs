//! The few facts about a manifest that `cargo metadata` leaves out: what it inherits.
//!
//! This reads lines, not TOML. It is enough for manifests as `cargo add` and people write them: a
//! dependency starts on its own line, or has a table of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::Result;

#[derive(Default)]
pub(super) struct Manifest {
    pub(super) inherits_lints: bool,
    /// Each dependency of any kind, and whether all its entries have `workspace = true`.
    pub(super) dependencies: BTreeMap<String, bool>,
    pub(super) workspace_dependencies: BTreeSet<String>,
}

impl Manifest {
    pub(super) fn read(dir: &Path) -> Result<Manifest> {
        let path = dir.join("Cargo.toml");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Manifest::parse(&text))
    }

    fn parse(text: &str) -> Manifest {
        let mut manifest = Manifest::default();
        let mut table = "";
        // Inside an array that goes over several lines nothing starts.
        let mut depth = 0_i32;
        for line in text.lines().map(str::trim) {
            let inside = depth > 0;
            if let Some(name) = line.strip_prefix('[').filter(|_| !inside) {
                table = name.trim_end_matches(']');
                manifest.table(table);
            } else {
                depth += count(line, '[') - count(line, ']');
                if !inside && let Some((key, value)) = line.split_once('=') {
                    manifest.entry(table, key.trim(), value.trim());
                }
            }
        }
        manifest
    }

    /// `[dependencies.name]`: it does not inherit until a line of the table says so.
    fn table(&mut self, table: &str) {
        if let Some(name) = own_table(table) {
            self.dependencies.insert(name.to_owned(), false);
        }
    }

    fn entry(&mut self, table: &str, key: &str, value: &str) {
        let (name, property) = key.split_once('.').unwrap_or((key, ""));
        let inherits = match property {
            "" => value.replace(' ', "").contains("workspace=true"),
            _ => property == "workspace" && value == "true",
        };
        if table == "lints" {
            self.inherits_lints |= key == "workspace" && value == "true";
        } else if table == "workspace.dependencies" {
            self.workspace_dependencies.insert(name.to_owned());
        } else if let Some(name) = own_table(table) {
            if key == "workspace" && value == "true" {
                self.dependencies.insert(name.to_owned(), true);
            }
        } else if is_dependencies(table) {
            let all = self.dependencies.entry(name.to_owned()).or_insert(true);
            *all &= inherits;
        }
    }
}

/// `dependencies`, `dev-dependencies`, `target.'cfg(unix)'.dependencies` and the like.
fn is_dependencies(table: &str) -> bool {
    let last = table.rsplit('.').next().unwrap_or_default();
    matches!(last, "dependencies" | "dev-dependencies" | "build-dependencies")
        && !table.starts_with("workspace")
}

fn own_table(table: &str) -> Option<&str> {
    table.rsplit_once('.').filter(|(parent, _)| is_dependencies(parent)).map(|(_, name)| name)
}

fn count(line: &str, bracket: char) -> i32 {
    line.chars().filter(|&c| c == bracket).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    #[test]
    fn what_is_inherited_is_seen_in_every_notation() {
        let manifest = Manifest::parse(
            r#"
[workspace.dependencies]
serde = { version = "1", features = ["derive"] }
[dependencies]
serde.workspace = true
bb8 = { workspace = true, features = [
    "default",
] }
own = "1"
[target.'cfg(unix)'.dependencies]
libc = { version = "0.2" }
[dev-dependencies.table]
workspace = true
[dev-dependencies]
serde = "1"
[lints]
workspace = true
"#,
        );
        assert!(manifest.inherits_lints);
        assert!(manifest.workspace_dependencies.contains("serde"));
        let expected = [("bb8", true), ("libc", false), ("own", false), ("serde", false)];
        let expected = expected.into_iter().chain([("table", true)]);
        assert!(manifest.dependencies.iter().map(|(k, v)| (k.as_str(), *v)).eq(expected));
    }
}
