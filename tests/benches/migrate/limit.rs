//! The limit: `psql \copy` of the same rows. And the rival: `pgloader`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Result;
use crate::moved::{self, Schema};

/// How fast the limit is.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) rows: f64,
    pub(crate) seconds: f64,
}

impl Limit {
    pub(crate) fn rows_per_second(self) -> f64 {
        self.rows / self.seconds
    }
}

/// Writes a table of the target to a file and loads that into one with the same columns.
pub(crate) fn copy(
    runtime: &tokio::runtime::Runtime,
    target: &Schema,
    table: &str,
    beside: &Path,
) -> Result<Limit> {
    let file = beside.with_extension("copy");
    let path = file.display();
    psql(&target.url, &format!("\\copy {table} to '{path}'"))?;
    let client = runtime.block_on(moved::connect(&target.url))?;
    runtime.block_on(client.batch_execute(&format!("CREATE TABLE copied (LIKE {table})")))?;
    let started = Instant::now();
    psql(&target.url, &format!("\\copy copied from '{path}'"))?;
    let seconds = started.elapsed().as_secs_f64();
    let row = runtime.block_on(client.query_one("SELECT count(*)::float8 FROM copied", &[]))?;
    runtime.block_on(client.batch_execute("DROP TABLE copied"))?;
    std::fs::remove_file(&file)?;
    Ok(Limit { rows: row.get(0), seconds })
}

fn psql(url: &str, command: &str) -> Result<()> {
    let program = program().ok_or("psql is not installed")?;
    let output = Command::new(program)
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", command, url])
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Finds `psql` on the path, or where Debian keeps it.
fn program() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH")?;
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok();
    let versions = debian.into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    std::env::split_paths(&on_path)
        .chain(versions)
        .map(|dir| dir.join("psql"))
        .find(|path| path.exists())
}

/// Loads the same file with `pgloader`, into a database of its own, because it knows no options in
/// a URL; `None` when it is not installed.
pub(crate) fn pgloader(runtime: &tokio::runtime::Runtime, source: &Path) -> Result<Option<f64>> {
    if Command::new("pgloader").arg("--version").output().is_err() {
        return Ok(None);
    }
    let server = moved::server()?;
    let name = format!("bench_pgloader_{}", std::process::id());
    let client = runtime.block_on(moved::connect(&server))?;
    runtime.block_on(client.batch_execute(&format!("CREATE DATABASE {name}")))?;
    let place = server.split('?').next().and_then(|url| url.rsplit_once('/'));
    let (host, _database) = place.ok_or("the URL of the server names no database")?;
    let started = Instant::now();
    let output = Command::new("pgloader")
        .args([&format!("sqlite://{}", source.display()), &format!("{host}/{name}")])
        .output()?;
    let seconds = started.elapsed().as_secs_f64();
    runtime.block_on(client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        println!("pgloader failed: {}", String::from_utf8_lossy(&said).trim());
        return Ok(None);
    }
    Ok(Some(seconds))
}
