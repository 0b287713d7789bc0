// parity: SQLite has no partitions.
//! What the catalogue knows about the table of steps.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;

/// The table of steps.
#[derive(Debug, QueryableByName)]
pub(super) struct Form {
    #[diesel(sql_type = Bool)]
    pub(super) partitioned: bool,
    #[diesel(sql_type = Text)]
    pub(super) owner: String,
    /// Whether this role is the owner or may become it.
    #[diesel(sql_type = Bool)]
    pub(super) owned: bool,
}

/// Looks whether steps are partitioned, and who may change that.
pub(super) async fn form(conn: &mut AsyncPgConnection) -> Result<Form> {
    diesel::sql_query(
        "SELECT relkind = 'p' AS partitioned, quote_ident(pg_get_userbyid(relowner)) AS owner, \
         pg_has_role(relowner, 'MEMBER') AS owned \
         FROM pg_class WHERE oid = 'history_steps'::regclass",
    )
    .get_result(conn)
    .await
    .map_err(db_error("partition_form"))
}

/// A partition, and the starts of executions it is for.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Partition {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// From this one on; nothing for the first partition and that for the rest.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) lower: Option<DateTime<Utc>>,
    /// Up to before this one; nothing for that for the rest.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) upper: Option<DateTime<Utc>>,
}

/// The partitions of steps, oldest first; that for the rest is the last.
pub(super) async fn partitions(conn: &mut AsyncPgConnection) -> Result<Vec<Partition>> {
    diesel::sql_query(
        "SELECT name, nullif(bounds[1], 'MINVALUE')::timestamptz AS lower, \
         bounds[2]::timestamptz AS upper FROM (\
         SELECT c.relname::text AS name, \
         regexp_match(pg_get_expr(c.relpartbound, c.oid), \
         'FROM \\(''?([^'')]+)''?\\) TO \\(''([^'')]+)''\\)') AS bounds \
         FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid \
         WHERE inhparent = 'history_steps'::regclass) AS found \
         ORDER BY upper NULLS LAST, name",
    )
    .load(conn)
    .await
    .map_err(db_error("partition_list"))
}

/// Runs a query that answers whether something is so.
pub(super) async fn holds(conn: &mut AsyncPgConnection, condition: &str) -> Result<bool> {
    Ok(flag(conn, &format!("SELECT ({condition}) AS flag")).await?.unwrap_or(false))
}

/// Runs a query for one flag: nothing when there is no row, or no value in it.
pub(super) async fn flag(conn: &mut AsyncPgConnection, query: &str) -> Result<Option<bool>> {
    #[derive(QueryableByName)]
    struct Flag {
        #[diesel(sql_type = Nullable<Bool>)]
        flag: Option<bool>,
    }
    let row: Option<Flag> = diesel::sql_query(query)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("partition_flag"))?;
    Ok(row.and_then(|row| row.flag))
}

/// Runs a query for texts.
pub(super) async fn texts(conn: &mut AsyncPgConnection, query: &str) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let rows: Vec<Found> =
        diesel::sql_query(query).load(conn).await.map_err(db_error("partition_texts"))?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

/// Runs a query for at most one instant.
pub(super) async fn instants(
    conn: &mut AsyncPgConnection,
    query: &str,
) -> Result<Vec<DateTime<Utc>>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Timestamptz)]
        instant: DateTime<Utc>,
    }
    let rows: Vec<Found> =
        diesel::sql_query(query).load(conn).await.map_err(db_error("partition_instants"))?;
    Ok(rows.into_iter().map(|row| row.instant).collect())
}
