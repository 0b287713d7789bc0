//! A PostgreSQL server of a test's own, for tests that kill one or configure one.
//!
//! Everything else shares the server of [`fixture::postgres`](crate::fixture::postgres): a private
//! one costs a second or two.

mod account;
mod process;
mod standby;
mod template;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::account::Account;
use self::process::Process;
use self::template::Template;

/// English messages, because some failures can only be told apart by their text. Shared memory in
/// the data directory, so that a server that was killed leaves nothing anywhere else.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("shared_buffers", "16MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("lc_messages", "C"),
];

const START_ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a private server is to be like. It does not wait for the disk unless told to.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    settings: Vec<(String, String)>,
    files: Vec<(String, String)>,
    fsync: bool,
}

impl Setup {
    /// Makes commits wait for the disk: for tests of what survives.
    #[must_use]
    pub fn fsync(mut self) -> Self {
        self.fsync = true;
        self
    }

    /// Adds a setting to `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a file to the data directory, readable by the server alone, as keys have to be.
    #[must_use]
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Starts the server.
    ///
    /// # Panics
    /// When there are no server binaries, or the server does not start.
    #[must_use]
    pub fn start(self) -> Server {
        let template = Template::get();
        let account = template.account.clone();
        let dir = account.temporary_directory();
        template.copy_to(&dir.path().join("data"));
        let fsync = if self.fsync { "on" } else { "off" };
        let own = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = own.chain([("fsync".to_owned(), fsync.to_owned())]).chain(self.settings);
        let mut server = Server { port: 0, process: None, dir, account, _template: template };
        server.configure(settings);
        for (name, content) in &self.files {
            server.account.write(&server.data().join(name), content);
        }
        server.start_on_a_free_port();
        server
    }
}

/// A private server. Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct Server {
    port: u16,
    process: Option<Process>,
    dir: TempDir,
    account: Account,
    _template: Arc<Template>,
}

impl Server {
    /// Returns its URL as superuser, user and password `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns the port on 127.0.0.1, the same after every start.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again after it was stopped or killed; returns when it answers.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        if let Err(log) = self.try_start() {
            panic!("the server does not start again:\n{log}");
        }
    }

    /// Stops it in good order: sessions are ended, what was committed is on the disk.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&mut self) {
        assert!(self.pg_ctl_stop("fast"), "the server does not stop");
        self.process.take().expect("the server runs").wait_for_all();
    }

    /// Kills it as a crash would; returns when all of its processes are gone.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.process.take().expect("the server runs").kill();
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn configure(&self, settings: impl Iterator<Item = (String, String)>) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))
            .expect("the configuration is there");
        for (name, value) in settings {
            let value = value.replace('\'', "''");
            writeln!(file, "{name} = '{value}'").expect("the configuration is written");
        }
    }

    fn start_on_a_free_port(&mut self) {
        for attempt in 1.. {
            self.port = free_port();
            match self.try_start() {
                Ok(()) => return,
                // Another process may have taken the port in between.
                Err(log) if attempt == START_ATTEMPTS => {
                    panic!("the server does not start:\n{log}")
                }
                Err(_log) => {}
            }
        }
    }

    /// Starts it and waits until it answers; returns its log when it ends instead.
    fn try_start(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let mut process = Process::spawn(
            self.account
                .command("postgres", self.dir.path())
                .args(["-p", &port, "-D"])
                .arg(self.data()),
        );
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            if process.has_ended() || Instant::now() > deadline {
                return Err(process.end());
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        Ok(())
    }

    fn answers(&self) -> bool {
        self.account
            .command("pg_isready", self.dir.path())
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .expect("pg_isready runs")
            .success()
    }

    fn pg_ctl_stop(&self, mode: &str) -> bool {
        self.account
            .command("pg_ctl", self.dir.path())
            .args(["stop", "--silent", "--wait", "--mode", mode, "--pgdata"])
            .arg(self.data())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            // Unlike a kill, this returns the shared memory that names the data directory.
            self.pg_ctl_stop("immediate");
            process.end();
        }
    }
}

/// Returns where a program of PostgreSQL's is: beside the server's, or on PATH.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    Account::find().program(name)
}

/// Returns a port below those that systems give to clients: while the server is down, a client
/// that connects to such a port could be given it as its own, and so keep it from the server.
fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 17 % u32::from(COUNT)).unwrap_or(0);
    let ports = || FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
    std::iter::repeat_with(ports)
        .take(usize::from(COUNT))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a port is free")
}
