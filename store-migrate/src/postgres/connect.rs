//! Connecting.

use std::time::Duration;

use store_core::postgres::{Options, connect_client};
use tokio_postgres::Client;

use crate::error::postgres;
use crate::location::settings;
use crate::{Error, Location, Result};

/// Quotes an identifier.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns how a database is connected to: statements may take as long as they take.
pub(crate) fn options(location: &Location) -> Result<Options> {
    let mut options = Options::from_settings(&settings(location)?)?;
    options.statement_timeout = Duration::ZERO;
    options.idle_in_transaction_timeout = Duration::ZERO;
    Ok(options)
}

/// Opens a connection whose times and numbers have one form.
pub(crate) async fn connect(location: &Location) -> Result<Client> {
    let client = connect_client(&options(location)?).await?;
    client
        .batch_execute("SET TimeZone = 'UTC'; SET lock_timeout = '30s'")
        .await
        .map_err(postgres("preparing a connection"))?;
    Ok(client)
}

/// Returns what identifies a schema of a database, however it is reached: the system identifier of
/// the cluster, the number of the database, and the schema.
///
/// # Errors
/// `Refused` when the schema of the search path does not exist.
pub(crate) async fn identity(client: &Client) -> Result<String> {
    let row = client
        .query_one(
            "SELECT (SELECT system_identifier FROM pg_control_system())::text, \
             (SELECT oid FROM pg_database WHERE datname = current_database())::text, \
             current_schema()::text, current_database()::text",
            &[],
        )
        .await
        .map_err(postgres("identifying the database"))?;
    let (system, database): (String, String) = (row.get(0), row.get(1));
    let schema: Option<String> = row.get(2);
    let schema = schema.ok_or_else(|| {
        let name: String = row.get(3);
        Error::refused(format!(
            "the schema named by the DSN's search_path does not exist in database {name}: create it \
             with CREATE SCHEMA, or leave the option out for `public`"
        ))
    })?;
    Ok(format!("postgres:{system}/{database}/{schema}"))
}
