//! The command line `store-migrate`: what is asked, followed on a terminal, and reported.

mod archive;
mod args;
mod convert;
mod output;
mod partition;
mod progress;
mod sync_args;
mod sync_output;

use std::process::ExitCode;
use std::sync::Arc;

use args::{Args, Command};
use clap::Parser as _;
use output::Output;
use progress::Progress;

use crate::{Control, Error, Result};

/// Runs the command that the arguments of the process name, and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(&Error::Refused(error.to_string())),
    };
    let progress = Arc::new(Progress::new(args.quiet));
    let control = Control::new(Arc::clone(&progress) as _);
    runtime.spawn(stop_on_signal(control.clone()));
    let outcome = runtime.block_on(run(args.command, &control, &output));
    progress.finish();
    // A thread that still reads is not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => output.failed(&error),
    }
}

async fn run(command: Command, control: &Control, output: &Output) -> Result<u8> {
    match command {
        Command::Plan(args) => {
            let report = crate::plan(&args.job()?, control).await?;
            output.plan(&report);
            Ok(if report.problem_count > 0 { 3 } else { 0 })
        }
        Command::Run(args) => {
            let report = crate::run(&args.job()?, control).await?;
            output.run(&report);
            Ok(if report.validation.difference_count > 0 { 4 } else { 0 })
        }
        Command::Validate(args) => {
            let report = crate::validate(&args.job()?, control).await?;
            output.validation(&report);
            Ok(if report.difference_count > 0 { 4 } else { 0 })
        }
        Command::Rollback(args) => {
            let report = crate::run(&args.job()?, control).await?;
            output.run(&report);
            Ok(if report.validation.difference_count > 0 { 4 } else { 0 })
        }
        Command::Convert(args) => {
            let report = args.run().await?;
            output.converted(&report);
            Ok(report.exit_code())
        }
        Command::Export(args) => archive::export(args, control, output).await,
        Command::Import(args) => archive::import(args, control, output).await,
        Command::Schema(args) => {
            let reports = crate::schemas(args.to.as_ref(), args.check).await?;
            output.schemas(&reports);
            Ok(u8::from(reports.iter().any(|report| !report.pending.is_empty())))
        }
        Command::Status(args) => {
            output.status(&crate::status(&args.to).await?);
            Ok(0)
        }
        Command::Sync(args) => {
            let (job, until_rows) = args.job()?;
            let report = crate::sync(&job, until_rows, control).await?;
            output.sync(&report);
            Ok(if report.difference_count > 0 { 4 } else { 0 })
        }
        Command::Cutover(args) => {
            let (job, how) = args.job()?;
            let report = crate::cutover(&job, how, control).await?;
            output.cutover(&report);
            Ok(if report.done { 0 } else { 4 })
        }
        Command::PartitionHistory(args) => {
            let done = args.run().await?;
            output.show(&done, || partition::text(&done));
            Ok(0)
        }
        Command::Clean { databases, force } => {
            let mut removed = match &databases.to {
                Some(target) => crate::clean(target, force).await?,
                None => Vec::new(),
            };
            if let Some(source) = &databases.from
                && crate::clean_source(source).await?
            {
                removed.push(format!("triggers of {source}"));
            }
            output.cleaned(&removed);
            Ok(0)
        }
    }
}

/// The first signal asks for an end after the batch; the second ends the process.
async fn stop_on_signal(control: Control) {
    if wait_for_signal().await.is_ok() {
        control.stop();
        if wait_for_signal().await.is_ok() {
            std::process::exit(130);
        }
    }
}

#[cfg(unix)]
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _terminated = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
