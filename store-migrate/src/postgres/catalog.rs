//! What is in tables.

use super::quote;
use crate::Result;
use crate::error::postgres;
use crate::model::Table;

/// Returns which of these tables have rows.
pub(crate) async fn tables_with_rows(
    client: &impl tokio_postgres::GenericClient,
    tables: &[Table],
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT FROM {})", quote(&table.postgres));
        let row = client
            .query_one(&sql, &[])
            .await
            .map_err(postgres(format!("looking into table {}", table.postgres)))?;
        if row.get(0) {
            found.push(table.postgres.clone());
        }
    }
    Ok(found)
}
