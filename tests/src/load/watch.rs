//! How many connections a server has.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// Looks at a server until `end`; says how many connections it had at one time, of all clients and by
/// the name of the application, and whether these are at most so many. Its own is not counted.
///
/// # Errors
/// Those of the driver; the server is the one of `STORE_POSTGRES_DSN`.
pub async fn watch(
    end: impl Future,
    at_most: i64,
    of_each_at_most: i64,
) -> Result<(String, bool), Box<dyn std::error::Error + Send + Sync>> {
    let dsn = std::env::var("STORE_POSTGRES_DSN")?;
    let (client, connection) = tokio_postgres::connect(&dsn, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let query = client
        .prepare(
            "SELECT application_name, count(*) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1",
        )
        .await?;
    let mut end = std::pin::pin!(end);
    let (mut most, mut of_each) = (0, BTreeMap::<String, i64>::new());
    loop {
        let rows = client.query(&query, &[]).await?;
        most = most.max(rows.iter().map(|row| row.get::<_, i64>(1)).sum());
        for row in rows {
            let count = of_each.entry(row.get(0)).or_default();
            *count = (*count).max(row.get(1));
        }
        tokio::select! {
            _ended = &mut end => break,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    let held = most <= at_most && of_each.values().all(|count| *count <= of_each_at_most);
    Ok((format!("connections: {most} at most, of each process {of_each:?}"), held))
}
