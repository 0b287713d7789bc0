//! What `cargo metadata` says about the workspace: its crates and their features.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use cargo_metadata::MetadataCommand;

use crate::Result;

/// One of the two databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Backend {
    #[default]
    Sqlite,
    Postgres,
}

impl Backend {
    pub(crate) const ALL: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];

    /// The name of its feature, module and migrations directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A package of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// Whether it goes to crates.io.
    pub(crate) is_published: bool,
    /// Each feature with those it switches on, `default` included.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

impl Member {
    /// A published library with backends, as opposed to tests and tools.
    fn is_store(&self) -> bool {
        self.name.starts_with("store-") && self.name != "store-tests" && self.has_backend()
    }

    fn has_backend(&self) -> bool {
        Backend::ALL.iter().any(|backend| self.features.contains_key(backend.name()))
    }

    /// Its features for these backends, without those it does not declare. SQLite is compiled in.
    pub(crate) fn backend_features(&self, backends: &[Backend]) -> Vec<&str> {
        let wanted = backends.iter().flat_map(|backend| match backend {
            Backend::Sqlite => ["sqlite", "bundled"].as_slice(),
            Backend::Postgres => ["postgres"].as_slice(),
        });
        wanted.copied().filter(|feature| self.features.contains_key(*feature)).collect()
    }

    /// Every feature except those that need a backend outside `backends`.
    pub(crate) fn features_within(&self, backends: &[Backend]) -> Vec<&str> {
        let outside: Vec<&str> = Backend::ALL
            .iter()
            .filter(|backend| !backends.contains(backend))
            .map(|b| b.name())
            .collect();
        let needs_outside =
            |feature: &str| self.closure([feature]).iter().any(|f| outside.contains(f));
        let declared = self.features.keys().map(String::as_str);
        declared.filter(|feature| *feature != "default" && !needs_outside(feature)).collect()
    }

    /// The features, and all features of this crate that they switch on.
    pub(crate) fn closure<'a>(
        &'a self,
        features: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<&'a str> {
        let mut all = BTreeSet::new();
        let mut queue: Vec<&str> = features.into_iter().collect();
        while let Some(feature) = queue.pop() {
            if let Some(implied) = self.features.get(feature)
                && all.insert(feature)
            {
                queue.extend(implied.iter().map(String::as_str));
            }
        }
        all
    }
}

/// The workspace that contains the current directory.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) members: Vec<Member>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Workspace> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let members = metadata.workspace_packages().into_iter().map(|package| Member {
            name: package.name.to_string(),
            dir: package.manifest_path.parent().map(Into::into).unwrap_or_default(),
            // `publish = false` is an empty list of registries.
            is_published: package.publish.as_ref().is_none_or(|to| !to.is_empty()),
            features: package.features.clone(),
        });
        Ok(Workspace {
            root: metadata.workspace_root.clone().into(),
            target: metadata.target_directory.clone().into(),
            members: members.collect(),
        })
    }

    /// The store crates, or the one that is named.
    pub(crate) fn stores(&self, only: Option<&str>) -> Result<Vec<&Member>> {
        let stores = || self.members.iter().filter(|member| member.is_store());
        let chosen: Vec<&Member> =
            stores().filter(|member| only.is_none_or(|name| name == member.name)).collect();
        match only {
            Some(name) if chosen.is_empty() => {
                let known: Vec<&str> = stores().map(|member| member.name.as_str()).collect();
                Err(format!("no store crate {name}; there are: {}", known.join(", ")).into())
            }
            _ => Ok(chosen),
        }
    }
}

/// The arguments that switch on exactly these features.
pub(crate) fn feature_args(features: &[&str]) -> Vec<String> {
    let mut args = vec!["--no-default-features".to_owned()];
    if !features.is_empty() {
        args.extend(["--features".to_owned(), features.join(",")]);
    }
    args
}
