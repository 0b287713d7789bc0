//! `cargo xtask release`

mod changelog;
mod checks;
mod order;
mod package;
mod report;

use std::path::{Path, PathBuf};

use cargo_metadata::{MetadataCommand, Package};

use crate::sh::Cmd;
use crate::{Result, verdict};
use package::DryRun;

/// Prepares releases: what is published in which order, and whether each crate is ready for it.
///
/// Nothing is published by these commands. `docs/releasing.md` walks through a release.
#[derive(clap::Subcommand)]
pub(crate) enum Release {
    Plan(Plan),
}

/// Checks every crate that is published, and packages all of them as `cargo publish` would.
///
/// Crates are listed so that each comes after those it depends on. For each, the plan checks its
/// version against its CHANGELOG and its tag (`store-core-v0.1.0`), its manifest (description,
/// licence, repository, keywords, categories, rust-version, docs.rs), its README, the texts of the
/// licences, and that its dependencies on crates of this workspace have versions: without one
/// Cargo refuses to publish, and with another than the neighbour has, users get an old neighbour.
///
/// Then `cargo package` makes all archives and compiles each from its archive, with every feature,
/// in a directory of its own: a file that is missing from an archive, such as a migration, is an
/// error here and not at a user's. Crates that crates.io does not have yet are taken from the
/// archives. That takes minutes; `--no-verify` makes the archives without compiling.
///
/// Ends with the commands that publish, which you run yourself.
#[derive(clap::Args)]
pub(crate) struct Plan {
    /// Only this crate, and the crates of this workspace it depends on
    #[arg(value_name = "CRATE")]
    krate: Option<String>,
    /// Make the archives, but do not compile them
    #[arg(long)]
    no_verify: bool,
    /// Package the working tree as it is, changes included that are not committed
    #[arg(long)]
    allow_dirty: bool,
}

impl Release {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Release::Plan(plan) => plan.run(),
        }
    }
}

impl Plan {
    fn run(self) -> Result<()> {
        let workspace = Published::load()?;
        let packages = order::of(&workspace.packages, self.krate.as_deref())?;
        let mut problems = Vec::new();
        let mut lines = Vec::new();
        for package in &packages {
            let found = checks::problems(package, &workspace)?;
            lines.push(report::Line::new(package, &workspace, found.len())?);
            problems.extend(found);
        }
        report::table(&lines);
        verdict("release", &problems)?;
        DryRun { verify: !self.no_verify, allow_dirty: self.allow_dirty }
            .run(&packages, &workspace)?;
        report::commands(&lines);
        Ok(())
    }
}

/// Checks of every published crate what has to hold between releases as well.
pub(crate) fn check() -> Result<()> {
    let workspace = Published::load()?;
    let mut problems = Vec::new();
    for package in &workspace.packages {
        problems.extend(checks::always(package, &workspace)?);
    }
    verdict("release", &problems)
}

/// The crates of the workspace that are published.
struct Published {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<Package>,
}

impl Published {
    fn load() -> Result<Published> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        // `publish = false` is an empty list of registries.
        let published =
            |package: &&Package| package.publish.as_ref().is_none_or(|to| !to.is_empty());
        Ok(Published {
            root: metadata.workspace_root.clone().into(),
            target: metadata.target_directory.clone().into(),
            packages: metadata
                .workspace_packages()
                .into_iter()
                .filter(published)
                .cloned()
                .collect(),
        })
    }

    fn find(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name.as_str() == name)
    }
}

/// The directory of a package.
fn directory(package: &Package) -> &Path {
    package.manifest_path.parent().map_or(Path::new("."), |parent| parent.as_std_path())
}

/// The tag under which a version is released.
fn tag(package: &Package) -> String {
    format!("{}-v{}", package.name, package.version)
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no tag for the version yet.
    New,
    /// The tag is there, and the crate is what it was.
    Released,
    /// The tag is there, and the crate has changed since: it needs another version.
    Changed,
}

fn state(package: &Package, root: &Path) -> State {
    let reference = format!("refs/tags/{}", tag(package));
    let git = || Cmd::new("git").dir(root);
    if !git().args(["rev-parse", "--quiet", "--verify", &reference]).succeeds() {
        return State::New;
    }
    let diff = git().args(["diff", "--quiet", &reference, "--"]).arg(directory(package));
    if diff.succeeds() { State::Released } else { State::Changed }
}
