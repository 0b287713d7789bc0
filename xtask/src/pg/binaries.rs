//! Where the server's binaries are, and how to get them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{is_file, is_root};
use crate::Result;
use crate::sh::Cmd;

/// A directory counts only if all of these are in it: client packages install some of them alone.
const NEEDED: [&str; 6] = ["createdb", "dropdb", "initdb", "pg_ctl", "pg_isready", "postgres"];

/// `<parent>/<prefix>*/bin`: Debian, Red Hat, Homebrew on either processor, Postgres.app.
const INSTALLED: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// The directory with the newest server binaries.
pub(super) fn find() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| NEEDED.iter().all(|name| is_file(dir, name));
    let candidates = on_path().into_iter().chain(installed());
    candidates.filter(complete).max_by_key(|dir| version(dir))
}

/// Like [`find`], but installs the server where that is possible without asking.
pub(super) fn find_or_install() -> Result<PathBuf> {
    if let Some(bin) = find() {
        return Ok(bin);
    }
    if can_install() {
        eprintln!("no PostgreSQL server binaries found: installing the package postgresql");
        install()?;
        return find().ok_or_else(|| "the package postgresql has no server binaries".into());
    }
    let message = "no PostgreSQL server binaries on PATH or in the usual places. Install them \
        (Debian, Ubuntu: sudo apt-get install postgresql; Fedora: sudo dnf install \
        postgresql-server; macOS: brew install postgresql), or set STORE_TEST_POSTGRES_URL to \
        a server on which tests may create databases";
    Err(message.into())
}

/// On PATH there may be links only: what counts is the directory the real `initdb` is in.
fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|dir| fs::canonicalize(dir.join("initdb")).ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_owned))
        .collect()
}

fn installed() -> Vec<PathBuf> {
    let below = |(parent, prefix): &(&str, &'static str)| {
        let prefix = *prefix;
        fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
    };
    INSTALLED.iter().flat_map(below).collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is `[15, 18]`; unknown sorts first.
fn version(bin: &Path) -> Vec<u32> {
    let text = Cmd::new(bin.join("postgres")).arg("--version").quiet().read().unwrap_or_default();
    parse_version(&text)
}

fn parse_version(text: &str) -> Vec<u32> {
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    // `17beta1` is not a number and sorts below 17.0.
    number.split('.').map_while(|part| part.parse().ok()).collect()
}

/// Debian's package starts a server of its own unless its common part is told not to.
fn install() -> Result<()> {
    apt(&["update"])?;
    apt_install("postgresql-common")?;
    let setting = Path::new("/etc/postgresql-common/createcluster.conf");
    if setting.exists() {
        let mut file = OpenOptions::new().append(true).open(setting)?;
        writeln!(file, "create_main_cluster = false")?;
    }
    apt_install("postgresql")
}

/// Whether packages can be installed without asking: as root, on Debian or Ubuntu.
pub(crate) fn can_install() -> bool {
    is_root() && Cmd::new("apt-get").arg("--version").succeeds()
}

/// Installs a package of Debian's, without what it recommends.
pub(crate) fn apt_install(package: &str) -> Result<()> {
    apt(&["install", "-y", "--no-install-recommends", package])
}

pub(crate) fn apt(args: &[&str]) -> Result<()> {
    let apt = Cmd::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive");
    apt.stdout_to_stderr().run()
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_compare_as_numbers() {
        let version = |number| parse_version(&format!("postgres (PostgreSQL) {number} (Debian)"));
        assert_eq!(version("15.18"), [15, 18]);
        assert!(version("15.18") > version("9.6"));
        assert!(version("15.2") < version("15.18"));
        assert!(version("17beta1") < version("9.6"));
    }
}
