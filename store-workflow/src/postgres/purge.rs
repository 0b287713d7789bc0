//! Deleting what only kept repeats out and has expired.

use std::time::Duration;

use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::{Result, Timestamp};

/// How long the occurrence of a schedule is kept: 30 days.
const OCCURRENCES_KEPT: Duration = Duration::from_secs(30 * 86_400);

// Rows that somebody else is about to change are left to them.
const DELIVERIES: &str = "DELETE FROM workflow_webhook_deliveries WHERE ctid = ANY (ARRAY(\
     SELECT ctid FROM workflow_webhook_deliveries \
     WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
     FOR UPDATE SKIP LOCKED))";

const EVENTS: &str = "DELETE FROM workflow_listener_events WHERE ctid = ANY (ARRAY(\
     SELECT ctid FROM workflow_listener_events \
     WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
     FOR UPDATE SKIP LOCKED))";

/// An occurrence that its schedule has not passed could be claimed once more.
const OCCURRENCES: &str = "DELETE FROM workflow_cron_occurrences WHERE ctid = ANY (ARRAY(\
     SELECT ctid FROM workflow_cron_occurrences AS claimed \
     WHERE scheduled_for < $1 AND NOT EXISTS (\
     SELECT 1 FROM workflow_cron_triggers AS schedule \
     WHERE schedule.workflow_id = claimed.workflow_id \
     AND schedule.next_at <= claimed.scheduled_for) ORDER BY scheduled_for LIMIT $2 \
     FOR UPDATE OF claimed SKIP LOCKED))";

/// Deletes the longest expired of each table, at most `limit` in all, and counts them.
pub(super) async fn purge_expired(
    conn: &mut AsyncPgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<u64> {
    let long_ago = now.minus(OCCURRENCES_KEPT)?;
    let mut left = limit;
    for (statement, cutoff) in [(DELIVERIES, now), (EVENTS, now), (OCCURRENCES, long_ago)] {
        if left > 0 {
            let deleted = diesel::sql_query(statement)
                .bind::<Timestamptz, _>(cutoff.to_datetime())
                .bind::<BigInt, _>(left)
                .execute(conn)
                .await
                .map_err(db_error("purge_expired"))?;
            left -= i64::try_from(deleted).unwrap_or(left);
        }
    }
    Ok(u64::try_from(limit - left).unwrap_or(0))
}
