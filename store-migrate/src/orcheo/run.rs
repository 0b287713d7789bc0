//! A conversion from its beginning to its end.

use std::path::Path;

use rusqlite::Connection;

use super::catalogue::{CATALOGUE, Table};
use super::converter::Converter;
use super::options::{ConvertOptions, Source};
use super::report::{ConvertReport, Tally};
use super::row::Row;
use super::source::Reader;
use super::target::Target;
use super::{
    audit, chat, checkpoints, credentials, history, listeners, runs, token_audit, tokens, triggers,
    versions, webhooks, workflows,
};
use crate::error::{Error, Result};

/// Converts databases of Orcheo into a new SQLite file of the stores.
///
/// The target must not exist, or hold no rows. It appears whole, or not at all: when rows broke
/// rules and were not to be set aside, the report says which and nothing is written
/// ([`ConvertReport::exit_code`] says so, too).
///
/// # Errors
/// `Refused` for a source that is no database of Orcheo, for a target with rows, and for
/// credentials without their old key or a key for the new vault; `Store` with `Settings` when the
/// old key is another one; `File`, `Sqlite`, `Postgres`, `Store` for what cannot be read or
/// written. Nothing is left of the target then.
pub async fn convert(
    sources: Vec<Source>,
    target: &Path,
    options: &ConvertOptions,
) -> Result<ConvertReport> {
    if sources.is_empty() {
        return Err(Error::refused("there is no source: name the files, or the schema, of Orcheo"));
    }
    let target = Target::create(target).await?;
    let options = options.clone();
    let work = move || convert_now(sources, target, &options);
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(Error::refused(format!("the conversion was interrupted: {lost}"))),
    }
}

fn convert_now(
    sources: Vec<Source>,
    target: Target,
    options: &ConvertOptions,
) -> Result<ConvertReport> {
    let names: Vec<String> = sources.iter().map(Source::name).collect();
    let mut tally = Tally::default();
    let mut readers = Vec::with_capacity(sources.len());
    for source in sources {
        readers.push(Reader::open(source, &mut tally)?);
    }
    let conn = target.begin()?;
    let tally = convert_tables(&mut readers, &conn, options, tally)?;
    let written = options.quarantine || tally.problem_count() == 0;
    if written {
        target.finish(conn)?;
    }
    Ok(tally.into_report(names, written))
}

/// Converts table after table, each from all sources: what others belong to comes first.
fn convert_tables(
    readers: &mut [Reader],
    conn: &Connection,
    options: &ConvertOptions,
    tally: Tally,
) -> Result<Tally> {
    let mut cx = Converter::new(conn, options, tally)?;
    let all = &mut Tables { readers };
    audit::begin(&cx)?;
    all.each("workflows", &mut |row| cx.row(&row, workflows::convert))?;
    all.each("workflow_versions", &mut |row| cx.row(&row, versions::convert))?;
    all.each("workflow_runs", &mut |row| cx.row(&row, runs::convert))?;
    audit::finish(&cx)?;
    all.each("webhook_triggers", &mut |row| cx.row(&row, webhooks::convert))?;
    all.each("cron_triggers", &mut |row| cx.row(&row, triggers::cron))?;
    all.each("retry_policies", &mut |row| cx.row(&row, triggers::retry))?;
    let mut found = listeners::Listeners::default();
    all.each("listener_subscriptions", &mut |row| found.read(&mut cx, row))?;
    found.write(&mut cx)?;
    all.each("listener_cursors", &mut |row| cx.row(&row, |cx, row| found.cursor(cx, row)))?;
    all.each("listener_dedupe", &mut |row| cx.row(&row, |cx, row| found.dedupe(cx, row)))?;
    all.each("execution_history", &mut |row| cx.row(&row, history::execution))?;
    let mut steps = history::Steps::default();
    all.each("execution_history_steps", &mut |row| steps.convert(&mut cx, &row))?;
    steps.finish(&cx)?;
    all.each("agentensor_checkpoints", &mut |row| cx.row(&row, checkpoints::convert))?;
    all.each("chat_threads", &mut |row| cx.row(&row, chat::thread))?;
    let mut places = chat::Places::default();
    all.each("chat_messages", &mut |row| cx.row(&row, |cx, row| places.message(cx, row)))?;
    all.each("chat_attachments", &mut |row| cx.row(&row, chat::attachment))?;
    convert_tokens(all, &mut cx)?;
    credentials::convert(all, &mut cx)?;
    Ok(cx.tally)
}

fn convert_tokens(all: &mut Tables<'_>, cx: &mut Converter<'_>) -> Result<()> {
    let mut events = tokens::Events::default();
    all.each("service_token_audit_log", &mut |row| {
        events.read(&row);
        Ok(())
    })?;
    let mut found = tokens::Tokens::new(events);
    all.each("service_tokens", &mut |row| {
        found.read(row);
        Ok(())
    })?;
    found.write(cx)?;
    let mut chains = token_audit::Chains::default();
    all.each("service_token_audit_log", &mut |row| cx.row(&row, |cx, row| chains.entry(cx, row)))?;
    chains.finish(cx)
}

/// The tables of all sources.
pub(super) struct Tables<'r> {
    readers: &'r mut [Reader],
}

impl Tables<'_> {
    /// Hands out the rows of a table, source after source.
    pub(super) fn each(
        &mut self,
        name: &str,
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let Some(table) = find(name) else { return Ok(()) };
        for reader in self.readers.iter_mut().filter(|reader| reader.has(table)) {
            reader.rows(table, each)?;
        }
        Ok(())
    }
}

fn find(name: &str) -> Option<&'static Table> {
    CATALOGUE.iter().copied().find(|table| table.name == name)
}
