//! Functions that SQLite lacks, registered on every connection.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::json;

#[declare_sql_function]
extern "SQL" {
    /// PostgreSQL's `left @> right` over JSON text; false when either is not JSON.
    #[sql_name = "store_json_contains"]
    fn json_contains(left: Text, right: Text) -> Bool;
}

/// Registers every function on a connection.
pub(super) fn register(conn: &mut SqliteConnection) -> QueryResult<()> {
    json_contains_utils::register_impl(conn, |left: String, right: String| {
        match (serde_json::from_str(&left), serde_json::from_str(&right)) {
            (Ok(left), Ok(right)) => json::contains(&left, &right),
            _ => false,
        }
    })?;
    // A connection whose registration did not take would fail later and elsewhere.
    conn.batch_execute("SELECT store_json_contains('{}', '{}')")
}
