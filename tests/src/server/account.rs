//! Where the server's binaries are, and the user they run as: PostgreSQL refuses root.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Binaries, and who runs them.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// `None`: the ones on PATH.
    bin: Option<PathBuf>,
    /// User and group, when this process is root.
    instead_of_root: Option<(u32, u32)>,
}

impl Account {
    pub(super) fn find() -> Self {
        let is_root = id(&["-u"]) == 0;
        let postgres = || (id(&["-u", "postgres"]), id(&["-g", "postgres"]));
        Self { bin: binaries(), instead_of_root: is_root.then(postgres) }
    }

    /// A command of PostgreSQL's, run in a directory it may enter.
    pub(super) fn command(&self, program: &str, dir: &Path) -> Command {
        self.run(self.program(program).as_os_str(), dir)
    }

    /// Where a program of PostgreSQL's is.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.as_ref().map_or_else(|| name.into(), |bin| bin.join(name))
    }

    /// Any other command, as the same user.
    pub(super) fn run(&self, program: &OsStr, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir);
        if let Some((user, group)) = self.instead_of_root {
            command.uid(user).gid(group);
        }
        command
    }

    /// A directory of the user's.
    pub(super) fn temporary_directory(&self) -> TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        self.give(dir.path());
        dir
    }

    /// Writes a file that only the user can read.
    pub(super) fn write(&self, path: &Path, content: &str) {
        fs::write(path, content).expect("the file is written");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("the file is ours");
        self.give(path);
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.instead_of_root {
            chown(path, Some(user), Some(group)).expect("root can give files away");
        }
    }
}

fn id(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().expect("`id` runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_not_a_number| {
        panic!("there is no user `postgres`, and PostgreSQL does not run as root: install it")
    })
}

/// `STORE_TEST_POSTGRES_BIN`, or the newest of Debian's directories, or nothing: PATH then.
fn binaries() -> Option<PathBuf> {
    if let Some(bin) = std::env::var_os("STORE_TEST_POSTGRES_BIN") {
        return Some(PathBuf::from(bin));
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let number = |name: &OsStr| name.to_str().and_then(|name| name.parse::<u32>().ok());
    versions
        .filter(|entry| entry.path().join("bin/initdb").exists())
        .filter_map(|entry| Some((number(&entry.file_name())?, entry.path().join("bin"))))
        .max()
        .map(|(_version, bin)| bin)
}
