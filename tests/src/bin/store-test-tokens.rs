//! A second process for tests: one that uses and rotates the service tokens of the same database.
//!
//! `store-test-tokens DSN SCHEMA COMMAND …`, where the DSN is `sqlite:PATH` (the schema is then
//! `-`) or a PostgreSQL URL. Every line it prints is a JSON list. Tokens come over its standard
//! input: arguments can be seen by everybody on the machine.
//!
//! - `rotate IDENTIFIER COUNT` waits for a line, and rotates a token so many times at once;
//! - `use FLUSHED LEFT` reads a token, uses it so many times and flushes, then uses it so many
//!   times without a flush, and goes on until its standard input ends;
//! - `watch` reads a token, and tells at each further line whether it can be used, by a manager
//!   with a cache that lives for an hour.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::tokens::AuditOrigin;
use store_core::{Actor, Backend, Databases, Error as StoreError, Settings, TokenId};
use store_tokens::{AuthenticationRequest, CacheSettings, Rotation, ServiceTokenManager};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const HOUR: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let told = writeln!(std::io::stderr(), "{error}");
            if told.is_ok() { ExitCode::FAILURE } else { ExitCode::from(2) }
        }
    }
}

fn run() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [dsn, schema, command @ ..] = arguments.as_slice() else {
        return Err("a DSN and a schema are missing".into());
    };
    let settings = settings(dsn, schema)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(carry_out(settings, command))
}

fn settings(dsn: &str, schema: &str) -> Outcome<Settings> {
    let builder = match dsn.strip_prefix("sqlite:") {
        Some(path) => Settings::builder().backend(Backend::Sqlite).sqlite_path(path),
        None => Settings::builder()
            .backend(Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema),
    };
    Ok(builder.build()?)
}

async fn carry_out(settings: Settings, command: &[&str]) -> Outcome<()> {
    let databases = Databases::new(settings);
    let store = store_tokens::open(&databases).await?;
    let builder = ServiceTokenManager::builder(store).flush_every(HOUR).flush_at(u64::MAX);
    match command {
        ["rotate", identifier, count] => {
            rotate(&builder.build()?, &TokenId::new(*identifier)?, count.parse()?).await
        }
        ["use", flushed, left] => {
            use_token(&builder.build()?, flushed.parse()?, left.parse()?).await
        }
        ["watch"] => {
            let cache = CacheSettings { max_age: HOUR, ..CacheSettings::default() };
            watch(&builder.cache(cache).build()?).await
        }
        _ => Err("an unknown command".into()),
    }
}

async fn rotate(manager: &ServiceTokenManager, identifier: &TokenId, count: u32) -> Outcome<()> {
    tell(&json!(["ready"]))?;
    line().await?;
    let origin = AuditOrigin::of(Actor::new(format!("process {}", std::process::id()))?);
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (manager, identifier, origin) = (manager.clone(), identifier.clone(), origin.clone());
        tasks.spawn(async move { manager.rotate(&identifier, Rotation::default(), &origin).await });
    }
    while let Some(rotated) = tasks.join_next().await {
        match rotated? {
            Ok((_, rotated)) => tell(&json!(["rotated", rotated.successor.identifier]))?,
            Err(StoreError::InvalidState { .. }) => tell(&json!(["refused"]))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn use_token(manager: &ServiceTokenManager, flushed: u32, left: u32) -> Outcome<()> {
    let token = line().await?;
    for (word, count) in [("flushed", flushed), ("left", left)] {
        for _ in 0..count {
            manager.authenticate(&token, &AuthenticationRequest::default()).await?;
        }
        if word == "flushed" {
            manager.flush().await?;
        }
        tell(&json!([word]))?;
    }
    line().await.map(drop)
}

async fn watch(manager: &ServiceTokenManager) -> Outcome<()> {
    let token = line().await?;
    loop {
        match manager.authenticate(&token, &AuthenticationRequest::default()).await {
            Ok(_) => tell(&json!(["in"]))?,
            Err(StoreError::Denied { .. }) => tell(&json!(["out"]))?,
            Err(error) => return Err(error.into()),
        }
        if line().await?.is_empty() {
            return Ok(());
        }
    }
}

/// Prints a line at once: what was printed is not lost with the process.
fn tell(line: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Reads a line, or nothing after the last.
async fn line() -> Outcome<String> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_bytes| line)
    });
    Ok(line.await??.trim_end().to_owned())
}
