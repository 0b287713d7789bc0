//! A PgBouncer before a server, set up as the guide says.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use super::guide;
use crate::Result;
use crate::pg::{Place, apt, apt_install, can_install, free_port};
use crate::sh::{Cmd, quote};
use crate::workspace::Workspace;

/// Names the program, where it is not the one that is installed.
const PROGRAM_VARIABLE: &str = "STORE_TEST_PGBOUNCER";

/// Debian's is not on the PATH of every account.
const INSTALLED: [&str; 4] = [
    "/usr/sbin/pgbouncer",
    "/usr/bin/pgbouncer",
    "/usr/local/bin/pgbouncer",
    "/opt/homebrew/bin/pgbouncer",
];

/// The first version that keeps protocol-level prepared statements in transaction mode.
pub(super) const KEEPS_STATEMENTS: Version = Version(1, 21);

const READY_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The program.
pub(super) struct Program {
    path: PathBuf,
    pub(super) version: Version,
}

impl Program {
    /// The one in `STORE_TEST_PGBOUNCER`, or the one that is installed; where that is possible
    /// without asking, it is installed first.
    pub(super) fn find_or_install() -> Result<Program> {
        if let Some(path) = std::env::var_os(PROGRAM_VARIABLE).filter(|path| !path.is_empty()) {
            return Program::at(PathBuf::from(path));
        }
        if installed().is_none() && can_install() {
            eprintln!("no PgBouncer found: installing the package pgbouncer");
            apt(&["update"])?;
            // The package starts one of its own, on a port that may be taken.
            install_without_starting()?;
        }
        let path = installed().ok_or(
            "no PgBouncer in the usual places. Install it (Debian, Ubuntu: sudo apt-get install \
             pgbouncer; macOS: brew install pgbouncer), or set STORE_TEST_PGBOUNCER to the program",
        )?;
        Program::at(path)
    }

    fn at(path: PathBuf) -> Result<Program> {
        let text = Cmd::new(&path).arg("--version").quiet().read()?;
        let version = parse_version(&text)
            .ok_or_else(|| format!("{} --version says no version: {text}", path.display()))?;
        Ok(Program { path, version })
    }
}

fn installed() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&on_path)
        .map(|dir| dir.join("pgbouncer"))
        .chain(INSTALLED.iter().map(PathBuf::from))
        .find(|path| path.is_file())
}

/// Debian starts a service when it is installed, unless a policy says no.
fn install_without_starting() -> Result<()> {
    let policy = Path::new("/usr/sbin/policy-rc.d");
    if policy.exists() {
        return apt_install("pgbouncer");
    }
    fs::write(policy, "#!/bin/sh\nexit 101\n")?;
    let installed = Cmd::new("chmod")
        .args(["755", "/usr/sbin/policy-rc.d"])
        .run()
        .and_then(|()| apt_install("pgbouncer"));
    fs::remove_file(policy)?;
    installed
}

/// `PgBouncer 1.18.0` is 1.18.
fn parse_version(text: &str) -> Option<Version> {
    let mut numbers = text.lines().next()?.split_whitespace().nth(1)?.split('.');
    Some(Version(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A running PgBouncer. It is ended, and its files are removed, when it is dropped.
pub(super) struct PgBouncer {
    child: Child,
    place: Place,
    pid_file: PathBuf,
    port: u16,
}

impl PgBouncer {
    /// Starts one before the server on `server_port`, with a configuration of the guide and some
    /// lines more.
    pub(super) fn start(
        workspace: &Workspace,
        program: &Program,
        chapter: &str,
        server_port: u16,
        more: &[(&str, &str)],
    ) -> Result<PgBouncer> {
        const NAME: &str = "pgbouncer";
        if let Some(left) = Place::find(&workspace.target, NAME)? {
            // Of a command that was killed.
            signal(&left, &left.dir.join("pid"), "-KILL");
            fs::remove_dir_all(&left.dir)?;
        }
        let place = Place::claim(&workspace.target, NAME)?;
        let (port, pid_file) = (free_port()?, place.dir.join("pid"));
        let path = |name: &str| place.dir.join(name).to_string_lossy().into_owned();
        let (users, pid) = (path("userlist.txt"), path("pid"));
        let port_text = port.to_string();
        let mut settings = vec![
            ("listen_port", port_text.as_str()),
            ("auth_file", &users),
            ("pidfile", &pid),
            ("unix_socket_dir", ""),
        ];
        settings.extend_from_slice(more);
        let ini = guide::configuration(workspace, chapter, server_port, &settings)?;
        write(&place, "userlist.txt", "\"postgres\" \"postgres\"\n")?;
        write(&place, "pgbouncer.ini", &ini)?;
        let log = workspace.target.join("pgbouncer.log");
        let child = place.command(&program.path).arg(path("pgbouncer.ini")).spawn_into(&log)?;
        let mut pooler = PgBouncer { child, place, pid_file, port };
        pooler.wait(&log)?;
        Ok(pooler)
    }

    fn wait(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("PgBouncer does not start:\n{said}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The URL of the server's database through it.
    pub(super) fn url(&self) -> String {
        format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl PgBouncer {
    /// Ends it, whoever is connected: from version 1.23 on a mere TERM waits for them.
    fn stop(&mut self) -> Result<()> {
        signal(&self.place, &self.pid_file, "-TERM");
        let patience = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait()?.is_none() {
            if Instant::now() > patience {
                signal(&self.place, &self.pid_file, "-KILL");
                self.child.wait()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(fs::remove_dir_all(&self.place.dir)?)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("PgBouncer could not be stopped: {error}");
        }
    }
}

/// Signals the process that a file names; one that is gone needs none.
fn signal(place: &Place, pid_file: &Path, signal: &str) {
    if let Ok(pid) = fs::read_to_string(pid_file) {
        let _gone = place.command("kill").args([signal, pid.trim()]).succeeds();
    }
}

/// Writes a file as the account that owns the place.
fn write(place: &Place, name: &str, content: &str) -> Result<()> {
    let path = place.dir.join(name);
    let line =
        format!("umask 077; printf %s {} > {}", quote(content), quote(&path.to_string_lossy()));
    place.command("sh").arg("-c").secret_arg(&line).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let version = |text: &str| parse_version(text).unwrap();
        assert!(version("PgBouncer 1.18.0\nlibevent 2.1.12-stable") < KEEPS_STATEMENTS);
        assert!(version("PgBouncer 1.9.0") < KEEPS_STATEMENTS);
        assert!(version("PgBouncer 1.24.1") > KEEPS_STATEMENTS);
        assert!(version("PgBouncer 1.21.0") >= KEEPS_STATEMENTS);
        assert_eq!(parse_version("pgbouncer"), None);
    }
}
