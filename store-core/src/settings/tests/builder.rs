//! Settings from code, and the public readers.

use std::path::Path;
use std::time::Duration;

use super::DSN;
use crate::settings::{Backend, Settings, Subsystem, Synchronous};

#[test]
fn the_builder_checks_what_variables_check() {
    let cases = [
        (Settings::builder().postgres_pool_min_size(11), "`postgres_pool_min_size`"),
        (Settings::builder().postgres_pool_timeout(Duration::MAX), "`postgres_pool_timeout`"),
        (Settings::builder().postgres_schema(""), "`postgres_schema`"),
        (Settings::builder().sqlite_readers(0), "`sqlite_readers`"),
        (Settings::builder().sqlite_path(":memory:"), "`sqlite_path`"),
        (Settings::builder().subsystem_sqlite_path(Subsystem::Vault, ""), "`vault_sqlite_path`"),
        (Settings::builder().slow_query(Duration::ZERO), "`slow_query`"),
        (Settings::builder().json_max_bytes(0), "`json_max_bytes`"),
        (Settings::builder().chatkit_retention(Duration::ZERO), "`chatkit_retention`"),
        (Settings::builder().chatkit_max_upload_bytes(0), "`chatkit_max_upload_bytes`"),
        (Settings::builder().postgres_dsn("hunter2"), "`postgres_dsn`"),
        (Settings::builder().postgres_listen_dsn("hunter2"), "`postgres_listen_dsn`"),
        (Settings::builder().migrator_dsn("hunter2"), "`migrator_dsn`"),
        (Settings::builder().postgres_replica_dsn("hunter2"), "`postgres_replica_dsn`"),
        (Settings::builder().postgres_replica_wait(Duration::ZERO), "`postgres_replica_wait`"),
        (Settings::builder().backend(Backend::Postgres), "`postgres_dsn`"),
        (
            Settings::builder().vault_key("a").vault_key_file("b"),
            "`vault_key` and `vault_key_file`",
        ),
    ];
    for (builder, name) in cases {
        match builder.build() {
            Err(crate::Error::Settings { variable, reason }) => {
                assert_eq!(variable, name, "{reason}");
                assert!(!reason.contains("hunter2"), "{reason}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_builder_sets_what_it_is_told() {
    let settings = Settings::builder()
        .postgres_dsn(DSN)
        .sqlite_path("/s")
        .subsystem_sqlite_path(Subsystem::Vault, "/v")
        .subsystem_backend(Subsystem::Chatkit, Backend::Memory)
        .sqlite_synchronous(Synchronous::Normal)
        .postgres_statement_cache(false)
        .auto_migrate(false)
        .vault_key_command("pass")
        .build()
        .unwrap();
    assert_eq!(settings.backend(Subsystem::History), Backend::Postgres);
    assert_eq!(settings.backend(Subsystem::Chatkit), Backend::Memory);
    assert_eq!(settings.backend(Subsystem::Vault), Backend::Sqlite);
    assert_eq!(settings.sqlite_path(Subsystem::Vault), Path::new("/v"));
    assert_eq!(settings.sqlite_path(Subsystem::Tokens), Path::new("/s"));
    assert_eq!(settings.sqlite_options().synchronous, Synchronous::Normal);
    assert!(!settings.postgres().statement_cache && !settings.auto_migrate());
}

#[test]
fn the_shortcuts_put_everything_in_one_place() {
    for (settings, backend) in
        [(Settings::sqlite("/s"), Backend::Sqlite), (Settings::memory(), Backend::Memory)]
    {
        for subsystem in Subsystem::ALL {
            assert_eq!(settings.backend(subsystem), backend);
        }
    }
    assert_eq!(Settings::sqlite("/s").sqlite_path(Subsystem::Vault), Path::new("/s"));
}

#[test]
fn the_public_readers_take_the_prefix_they_are_given() {
    let vars = || [("A_BACKEND".to_owned(), "memory".to_owned())];
    let settings = Settings::from_vars("A_", vars()).unwrap();
    assert_eq!(settings.backend(Subsystem::Vault), Backend::Memory);
    assert!(Settings::from_vars("", vars()).is_err());
    assert!(Settings::from_env_prefix("NO SUCH").is_err());
    assert!(Settings::from_env_prefix("SETTINGS_TEST_UNSET").is_ok());
}
