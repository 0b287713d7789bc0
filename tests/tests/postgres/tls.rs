//! What each `sslmode` accepts, as `pg_stat_ssl` shows it.

use std::path::Path;

use store_core::postgres::Database;
use store_core::{Error, Failure};
use store_tests::run;
use store_tests::server::{Server, Setup};

use crate::certificates::{Authority, Identity};
use crate::support::{open, options, value, with};

const VERIFYING: [&str; 2] = ["verify-ca", "verify-full"];

/// The DSN of a server under a host name, with parameters for TLS.
fn dsn(server: &Server, host: &str, mode: &str, root: Option<&Path>) -> String {
    let url = server.url().replace("127.0.0.1", host);
    let root = root.map(|path| format!("&sslrootcert={}", path.display())).unwrap_or_default();
    with(&url, &format!("sslmode={mode}{root}"))
}

/// Connects and returns whether the connection is encrypted.
async fn encrypted(dsn: &str) -> bool {
    let db = open(dsn).await;
    let mut conn = db.conn("test").await.unwrap();
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    value(&mut conn, query).await.unwrap() == "true"
}

/// Fails to connect and returns why.
async fn refused(dsn: &str) -> String {
    let error = Database::open(options(dsn)).await.unwrap_err();
    let failure = Some(Failure::Unavailable { outcome_unknown: false });
    assert_eq!(error.failure(), failure, "{error}");
    error.to_string()
}

#[test]
fn every_mode_connects_to_a_server_of_the_right_authority() {
    run(async {
        let authority = Authority::new("test authority");
        let server = authority.issue(&["localhost", "127.0.0.1"]).serve();
        let root = authority.root();
        for host in ["localhost", "127.0.0.1"] {
            for mode in ["prefer", "require", "verify-ca", "verify-full"] {
                let dsn = dsn(&server, host, mode, Some(root.path()));
                assert!(encrypted(&dsn).await, "{host} {mode}");
            }
            let dsn = dsn(&server, host, "disable", Some(root.path()));
            assert!(!encrypted(&dsn).await, "{host} disable");
        }
    });
}

#[test]
fn modes_that_verify_refuse_a_server_of_another_authority() {
    run(async {
        let server = Authority::new("theirs").issue(&["localhost", "127.0.0.1"]).serve();
        let root = Authority::new("ours").root();
        for mode in VERIFYING {
            let cause = refused(&dsn(&server, "localhost", mode, Some(root.path()))).await;
            assert!(cause.contains("UnknownIssuer"), "{mode}: {cause}");
        }
        // As libpq does it: who names a root certificate wants it checked.
        let cause = refused(&dsn(&server, "localhost", "require", Some(root.path()))).await;
        assert!(cause.contains("UnknownIssuer"), "require: {cause}");
    });
}

#[test]
fn modes_that_do_not_verify_encrypt_without_knowing_the_authority() {
    run(async {
        let server = Authority::new("theirs").issue(&["elsewhere.example"]).serve();
        for mode in ["prefer", "require"] {
            assert!(encrypted(&dsn(&server, "localhost", mode, None)).await, "{mode}");
        }
        let unstated = server.url();
        assert!(encrypted(&unstated).await, "a DSN without sslmode prefers TLS");
        assert!(!encrypted(&dsn(&server, "localhost", "disable", None)).await, "disable");
    });
}

#[test]
fn modes_that_verify_refuse_an_authority_the_system_does_not_know() {
    run(async {
        let server = Authority::new("theirs").issue(&["localhost"]).serve();
        for mode in VERIFYING {
            // Without any certificate on the system the settings are refused instead.
            let dsn = dsn(&server, "localhost", mode, None);
            let error = Database::open(options(&dsn)).await.unwrap_err().to_string();
            let known = error.contains("UnknownIssuer") || error.contains("sslrootcert");
            assert!(known, "{mode}: {error}");
        }
    });
}

#[test]
fn only_verify_full_looks_at_the_host_name() {
    run(async {
        let authority = Authority::new("test authority");
        let server = authority.issue(&["elsewhere.example", "10.1.2.3"]).serve();
        let root = authority.root();
        for host in ["localhost", "127.0.0.1"] {
            assert!(encrypted(&dsn(&server, host, "verify-ca", Some(root.path()))).await, "{host}");
            let cause = refused(&dsn(&server, host, "verify-full", Some(root.path()))).await;
            assert!(cause.contains("certificate not valid for name"), "{host}: {cause}");
        }
    });
}

#[test]
fn without_tls_on_the_server_prefer_falls_back_and_the_stricter_modes_refuse() {
    run(async {
        let server = Setup::default().start();
        let root = Authority::new("test authority").root();
        for mode in ["disable", "prefer"] {
            assert!(!encrypted(&dsn(&server, "localhost", mode, None)).await, "{mode}");
        }
        for (mode, root) in
            [("require", None), ("verify-ca", Some(&root)), ("verify-full", Some(&root))]
        {
            let root = root.map(tempfile::NamedTempFile::path);
            let cause = refused(&dsn(&server, "localhost", mode, root)).await;
            assert!(cause.contains("server does not support TLS"), "{mode}: {cause}");
        }
    });
}

#[test]
fn a_self_signed_certificate_is_its_own_root() {
    run(async {
        let identity = Identity::self_signed(&["localhost"]);
        let server = identity.serve();
        let root = identity.root();
        for mode in VERIFYING {
            let dsn = dsn(&server, "localhost", mode, Some(root.path()));
            assert!(encrypted(&dsn).await, "{mode}");
        }
        let other_name = dsn(&server, "127.0.0.1", "verify-full", Some(root.path()));
        let cause = refused(&other_name).await;
        assert!(cause.contains("not valid for name"), "{cause}");
        let another = Identity::self_signed(&["localhost"]).root();
        let cause = refused(&dsn(&server, "localhost", "verify-ca", Some(another.path()))).await;
        assert!(cause.contains("invalid peer certificate"), "{cause}");
    });
}

#[test]
fn a_root_certificate_that_cannot_be_read_is_named() {
    run(async {
        let dsn = "postgresql://app@127.0.0.1/db?sslmode=verify-full&sslrootcert=/no/such/ca.pem";
        let error = Database::open(options(dsn)).await.unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
        assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
    });
}
