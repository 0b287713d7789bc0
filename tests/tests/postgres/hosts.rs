//! A DSN with several hosts.

use store_tests::run;
use store_tests::server::Setup;

use crate::support::{PATIENCE, dead_port, open, options, value};

const PORT: &str = "SELECT current_setting('port')";

#[test]
fn a_dead_first_host_is_passed_over() {
    run(async {
        let server = Setup::default().start();
        let (dead, live) = (dead_port(), server.port());
        let forms = [
            format!("postgresql://postgres:postgres@127.0.0.1:{dead},127.0.0.1:{live}/postgres"),
            format!(
                "host=127.0.0.1,127.0.0.1 port={dead},{live} user=postgres password=postgres \
                 dbname=postgres"
            ),
        ];
        for dsn in forms {
            let db = open(&dsn).await;
            let mut conn = db.conn("test").await.unwrap();
            assert_eq!(value(&mut conn, PORT).await.unwrap(), live.to_string(), "{dsn}");
        }
    });
}

#[test]
fn read_write_picks_the_server_that_accepts_writes() {
    run(async {
        let replica = Setup::default().setting("default_transaction_read_only", "on").start();
        let primary = Setup::default().start();
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", replica.port(), primary.port());
        let url = format!("postgresql://postgres:postgres@{hosts}/postgres");
        let wanted = [("any", &replica), ("read-write", &primary)];
        for (attribute, server) in wanted {
            let db = open(&format!("{url}?target_session_attrs={attribute}")).await;
            let mut conn = db.conn("test").await.unwrap();
            let port = value(&mut conn, PORT).await.unwrap();
            assert_eq!(port, server.port().to_string(), "{attribute}");
        }
    });
}

#[test]
fn read_write_refuses_when_no_server_accepts_writes() {
    run(async {
        let replica = Setup::default().setting("default_transaction_read_only", "on").start();
        let dsn = format!("{}?target_session_attrs=read-write", replica.url());
        let error = store_core::postgres::Database::open(options(&dsn)).await.unwrap_err();
        assert!(error.to_string().contains("database does not allow writes"), "{error}");
    });
}

#[test]
fn a_host_that_accepts_connections_and_never_answers_is_passed_over() {
    run(async {
        let server = Setup::default().start();
        // The system accepts for it.
        let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let hosts =
            format!("127.0.0.1:{},127.0.0.1:{}", hangs.local_addr().unwrap().port(), server.port());
        let dsn = format!("postgresql://postgres:postgres@{hosts}/postgres?connect_timeout=1");
        let opened = tokio::time::timeout(PATIENCE, open(&dsn)).await;
        let db = opened.expect("the second host is tried");
        let mut conn = db.conn("test").await.unwrap();
        assert_eq!(value(&mut conn, PORT).await.unwrap(), server.port().to_string());
    });
}
