//! Running `store-migrate` as a process, and what it says and takes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::limit::Limit;

/// A schema of the server, removed at the end.
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// Returns the server for tests.
pub(crate) fn server() -> Result<String> {
    std::env::var("STORE_TEST_POSTGRES_URL").map_err(|_unset| {
        "STORE_TEST_POSTGRES_URL is not set: run `cargo xtask bench migrate`".into()
    })
}

/// Opens a connection.
pub(crate) async fn connect(url: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Schema {
    pub(crate) async fn create() -> Result<Self> {
        let name = format!("bench_migrate_{}_{}", std::process::id(), fastrand());
        connect(&server()?).await?.batch_execute(&format!("CREATE SCHEMA {name}")).await?;
        let server = server()?;
        let mark = if server.contains('?') { '&' } else { '?' };
        Ok(Self { url: format!("{server}{mark}options=-csearch_path%3D{name}"), name })
    }

    pub(crate) async fn drop(self) -> Result<()> {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        Ok(connect(&server()?).await?.batch_execute(&sql).await?)
    }
}

fn fastrand() -> u32 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map(|since| since.subsec_nanos()).unwrap_or(0)
}

/// Names a file as the command wants it.
pub(crate) fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// What a run did.
pub(crate) struct Moved {
    pub(crate) root: String,
    rows: f64,
    bytes: f64,
    copy_seconds: f64,
    seconds: f64,
    peak_mib: f64,
}

/// Figures of a part of it.
pub(crate) struct Part {
    rows: f64,
    bytes: f64,
    seconds: f64,
    peak_mib: f64,
}

impl Moved {
    pub(crate) fn copied(&self) -> Part {
        Part {
            rows: self.rows,
            bytes: self.bytes,
            seconds: self.copy_seconds,
            peak_mib: self.peak_mib,
        }
    }

    pub(crate) fn whole(&self) -> Part {
        Part { seconds: self.seconds, ..self.copied() }
    }
}

/// Prints figures, in relation to the limit when there is one.
pub(crate) fn report(label: &str, part: &Part, limit: Option<Limit>) {
    let per_second = part.rows / part.seconds;
    let of_limit = limit
        .map_or_else(String::new, |limit| format!("{:.2}", per_second / limit.rows_per_second()));
    println!(
        "{label:<34} {per_second:>12.0} {:>10.1} {:>10.2} {of_limit:>9} {:>9.0}",
        part.bytes / part.seconds / 1e6,
        part.seconds,
        part.peak_mib
    );
}

/// Runs a command to its end.
pub(crate) fn run(command: &str, from: &str, to: &str) -> Result<Moved> {
    let child = Command::new(env!("CARGO_BIN_EXE_store-test-migrate"))
        .args([command, "--json", "--quiet", "--from", from, "--to", to])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let watch = watch(&child);
    let output = child.wait_with_output()?;
    let peak_mib = watch.join().map_err(|_panic| "the watching thread ended")?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let durations = report["durations"].as_array().ok_or("a report without durations")?;
    let seconds = |phase: Option<&str>| -> f64 {
        let wanted = durations.iter().filter(|one| phase.is_none_or(|name| one[0] == name));
        wanted.filter_map(|one| one[1].as_f64()).sum()
    };
    let number = |value: &Value| value.as_f64().ok_or("a report without numbers");
    Ok(Moved {
        root: report["validation"]["source_root"].as_str().unwrap_or_default().to_owned(),
        rows: number(&report["rows"])?,
        bytes: number(&report["bytes"])?,
        copy_seconds: seconds(Some("copy")),
        seconds: seconds(None),
        peak_mib,
    })
}

/// Reads the peak of resident memory of a process while it runs.
fn watch(child: &Child) -> std::thread::JoinHandle<f64> {
    let path = format!("/proc/{}/status", child.id());
    std::thread::spawn(move || {
        let mut peak = 0.0;
        while let Ok(status) = std::fs::read_to_string(&path) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|line| line.trim().strip_suffix("kB")) else { break };
            peak = kib.trim().parse::<f64>().unwrap_or(0.0) / 1024.0;
            std::thread::sleep(Duration::from_millis(20));
        }
        peak
    })
}
