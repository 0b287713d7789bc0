//! A pooler that refuses start-up options, as PgBouncer does unless it is told to ignore them, and
//! one that was told so. The real one is before the server in `cargo xtask soak`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store_core::postgres::{Database, Options as DatabaseOptions};
use store_core::{Databases, Error};
use store_tests::server::{Server, Setup};
use store_tests::{run, samples};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{options, settings, value};

const REFUSAL: &str = "unsupported startup parameter: options";

/// What a pooler does with start-up options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Options {
    Refuse,
    Ignore,
}

/// Stands in front of a server and does what PgBouncer does.
struct Pooler {
    port: u16,
    /// How many times there were options.
    refused: Arc<AtomicUsize>,
}

impl Pooler {
    async fn start(server: &Server) -> Self {
        Self::start_that(Options::Refuse, server).await
    }

    async fn start_that(options: Options, server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = Arc::new(AtomicUsize::new(0));
        let (count, upstream) = (Arc::clone(&refused), server.port());
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                tokio::spawn(serve(client, upstream, options, Arc::clone(&count)));
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

/// Reads the start-up message; refuses it, or passes everything on but for the options.
async fn serve(mut client: TcpStream, upstream: u16, options: Options, refused: Arc<AtomicUsize>) {
    let length = client.read_u32().await.unwrap();
    let mut message = vec![0; length as usize - 4];
    client.read_exact(&mut message).await.unwrap();
    // Four bytes of protocol version, then names and values, each ended by a NUL.
    let (version, words) = message.split_at(4);
    let mut words = words.split(|byte| *byte == 0);
    let mut kept = version.to_vec();
    let mut has_options = false;
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if name == b"options" {
            has_options = true;
        } else if !name.is_empty() {
            kept.extend([name, b"\0", value, b"\0"].concat());
        }
    }
    kept.push(0);
    refused.fetch_add(usize::from(has_options), Ordering::Relaxed);
    if has_options && options == Options::Refuse {
        let fields = format!("SFATAL\0VFATAL\0C08P01\0M{REFUSAL}\0\0");
        client.write_u8(b'E').await.unwrap();
        client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await.unwrap();
        client.write_all(fields.as_bytes()).await.unwrap();
        return;
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
    server.write_u32(u32::try_from(kept.len()).unwrap() + 4).await.unwrap();
    server.write_all(&kept).await.unwrap();
    // Ends when either side hangs up, in whatever way.
    drop(copy_bidirectional(&mut client, &mut server).await);
}

/// A schema whose name shows every kind of quoting.
const SCHEMA: &str = "My \"Schema\" \\ it's";

/// Opens a store through a pooler and looks at the settings of its connections.
async fn assert_that_settings_hold(pooler: &Pooler) {
    let settings = settings(&pooler.dsn(""))
        .postgres_schema(SCHEMA)
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
        ("SELECT current_schema()", SCHEMA),
    ] {
        assert_eq!(value(&mut conn, query).await.unwrap(), expected, "{query}");
    }
    assert!(pooler.refused.load(Ordering::Relaxed) > 0, "the options were tried first");
}

#[test]
fn through_a_pooler_that_refuses_options_the_settings_are_set_all_the_same() {
    run(async {
        let server = Setup::default().start();
        assert_that_settings_hold(&Pooler::start(&server).await).await;
    });
}

#[test]
fn through_a_pooler_that_drops_options_silently_the_settings_are_set_all_the_same() {
    run(async {
        let server = Setup::default().start();
        assert_that_settings_hold(&Pooler::start_that(Options::Ignore, &server).await).await;
    });
}

#[test]
fn settings_that_the_role_has_are_not_set_again() {
    run(async {
        let server = Setup::default().start();
        let admin = crate::support::client(&server.url()).await;
        let role = "CREATE SCHEMA app; ALTER ROLE postgres SET search_path = app; \
                    ALTER ROLE postgres SET statement_timeout = '30s'; \
                    ALTER ROLE postgres SET lock_timeout = '10s'; \
                    ALTER ROLE postgres SET idle_in_transaction_session_timeout = '1min'";
        admin.batch_execute(role).await.unwrap();
        let pooler = Pooler::start_that(Options::Ignore, &server).await;
        let settings = settings(&pooler.dsn("")).postgres_schema("app").build().unwrap();
        let db = Database::open(DatabaseOptions::from_settings(&settings).unwrap()).await.unwrap();
        let mut conn = db.conn("test").await.unwrap();
        assert_eq!(value(&mut conn, "SELECT current_schema()").await.unwrap(), "app");
        // What a session itself set has this source.
        let set = "SELECT count(*) FROM pg_settings WHERE source = 'session' AND name IN \
                   ('search_path', 'statement_timeout', 'lock_timeout')";
        assert_eq!(value(&mut conn, set).await.unwrap(), "0");
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

#[test]
fn options_of_the_dsn_that_a_pooler_ignores_are_an_error_that_says_so() {
    run(async {
        let server = Setup::default().start();
        let pooler = Pooler::start_that(Options::Ignore, &server).await;
        let dsn = pooler.dsn("&options=-c%20work_mem%3D77MB");
        let error: Error = Database::open(options(&dsn)).await.unwrap_err();
        assert!(error.to_string().contains("ignores start-up options"), "{error}");
    });
}
