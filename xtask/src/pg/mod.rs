//! `cargo xtask pg`, and the server that other commands run on.

mod binaries;
mod cluster;
mod lock;
mod own;
mod place;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Result;
use crate::sh::Cmd;
use crate::workspace::Workspace;
pub(crate) use binaries::{apt, apt_install, can_install};
use cluster::Cluster;
pub(crate) use lock::Lock;
pub(crate) use own::OwnServer;
pub(crate) use place::Place;

/// Where tests find the server. Set by the user, it is used as it is.
const URL_VARIABLE: &str = "STORE_TEST_POSTGRES_URL";

/// Where tests find the server's binaries: some start further servers of their own.
const BIN_VARIABLE: &str = "STORE_TEST_POSTGRES_BIN";

/// Starts and stops a throw-away PostgreSQL, so that nobody needs Docker.
///
/// It listens on 127.0.0.1 on a free port and lives in `target/pg`, or in a temporary directory if
/// root runs this and the server's user cannot reach the target directory. If
/// `STORE_TEST_POSTGRES_URL` is set, that server is used and none is started.
#[derive(clap::Subcommand)]
pub(crate) enum Pg {
    /// Start the server unless it runs already, wait until it is ready, and print its URL
    ///
    /// In a shell: `export STORE_TEST_POSTGRES_URL=$(cargo xtask pg up)`
    Up,
    /// Stop the server and remove its data
    Down,
    /// Print the URL of the running server
    Url,
}

impl Pg {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        match self {
            Pg::Up => {
                let mut server = ensure(&workspace)?;
                server.keep();
                println!("{}", server.url());
            }
            Pg::Down => match Cluster::find(&workspace.target)? {
                Some(cluster) => cluster.down()?,
                None => eprintln!("no throw-away server in {}", workspace.target.display()),
            },
            Pg::Url => println!("{}", running(&workspace)?),
        }
        Ok(())
    }
}

fn running(workspace: &Workspace) -> Result<String> {
    if let Some(url) = url_from_environment() {
        return Ok(url);
    }
    let cluster = Cluster::find(&workspace.target)?;
    cluster
        .and_then(|cluster| cluster.url())
        .ok_or_else(|| "no server is running: run cargo xtask pg up".into())
}

/// A PostgreSQL server that is ready for use.
pub(crate) struct Server {
    url: String,
    bin: Option<PathBuf>,
    /// The server's files, if this process started it and has to stop it.
    started_here: Option<Cluster>,
}

/// The server in `STORE_TEST_POSTGRES_URL`, the one that runs already, or a new one, which is
/// stopped again when the value is dropped.
pub(crate) fn ensure(workspace: &Workspace) -> Result<Server> {
    if let Some(url) = url_from_environment() {
        return Ok(Server { url, bin: binaries::find(), started_here: None });
    }
    let _lock = Lock::acquire(&workspace.target, "pg.lock")?;
    let bin = binaries::find_or_install()?;
    if let Some(url) = Cluster::find(&workspace.target)?.and_then(|cluster| cluster.url()) {
        return Ok(Server { url, bin: Some(bin), started_here: None });
    }
    let cluster = Cluster::create(&workspace.target, &bin)?;
    let url = cluster.start()?;
    Ok(Server { url, bin: Some(bin), started_here: Some(cluster) })
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The directory of the server's own binaries, if it is known.
    pub(crate) fn bin(&self) -> Option<&Path> {
        self.bin.as_deref()
    }

    /// A client program of the server, from its own binaries if they are known.
    pub(crate) fn client(&self, name: &str) -> Cmd {
        match &self.bin {
            Some(bin) => Cmd::new(bin.join(name)),
            None => Cmd::new(name),
        }
    }

    /// Tells a child process where the server and its binaries are.
    pub(crate) fn export(&self, cmd: Cmd) -> Cmd {
        let cmd = cmd.secret_env(URL_VARIABLE, &self.url);
        match &self.bin {
            Some(bin) => cmd.env(BIN_VARIABLE, bin),
            None => cmd,
        }
    }

    /// Stops the server if this process started it.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.started_here.take().map_or(Ok(()), |cluster| cluster.down())
    }

    /// Leaves the server running when the value is dropped.
    fn keep(&mut self) {
        self.started_here = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(cluster) = self.started_here.take()
            && let Err(error) = cluster.down()
        {
            eprintln!("the throw-away server could not be stopped: {error}");
        }
    }
}

fn url_from_environment() -> Option<String> {
    std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty())
}

/// A port on which nobody listens at the moment, below those that systems give to clients: while a
/// server is down, a client could be given such a port as its own, and so keep it from the server.
pub(crate) fn free_port() -> Result<u16> {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 17 % u32::from(COUNT))?;
    let next = || FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut ports = std::iter::repeat_with(next).take(usize::from(COUNT));
    ports.find(is_free).ok_or_else(|| "no port is free".into())
}

/// Whether we run as root, which PostgreSQL refuses.
fn is_root() -> bool {
    Cmd::new("id").arg("-u").quiet().read().is_ok_and(|id| id.trim() == "0")
}

fn is_file(dir: &Path, name: &str) -> bool {
    dir.join(name).is_file()
}
