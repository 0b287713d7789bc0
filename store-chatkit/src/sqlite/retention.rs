//! Deleting threads with all that belongs to them, one or many.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use store_core::chatkit::ThreadPruneReport;
use store_core::sqlite::{Bind, Composed, Statement, db_error};
use store_core::{Error, OwnerId, Result, ThreadId, Timestamp};

use super::attachments::attachments_remove;
use super::schema::{chatkit_attachments, chatkit_items, chatkit_threads};
use crate::rules::retention::{Doomed, PLAN_ROWS, ReadyPrune};

// parity: PostgreSQL looks while it locks.
const STILL: &str = "SELECT thread_id FROM chatkit_threads WHERE thread_id = ? AND revision = ?";

/// Deletes a thread with all that belongs to it.
pub(super) fn thread_delete(
    conn: &mut SqliteConnection,
    owner: &OwnerId,
    id: &ThreadId,
    now: Timestamp,
) -> Result<()> {
    let found: Option<String> = chatkit_threads::table
        .find(id.as_str())
        .filter(chatkit_threads::owner.eq(owner.as_str()))
        .select(chatkit_threads::thread_id)
        .first(conn)
        .optional()
        .map_err(db_error("thread_delete"))?;
    let found = found.ok_or_else(|| Error::not_found("thread", id))?;
    threads_remove(conn, &[found], now).map(drop)
}

/// Decides which threads go next, those touched longest ago first.
pub(super) fn prune_plan(conn: &mut SqliteConnection, prune: &ReadyPrune) -> Result<Vec<Doomed>> {
    let (doomed, mut binds) = doomed(prune);
    let text = format!("{doomed} ORDER BY updated_at, thread_id LIMIT ?");
    binds.push(Bind::BigInt(i64::try_from(PLAN_ROWS).unwrap_or(i64::MAX)));
    let rows: Vec<(String, i64)> =
        Composed::<(Text, BigInt)>::new(text, binds).load(conn).map_err(db_error("prune_plan"))?;
    let doomed = |(thread_id, revision)| Doomed { thread_id, revision };
    Ok(rows.into_iter().map(doomed).collect())
}

/// Counts what would go.
pub(super) fn prune_count(
    conn: &mut SqliteConnection,
    prune: &ReadyPrune,
) -> Result<ThreadPruneReport> {
    let (doomed, mut binds) = doomed(prune);
    let (adrift, more) = adrift(prune);
    binds.extend(more);
    let text = format!(
        "WITH doomed AS ({doomed}), gone AS (\
         SELECT attachment_id FROM chatkit_attachments JOIN doomed USING (thread_id) \
         UNION ALL {adrift}) SELECT (SELECT count(*) FROM doomed), \
         (SELECT count(*) FROM chatkit_items JOIN doomed USING (thread_id)), \
         (SELECT count(*) FROM gone), \
         (SELECT count(*) FROM chatkit_files JOIN gone USING (attachment_id))"
    );
    let (threads, items, attachments, files): (i64, i64, i64, i64) =
        Composed::<(BigInt, BigInt, BigInt, BigInt)>::new(text, binds)
            .get_result(conn)
            .map_err(db_error("prune_count"))?;
    Ok(ThreadPruneReport {
        threads: threads.unsigned_abs(),
        items: items.unsigned_abs(),
        attachments: attachments.unsigned_abs(),
        files: files.unsigned_abs(),
    })
}

