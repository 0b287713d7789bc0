//! A connection that is cut after the server did the work and before its answer arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use store_core::history::RunHistoryStore;
use store_core::{Databases, Failure, PageRequest};
use store_tests::server::{Server, Setup};
use store_tests::{run, samples};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{settings, until};

/// The way to a server, on which answers can be lost and connections cut.
#[derive(Clone)]
struct Line {
    port: u16,
    loses_answers: Arc<AtomicBool>,
    /// Answers that were lost, in pieces.
    lost: Arc<AtomicUsize>,
    cut: watch::Sender<()>,
}

impl Line {
    async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = watch::Sender::new(());
        let line = Self { port, loses_answers: Arc::default(), lost: Arc::default(), cut };
        let (accepting, upstream) = (line.clone(), server.port());
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                tokio::spawn(accepting.clone().carry(client, upstream));
            }
        });
        line
    }

    async fn carry(self, client: TcpStream, upstream: u16) {
        let mut cut = self.cut.subscribe();
        let server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = async {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                if self.loses_answers.load(Ordering::SeqCst) {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                } else if to_client.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        };
        // Whatever ends first ends both connections.
        tokio::select! {
            _either_way = tokio::io::copy(&mut from_client, &mut to_server) => {}
            () = answers => {}
            _told_to = cut.changed() => {}
        }
    }

    fn lose_answers(&self) {
        self.lost.store(0, Ordering::SeqCst);
        self.loses_answers.store(true, Ordering::SeqCst);
    }

    /// Waits for an answer to be lost; cuts every connection, and lets new ones work.
    async fn cut_after_an_answer(&self) {
        until("an answer is lost", || async { self.lost.load(Ordering::SeqCst) > 0 }).await;
        self.loses_answers.store(false, Ordering::SeqCst);
        self.cut.send_replace(());
    }
}

/// A store at the end of a line, with an execution of one step. Statements are prepared by then:
/// the next answer is that of the statement itself.
async fn store_over_a_line() -> (Server, Line, Arc<dyn RunHistoryStore>) {
    let server = Setup::default().start();
    let line = Line::to(&server).await;
    let dsn =
        format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres?sslmode=disable", line.port);
    let settings = settings(&dsn).postgres_pool_max_size(1).build().unwrap();
    let store = store_history::open(&Databases::new(settings)).await.unwrap();
    store.start(samples::execution("e")).await.unwrap();
    store.append_step(&samples::id("e"), samples::step(json!(0))).await.unwrap();
    store.fetch(&samples::id("e")).await.unwrap();
    (server, line, store)
}

async fn payloads(store: &Arc<dyn RunHistoryStore>) -> Vec<serde_json::Value> {
    let steps = store.steps(&samples::id("e"), &PageRequest::default()).await.unwrap().items;
    steps.into_iter().map(|step| step.payload).collect()
}

#[test]
fn an_append_whose_answer_is_lost_has_an_unknown_outcome_and_is_not_repeated() {
    run(async {
        let (_server, line, store) = store_over_a_line().await;
        line.lose_answers();
        let id = samples::id("e");
        let append = store.append_step(&id, samples::step(json!(1)));
        let (appended, ()) = tokio::join!(append, line.cut_after_an_answer());
        let error = appended.unwrap_err();
        let unknown = Failure::Unavailable { outcome_unknown: true };
        assert_eq!(error.failure(), Some(unknown), "{error}");
        assert_eq!(payloads(&store).await, [json!(0), json!(1)]);
    });
}

#[test]
fn a_batch_whose_answer_is_lost_has_an_unknown_outcome_and_is_not_repeated() {
    run(async {
        let (_server, line, store) = store_over_a_line().await;
        let id = samples::id("e");
        let batch = || (1..4).map(|number| samples::step(json!(number))).collect();
        store.append_steps(&id, batch()).await.unwrap();
        line.lose_answers();
        let append = store.append_steps(&id, batch());
        let (appended, ()) = tokio::join!(append, line.cut_after_an_answer());
        let error = appended.unwrap_err();
        let unknown = Failure::Unavailable { outcome_unknown: true };
        assert_eq!(error.failure(), Some(unknown), "{error}");
        let stored = [0, 1, 2, 3, 1, 2, 3].map(|number| json!(number));
        assert_eq!(payloads(&store).await, stored);
    });
}

#[test]
fn an_append_under_a_key_can_be_repeated_after_its_answer_was_lost() {
    run(async {
        let (_server, line, store) = store_over_a_line().await;
        let id = samples::id("e");
        line.lose_answers();
        let append = store.append_step(&id, samples::keyed("key", json!(1)));
        let (appended, ()) = tokio::join!(append, line.cut_after_an_answer());
        appended.unwrap_err();
        let again = store.append_step(&id, samples::keyed("key", json!(1))).await.unwrap();
        assert_eq!(again.index, 1);
        assert_eq!(payloads(&store).await, [json!(0), json!(1)]);
    });
}

#[test]
fn a_read_whose_answer_is_lost_is_repeated() {
    run(async {
        let (_server, line, store) = store_over_a_line().await;
        line.lose_answers();
        let id = samples::id("e");
        let (fetched, ()) = tokio::join!(store.fetch(&id), line.cut_after_an_answer());
        assert_eq!(fetched.unwrap().step_count, 1);
    });
}
