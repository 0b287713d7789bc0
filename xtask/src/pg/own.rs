//! A server for one command alone, which may stop it, kill it and start it again.

use std::time::{Duration, Instant};

use super::binaries;
use super::cluster::Cluster;
use super::{BIN_VARIABLE, URL_VARIABLE, free_port};
use crate::Result;
use crate::sh::Cmd;
use crate::workspace::Workspace;

/// What is waited for a server that was killed: the next one starts only when all of its processes
/// are gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stopped, and its files removed, when it is dropped.
pub(crate) struct OwnServer {
    cluster: Cluster,
    port: u16,
    url: String,
}

impl OwnServer {
    /// Starts a server in a directory of its own, with these lines in its `postgresql.conf`.
    pub(crate) fn start(workspace: &Workspace, name: &str, settings: &str) -> Result<OwnServer> {
        let bin = binaries::find_or_install()?;
        let cluster = Cluster::create_named(&workspace.target, &bin, name, settings)?;
        let port = free_port()?;
        let mut server = OwnServer { cluster, port, url: String::new() };
        server.start_again()?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Tells a child process where the binaries are, and by what URL to reach the server: its own,
    /// or that of a pooler before it.
    pub(crate) fn export_as(&self, url: &str, cmd: Cmd) -> Cmd {
        cmd.secret_env(URL_VARIABLE, url).env(BIN_VARIABLE, self.cluster.bin())
    }

    /// Stops it as a failing machine would.
    pub(crate) fn stop_at_once(&self) -> Result<()> {
        self.cluster.stop_at_once()
    }

    /// Kills its first process.
    pub(crate) fn kill(&self) -> Result<()> {
        self.cluster.kill()
    }

    /// Starts it on the port it had, and returns when it answers.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.cluster.start_on(self.port) {
            if Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        loop {
            if let Some(url) = self.cluster.url() {
                self.url = url;
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err("the server started but does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Err(error) = self.cluster.down() {
            eprintln!("the server of this command could not be stopped: {error}");
        }
    }
}
