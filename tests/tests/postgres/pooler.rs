//! A pooler that refuses start-up options, as PgBouncer does unless it is told to ignore them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store_core::postgres::Database;
use store_core::{Databases, Error};
use store_tests::server::{Server, Setup};
use store_tests::{run, samples};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{options, settings, value};

const REFUSAL: &str = "unsupported startup parameter: options";

/// Stands in front of a server and refuses what PgBouncer refuses.
struct Pooler {
    port: u16,
    refused: Arc<AtomicUsize>,
}

impl Pooler {
    async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = Arc::new(AtomicUsize::new(0));
        let (count, upstream) = (Arc::clone(&refused), server.port());
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                tokio::spawn(serve(client, upstream, Arc::clone(&count)));
            }
        });
        Self { port, refused }
    }

    fn dsn(&self, parameters: &str) -> String {
        format!(
            "postgresql://postgres:postgres@127.0.0.1:{}/postgres?sslmode=disable{parameters}",
            self.port
        )
    }
}

/// Reads the start-up message; refuses it or passes everything on.
async fn serve(mut client: TcpStream, upstream: u16, refused: Arc<AtomicUsize>) {
    let length = client.read_u32().await.unwrap();
    let mut message = vec![0; length as usize - 4];
    client.read_exact(&mut message).await.unwrap();
    // Four bytes of protocol version, then names and values, each ended by a NUL.
    let mut words = message[4..].split(|byte| *byte == 0);
    let mut has_options = false;
    while let (Some(name), Some(_value)) = (words.next(), words.next()) {
        has_options |= name == b"options";
    }
    if has_options {
        refused.fetch_add(1, Ordering::Relaxed);
        let fields = format!("SFATAL\0VFATAL\0C08P01\0M{REFUSAL}\0\0");
        client.write_u8(b'E').await.unwrap();
        client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await.unwrap();
        client.write_all(fields.as_bytes()).await.unwrap();
        return;
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
    server.write_u32(length).await.unwrap();
    server.write_all(&message).await.unwrap();
    // Ends when either side hangs up, in whatever way.
    drop(copy_bidirectional(&mut client, &mut server).await);
}

#[test]
fn through_a_pooler_that_refuses_options_the_settings_are_set_all_the_same() {
    run(async {
        let server = Setup::default().start();
        let pooler = Pooler::start(&server).await;
        let schema = "My \"Schema\" \\ it's";
        let settings = settings(&pooler.dsn(""))
            .postgres_schema(schema)
            .postgres_statement_timeout(Duration::from_secs(7))
            .postgres_lock_timeout(Duration::from_secs(8))
            .postgres_idle_in_transaction_timeout(Duration::from_secs(90))
            .build()
            .unwrap();
        let databases = Databases::new(settings);
        let store = store_history::open(&databases).await.unwrap();
        store.start(samples::execution("e")).await.unwrap();
        let db = databases.postgres().await.unwrap();
        let mut conn = db.conn("test").await.unwrap();
        for (query, expected) in [
            ("SELECT current_setting('statement_timeout')", "7s"),
            ("SELECT current_setting('lock_timeout')", "8s"),
            ("SELECT current_setting('idle_in_transaction_session_timeout')", "90s"),
            ("SELECT current_schema()", schema),
        ] {
            assert_eq!(value(&mut conn, query).await.unwrap(), expected, "{query}");
        }
        assert!(pooler.refused.load(Ordering::Relaxed) > 0, "the options were tried first");
    });
}

#[test]
fn listening_through_a_pooler_that_refuses_options_works() {
    run(async {
        let server = Setup::default().start();
        let pooler = Pooler::start(&server).await;
        let db = Database::open(options(&pooler.dsn(""))).await.unwrap();
        let mut listener = db.listen(&["news"]).await.unwrap();
        crate::support::client(&server.url()).await.batch_execute("NOTIFY news").await.unwrap();
        let notice = tokio::time::timeout(crate::support::PATIENCE, listener.next()).await.unwrap();
        assert!(notice.is_some());
    });
}

#[test]
fn options_that_the_dsn_itself_asks_for_are_not_dropped_silently() {
    run(async {
        let server = Setup::default().start();
        let pooler = Pooler::start(&server).await;
        let dsn = pooler.dsn("&options=-c%20work_mem%3D77MB");
        let error: Error = Database::open(options(&dsn)).await.unwrap_err();
        assert!(error.to_string().contains(REFUSAL), "{error}");
    });
}
