//! `cargo xtask guides`

mod blocks;
mod run;

use std::fs;
use std::path::{Path, PathBuf};

use crate::pg;
use crate::sh::Cmd;
use crate::workspace::{Workspace, feature_args};
use crate::{Result, verdict};
use blocks::Guide;

/// Runs the commands of the guides, as they are written.
///
/// These are the blocks `console` (what begins with `$`), `sh` and `sql` of README.md and of the files
/// in `docs/`. Each guide is one shell, so that what it exports holds in its later blocks, in an empty
/// directory that has `deploy/` in it; README.md is run in the workspace. Its database is an empty one
/// of a throw-away server: `$STORE_POSTGRES_DSN` and what `psql` connects to by itself. A DSN
/// `postgres://anyone@db.example.com/any` stands for it. `store-migrate` and `demo` are on the path.
/// Output that a guide shows below a command has to be in the command's output, in this order; `…`
/// stands for anything. `$GUIDES_WORKSPACE` is the directory of the workspace.
///
/// A comment above a block says what is not plain:
///
/// `<!-- guides: skip: REASON -->` it is not run: it needs a cluster, or another machine
///
/// `<!-- guides: exit 3 -->` its last command ends with this code
///
/// `<!-- guides: setup COMMANDS -->` commands that are run and not shown, in lines of their own
#[derive(clap::Args)]
pub(crate) struct Guides {
    /// Only these files [default: README.md and docs/*.md]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the commands with their lines, and run nothing
    #[arg(long)]
    list: bool,
}

impl Guides {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let files = if self.files.is_empty() { guides(&workspace.root)? } else { self.files };
        let mut all = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let shown = file.strip_prefix(&workspace.root).unwrap_or(&file).display().to_string();
            all.push(Guide::parse(&shown, &text)?);
        }
        if self.list {
            all.iter().for_each(Guide::print);
            return Ok(());
        }
        // As the tests are built with both backends: nothing is compiled twice.
        Cmd::cargo(["build", "--quiet", "-p", "store-tests", "-p", "store-migrate"])
            .args(feature_args(&["sqlite", "postgres", "migrate"]))
            .args(["--bin", "store-migrate", "--example", "demo", "--example", "prometheus"])
            .run()?;
        let server = pg::ensure(&workspace)?;
        let mut problems = Vec::new();
        for guide in all.iter().filter(|guide| guide.has_commands()) {
            problems.extend(run::guide(guide, &workspace, &server)?);
        }
        server.stop()?;
        verdict("guides", &problems)
    }
}

/// The guides of the workspace.
fn guides(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs"))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    Ok(files)
}
