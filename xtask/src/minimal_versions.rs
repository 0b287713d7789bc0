//! `cargo xtask minimal-versions`

use std::fs;
use std::path::Path;

use crate::Result;
use crate::sh::Cmd;
use crate::workspace::{Member, Workspace};

/// Narrower requirements for the tool that moves databases: it has rusqlite beside Diesel, both link
/// SQLite, and only one version of its bindings serves both. In the workspace they stay wide, for
/// applications that have another rusqlite, or none.
const WITH_RUSQLITE: [(&str, &str); 2] =
    [("diesel", "2.3.12"), ("libsqlite3-sys", ">=0.38, <0.39")];

/// The crate that has rusqlite.
const MIGRATE: &str = "store-migrate";

/// Checks that the published crates compile with the oldest versions their manifests admit.
///
/// Cargo resolves each direct dependency to the lowest version that its requirement allows, and
/// everything below to the newest, in a copy of the workspace with a `Cargo.lock` of its own. A
/// requirement that is too low shows as versions that do not go together, or as code that does not
/// compile: raise it in `Cargo.toml`. The resolver's flag is unstable, so this sets
/// `RUSTC_BOOTSTRAP=1` for it alone.
#[derive(clap::Args)]
pub(crate) struct MinimalVersions {
    /// Only resolve the versions; nothing is compiled
    #[arg(long)]
    resolve: bool,
}

impl MinimalVersions {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let published = |member: &&Member| member.is_published;
        let all: Vec<&Member> = workspace.members.iter().filter(published).collect();
        let stores: Vec<&Member> =
            all.iter().copied().filter(|member| member.name != MIGRATE).collect();
        self.check(&workspace, "stores", &stores, &[])?;
        self.check(&workspace, MIGRATE, &all, &WITH_RUSQLITE)?;
        println!(
            "minimal-versions: everything {}",
            if self.resolve { "resolves" } else { "compiles" }
        );
        Ok(())
    }

    /// Resolves and checks these crates in a copy.
    fn check(
        &self,
        workspace: &Workspace,
        label: &str,
        members: &[&Member],
        narrowed: &[(&str, &str)],
    ) -> Result<()> {
        let place = workspace.target.join("minimal-versions");
        let copy = place.join(label);
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        let names: Vec<String> = members.iter().filter_map(|member| name(&member.dir)).collect();
        for (member, name) in members.iter().zip(&names) {
            copy_tree(&member.dir, &copy.join(name))?;
        }
        let manifest = fs::read_to_string(workspace.root.join("Cargo.toml"))?;
        fs::write(copy.join("Cargo.toml"), narrow(only(&manifest, &names)?, narrowed)?)?;
        Cmd::cargo(["update", "-Z", "direct-minimal-versions"])
            .dir(&copy)
            .env("RUSTC_BOOTSTRAP", "1")
            .run()?;
        if self.resolve {
            return Ok(());
        }
        Cmd::cargo(["check", "--workspace", "--all-features", "--locked"])
            .dir(&copy)
            .env("CARGO_TARGET_DIR", place.join("target"))
            .run()
    }
}

/// Puts other requirements into the workspace's list.
fn narrow(manifest: String, narrowed: &[(&str, &str)]) -> Result<String> {
    narrowed.iter().try_fold(manifest, |manifest, (dependency, requirement)| {
        let start = format!("\n{dependency} = {{ version = \"");
        let at =
            manifest.find(&start).ok_or_else(|| format!("Cargo.toml lists no {dependency}"))?;
        let at = at + start.len();
        let end = manifest[at..].find('"').map_or(manifest.len(), |end| at + end);
        Ok(format!("{}{requirement}{}", &manifest[..at], &manifest[end..]))
    })
}

fn name(dir: &Path) -> Option<String> {
    Some(dir.file_name()?.to_str()?.to_owned())
}

/// The manifest of the workspace with these members only.
fn only(manifest: &str, members: &[String]) -> Result<String> {
    let line = |key: &str| manifest.lines().find(|line| line.starts_with(key));
    let old = line("members = ").ok_or("Cargo.toml has no line `members = [...]`")?;
    let quoted: Vec<String> = members.iter().map(|name| format!("{name:?}")).collect();
    let manifest = manifest.replace(old, &format!("members = [{}]", quoted.join(", ")));
    Ok(match line("exclude = ") {
        Some(exclude) => manifest.replace(exclude, ""),
        None => manifest,
    })
}

/// Copies a directory, without what only the repository needs.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = name(&path).filter(|name| name != "fuzz" && name != "target") else {
            continue;
        };
        if path.is_dir() {
            copy_tree(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{narrow, only};

    #[test]
    fn a_requirement_is_replaced_where_it_is_listed() {
        let manifest = "[a]\nx = { version = \"1\", features = [] }\ny = \"1\"\n".to_owned();
        let narrowed = narrow(manifest.clone(), &[("x", ">=2")]).unwrap();
        assert_eq!(narrowed, "[a]\nx = { version = \">=2\", features = [] }\ny = \"1\"\n");
        assert!(narrow(manifest, &[("z", "1")]).is_err());
    }

    #[test]
    fn a_copy_has_only_the_published_members() {
        let manifest =
            "[workspace]\nmembers = [\"a\", \"tests\"]\nexclude = [\"x\"]\n[profile.dev]\n";
        let copy = only(manifest, &["a".to_owned()]).unwrap();
        assert_eq!(copy, "[workspace]\nmembers = [\"a\"]\n\n[profile.dev]\n");
    }
}
