//! Notifications, and the connection they come over.

use store_core::Databases;
use store_core::postgres::{Database, Listener, Notice};
use store_tests::fixture::postgres::{connect, unique_schema, url};
use store_tests::run;
use tokio_postgres::Client;

use crate::support::{PATIENCE, settings, until, with};

/// A database whose listener is known to the server by a name of its own.
async fn listening_as(application: &str) -> Database {
    let listen_dsn = with(&url(), &format!("application_name={application}"));
    let settings = settings(&url()).postgres_listen_dsn(&listen_dsn).build().unwrap();
    Databases::new(settings).postgres().await.unwrap()
}

async fn next(listener: &mut Listener) -> Notice {
    let notice = tokio::time::timeout(PATIENCE, listener.next()).await;
    notice.expect("a notice comes").expect("the listener listens")
}

async fn notify(client: &Client, channel: &str, payload: &str) {
    client.execute("SELECT pg_notify($1, $2)", &[&channel, &payload]).await.unwrap();
}

fn notification(channel: &str, payload: &str) -> Notice {
    Notice::Notification { channel: channel.to_owned(), payload: payload.to_owned() }
}

/// How many connections the server has under this name.
async fn connections(client: &Client, application: &str) -> usize {
    let query = "SELECT FROM pg_stat_activity WHERE application_name = $1";
    client.query(query, &[&application]).await.unwrap().len()
}

#[test]
fn notifications_of_every_channel_arrive_in_order() {
    run(async {
        let name = unique_schema();
        let db = listening_as(&name).await;
        let (jobs, odd) = (format!("{name}_jobs"), format!("{name} \"Odd\" 'Name'"));
        let mut listener = db.listen(&[&jobs, &odd]).await.unwrap();
        let client = connect().await;
        notify(&client, &format!("{name}_others"), "not for us").await;
        notify(&client, &odd.to_lowercase(), "not for us either").await;
        for (channel, payload) in [(&jobs, "1"), (&odd, "späße 🎉"), (&jobs, ""), (&odd, "2")] {
            notify(&client, channel, payload).await;
        }
        assert_eq!(next(&mut listener).await, notification(&jobs, "1"));
        assert_eq!(next(&mut listener).await, notification(&odd, "späße 🎉"));
        assert_eq!(next(&mut listener).await, notification(&jobs, ""));
        assert_eq!(next(&mut listener).await, notification(&odd, "2"));
    });
}

#[test]
fn a_listener_whose_connection_was_killed_says_so_and_hears_again() {
    run(async {
        let name = unique_schema();
        let db = listening_as(&name).await;
        let mut listener = db.listen(&[&name]).await.unwrap();
        let client = connect().await;
        notify(&client, &name, "before").await;
        assert_eq!(next(&mut listener).await, notification(&name, "before"));
        for round in 0..3 {
            let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                             WHERE application_name = $1";
            assert_eq!(client.query(terminate, &[&name]).await.unwrap().len(), 1, "round {round}");
            assert_eq!(next(&mut listener).await, Notice::Reconnected);
            notify(&client, &name, "after").await;
            assert_eq!(next(&mut listener).await, notification(&name, "after"));
        }
    });
}

#[test]
fn dropping_a_listener_closes_its_connection() {
    run(async {
        let name = unique_schema();
        let db = listening_as(&name).await;
        let client = connect().await;
        let listener = db.listen(&[&name]).await.unwrap();
        let other = db.listen(&[&name]).await.unwrap();
        assert_eq!(connections(&client, &name).await, 2);
        drop(listener);
        until("one is closed", || async { connections(&client, &name).await == 1 }).await;
        drop(other);
        until("both are closed", || async { connections(&client, &name).await == 0 }).await;
    });
}

#[test]
fn a_listener_outlives_a_restart_of_the_server() {
    run(async {
        let mut server = store_tests::server::Setup::default().start();
        let db = crate::support::open(&server.url()).await;
        let mut listener = db.listen(&["news"]).await.unwrap();
        server.kill();
        server.start();
        assert_eq!(next(&mut listener).await, Notice::Reconnected);
        notify(&crate::support::client(&server.url()).await, "news", "again").await;
        assert_eq!(next(&mut listener).await, notification("news", "again"));
    });
}
