//! Each variable: its default, values it accepts, values it refuses.

use std::path::Path;
use std::time::Duration;

use super::{DSN, refused, store};
use crate::settings::names::{UNPREFIXED, known_names};
use crate::settings::{Backend, Settings, Subsystem, VaultKeySource};

/// A variable, what it is by default, and the value set with what it is then.
type Row =
    (&'static str, fn(&Settings) -> String, &'static str, &'static [(&'static str, &'static str)]);

const ACCEPTED: [Row; 21] = [
    (
        "POSTGRES_POOL_MIN_SIZE",
        |s| s.postgres().pool_min_size.to_string(),
        "1",
        &[("7", "7"), (" 10 ", "10")],
    ),
    (
        "POSTGRES_POOL_MAX_SIZE",
        |s| s.postgres().pool_max_size.to_string(),
        "10",
        &[("1", "1"), ("500", "500")],
    ),
    (
        "POSTGRES_POOL_TIMEOUT",
        |s| millis(s.postgres().pool_timeout),
        "30000",
        &[("0.5", "500"), ("250ms", "250")],
    ),
    (
        "POSTGRES_POOL_MAX_IDLE",
        |s| millis(s.postgres().pool_max_idle),
        "300000",
        &[("10m", "600000"), ("24h", "86400000")],
    ),
    (
        "POSTGRES_STATEMENT_TIMEOUT",
        |s| millis(s.postgres().statement_timeout),
        "30000",
        &[("1s", "1000")],
    ),
    ("POSTGRES_LOCK_TIMEOUT", |s| millis(s.postgres().lock_timeout), "10000", &[("2", "2000")]),
    (
        "POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT",
        |s| millis(s.postgres().idle_in_transaction_timeout),
        "60000",
        &[("1m", "60000")],
    ),
    (
        "POSTGRES_STATEMENT_CACHE",
        |s| s.postgres().statement_cache.to_string(),
        "true",
        &[("off", "false"), ("NO", "false"), ("0", "false"), ("yes", "true")],
    ),
    (
        "POSTGRES_SCHEMA",
        |s| s.postgres().schema.clone(),
        "public",
        &[("stores", "stores"), (" stores\n", "stores")],
    ),
    (
        "POSTGRES_LISTEN_DSN",
        |s| shown(s.postgres().listen_dsn.as_ref()),
        "None",
        &[("host=a password=x", "Some(Dsn(\"host=a password=***\"))")],
    ),
    (
        "MIGRATOR_DSN",
        |s| shown(s.postgres().migrator_dsn.as_ref()),
        "None",
        &[("postgres://m:x@h/d", "Some(Dsn(\"postgres://m:***@h/d\"))")],
    ),
    (
        "POSTGRES_REPLICA_DSN",
        |s| shown(s.postgres().replica_dsn.as_ref()),
        "None",
        &[("postgres://r:x@h/d", "Some(Dsn(\"postgres://r:***@h/d\"))")],
    ),
    (
        "POSTGRES_REPLICA_WAIT",
        |s| millis(s.postgres().replica_wait),
        "1000",
        &[("250ms", "250"), ("2", "2000")],
    ),
    (
        "SQLITE_BUSY_TIMEOUT",
        |s| millis(s.sqlite_options().busy_timeout),
        "5000",
        &[("1.5", "1500")],
    ),
    (
        "SQLITE_SYNCHRONOUS",
        |s| s.sqlite_options().synchronous.as_str().to_owned(),
        "full",
        &[("normal", "normal"), ("FULL", "full")],
    ),
    (
        "SQLITE_READERS",
        |s| s.sqlite_options().readers.to_string(),
        "4",
        &[("1", "1"), ("64", "64")],
    ),
    ("SLOW_QUERY_MS", |s| millis(s.slow_query()), "100", &[("250", "250"), ("1s", "1000")]),
    (
        "AUTO_MIGRATE",
        |s| s.auto_migrate().to_string(),
        "true",
        &[("False", "false"), ("on", "true")],
    ),
    (
        "JSON_MAX_BYTES",
        |s| s.json_max_bytes().to_string(),
        "16777216",
        &[("1", "1"), ("267386880", "267386880")],
    ),
    (
        "CHATKIT_RETENTION_DAYS",
        |s| millis(s.chatkit_retention()),
        "2592000000",
        &[("1", "86400000")],
    ),
    (
        "CHATKIT_MAX_UPLOAD_BYTES",
        |s| s.chatkit_max_upload_bytes().to_string(),
        "5000000",
        &[("1", "1")],
    ),
];

/// A variable, and values it refuses.
const REFUSED: [(&str, &[&str]); 28] = [
    ("BACKEND", &["mysql", "inmemory", "file"]),
    ("WORKFLOW_BACKEND", &["x"]),
    ("HISTORY_BACKEND", &["x"]),
    ("TOKENS_BACKEND", &["x"]),
    ("CHECKPOINTS_BACKEND", &["x"]),
    ("CHATKIT_BACKEND", &["x"]),
    ("VAULT_BACKEND", &["x", "file"]),
    ("SQLITE_PATH", &[":memory:", "file:a", "/a/", "mysql://h/d"]),
    ("HISTORY_SQLITE_PATH", &[":memory:", "sqlite:"]),
    ("POSTGRES_DSN", &["x", "mysql://h/d", "postgresql://", "colour=red"]),
    ("POSTGRES_POOL_MIN_SIZE", &["0", "-1", "1.5", "x", "11", "4294967296"]),
    ("POSTGRES_POOL_MAX_SIZE", &["0", "x", "+5"]),
    ("POSTGRES_POOL_TIMEOUT", &["0", "-1", "x", "inf", "nan", "25h", "0.0001", "1e3"]),
    ("POSTGRES_POOL_MAX_IDLE", &["0", "86401"]),
    ("POSTGRES_STATEMENT_TIMEOUT", &["0", "x"]),
    ("POSTGRES_LOCK_TIMEOUT", &["0", "x"]),
    ("POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT", &["0", "x"]),
    ("POSTGRES_STATEMENT_CACHE", &["maybe", "2"]),
    ("POSTGRES_REPLICA_DSN", &["x", "mysql://h/d"]),
    ("POSTGRES_REPLICA_WAIT", &["0", "x"]),
    (
        "POSTGRES_SCHEMA",
        &["a\0b", "s234567890123456789012345678901234567890123456789012345678901234"],
    ),
    ("SQLITE_BUSY_TIMEOUT", &["0", "x"]),
    ("SQLITE_SYNCHRONOUS", &["off", "extra"]),
    ("SQLITE_READERS", &["0", "65", "x"]),
    ("SLOW_QUERY_MS", &["0", "x", "86400001"]),
    ("JSON_MAX_BYTES", &["0", "267386881", "16MiB"]),
    ("CHATKIT_RETENTION_DAYS", &["0", "1.5", "36501", "18446744073709551615"]),
    ("CHATKIT_MAX_UPLOAD_BYTES", &["0", "-1", "5,000,000"]),
];

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

fn shown(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

#[test]
fn every_variable_has_its_default_and_takes_its_values() {
    for (name, field, default, cases) in ACCEPTED {
        assert_eq!(field(&store(&[])), default, "{name}");
        let name = format!("STORE_{name}");
        for blank in ["", " \t\n"] {
            assert_eq!(field(&store(&[(&name, blank)])), default, "{name} blank");
        }
        for (value, expected) in cases {
            assert_eq!(field(&store(&[(&name, value)])), *expected, "{name}={value}");
        }
    }
}

#[test]
fn what_a_variable_does_not_accept_is_refused_by_its_name() {
    for (name, values) in REFUSED {
        for prefix in ["STORE", "MY_APP"] {
            let name = format!("{prefix}_{name}");
            for value in values {
                let (variable, reason) = refused(prefix, &[(&name, value)]);
                assert_eq!(variable, name, "{value}: {reason}");
                assert!(reason.len() > 10, "{name}={value}: {reason}");
            }
        }
    }
    for (name, value) in
        [("DB_TYPE", "mysql"), ("DB_TYPE", "memory"), ("DATABASE_URL", "mysql://h")]
    {
        assert_eq!(refused("STORE", &[(name, value)]).0, name);
    }
    assert_eq!(refused("STORE", &[("STORE_AUTO_MIGRATE", "x")]).0, "STORE_AUTO_MIGRATE");
    assert_eq!(refused("STORE", &[("STORE_MIGRATOR_DSN", "x")]).0, "STORE_MIGRATOR_DSN");
    assert_eq!(
        refused("STORE", &[("STORE_POSTGRES_LISTEN_DSN", "x")]).0,
        "STORE_POSTGRES_LISTEN_DSN"
    );
}

#[test]
fn errors_say_what_was_held_and_what_is_accepted() {
    let cases: [(&str, &str, &str); 4] = [
        ("STORE_BACKEND", "mysql", "holds `mysql`; it accepts sqlite, postgres or memory"),
        ("STORE_SQLITE_READERS", "65", "holds `65`; it accepts 1 to 64"),
        ("STORE_POSTGRES_LOCK_TIMEOUT", "0", "holds 0ns; it accepts more than 0 and up to 1 day"),
        (
            "STORE_POSTGRES_POOL_MIN_SIZE",
            "11",
            "holds `11`; it accepts at most STORE_POSTGRES_POOL_MAX_SIZE, which is 10",
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refused("STORE", &[(name, value)]), (name.to_owned(), expected.to_owned()));
    }
}

#[test]
fn every_known_variable_is_in_a_table_of_these_tests() {
    let elsewhere = ["VAULT_KEY", "VAULT_KEY_FILE", "VAULT_KEY_COMMAND"];
    for full in known_names("STORE") {
        let Some(name) = full.strip_prefix("STORE_") else {
            assert!(UNPREFIXED.contains(&full.as_str()));
            continue;
        };
        let known = ACCEPTED.iter().any(|row| row.0 == name)
            || REFUSED.iter().any(|row| row.0 == name)
            || elsewhere.contains(&name)
            || name.ends_with("_SQLITE_PATH");
        assert!(known, "{name}");
    }
}

#[test]
fn every_subsystem_has_its_own_backend_and_file() {
    for subsystem in Subsystem::ALL {
        let upper = subsystem.as_str().to_ascii_uppercase();
        let (backend, path) =
            (format!("STORE_{upper}_BACKEND"), format!("STORE_{upper}_SQLITE_PATH"));
        let settings = store(&[
            (&backend, "postgresql"),
            (&path, "~/own"),
            ("STORE_BACKEND", "sqlite"),
            ("STORE_POSTGRES_DSN", DSN),
        ]);
        for other in Subsystem::ALL {
            let own = other == subsystem;
            let expected = if own { Backend::Postgres } else { Backend::Sqlite };
            assert_eq!(settings.backend(other), expected, "{subsystem} {other}");
            let expected = if own { "/home/me/own" } else { "/data/parallel-stores/stores.sqlite" };
            assert_eq!(settings.sqlite_path(other), Path::new(expected), "{subsystem} {other}");
        }
    }
}

#[test]
fn the_vault_key_has_one_source() {
    let raw = store(&[("STORE_VAULT_KEY", " key ")]);
    assert!(
        matches!(raw.vault_key(), Some(VaultKeySource::Raw(key)) if key.expose_secret() == " key ")
    );
    let file = store(&[("STORE_VAULT_KEY_FILE", "~/key")]);
    assert!(
        matches!(file.vault_key(), Some(VaultKeySource::File(path)) if path == Path::new("/home/me/key"))
    );
    let command = store(&[("STORE_VAULT_KEY_COMMAND", "pass show key")]);
    assert!(
        matches!(command.vault_key(), Some(VaultKeySource::Command(text)) if text == "pass show key")
    );
    assert!(store(&[]).vault_key().is_none());

    let names = ["STORE_VAULT_KEY", "STORE_VAULT_KEY_FILE", "STORE_VAULT_KEY_COMMAND"];
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let (variable, _) = refused("STORE", &[(names[first], "a"), (names[second], "b")]);
        assert_eq!(variable, format!("{} and {}", names[first], names[second]));
    }
}
