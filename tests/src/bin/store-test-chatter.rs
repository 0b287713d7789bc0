//! A second process for tests: one that adds to the conversations of the same database, deletes
//! them, and removes the files of those that were deleted.
//!
//! `store-test-chatter DSN SCHEMA COMMAND …`, where the DSN is `sqlite:PATH` (the schema is then
//! `-`) or a PostgreSQL URL. Every line it prints is a JSON list. Each command says `ready` and
//! waits for a line before it begins:
//!
//! - `add THREAD WRITERS EACH` adds to a thread from so many writers at once, and tells the id and
//!   the place of each item that was added;
//! - `delete DIRECTORY THREAD…` deletes threads, says `deleted`, waits for a line, and removes the
//!   files that were released;
//! - `remove DIRECTORY` removes the files that were released;
//! - `churn DIRECTORY THREAD…` deletes threads and the first attachment of each in several tasks,
//!   telling what was deleted, while another task removes files; then it says `done`, and goes on
//!   until its standard input ends.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};
use store_chatkit::UploadDirectory;
use store_core::chatkit::{ChatContext, ChatKitStore, ItemType, NewThreadItem};
use store_core::{AttachmentId, Backend, Databases, Settings, ThreadId};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Store = Arc<dyn ChatKitStore>;

/// Tasks that delete at once.
const DELETERS: usize = 3;

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
    let store = store_chatkit::open(&databases).await?;
    tell(&json!(["ready"]))?;
    line().await?;
    match command {
        ["add", thread, writers, each] => {
            add(&store, &ThreadId::new(*thread)?, writers.parse()?, each.parse()?).await?;
        }
        ["delete", directory, threads @ ..] => {
            for thread in threads {
                let thread = ThreadId::new(*thread)?;
                store.delete_thread(&ChatContext::administrator(), &thread).await?;
            }
            tell(&json!(["deleted"]))?;
            line().await?;
            remove(&store, &UploadDirectory::new(*directory)).await?;
        }
        ["remove", directory] => remove(&store, &UploadDirectory::new(*directory)).await?,
        ["churn", directory, threads @ ..] => {
            churn(&store, UploadDirectory::new(*directory), threads).await?;
        }
        _ => return Err("an unknown command".into()),
    }
    databases.close().await;
    Ok(())
}

async fn add(store: &Store, thread: &ThreadId, writers: u32, each: u32) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        tasks.spawn(write(Arc::clone(store), thread.clone(), writer, each));
    }
    while let Some(added) = tasks.join_next().await {
        for item in added?? {
            tell(&item)?;
        }
    }
    Ok(())
}

/// Adds items one by one, in batches, and by saving them, in turns.
async fn write(store: Store, thread: ThreadId, writer: u32, each: u32) -> Outcome<Vec<Value>> {
    let cx = ChatContext::administrator();
    let mut told = Vec::new();
    for number in 0..each {
        let added = match number % 3 {
            0 => vec![store.add_thread_item(&cx, &thread, item(&store, writer, number)?).await?],
            1 => {
                let batch = [0, 1, 2].map(|_| item(&store, writer, number));
                let batch = batch.into_iter().collect::<Outcome<Vec<_>>>()?;
                store.add_thread_items(&cx, &thread, batch).await?
            }
            _ => vec![store.save_item(&cx, &thread, item(&store, writer, number)?).await?],
        };
        let places: Vec<i64> = added.iter().map(|item| item.ordinal).collect();
        let in_a_row = places.iter().zip(places[0]..).all(|(place, expected)| *place == expected);
        if !in_a_row {
            return Err(format!("a batch is not in a row: {places:?}").into());
        }
        told.extend(added.into_iter().map(|item| json!([item.id, item.ordinal])));
    }
    Ok(told)
}

fn item(store: &Store, writer: u32, number: u32) -> Outcome<NewThreadItem> {
    let item_type = ItemType::HiddenContextItem;
    let content = json!({"content": [std::process::id(), writer, number]});
    Ok(NewThreadItem::new(store.generate_item_id(&item_type)?, item_type, content))
}

async fn remove(store: &Store, uploads: &UploadDirectory) -> Outcome<()> {
    let removal = uploads.remove_released(&**store).await?;
    tell(&json!(["removed", removal.removed, removal.kept.len()]))?;
    Ok(())
}

async fn churn(store: &Store, uploads: UploadDirectory, threads: &[&str]) -> Outcome<()> {
    let mut deleters = JoinSet::new();
    for deleter in 0..DELETERS {
        let own = threads.iter().skip(deleter).step_by(DELETERS);
        let own: Vec<String> = own.map(|thread| (*thread).to_owned()).collect();
        deleters.spawn(delete(Arc::clone(store), own));
    }
    while !deleters.is_empty() {
        uploads.remove_released(&**store).await?;
        while let Some(deleted) = deleters.try_join_next() {
            deleted??;
        }
    }
    uploads.remove_released(&**store).await?;
    tell(&json!(["done"]))?;
    line().await.map(drop)
}

/// Deletes threads, the first attachment of each before all the others.
async fn delete(store: Store, threads: Vec<String>) -> Outcome<()> {
    let cx = ChatContext::administrator();
    for name in threads {
        store.delete_attachment(&cx, &AttachmentId::new(format!("{name}_0"))?).await?;
        tell(&json!(["attachment", name]))?;
        store.delete_thread(&cx, &ThreadId::new(&*name)?).await?;
        tell(&json!(["thread", name]))?;
    }
    Ok(())
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
