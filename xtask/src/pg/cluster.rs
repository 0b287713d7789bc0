//! The files and the process of the throw-away server.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::place::Place;
use super::{binaries, free_port};
use crate::Result;
use crate::sh::{Cmd, quote};

/// `fsync` stays on: benchmarks and crash tests measure what users get. English messages, because
/// some failures can only be told apart by their text.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
lc_messages = 'C'
";

/// The name of the directory of the server that commands share.
const SHARED: &str = "pg";

const START_ATTEMPTS: u32 = 3;
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A data directory and its log.
pub(super) struct Cluster {
    place: Place,
    bin: PathBuf,
}

impl Cluster {
    /// The throw-away server of this target directory, if there is one, running or not.
    pub(super) fn find(target: &Path) -> Result<Option<Cluster>> {
        Cluster::named(target, SHARED)
    }

    fn named(target: &Path, name: &str) -> Result<Option<Cluster>> {
        let Some(place) = Place::find(target, name)? else { return Ok(None) };
        let bin = binaries::find().ok_or("the server's binaries are gone: stop it by hand")?;
        Ok(Some(Cluster { place, bin }))
    }

    /// A new one. What a server that no longer runs has left behind is removed first.
    pub(super) fn create(target: &Path, bin: &Path) -> Result<Cluster> {
        Cluster::create_named(target, bin, SHARED, "")
    }

    /// A new one in a directory of another name, with further settings.
    pub(super) fn create_named(
        target: &Path,
        bin: &Path,
        name: &str,
        settings: &str,
    ) -> Result<Cluster> {
        if let Some(left) = Cluster::named(target, name)? {
            left.down()?;
        }
        let cluster = Cluster { place: Place::claim(target, name)?, bin: bin.to_owned() };
        cluster.init(settings)?;
        Ok(cluster)
    }

    fn init(&self, settings: &str) -> Result<()> {
        let password = self.place.dir.join("password");
        let write = format!("printf postgres > {}", quote(&password.to_string_lossy()));
        self.place.command("sh").args(["-c", &write]).run()?;
        self.place
            .command(self.bin.join("initdb"))
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"])
            // Tests need a wrong password to fail, so no trust over TCP.
            .args(["--auth-host=scram-sha-256", "--auth-local=trust"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(format!("--pgdata={}", self.data().display()))
            .hide_stdout()
            .run()?;
        fs::remove_file(password)?;
        let mut file = OpenOptions::new().append(true).open(self.data().join("postgresql.conf"))?;
        file.write_all(SETTINGS.as_bytes())?;
        Ok(file.write_all(settings.as_bytes())?)
    }

    /// Where the server's binaries are.
    pub(super) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Starts the server and returns its URL once it answers.
    pub(super) fn start(&self) -> Result<String> {
        let mut attempt = 1;
        while let Err(error) = self.start_on(free_port()?) {
            // Another process may have taken the port in between.
            if attempt == START_ATTEMPTS {
                let log = fs::read_to_string(self.place.dir.join("server.log")).unwrap_or_default();
                return Err(format!("{error}\n{log}").into());
            }
            attempt += 1;
        }
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(url) = self.url() {
                return Ok(url);
            }
            if Instant::now() > deadline {
                return Err("the server started but does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts the server on a port, with what it says going to its log.
    pub(super) fn start_on(&self, port: u16) -> Result<()> {
        self.pg_ctl("start")
            .args(["--silent", "--wait", "--options", &format!("-p {port}"), "--log"])
            .arg(self.place.dir.join("server.log"))
            .stdout_to_stderr()
            .run()
    }

    /// Its URL, if it runs and answers.
    pub(super) fn url(&self) -> Option<String> {
        if !self.pg_ctl("status").succeeds() {
            return None;
        }
        // Line 4 of this file is the port.
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let port: u16 = file.lines().nth(3)?.trim().parse().ok()?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        let isready = Cmd::new(self.bin.join("pg_isready"));
        let ready = isready.args(["-h", "127.0.0.1", "-p", &port.to_string()]).succeeds();
        ready.then(|| format!("postgresql://postgres:postgres@127.0.0.1:{port}/postgres"))
    }

    /// Stops the server if it runs, and removes its files.
    pub(super) fn down(&self) -> Result<()> {
        if self.pg_ctl("status").succeeds() {
            // Its files are removed next: what it would write down at a shutdown, for minutes after
            // thousands of schemas, is for nobody.
            self.pg_ctl("stop")
                .args(["--silent", "--wait", "--timeout", "300", "--mode", "immediate"])
                .stdout_to_stderr()
                .run()?;
        }
        Ok(fs::remove_dir_all(&self.place.dir)?)
    }

    /// Stops the server as a failing machine would: no session ends in good order.
    pub(super) fn stop_at_once(&self) -> Result<()> {
        self.pg_ctl("stop")
            .args(["--silent", "--wait", "--mode", "immediate"])
            .stdout_to_stderr()
            .run()
    }

    /// Kills the server's first process; its children notice and end themselves.
    pub(super) fn kill(&self) -> Result<()> {
        let file = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let pid = file.lines().next().unwrap_or_default().trim().to_owned();
        self.place.command("kill").args(["-KILL", &pid]).run()
    }

    fn pg_ctl(&self, action: &str) -> Cmd {
        let pg_ctl = self.place.command(self.bin.join("pg_ctl"));
        pg_ctl.arg(action).arg("--pgdata").arg(self.data())
    }

    fn data(&self) -> PathBuf {
        self.place.dir.join("data")
    }
}
