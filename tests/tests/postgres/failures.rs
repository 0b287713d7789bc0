//! Connections that cannot be made: the real cause is said, the password is not.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use store_core::postgres::Database;
use store_core::{Databases, Error, Failure, Result};
use store_tests::fixture::postgres::url;
use store_tests::run;

use crate::support::{dead_port, options, settings};

const PASSWORD: &str = "hunter2-secret";
/// Far less than the pool's timeout: a cause that is known is not waited out.
const FAST: Duration = Duration::from_secs(10);

/// Opens the history and returns the error, and everything anybody could log about it.
async fn refusal(dsn: &str) -> (Error, String) {
    let mut shown = String::new();
    let started = Instant::now();
    let error = attempt(dsn, &mut shown).await.unwrap_err();
    let took = started.elapsed();
    assert!(took < FAST, "{error} took {took:?}");
    write!(shown, "{error}\n{error:?}\n{error:#?}\n").unwrap();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(shown, "{error}\n{error:?}\n").unwrap();
        cause = error.source();
    }
    (error, shown)
}

async fn attempt(dsn: &str, shown: &mut String) -> Result<()> {
    let builder = settings(dsn);
    write!(shown, "{builder:?}\n{builder:#?}\n").unwrap();
    let settings = builder.build()?;
    let databases = Databases::new(settings.clone());
    write!(shown, "{settings:?}\n{settings:#?}\n{databases:?}\n").unwrap();
    store_history::open(&databases).await.map(drop)
}

/// Asserts that opening a DSN fails with this cause, and without the password.
async fn assert_unavailable(dsn: &str, cause: &str) {
    let (error, shown) = refusal(dsn).await;
    let failure = Some(Failure::Unavailable { outcome_unknown: false });
    assert_eq!(error.failure(), failure, "{error}");
    assert!(error.to_string().contains(cause), "{error}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    let opened = Database::open(options(dsn)).await.unwrap_err();
    assert_eq!(opened.to_string(), error.to_string());
}

/// The shared server's host, port, user and database.
fn shared() -> (String, u16, String, String) {
    let config: tokio_postgres::Config = url().parse().unwrap();
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
        other => panic!("{other:?} is not reached over TCP"),
    };
    let user = config.get_user().unwrap().to_owned();
    let database = config.get_dbname().unwrap_or(&user).to_owned();
    (host, config.get_ports().first().copied().unwrap_or(5432), user, database)
}

#[test]
fn a_malformed_dsn_is_refused_with_its_fault_and_without_its_password() {
    run(async {
        let malformed = [
            ("postgresql://app:hunter2-secret@127.0.0.1:port/db", "port"),
            ("postgresql://app:hunter2-secret@127.0.0.1:99999/db", "port"),
            ("postgresql://app:hunter2-secret@127.0.0.1/db?sslmode=sometimes", "sslmode"),
            ("postgresql://app:hunter2-secret@127.0.0.1/db?frobnicate=1", "frobnicate"),
            ("postgresql://app:hunter2-secret@127.0.0.1/db?target_session_attrs=x", "session"),
            ("mysql://app:hunter2-secret@127.0.0.1/db", "postgresql"),
            ("host=127.0.0.1 user=app password='hunter2-secret", "quote"),
            ("host=127.0.0.1 user=app password=hunter2-secret dbname", "key=value"),
            ("user=app password=hunter2-secret", "host"),
            ("hunter2-secret", "key=value"),
        ];
        for (dsn, fault) in malformed {
            let (error, shown) = refusal(dsn).await;
            let Error::Settings { variable, reason } = &error else { panic!("{dsn}: {error}") };
            assert!(variable.to_lowercase().contains("postgres_dsn"), "{dsn}: {error}");
            assert!(reason.contains(fault), "{dsn}: {error}");
            assert!(!shown.contains(PASSWORD), "{shown}");
        }
    });
}

#[test]
fn a_wrong_password_is_the_cause_and_is_not_shown() {
    run(async {
        let (host, port, user, database) = shared();
        let cause = "password authentication failed";
        let url = format!("postgresql://{user}:{PASSWORD}@{host}:{port}/{database}");
        assert_unavailable(&url, cause).await;
        let encoded = format!("postgresql://{user}:hunter2%2dsecret@{host}:{port}/{database}");
        assert_unavailable(&encoded, cause).await;
        let pairs =
            format!("host={host} port={port} user={user} password='{PASSWORD}' dbname={database}");
        assert_unavailable(&pairs, cause).await;
    });
}

#[test]
fn an_unknown_host_is_the_cause() {
    run(async {
        let dsn = format!("postgresql://app:{PASSWORD}@database.invalid/db");
        assert_unavailable(&dsn, "failed to lookup address").await;
    });
}

#[test]
fn a_server_that_is_down_is_the_cause() {
    run(async {
        let dsn = format!("postgresql://app:{PASSWORD}@127.0.0.1:{}/db", dead_port());
        assert_unavailable(&dsn, "Connection refused").await;
    });
}

#[test]
fn an_unknown_database_is_the_cause() {
    run(async {
        let config = url();
        let (base, _database) =
            config.split_once('?').unwrap_or((&config, "")).0.rsplit_once('/').unwrap();
        assert_unavailable(&format!("{base}/no_such_db"), "\"no_such_db\" does not exist").await;
    });
}

#[test]
fn a_server_that_goes_down_later_is_the_cause_of_what_fails_then() {
    run(async {
        let mut server = store_tests::server::Setup::default().start();
        let timeout = Duration::from_millis(300);
        let settings = settings(&server.url()).postgres_pool_timeout(timeout).build().unwrap();
        let db = Databases::new(settings).postgres().await.unwrap();
        drop(db.conn("test").await.unwrap());
        server.stop();
        crate::support::until("the connection is noticed to be gone", || async {
            db.conn("test").await.is_err()
        })
        .await;
        let error = db.conn("test").await.unwrap_err();
        let failure = Some(Failure::Unavailable { outcome_unknown: false });
        assert_eq!(error.failure(), failure, "{error}");
        assert!(error.to_string().contains("Connection refused"), "{error}");
    });
}
