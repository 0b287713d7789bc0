//! Connections of the driver itself.

use tokio_postgres::Client;

use super::connect::Connector;
use super::options::Options;
use crate::Result;

/// Opens a connection of the driver itself, which is driven by a task of its own until the client
/// is dropped.
///
/// Diesel's connection has no `COPY`: this one is for tools that move rows in bulk. It starts with
/// the settings of `options`, as every connection of a [`super::Database`] does.
///
/// # Errors
/// `Settings` for a malformed DSN; `Unavailable` with the cause when it cannot connect.
pub async fn connect_client(options: &Options) -> Result<Client> {
    let connector = Connector::prepare("POSTGRES_DSN", &options.dsn, options)?;
    let (client, connection) = connector.connect_raw().await?;
    // What ends the connection is reported by the client's next call.
    tokio::spawn(connection);
    Ok(client)
}
