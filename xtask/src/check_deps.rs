//! `cargo xtask check-deps`

mod manifest;

use std::collections::BTreeMap;

use crate::sh::Cmd;
use crate::workspace::{Member, Workspace, feature_args};
use crate::{Result, verdict};
use manifest::Manifest;

/// Checks that manifests inherit from the workspace, and what each feature pulls in.
///
/// Lints are inherited; a dependency of two members, or one the workspace lists, has its version in
/// the workspace only; no database without a feature or with `seal`, no libpq, no OpenSSL and no
/// SQLite with `postgres`, no PostgreSQL with `sqlite`.
#[derive(clap::Args)]
pub(crate) struct CheckDeps {}

const DATABASES: [&str; 7] =
    ["diesel", "diesel-async", "libsqlite3-sys", "r2d2", "bb8", "tokio-postgres", "pq-sys"];

/// What must not be in the dependency tree of a store crate with these features.
const BANNED: [(&[&str], &[&str]); 4] = [
    (&[], &DATABASES),
    (&["seal"], &DATABASES),
    (&["postgres"], &["pq-sys", "openssl-sys", "native-tls", "libsqlite3-sys"]),
    (&["sqlite", "bundled"], &["tokio-postgres", "diesel-async", "bb8", "rustls", "pq-sys"]),
];

impl CheckDeps {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let mut problems = manifest_problems(&workspace)?;
        for member in workspace.stores(None)? {
            for (wanted, banned) in BANNED {
                problems.extend(tree_problems(member, wanted, banned)?);
            }
        }
        verdict("check-deps", &problems)
    }
}

fn manifest_problems(workspace: &Workspace) -> Result<Vec<String>> {
    let shared = Manifest::read(&workspace.root)?.workspace_dependencies;
    let mut problems = Vec::new();
    let mut users: BTreeMap<String, Vec<(&str, bool)>> = BTreeMap::new();
    for member in &workspace.members {
        let manifest = Manifest::read(&member.dir)?;
        if !manifest.inherits_lints {
            problems.push(format!("{}: [lints] lacks workspace = true", member.name));
        }
        for (dependency, inherits) in manifest.dependencies {
            users.entry(dependency).or_default().push((&member.name, inherits));
        }
    }
    for (dependency, users) in users {
        let is_shared = users.len() > 1 || shared.contains(&dependency);
        let own = users.iter().filter(|(_, inherits)| is_shared && !inherits);
        problems.extend(
            own.map(|(name, _)| format!("{name}: {dependency} is shared: use workspace = true")),
        );
    }
    Ok(problems)
}

fn tree_problems(member: &Member, wanted: &[&str], banned: &[&str]) -> Result<Vec<String>> {
    let features: Vec<&str> =
        wanted.iter().copied().filter(|name| member.features.contains_key(*name)).collect();
    if features.is_empty() && !wanted.is_empty() {
        return Ok(vec![]);
    }
    let tree = Cmd::cargo(["tree", "-p", &member.name])
        .args(feature_args(&features))
        .args(["-e", "normal", "--prefix", "none"])
        .read()?;
    let packages: Vec<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let found = banned.iter().filter(|name| packages.contains(name));
    let with = if features.is_empty() { "no feature".to_owned() } else { features.join(",") };
    Ok(found.map(|name| format!("{} with {with} depends on {name}", member.name)).collect())
}
