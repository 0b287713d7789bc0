//! Counting uses.

use chrono::{DateTime, Utc};
use diesel::data_types::PgInterval;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Integer, Interval, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Bind, Statement, db_error};
use store_core::tokens::{RateLimit, TokenUses};
use store_core::{Result, TokenId};

use super::error::on_take;
use super::rows::stored;
use crate::rules::Context;
use crate::rules::token::checked_rate;

// The rows are locked in one order, so that two processes that flush do not wait for each other.
const RECORD: &str = "WITH used AS (\
     SELECT * FROM unnest(?, ?, ?) AS used (identifier, uses, last_used_at)\
     ), locked AS (\
     SELECT identifier FROM service_tokens WHERE identifier = ANY ($1) \
     ORDER BY identifier FOR NO KEY UPDATE\
     ) UPDATE service_tokens AS token SET use_count = token.use_count + used.uses, \
     last_used_at = greatest(token.last_used_at, used.last_used_at) \
     FROM used JOIN locked USING (identifier) WHERE token.identifier = used.identifier";

/// Adds to the counts of tokens.
pub(super) async fn uses_record(conn: &mut AsyncPgConnection, uses: &[TokenUses]) -> Result<()> {
    enum Record {}
    let binds = vec![
        Bind::Texts(uses.iter().map(|one| one.identifier.as_str()).collect()),
        Bind::BigInts(uses.iter().map(|one| i64::from(one.uses)).collect()),
        Bind::Instants(uses.iter().map(|one| one.last_used_at.to_datetime()).collect()),
    ];
    Statement::<Record, ()>::new(RECORD, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("uses_record"))
}

/// Takes a use out of the window of a token; returns whether one was left.
pub(super) async fn use_take(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    identifier: &TokenId,
    limit: RateLimit,
) -> Result<bool> {
    let (limit, seconds) = checked_rate(limit)?;
    let take = Take {
        identifier: identifier.as_str(),
        now: stored(cx.clock.database_override()),
        interval: PgInterval::from_microseconds(i64::from(seconds) * 1_000_000),
        limit,
    };
    let taken = take.execute(conn).await.map_err(|error| on_take(identifier, error))?;
    Ok(taken > 0)
}

// parity: SQLite is told what time it is.
/// Begins a window or takes a use out of it. A window is over after its interval, and when it began
/// so far ahead that the clock went back; a statement that waited for another one may look from
/// just before its window. One text, which each connection prepares once.
#[derive(Debug)]
struct Take<'a> {
    identifier: &'a str,
    now: Option<DateTime<Utc>>,
    interval: PgInterval,
    limit: i32,
}

// parity: belongs to Take.
impl QueryId for Take<'_> {
    type QueryId = Take<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to Take.
impl QueryFragment<Pg> for Take<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO service_token_windows AS w (identifier, started_at, uses) VALUES (",
        );
        out.push_bind_param::<Text, _>(&self.identifier)?;
        out.push_sql(", coalesce(");
        out.push_bind_param::<Nullable<Timestamptz>, _>(&self.now)?;
        out.push_sql(", clock_timestamp()), 1) ON CONFLICT (identifier) DO UPDATE SET ");
        out.push_sql("(started_at, uses) = (SELECT ");
        out.push_sql("CASE WHEN over THEN excluded.started_at ELSE w.started_at END, ");
        out.push_sql("CASE WHEN over THEN 1 ELSE w.uses + 1 END FROM (SELECT ");
        out.push_sql("abs(extract(epoch FROM excluded.started_at - w.started_at)) >= ");
        out.push_sql("extract(epoch FROM ");
        out.push_bind_param::<Interval, _>(&self.interval)?;
        out.push_sql(") AS over) AS window_state) WHERE w.uses < ");
        out.push_bind_param::<Integer, _>(&self.limit)?;
        out.push_sql(" OR abs(extract(epoch FROM excluded.started_at - w.started_at)) >= ");
        out.push_sql("extract(epoch FROM $3::interval)");
        Ok(())
    }
}
