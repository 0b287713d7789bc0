//! A load over all stores, while servers and processes are killed.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::Plan;
use crate::Result;
use crate::pg::OwnServer;
use crate::sh::Cmd;
use crate::workspace::Backend;

/// Callers of each of the two processes.
const CALLERS: u32 = 50;

/// How often something is killed, in a load that lasts long enough.
const EVERY: Duration = Duration::from_secs(60);

/// How often a line says how far it is.
const PROGRESS: Duration = Duration::from_secs(15);

/// What a process may take after its time to come to an end.
const GRACE: Duration = Duration::from_secs(180);

pub(super) fn run(plan: &Plan, backend: Backend) -> Result<String> {
    let mut server = match backend {
        Backend::Postgres => Some(OwnServer::start(&plan.workspace, "soak-pg", "")?),
        Backend::Sqlite => None,
    };
    let mut load = Load::new(plan, backend.name())?;
    match &server {
        Some(server) => load.on_server(server.url()),
        None => {
            let file = load.dir.join("load.sqlite").to_string_lossy().into_owned();
            load.variables.push(("STORE_SQLITE_PATH", file));
        }
    }
    load.prepare()?;
    let lasts = plan.lasts();
    let killed = load.drive(lasts, |killed| match &mut server {
        Some(server) if killed % 3 != 1 => {
            match killed % 3 {
                0 => server.stop_at_once()?,
                _ => server.kill()?,
            }
            server.start_again().map(|()| Killed::Server)
        }
        _ => Ok(Killed::Process),
    })?;
    load.verify()?;
    Ok(format!("{} s of load on {backend}, {killed} times something was killed", lasts.as_secs()))
}

/// What was killed, or is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Killed {
    Server,
    Process,
    Nothing,
}

/// Processes that use one database.
pub(super) struct Load {
    program: PathBuf,
    /// Where their journals are.
    dir: PathBuf,
    /// How they find the database.
    pub(super) variables: Vec<(&'static str, String)>,
    workflow: String,
    journals: Vec<PathBuf>,
}

impl Load {
    /// Makes a directory for the journals.
    pub(super) fn new(plan: &Plan, name: &str) -> Result<Load> {
        let dir = plan.workspace.target.join(format!("soak-{name}"));
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let variables = vec![("STORE_BACKEND", name.to_owned())];
        let program = plan.program()?;
        Ok(Load { program, dir, variables, workflow: String::new(), journals: Vec::new() })
    }

    /// Puts everything on a PostgreSQL.
    pub(super) fn on_server(&mut self, url: &str) {
        self.variables = vec![
            ("STORE_BACKEND", "postgres".to_owned()),
            ("STORE_VAULT_BACKEND", "postgres".to_owned()),
            ("STORE_POSTGRES_DSN", url.to_owned()),
        ];
    }

    pub(super) fn cmd(&self, command: &str) -> Cmd {
        let cmd = Cmd::new(&self.program).arg(command);
        self.variables.iter().fold(cmd, |cmd, (name, value)| cmd.secret_env(name, value))
    }

    /// Migrates the database.
    pub(super) fn prepare(&mut self) -> Result<()> {
        self.workflow = self.cmd("prepare").read()?.trim().to_owned();
        Ok(())
    }

    /// Runs two processes to their end. Something is killed four times, or every minute; `kill` is
    /// told how many times that was before. Returns how many times it was.
    pub(super) fn drive(
        &mut self,
        lasts: Duration,
        mut kill: impl FnMut(u32) -> Result<Killed>,
    ) -> Result<u32> {
        let started = Instant::now();
        let mut processes = Processes::default();
        processes.0.push(self.spawn(lasts)?);
        processes.0.push(self.spawn(lasts)?);
        let every = EVERY.min(lasts / 4);
        let (mut killed, mut next, mut told) = (0, every, PROGRESS);
        while started.elapsed() < lasts {
            std::thread::sleep(Duration::from_millis(200));
            if started.elapsed() > told {
                told += PROGRESS;
                let (now, end) = (started.elapsed().as_secs(), lasts.as_secs());
                eprintln!("soak: {now} of {end} s, {} KB acknowledged", self.acknowledged());
            }
            let left = lasts.saturating_sub(started.elapsed());
            if started.elapsed() > next && left > every / 2 {
                next += every;
                match kill(killed)? {
                    Killed::Server => eprintln!("soak: the server was killed, and started again"),
                    Killed::Process => {
                        eprintln!("soak: a process is killed, and another one takes its place");
                        processes.kill_last()?;
                        processes.0.push(self.spawn(left)?);
                    }
                    Killed::Nothing => continue,
                }
                killed += 1;
            }
        }
        processes.wait()?;
        Ok(killed)
    }

    fn spawn(&mut self, lasts: Duration) -> Result<Child> {
        let process = format!("p{}", self.journals.len());
        let journal = self.dir.join(&process).with_extension("journal");
        let log = self.dir.join(&process).with_extension("log");
        self.journals.push(journal.clone());
        self.cmd("drive")
            .args([&process, &self.workflow, &CALLERS.to_string(), &lasts.as_secs().to_string()])
            .arg(journal)
            .spawn_into(&log)
    }

    fn acknowledged(&self) -> u64 {
        let sizes = self.journals.iter().filter_map(|journal| fs::metadata(journal).ok());
        sizes.map(|file| file.len()).sum::<u64>() / 1024
    }

    /// Reads everything back.
    pub(super) fn verify(&self) -> Result<()> {
        self.cmd("verify").arg(&self.workflow).args(&self.journals).run()
    }
}

/// Ended when they are dropped.
#[derive(Default)]
struct Processes(Vec<Child>);

impl Processes {
    fn kill_last(&mut self) -> Result<()> {
        let mut last = self.0.pop().ok_or("there is no process")?;
        last.kill()?;
        last.wait()?;
        Ok(())
    }

    /// Waits for their ends, which are to be good ones.
    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + GRACE;
        while let Some(process) = self.0.last_mut() {
            match process.try_wait()? {
                Some(status) if status.success() => drop(self.0.pop()),
                Some(status) => return Err(format!("a process of the load: {status}").into()),
                None if Instant::now() > deadline => return Err("the load does not end".into()),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        Ok(())
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // It may have ended by itself.
            let _ended = process.kill();
            let _status = process.wait();
        }
    }
}
