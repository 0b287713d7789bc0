//! `cargo xtask semver`

use crate::sh::Cmd;
use crate::workspace::{Member, Workspace};
use crate::{Result, tool};

/// Compares the public items of each published crate with those of its last release.
///
/// A change that breaks users needs a new minor version before 1.0, a new major one after it:
/// cargo-semver-checks says which lint failed and where. The last release of a crate is its newest
/// tag, such as `store-core-v0.1.0`; a crate without a tag was never released, and is compared only
/// when `--baseline-rev` names what with. Every feature is on.
#[derive(clap::Args)]
pub(crate) struct Semver {
    /// Only this crate
    #[arg(value_name = "CRATE")]
    krate: Option<String>,
    /// The commit, branch or tag to compare with
    #[arg(long, value_name = "REV")]
    baseline_rev: Option<String>,
}

impl Semver {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let wanted = |member: &&Member| {
            member.is_published && self.krate.as_deref().is_none_or(|name| name == member.name)
        };
        let crates: Vec<&Member> = workspace.members.iter().filter(wanted).collect();
        if crates.is_empty() {
            return Err("there is no such crate among those that are published".into());
        }
        let (mut compared, mut failed) = (0, Vec::new());
        for member in crates {
            let Some(baseline) = self.baseline_rev.clone().or_else(|| last_release(member)) else {
                println!("semver: {} was never released: nothing to compare with", member.name);
                continue;
            };
            if compared == 0 {
                tool::ensure("cargo-semver-checks")?;
            }
            compared += 1;
            let check = Cmd::cargo(["semver-checks", "--package", &member.name, "--all-features"])
                .args(["--baseline-rev", &baseline])
                .dir(&workspace.root);
            if check.run().is_err() {
                failed.push(member.name.clone());
            }
        }
        if !failed.is_empty() {
            return Err(format!("semver: incompatible changes in {}", failed.join(", ")).into());
        }
        println!("semver: {compared} crates compared");
        Ok(())
    }
}

/// The newest tag of a crate.
fn last_release(member: &Member) -> Option<String> {
    let pattern = format!("{}-v*", member.name);
    let tags = Cmd::new("git").args(["tag", "--list", "--sort=-version:refname", &pattern]);
    tags.dir(&member.dir).quiet().read().ok()?.lines().next().map(str::to_owned)
}
