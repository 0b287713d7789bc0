//! The processes of a server.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use super::PATIENCE;

/// The postmaster, and through its standard error everything that it started.
#[derive(Debug)]
pub(super) struct Process {
    postmaster: Child,
    log: Arc<Mutex<String>>,
    /// Hangs up when the last process that holds the server's standard error is gone.
    all_gone: mpsc::Receiver<()>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> Self {
        let mut postmaster = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stderr = postmaster.stderr.take().expect("it is piped");
        let log = Arc::default();
        let (alive, all_gone) = mpsc::channel();
        let copy = Arc::clone(&log);
        thread::spawn(move || read_log(stderr, &copy, &alive));
        Self { postmaster, log, all_gone }
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.postmaster.try_wait().expect("the server is our child").is_some()
    }

    /// Kills the postmaster; its children notice and end themselves.
    pub(super) fn kill(&mut self) {
        self.postmaster.kill().expect("the server can be killed");
        self.wait_for_all();
    }

    /// Waits until the postmaster and its children are gone: only then can another start.
    pub(super) fn wait_for_all(&mut self) {
        self.postmaster.wait().expect("the server is our child");
        let gone = self.all_gone.recv_timeout(PATIENCE);
        assert_eq!(gone, Err(mpsc::RecvTimeoutError::Disconnected), "processes are left over");
    }

    /// Ends it if it still runs, and returns what it wrote.
    pub(super) fn end(mut self) -> String {
        // It may be gone already, and there is nobody to tell if it cannot be ended.
        drop(self.postmaster.kill());
        drop(self.postmaster.wait());
        let _hung_up = self.all_gone.recv_timeout(PATIENCE);
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps what the server writes, and the sender for as long as anybody can write.
fn read_log(stderr: ChildStderr, log: &Mutex<String>, _alive: &mpsc::Sender<()>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}
