//! A worker in a process of its own, which claims a run and never ends it.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use store_core::{Databases, RunId, Settings};
use store_workflow::worker::{JobContext, JobError, Worker};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::Result;

/// The kind of the jobs of runs.
pub(crate) const KIND: &str = "run";
/// The shortest lease there is: the demo waits for it to run out.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The process, as the first one sees it.
pub(crate) struct WorkerProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl WorkerProcess {
    /// Starts this program again as a worker. It inherits the settings.
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--work").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let lines = child.stdout.take().ok_or("the process has no output")?;
        Ok(Self { child, lines: BufReader::new(lines).lines() })
    }

    /// Waits until it has claimed a run.
    pub(crate) async fn claimed(&mut self, run: RunId) -> Result<()> {
        let line = self.lines.next_line().await?.ok_or("the process ended early")?;
        let claimed: RunId = line.parse()?;
        if claimed == run {
            return Ok(());
        }
        Err(format!("the process claimed {claimed} instead of {run}").into())
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Kills it without warning.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// What the process does: it begins with a run, says so, and waits to be killed. It ends by itself
/// when the first process is gone.
pub(crate) async fn run(settings: Settings) -> Result<()> {
    let databases = Databases::new(settings);
    let store = store_workflow::open(&databases).await?;
    let worker = Worker::builder(store)
        .lease(LEASE)
        .concurrency(1)
        .shutdown_grace(Duration::ZERO)
        .handler(KIND, async |job: JobContext| {
            let run = job.job().run_id.ok_or(JobError::permanent("the job has no run"))?;
            println!("{run}");
            std::future::pending::<Result<(), JobError>>().await
        })
        .build()?;
    let first_process_gone = async {
        let read = || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(tokio::task::spawn_blocking(read).await);
    };
    worker.run(first_process_gone).await?;
    databases.close().await;
    Ok(())
}
