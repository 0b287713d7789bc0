//! A planted secret is in no `Debug`, no `Display` and no error.

use super::{FIVE, read, with};
use crate::settings::{Dsn, Secret, Settings, VaultKeySource};

const SECRET: &str = "hunter2";

#[test]
fn settings_and_builder_do_not_show_secrets() {
    let dsn = format!("postgresql://app:{SECRET}@db/stores?sslpassword={SECRET}");
    let conninfo = format!("host=db user=app password='{SECRET} {SECRET}'");
    let builder = || {
        Settings::builder()
            .postgres_dsn(&dsn)
            .postgres_listen_dsn(&conninfo)
            .migrator_dsn(&dsn)
            .postgres_replica_dsn(&dsn)
    };
    let builders = [
        builder().vault_key(SECRET),
        builder().vault_key_command(format!("fetch --token {SECRET}")),
    ];
    for builder in builders {
        let texts = [format!("{builder:?}"), format!("{builder:#?}")];
        let settings = builder.build().unwrap();
        for text in texts.into_iter().chain([format!("{settings:?}"), format!("{settings:#?}")]) {
            assert!(!text.contains(SECRET), "{text}");
        }
        assert!(format!("{settings:?}").contains("app:***@db/stores"));
    }
}

#[test]
fn secret_types_do_not_show_secrets() {
    let cases = [
        (format!("{:?}", Secret::new(SECRET)), "Secret(***)"),
        (format!("{:?}", VaultKeySource::Raw(Secret::new(SECRET))), "Raw(***)"),
        (format!("{:?}", VaultKeySource::Command(SECRET.to_owned())), "Command(***)"),
        (format!("{:?}", VaultKeySource::File("/key".into())), "File(\"/key\")"),
    ];
    for (shown, expected) in cases {
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_dsn_shows_everything_but_its_secrets() {
    let cases = [
        (
            "postgresql://u:hunter2@h:1/d?sslmode=require",
            "postgresql://u:***@h:1/d?sslmode=require",
        ),
        ("postgresql://u:@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d?password=hunter2&a=b", "postgresql://u@h/d?password=***&a=b"),
        ("postgresql://h/d?PASSWORD=hunter2", "postgresql://h/d?PASSWORD=***"),
        ("postgresql://h/d?pass%77ord=hunter2", "postgresql://h/d?pass%77ord=***"),
        ("postgresql://h/d?sslpassword=hunter2=", "postgresql://h/d?sslpassword=***"),
        ("postgresql://u:a:hunter2@h1,h2:2/d", "postgresql://u:***@h1,h2:2/d"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("host=h password = hunter2", "host=h password=***"),
        ("password='a hunter2' dbname='a b'", "password=*** dbname='a b'"),
        (r"password='a\' hunter2' user=u", "password=*** user=u"),
        (r"password=a\ hunter2 user=u", "password=*** user=u"),
        ("password=hunter2 password=hunter2", "password=*** password=***"),
    ];
    for (text, expected) in cases {
        let dsn = Dsn::parse(text).unwrap();
        assert_eq!(dsn.to_string(), expected);
        assert_eq!(format!("{dsn:?}"), format!("Dsn({expected:?})"));
        assert_eq!(dsn.expose_secret(), text);
    }
}

#[test]
fn errors_do_not_show_secrets() {
    let dsn = "postgresql://app:hunter2@db/stores";
    let cases: [&[(&str, &str)]; 20] = [
        &[("STORE_BACKEND", dsn)],
        &[("STORE_SQLITE_READERS", "u:hunter2@h")],
        &[(
            "STORE_POSTGRES_SCHEMA",
            "password is hunter2 password is hunter2 password is hunter2 and so on",
        )],
        &[("STORE_SQLITE_PATH", dsn)],
        &[("STORE_SQLITE_PATH", "mysql://app:hunter2@db/")],
        &[("STORE_HISTORY_SQLITE_PATH", "sqlite:a?key=hunter2")],
        &[("STORE_POSTGRES_DSN", "hunter2")],
        &[("STORE_POSTGRES_DSN", "mysql://app:hunter2@db/stores")],
        &[("STORE_POSTGRES_DSN", "postgresql://app:hun@hunter2@db/stores")],
        &[("STORE_POSTGRES_DSN", "postgresql://app:hunter2/x@db/stores")],
        &[("STORE_POSTGRES_DSN", "postgresql://app:hunter2?x@db/stores")],
        &[("STORE_POSTGRES_DSN", "host=db password='hunter2")],
        &[("STORE_MIGRATOR_DSN", "postgresql://app:hunter2@db:port/stores")],
        &[("STORE_POSTGRES_LISTEN_DSN", "secret=hunter2")],
        &[("STORE_POSTGRES_REPLICA_DSN", "postgresql://app:hunter2@db:port/stores")],
        &[("DATABASE_URL", "mysql://app:hunter2@db/stores")],
        &[("DB_TYPE", dsn)],
        &[("STORE_POSTGRES_DSN", dsn), ("DATABASE_URL", "postgresql://app:hunter2@other/stores")],
        &[("STORE_VAULT_KEY", SECRET), ("STORE_VAULT_KEY_COMMAND", SECRET)],
        &with(&FIVE[2..], &[("POSTGRES_PASSWORD", SECRET)]),
    ];
    for vars in cases {
        let error = read("STORE", vars).unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains(SECRET), "{vars:?}: {text}");
        }
    }
}
