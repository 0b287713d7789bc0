//! What the tests here share.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use diesel::prelude::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use store_core::postgres::{Database, Options, db_error};
use store_core::settings::SettingsBuilder;
use store_core::{Backend, Result, Settings};

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings that put everything on PostgreSQL.
pub(crate) fn settings(dsn: &str) -> SettingsBuilder {
    Settings::builder().backend(Backend::Postgres).sqlite_path("unused.sqlite").postgres_dsn(dsn)
}

/// The options of a database.
pub(crate) fn options(dsn: &str) -> Options {
    Options::from_settings(&settings(dsn).build().unwrap()).unwrap()
}

/// Opens a database that is expected to open.
pub(crate) async fn open(dsn: &str) -> Database {
    Database::open(options(dsn)).await.unwrap()
}

/// Adds parameters to a DSN in the form of a URL.
pub(crate) fn with(url: &str, parameters: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}

/// Returns the text of the only value a query has.
pub(crate) async fn value(conn: &mut AsyncPgConnection, query: &str) -> Result<String> {
    #[derive(QueryableByName)]
    struct Value {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let query = format!("SELECT ({query})::text AS value");
    let row: Value = diesel::sql_query(query).get_result(conn).await.map_err(db_error("value"))?;
    Ok(row.value)
}

/// Connects with the raw driver.
pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

/// Returns a port nobody listens on.
pub(crate) fn dead_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until something is true.
pub(crate) async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