/// The threads that go.
fn doomed(prune: &ReadyPrune) -> (String, Vec<Bind<'_>>) {
    let mut binds = Vec::new();
    let owned = match &prune.owner {
        Some(owner) => {
            binds.push(Bind::Text(owner.as_str()));
            " WHERE owner = ?"
        }
        None => "",
    };
    let mut reasons = Vec::new();
    if let Some(cutoff) = prune.cutoff {
        reasons.push("updated_at < ?");
        binds.push(Bind::String(cutoff.to_string()));
    }
    let place = match prune.max_threads {
        Some(most) => {
            reasons.push("place > ?");
            binds.push(Bind::BigInt(most));
            ", row_number() OVER (PARTITION BY owner ORDER BY updated_at DESC, thread_id DESC) \
             AS place"
        }
        None => "",
    };
    let reasons = if reasons.is_empty() { "FALSE".into() } else { reasons.join(" OR ") };
    let text = format!(
        "SELECT thread_id, revision FROM (SELECT thread_id, revision, updated_at{place} \
         FROM chatkit_threads{owned}) AS thread WHERE {reasons}"
    );
    (text, binds)
}

/// The attachments that go because they never became part of a thread.
fn adrift(prune: &ReadyPrune) -> (String, Vec<Bind<'_>>) {
    let text = "SELECT attachment_id FROM chatkit_attachments WHERE thread_id IS NULL";
    let Some(cutoff) = prune.cutoff else { return (format!("{text} AND FALSE"), Vec::new()) };
    let before = Bind::String(cutoff.to_string());
    match &prune.owner {
        Some(owner) => (
            format!("{text} AND created_at < ? AND owner = ?"),
            vec![before, Bind::Text(owner.as_str())],
        ),
        None => (format!("{text} AND created_at < ?"), vec![before]),
    }
}

/// Deletes what of a batch of threads still goes.
pub(super) fn prune_batch(
    conn: &mut SqliteConnection,
    prune: &ReadyPrune,
    batch: &[Doomed],
) -> Result<ThreadPruneReport> {
    enum Still {}
    let mut ids = Vec::with_capacity(batch.len());
    for one in batch {
        let binds = vec![Bind::Text(&one.thread_id), Bind::BigInt(one.revision)];
        // One that was touched since the plan was made is left out.
        let still: Option<String> = Statement::<Still, Text>::new(STILL, binds)
            .get_result(conn)
            .optional()
            .map_err(db_error("prune_batch"))?;
        ids.extend(still);
    }
    threads_remove(conn, &ids, prune.now)
}

/// Deletes a batch of attachments that never became part of a thread.
pub(super) fn prune_adrift(
    conn: &mut SqliteConnection,
    prune: &ReadyPrune,
) -> Result<ThreadPruneReport> {
    let (adrift, mut binds) = adrift(prune);
    let text = format!("{adrift} ORDER BY created_at, attachment_id LIMIT ?");
    binds.push(Bind::BigInt(i64::try_from(prune.batch).unwrap_or(i64::MAX)));
    let ids: Vec<String> =
        Composed::<Text>::new(text, binds).load(conn).map_err(db_error("prune_adrift"))?;
    let files = attachments_remove(conn, &ids, prune.now)?;
    Ok(ThreadPruneReport { attachments: ids.len() as u64, files, ..ThreadPruneReport::default() })
}

/// Deletes threads that are locked, with all that belongs to them.
fn threads_remove(
    conn: &mut SqliteConnection,
    ids: &[String],
    now: Timestamp,
) -> Result<ThreadPruneReport> {
    let attachments: Vec<String> = chatkit_attachments::table
        .filter(chatkit_attachments::thread_id.eq_any(ids))
        .order(chatkit_attachments::attachment_id)
        .select(chatkit_attachments::attachment_id)
        .load(conn)
        .map_err(db_error("threads_remove"))?;
    let files = attachments_remove(conn, &attachments, now)?;
    let items = diesel::delete(chatkit_items::table.filter(chatkit_items::thread_id.eq_any(ids)))
        .execute(conn)
        .map_err(db_error("threads_remove"))?;
    let threads =
        diesel::delete(chatkit_threads::table.filter(chatkit_threads::thread_id.eq_any(ids)))
            .execute(conn)
            .map_err(db_error("threads_remove"))?;
    Ok(ThreadPruneReport {
        threads: threads as u64,
        items: items as u64,
        attachments: attachments.len() as u64,
        files,
    })
}
