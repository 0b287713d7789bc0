//! `cargo xtask msrv`

use std::collections::{BTreeSet, HashMap};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::sh::Cmd;
use crate::workspace::Workspace;
use crate::{Result, verdict};

/// Checks that the published crates compile with the Rust version they promise.
///
/// Three checks: no dependency in `Cargo.lock` promises less than the workspace does; the code uses
/// nothing of the standard library that is newer, which Clippy tells from its attributes; and
/// everything compiles with that very toolchain, which rustup downloads unless it is installed. The
/// last one is left out, and said so, where neither is possible.
#[derive(clap::Args)]
pub(crate) struct Msrv {
    /// Do not try to download the toolchain
    #[arg(long)]
    offline: bool,
}

impl Msrv {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let toolchain = check_dependencies()?;
        let published = workspace.members.iter().filter(|member| member.is_published);
        let packages: Vec<&str> =
            published.flat_map(|member| ["--package", member.name.as_str()]).collect();
        Cmd::cargo(["clippy", "--all-features"])
            .args(&packages)
            .args(["--", "-A", "clippy::all", "-D", "clippy::incompatible_msrv"])
            .run()?;

        if !self.has(&toolchain) {
            println!(
                "msrv: Rust {toolchain} is neither installed nor can it be downloaded: nothing \
                 was compiled with it"
            );
            return Ok(());
        }
        Cmd::new("rustup")
            .args(["run", &toolchain, "cargo", "check", "--locked", "--all-features"])
            .args(&packages)
            .env("CARGO_TARGET_DIR", workspace.target.join("msrv"))
            .run()?;
        println!("msrv: everything compiles with Rust {toolchain}");
        Ok(())
    }

    /// Whether the toolchain is there, or could be downloaded.
    fn has(&self, toolchain: &str) -> bool {
        let runs = || Cmd::new("rustup").args(["run", toolchain, "rustc", "--version"]).succeeds();
        if runs() {
            return true;
        }
        let install =
            ["toolchain", "install", "--profile", "minimal", "--no-self-update", toolchain];
        !self.offline && Cmd::new("rustup").args(install).run().is_ok() && runs()
    }
}

/// Checks that no dependency needs a newer Rust than is promised, which is returned.
pub(crate) fn check_dependencies() -> Result<String> {
    let metadata = MetadataCommand::new().features(CargoOpt::AllFeatures).exec()?;
    let published = published(&metadata);
    let promised = published.iter().filter_map(|package| package.rust_version.clone()).min();
    let promised = promised.ok_or("no published crate has a rust-version")?;
    let dependencies = dependencies(&metadata, &published)?;
    let newer = dependencies.iter().filter_map(|package| {
        let needed = package.rust_version.as_ref().filter(|needed| **needed > promised)?;
        Some(format!("{} {} needs Rust {needed}", package.name, package.version))
    });
    verdict("msrv", &newer.collect::<Vec<_>>())?;
    let toolchain = format!("{}.{}", promised.major, promised.minor);
    println!("msrv: none of {} crates needs more than Rust {toolchain}", dependencies.len());
    Ok(toolchain)
}

fn published(metadata: &Metadata) -> Vec<&Package> {
    let published = |package: &&Package| package.publish.as_ref().is_none_or(|to| !to.is_empty());
    metadata.workspace_packages().into_iter().filter(published).collect()
}

/// Everything that a user of the crates compiles, on any platform.
fn dependencies<'a>(metadata: &'a Metadata, from: &[&'a Package]) -> Result<Vec<&'a Package>> {
    let resolve = metadata.resolve.as_ref().ok_or("cargo metadata has resolved nothing")?;
    let nodes: HashMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&PackageId> = from.iter().map(|package| &package.id).collect();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let kinds = &dependency.dep_kinds;
            if kinds.iter().any(|kind| kind.kind != DependencyKind::Development) {
                open.push(&dependency.pkg);
            }
        }
    }
    Ok(metadata.packages.iter().filter(|package| seen.contains(&package.id)).collect())
}
