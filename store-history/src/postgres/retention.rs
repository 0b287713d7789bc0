//! Pruning: what may go, and one batch of it.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::StreamExt as _;
use store_core::Result;
use store_core::history::{PruneReport, Retention};
use store_core::postgres::db_error;

use super::schema::history_executions::{self, dsl};

/// Which finished executions may go.
#[derive(Debug, Clone)]
pub(super) enum Doomed {
    /// Those that finished before an instant.
    FinishedBefore(DateTime<Utc>),
    /// Those that started at a place in the order of starts, or before it.
    StartedUpTo(DateTime<Utc>, String),
    /// None.
    Nothing,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Timestamptz)]
    started_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    execution_id: String,
}

/// Decides which executions may go: for a limit, those from the place on where it is exceeded,
/// counted from the newest.
pub(super) async fn prune_plan(
    conn: &mut AsyncPgConnection,
    retention: Retention,
) -> Result<Doomed> {
    let (size, limit) = match retention {
        Retention::OlderThan(instant) => return Ok(Doomed::FinishedBefore(instant.to_datetime())),
        Retention::MaxRows(rows) => ("step_count + 1", rows),
        Retention::MaxBytes(bytes) => ("record_bytes + step_bytes", bytes),
    };
    let query = format!(
        "SELECT started_at, execution_id FROM (\
         SELECT started_at, execution_id, \
         SUM({size}) OVER (ORDER BY started_at DESC, execution_id DESC) AS total \
         FROM history_executions) AS newest \
         WHERE total > $1 ORDER BY started_at DESC, execution_id DESC LIMIT 1"
    );
    let place: Option<Place> = diesel::sql_query(query)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("prune_plan"))?;
    Ok(place
        .map_or(Doomed::Nothing, |place| Doomed::StartedUpTo(place.started_at, place.execution_id)))
}

/// Counts what would go.
pub(super) async fn prune_count(
    conn: &mut AsyncPgConnection,
    doomed: &Doomed,
) -> Result<PruneReport> {
    let mut report = PruneReport::default();
    let Some(query) = prunable(doomed) else { return Ok(report) };
    let mut rows = query
        .select((dsl::step_count, dsl::record_bytes + dsl::step_bytes))
        .load_stream::<(i64, i64)>(conn)
        .await
        .map_err(db_error("prune_count"))?;
    while let Some(row) = rows.next().await {
        report = report.plus(counted(row.map_err(db_error("prune_count"))?));
    }
    Ok(report)
}

/// Deletes the oldest of what may go, at most `limit` executions.
pub(super) async fn prune_batch(
    conn: &mut AsyncPgConnection,
    doomed: &Doomed,
    limit: i64,
) -> Result<PruneReport> {
    let Some(query) = prunable(doomed) else { return Ok(PruneReport::default()) };
    let ids: Vec<String> = query
        .order((dsl::started_at.asc(), dsl::execution_id.asc()))
        .limit(limit)
        .select(dsl::execution_id)
        .load(conn)
        .await
        .map_err(db_error("prune_batch"))?;
    let rows: Vec<(i64, i64)> = diesel::delete(history_executions::table)
        .filter(dsl::execution_id.eq_any(ids))
        .returning((dsl::step_count, dsl::record_bytes + dsl::step_bytes))
        .load(conn)
        .await
        .map_err(db_error("prune_batch"))?;
    Ok(rows.into_iter().map(counted).fold(PruneReport::default(), PruneReport::plus))
}

fn prunable(doomed: &Doomed) -> Option<history_executions::BoxedQuery<'static, Pg>> {
    let query = history_executions::table.filter(dsl::status.ne("running")).into_boxed();
    match doomed.clone() {
        Doomed::FinishedBefore(instant) => Some(query.filter(dsl::completed_at.lt(instant))),
        Doomed::StartedUpTo(started_at, id) => Some(
            query
                .filter(dsl::started_at.le(started_at))
                .filter(dsl::started_at.lt(started_at).or(dsl::execution_id.le(id))),
        ),
        Doomed::Nothing => None,
    }
}

/// Counts one execution. The sums of the schema are never negative.
pub(super) fn counted((steps, bytes): (i64, i64)) -> PruneReport {
    PruneReport {
        executions: 1,
        steps: u64::try_from(steps).unwrap_or(0),
        bytes: u64::try_from(bytes).unwrap_or(0),
    }
}
