//! Deleting what only kept repeats out and has expired.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use store_core::sqlite::db_error;
use store_core::{Result, Timestamp};

/// How long the occurrence of a schedule is kept: 30 days.
const OCCURRENCES_KEPT: Duration = Duration::from_secs(30 * 86_400);

const DELIVERIES: &str = "DELETE FROM workflow_webhook_deliveries WHERE rowid IN (\
     SELECT rowid FROM workflow_webhook_deliveries \
     WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";

const EVENTS: &str = "DELETE FROM workflow_listener_events WHERE rowid IN (\
     SELECT rowid FROM workflow_listener_events \
     WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";

/// An occurrence that its schedule has not passed could be claimed once more.
const OCCURRENCES: &str = "DELETE FROM workflow_cron_occurrences WHERE rowid IN (\
     SELECT rowid FROM workflow_cron_occurrences AS claimed \
     WHERE scheduled_for < ? AND NOT EXISTS (\
     SELECT 1 FROM workflow_cron_triggers AS schedule \
     WHERE schedule.workflow_id = claimed.workflow_id \
     AND schedule.next_at <= claimed.scheduled_for) ORDER BY scheduled_for LIMIT ?)";

/// Deletes the longest expired of each table, at most `limit` in all, and counts them.
pub(super) fn purge_expired(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<u64> {
    let long_ago = now.minus(OCCURRENCES_KEPT)?;
    let mut left = limit;
    for (statement, cutoff) in [(DELIVERIES, now), (EVENTS, now), (OCCURRENCES, long_ago)] {
        if left > 0 {
            let deleted = diesel::sql_query(statement)
                .bind::<Text, _>(cutoff.to_string())
                .bind::<BigInt, _>(left)
                .execute(conn)
                .map_err(db_error("purge_expired"))?;
            left -= i64::try_from(deleted).unwrap_or(left);
        }
    }
    Ok(u64::try_from(limit - left).unwrap_or(0))
}
