//! A process that opens all stores and says what that took.

use std::env;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store_core::{Databases, Settings, Subsystem};
use store_tests::fixture::all::{on_file, on_schema, open_all};
use tokio::process::Command;

use crate::common::Result;

/// Long enough for what a start leaves to the background.
const IDLE: Duration = Duration::from_millis(300);

/// The database that is opened.
#[derive(Debug)]
pub(crate) enum Place {
    File(String),
    Schema { dsn: String, schema: String },
}

impl Place {
    /// A place by the arguments of a process.
    pub(crate) fn named(dsn: &str, schema: &str) -> Self {
        match dsn.strip_prefix("sqlite:") {
            Some(path) => Self::File(path.to_owned()),
            None => Self::Schema { dsn: dsn.to_owned(), schema: schema.to_owned() },
        }
    }

    fn arguments(&self) -> [String; 2] {
        match self {
            Self::File(path) => [format!("sqlite:{path}"), "-".to_owned()],
            Self::Schema { dsn, schema } => [dsn.clone(), schema.clone()],
        }
    }

    pub(crate) fn settings(&self) -> Result<Settings> {
        let builder = match self {
            Self::File(path) => on_file(path),
            Self::Schema { dsn, schema } => on_schema(dsn, schema),
        };
        Ok(builder.build()?)
    }

    async fn statements(&self, databases: &Databases) -> Result<u64> {
        Ok(match self {
            Self::File(_) => databases.sqlite(Subsystem::History).await?.statements(),
            Self::Schema { .. } => databases.postgres().await?.statements(),
        })
    }
}

/// What one process came to.
#[derive(Debug)]
pub(crate) struct Start {
    /// From the settings to the last store.
    pub(crate) milliseconds: f64,
    pub(crate) statements: f64,
    pub(crate) resident_mib: f64,
}

/// Starts a process and returns what it found.
pub(crate) async fn start(place: &Place) -> Result<Start> {
    let output = Command::new(env::current_exe()?)
        .arg("--open")
        .args(place.arguments())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| found[name].as_f64().ok_or_else(|| format!("no {name}: {found}"));
    Ok(Start {
        milliseconds: figure("milliseconds")?,
        statements: figure("statements")?,
        resident_mib: figure("resident_mib")?,
    })
}

/// The process itself: opens all stores, waits a moment, and prints what it found.
pub(crate) async fn opened(place: &Place) -> Result<()> {
    let begun = Instant::now();
    let databases = Databases::new(place.settings()?);
    let opened = open_all(&databases).await?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    let statements = place.statements(&databases).await?;
    tokio::time::sleep(IDLE).await;
    let resident_mib = resident_mib()?;
    println!(
        "{}",
        json!({ "milliseconds": milliseconds, "statements": statements, "resident_mib": resident_mib })
    );
    drop(opened);
    databases.close().await;
    Ok(())
}

/// What this process holds in memory.
fn resident_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib = kib.ok_or("this system does not say what a process holds in memory")?;
    Ok(kib.trim().parse::<f64>()? / 1024.0)
}
