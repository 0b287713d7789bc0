//! Pruning: what may go, and one batch of it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::history::{PruneReport, Retention};
use store_core::sqlite::db_error;

use super::schema::history_executions::{self, dsl};

/// Which finished executions may go.
#[derive(Debug, Clone)]
pub(super) enum Doomed {
    /// Those that finished before an instant.
    FinishedBefore(String),
    /// Those that started at a place in the order of starts, or before it.
    StartedUpTo(String, String),
    /// None.
    Nothing,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    started_at: String,
    #[diesel(sql_type = Text)]
    execution_id: String,
}

/// Decides which executions may go: for a limit, those from the place on where it is exceeded,
/// counted from the newest.
pub(super) fn prune_plan(conn: &mut SqliteConnection, retention: Retention) -> Result<Doomed> {
    let (size, limit) = match retention {
        Retention::OlderThan(instant) => return Ok(Doomed::FinishedBefore(instant.to_string())),
        Retention::MaxRows(rows) => ("step_count + 1", rows),
        Retention::MaxBytes(bytes) => ("record_bytes + step_bytes", bytes),
    };
    let query = format!(
        "SELECT started_at, execution_id FROM (\
         SELECT started_at, execution_id, \
         SUM({size}) OVER (ORDER BY started_at DESC, execution_id DESC) AS total \
         FROM history_executions) AS newest \
         WHERE total > ? ORDER BY started_at DESC, execution_id DESC LIMIT 1"
    );
    let place: Option<Place> = diesel::sql_query(query)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .get_result(conn)
        .optional()
        .map_err(db_error("prune_plan"))?;
    Ok(place
        .map_or(Doomed::Nothing, |place| Doomed::StartedUpTo(place.started_at, place.execution_id)))
}

/// Counts what would go.
pub(super) fn prune_count(conn: &mut SqliteConnection, doomed: &Doomed) -> Result<PruneReport> {
    let mut report = PruneReport::default();
    let Some(query) = prunable(doomed) else { return Ok(report) };
    let rows = query
        .select((dsl::step_count, dsl::record_bytes + dsl::step_bytes))
        .load_iter::<(i64, i64), _>(conn)
        .map_err(db_error("prune_count"))?;
    for row in rows {
        report = report.plus(counted(row.map_err(db_error("prune_count"))?));
    }
    Ok(report)
}

/// Deletes the oldest of what may go, at most `limit` executions.
pub(super) fn prune_batch(
    conn: &mut SqliteConnection,
    doomed: &Doomed,
    limit: i64,
) -> Result<PruneReport> {
    let Some(query) = prunable(doomed) else { return Ok(PruneReport::default()) };
    let ids: Vec<String> = query
        .order((dsl::started_at.asc(), dsl::execution_id.asc()))
        .limit(limit)
        .select(dsl::execution_id)
        .load(conn)
        .map_err(db_error("prune_batch"))?;
    let rows: Vec<(i64, i64)> = diesel::delete(history_executions::table)
        .filter(dsl::execution_id.eq_any(ids))
        .returning((dsl::step_count, dsl::record_bytes + dsl::step_bytes))
        .load(conn)
        .map_err(db_error("prune_batch"))?;
    Ok(rows.into_iter().map(counted).fold(PruneReport::default(), PruneReport::plus))
}

fn prunable(doomed: &Doomed) -> Option<history_executions::BoxedQuery<'static, Sqlite>> {
    let query = history_executions::table.filter(dsl::status.ne("running")).into_boxed();
    match doomed.clone() {
        Doomed::FinishedBefore(instant) => Some(query.filter(dsl::completed_at.lt(instant))),
        Doomed::StartedUpTo(started_at, id) => Some(
            query
                .filter(dsl::started_at.le(started_at.clone()))
                .filter(dsl::started_at.lt(started_at).or(dsl::execution_id.le(id))),
        ),
        Doomed::Nothing => None,
    }
}

/// Counts one execution. The sums of the schema are never negative.
fn counted((steps, bytes): (i64, i64)) -> PruneReport {
    PruneReport {
        executions: 1,
        steps: u64::try_from(steps).unwrap_or(0),
        bytes: u64::try_from(bytes).unwrap_or(0),
    }
}
