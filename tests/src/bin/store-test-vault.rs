//! A second process for tests: one that works with the vault of the same database.
//!
//! `store-test-vault DSN SCHEMA KEYS COMMAND …`, where the DSN is `sqlite:PATH` (the schema is then
//! `-`) or a PostgreSQL URL, and the keys are numbers with commas between them: the first is
//! current, the others are readable. Every line it prints is a JSON list. Each command says `ready`
//! and waits for a line before it begins:
//!
//! - `create NAME COUNT` creates credentials of one name, in other cases, so many at once, and
//!   tells of each that it was `created`, with its id, or that the name was `taken`;
//! - `refresh ID COUNT TTL` refreshes the tokens of a credential, so many at once, with a lease of
//!   so many milliseconds. A provider that is called says `called` and answers when a line comes,
//!   or, when that is a number, so many milliseconds after it. It tells of each refresh what access
//!   token it came to;
//! - `read` reveals all secrets and tokens that are there when it begins, over and over, and says
//!   `read` once it has seen them all; when a line comes it tells how many it has revealed since;
//! - `rewrap BATCH` rewraps, and tells how many values, which keys were forgotten, and which
//!   credentials did not open.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use store_core::seal::KeyRing;
use store_core::vault::{
    AccessContext, Credential, CredentialKind, NewCredential, OAuthTokens, VaultStore,
};
use store_core::{
    Actor, Backend, Clock as _, CredentialId, Databases, Error as StoreError, ExposeSecret as _,
    PageRequest, SecretString, Settings, Subsystem, SystemClock,
};
use store_tests::fixture::graph::key;
use store_vault::RefreshOptions;
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Vault = Arc<dyn VaultStore>;

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
    let [dsn, schema, keys, command @ ..] = arguments.as_slice() else {
        return Err("a DSN, a schema and keys are missing".into());
    };
    let (settings, keys) = (settings(dsn, schema)?, ring(keys)?);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(carry_out(settings, &keys, command))
}

fn settings(dsn: &str, schema: &str) -> Outcome<Settings> {
    let builder = match dsn.strip_prefix("sqlite:") {
        Some(path) => Settings::builder().backend(Backend::Sqlite).sqlite_path(path),
        None => Settings::builder()
            .backend(Backend::Postgres)
            .subsystem_backend(Subsystem::Vault, Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema),
    };
    Ok(builder.build()?)
}

fn ring(numbers: &str) -> Outcome<KeyRing> {
    let mut numbers = numbers.split(',');
    let current = numbers.next().unwrap_or_default();
    let mut ring = KeyRing::new(key(current.parse()?));
    for readable in numbers {
        ring = ring.with_readable(key(readable.parse()?))?;
    }
    Ok(ring)
}

async fn carry_out(settings: Settings, keys: &KeyRing, command: &[&str]) -> Outcome<()> {
    let databases = Databases::new(settings);
    let vault = store_vault::open_with(&databases, keys).await?;
    tell(&json!(["ready"]))?;
    line().await?;
    match command {
        ["create", name, count] => create(&vault, name, count.parse()?).await?,
        ["refresh", id, count, ttl] => {
            let ttl = Duration::from_millis(ttl.parse()?);
            refresh(&vault, id.parse()?, count.parse()?, ttl).await?;
        }
        ["read"] => read(&vault).await?,
        ["rewrap", batch] => {
            let done = vault.rewrap(&operator()?, batch.parse()?).await?;
            tell(&json!(["rewrapped", done.values, done.forgotten, done.tampered]))?;
        }
        _ => return Err("an unknown command".into()),
    }
    databases.close().await;
    Ok(())
}

fn operator() -> Outcome<AccessContext> {
    let actor = Actor::new(format!("process {}", std::process::id()))?;
    Ok(AccessContext::administrator(actor))
}

async fn create(vault: &Vault, name: &str, count: usize) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let name = if number % 2 == 0 { name.to_lowercase() } else { name.to_uppercase() };
        let (vault, context) = (Arc::clone(vault), operator()?);
        tasks.spawn(async move {
            let new = NewCredential::secret(name.as_str(), "slack", format!("{name} {number}"));
            vault.create(&context, new).await
        });
    }
    while let Some(created) = tasks.join_next().await {
        match created? {
            Ok(created) => tell(&json!(["created", created.id]))?,
            Err(StoreError::Conflict { .. }) => tell(&json!(["taken"]))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn refresh(vault: &Vault, id: CredentialId, count: usize, ttl: Duration) -> Outcome<()> {
    let context = operator()?;
    let refreshes = (0..count).map(|_| {
        let options = RefreshOptions { ttl, ..RefreshOptions::default() };
        let (vault, context) = (Arc::clone(vault), context.clone());
        async move {
            let refresh = async |old: OAuthTokens| provide(old).await;
            store_vault::with_refresh_lease(vault.as_ref(), &context, id, &options, refresh).await
        }
    });
    for tokens in try_join_all(refreshes).await? {
        let access = tokens.access_token.ok_or("there is no access token")?;
        tell(&json!(["refreshed", access.expose_secret()]))?;
    }
    Ok(())
}

/// The provider of the service: it gives another access token, and no other refresh token.
async fn provide(old: OAuthTokens) -> store_core::Result<OAuthTokens> {
    let failed = || StoreError::invalid("provider", "it cannot be reached");
    tell(&json!(["called"])).map_err(|_pipe| failed())?;
    let answer = line().await.map_err(|_pipe| failed())?;
    if let Ok(millis) = answer.parse() {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let old = old.access_token.map(|token| token.expose_secret().to_owned());
    let access = format!("after {} by {}", old.unwrap_or_default(), std::process::id());
    Ok(OAuthTokens {
        access_token: Some(SecretString::from(access)),
        refresh_token: None,
        expires_at: Some(SystemClock.now().plus(HOUR)?),
    })
}

async fn read(vault: &Vault) -> Outcome<()> {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let end = tokio::spawn(async move {
        let line = line().await;
        told.store(true, Ordering::SeqCst);
        line
    });
    let context = operator()?;
    let all = all(vault, &context).await?;
    let mut reads = 0_u64;
    for round in 0.. {
        for credential in &all {
            reads += reveal(vault, &context, credential).await?;
        }
        if round == 0 {
            tell(&json!(["read"]))?;
        } else if over.load(Ordering::SeqCst) {
            break;
        }
    }
    end.await??;
    Ok(tell(&json!(["read", reads]))?)
}

/// All credentials, page by page.
async fn all(vault: &Vault, context: &AccessContext) -> Outcome<Vec<Credential>> {
    let mut all = Vec::new();
    let mut request = Some(PageRequest::first(1000));
    while let Some(next) = request.take() {
        let page = vault.list_all(context, &next).await?;
        all.extend(page.items);
        request = page.next.map(|cursor| next.after(cursor));
    }
    Ok(all)
}

/// Reveals what is sealed of a credential, and returns how many values that were.
async fn reveal(vault: &Vault, context: &AccessContext, credential: &Credential) -> Outcome<u64> {
    let secret = vault.reveal(context, credential.id).await?;
    if !secret.expose_secret().ends_with(credential.name.as_str()) {
        return Err(format!("the secret of {} is another one", credential.name).into());
    }
    if credential.kind != CredentialKind::OAuth {
        return Ok(1);
    }
    let stored = vault.reveal_oauth_tokens(context, credential.id).await?.tokens;
    if stored.access_token.is_none() || stored.refresh_token.is_none() {
        return Err(format!("a token of {} is missing", credential.name).into());
    }
    Ok(3)
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
