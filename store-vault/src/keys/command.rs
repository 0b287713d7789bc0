//! Keys that a command prints.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use store_core::seal::KeyRing;
use store_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{KeyProvider, ProvidedKeys, RegisteredKey};

const MAX_OUTPUT_BYTES: usize = 64 * 1024;
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

/// How long the end of a killed command is waited for, so that it leaves no zombie behind.
const REAPING: Duration = Duration::from_secs(1);

/// A command that prints keys, one a line like a [`KeyFile`](super::KeyFile).
///
/// It runs through `sh -c`, with nothing to read and the standard error of this process. It has
/// finished once it has ended and nothing it started holds its output any more, as with `$(…)` in
/// a shell. What it starts is killed with it, as long as that stays in its process group. Neither
/// its text nor what it prints gets into an error or a `Debug`.
#[derive(Debug, Clone)]
pub struct KeyCommand {
    command: SecretString,
    deadline: Duration,
}

impl KeyCommand {
    /// Names the command; it is run each time keys are asked for.
    pub fn new(command: impl Into<SecretString>) -> Self {
        Self { command: command.into(), deadline: DEFAULT_DEADLINE }
    }

    /// Sets how long it may run before it is killed: 30 seconds unless set.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    async fn run(&self) -> Result<KeyRing, String> {
        let mut child = self.spawn().map_err(|cause| format!("`sh` cannot be run: {cause}"))?;
        // Dropped before the child, which is there to be killed until it was waited for.
        let mut group = Group::of(&child);
        let stdout = child.stdout.take().ok_or("the command has no output")?;
        let finish = async {
            let output = read(stdout).await?;
            let status = child.wait().await.map_err(|cause| cause.to_string())?;
            group.has_ended();
            if status.success() { Ok(output) } else { Err(format!("the command failed: {status}")) }
        };
        let outcome = timeout(self.deadline, finish).await.unwrap_or_else(|_elapsed| {
            Err(format!("the command did not finish within {:?} and was killed", self.deadline))
        });
        if outcome.is_err() {
            group.kill();
            let _reaped = timeout(REAPING, child.wait()).await;
        }
        parse(&outcome?)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(self.command.expose_secret());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        #[cfg(unix)]
        command.process_group(0);
        command.kill_on_drop(true).spawn()
    }
}

#[async_trait]
impl KeyProvider for KeyCommand {
    /// Runs the command; dropping the future kills it.
    async fn keys(&self, _registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        let ring = self.run().await;
        ring.map(Into::into).map_err(|reason| Error::settings("VAULT_KEY_COMMAND", reason))
    }
}

async fn read(stdout: impl AsyncRead + Unpin) -> Result<Zeroizing<Vec<u8>>, String> {
    // With room for all of it from the start, no copy of a key is left behind.
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT_BYTES + 64));
    let mut limited = stdout.take(MAX_OUTPUT_BYTES as u64 + 1);
    let outcome = limited.read_to_end(&mut output).await;
    outcome.map_err(|cause| format!("what the command prints cannot be read: {cause}"))?;
    match output.len() {
        0..=MAX_OUTPUT_BYTES => Ok(output),
        _ => Err(format!("the command prints more than {MAX_OUTPUT_BYTES} bytes")),
    }
}

fn parse(output: &[u8]) -> Result<KeyRing, String> {
    let text = std::str::from_utf8(output);
    let text = text.map_err(|_bytes| "the command prints what is not text".to_owned())?;
    if text.trim().is_empty() {
        return Err("the command prints nothing: it has to print a key on each line".to_owned());
    }
    let keys = KeyRing::parse(&SecretString::from(text));
    keys.map_err(|error| format!("the command prints what is no key: {error}"))
}

/// The processes of a command that runs: killed when this is dropped before the command has ended.
#[cfg(unix)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    /// From here on the number may belong to others.
    fn has_ended(&mut self) {
        self.0 = None;
    }

    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // All of them may have ended already.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Other platforms have no groups: dropping the child kills it alone.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn of(_child: &Child) -> Self {
        Self
    }

    fn has_ended(&mut self) {}

    fn kill(&mut self) {}
}
