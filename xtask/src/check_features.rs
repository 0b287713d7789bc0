//! `cargo xtask check-features`

use std::collections::BTreeSet;

use crate::Result;
use crate::sh::Cmd;
use crate::workspace::{Member, Workspace, feature_args};

/// Checks that each store crate compiles with every combination of its features.
///
/// Combinations that switch on the same features in the end are checked once. Dependencies of
/// tests are left out, as they are for a user of the crate.
#[derive(clap::Args)]
pub(crate) struct CheckFeatures {
    /// Only this crate
    #[arg(value_name = "CRATE")]
    krate: Option<String>,
}

impl CheckFeatures {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let mut count = 0;
        for member in workspace.stores(self.krate.as_deref())? {
            for features in combinations(member) {
                Cmd::cargo(["check", "-p", &member.name]).args(feature_args(&features)).run()?;
                count += 1;
            }
        }
        println!("check-features: {count} combinations compile");
        Ok(())
    }
}

/// The subsets of the crate's features, without those that only repeat another one.
fn combinations(member: &Member) -> Vec<Vec<&str>> {
    let features: Vec<&str> =
        member.features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    let mut seen = BTreeSet::new();
    let mut combinations = Vec::new();
    for bits in 0..1_u32 << features.len() {
        let subset: Vec<&str> = features
            .iter()
            .enumerate()
            .filter(|(place, _)| bits & (1 << place) != 0)
            .map(|(_, feature)| *feature)
            .collect();
        if seen.insert(member.closure(subset.iter().copied())) {
            combinations.push(subset);
        }
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_mean_the_same_are_listed_once() {
        let feature = |name: &str, implied: &[&str]| {
            (name.to_owned(), implied.iter().map(|&f| f.to_owned()).collect())
        };
        let member = Member {
            name: "store-x".to_owned(),
            dir: "store-x".into(),
            is_published: true,
            features: [
                feature("default", &["sqlite", "bundled"]),
                feature("bundled", &["sqlite", "store-core/bundled"]),
                feature("postgres", &["dep:diesel"]),
                feature("sqlite", &["dep:diesel"]),
            ]
            .into(),
        };
        let expected: [&[&str]; 6] = [
            &[],
            &["bundled"],
            &["postgres"],
            &["bundled", "postgres"],
            &["sqlite"],
            &["postgres", "sqlite"],
        ];
        assert_eq!(combinations(&member), expected);
    }
}
