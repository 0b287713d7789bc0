//! How often a start waits for the server, counted on the line between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store_core::Databases;
use store_tests::fixture::all::{Store, on_schema, open_all};
use store_tests::fixture::postgres::{Place, url};
use store_tests::run;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::config::Host;

/// What opening one store may cost on an existing database.
const ROUND_TRIPS: usize = 3;

/// The way to the server, on which answers and connections are counted.
#[derive(Clone, Default)]
struct Line {
    answers: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Line {
    /// Starts to carry connections, and returns the DSN that leads over it.
    async fn start(&self) -> String {
        let config: tokio_postgres::Config = url().parse().unwrap();
        let [Host::Tcp(host), ..] = config.get_hosts() else { panic!("a host with a port") };
        let upstream = (host.clone(), *config.get_ports().first().unwrap_or(&5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                line.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(line.clone().carry(client, upstream.clone()));
            }
        });
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        // Without TLS, so that the answers can be read.
        format!(
            "host=127.0.0.1 port={port} user={user} password='{password}' dbname={name} \
             sslmode=disable"
        )
    }

    async fn carry(self, client: TcpStream, upstream: (String, u16)) {
        let server = TcpStream::connect(upstream).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = async {
            let (mut buffer, mut reader) = ([0; 4096], Answers::default());
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                // Counted before the client has it.
                self.answers.fetch_add(reader.read(&buffer[..length]), Ordering::SeqCst);
                if to_client.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            _either_way = tokio::io::copy(&mut from_client, &mut to_server) => {}
            () = answers => {}
        }
    }

    fn answers(&self) -> usize {
        self.answers.load(Ordering::SeqCst)
    }
}

/// Finds the ends of answers in what a server sends.
#[derive(Default)]
struct Answers {
    rest: Vec<u8>,
    before: u8,
}

impl Answers {
    /// Counts the answers that end in these bytes. Nobody waits for the answer to closing a
    /// statement.
    fn read(&mut self, bytes: &[u8]) -> usize {
        const READY: u8 = b'Z';
        const CLOSED: u8 = b'3';
        self.rest.extend_from_slice(bytes);
        let mut count = 0;
        while let [kind, a, b, c, d, ..] = self.rest[..] {
            let end = 1 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
            if self.rest.len() < end {
                break;
            }
            count += usize::from(kind == READY && self.before != CLOSED);
            self.before = kind;
            self.rest.drain(..end);
        }
        count
    }
}

/// A schema with the tables of all stores, and a process that is about to start on it.
async fn existing() -> (Place, Line, Databases) {
    let place = Place::fresh(&store_history::postgres::SCHEMA).await;
    let schema = &place.schemas[0];
    open_all(&Databases::new(on_schema(&url(), schema).build().unwrap())).await.unwrap();
    let line = Line::default();
    // With more, the pool makes another connection in the background while one is in use.
    let settings = on_schema(&line.start().await, schema).postgres_pool_max_size(1);
    let settings = settings.build().unwrap();
    (place, line, Databases::new(settings))
}

#[test]
fn opening_a_store_on_an_existing_database_takes_at_most_three_round_trips() {
    run(async {
        let (place, line, databases) = existing().await;
        // Connecting is paid once, by whichever store is first.
        databases.postgres().await.unwrap();
        let mut opened = Vec::new();
        for store in Store::ALL {
            let before = line.answers();
            opened.push(store.open(&databases).await.unwrap());
            let taken = line.answers() - before;
            assert!((1..=ROUND_TRIPS).contains(&taken), "{store:?}: {taken}");
        }
        place.finish().await;
    });
}

#[test]
fn opening_all_stores_makes_one_connection() {
    run(async {
        let (place, line, databases) = existing().await;
        let _open = open_all(&databases).await.unwrap();
        assert_eq!(line.connections.load(Ordering::SeqCst), 1);
        place.finish().await;
    });
}
