//! Which database is the default, and which sources contradict each other.

use std::path::Path;

use super::{DSN, FIVE, directories, read, refused, store, with};
use crate::settings::paths::Directories;
use crate::settings::{Backend, Subsystem, env};

const FIVE_NAMES: &str =
    "POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB";
const OTHER: &str = "postgresql://app:pw@elsewhere/stores";

#[test]
fn the_default_backend_follows_what_is_set() {
    use Backend::{Memory, Postgres, Sqlite};
    let five = &FIVE[..];
    let cases: [(&[(&str, &str)], Backend); 14] = [
        (&[], Sqlite),
        (&[("STORE_BACKEND", "sqlite")], Sqlite),
        (&[("STORE_BACKEND", "MEMORY")], Memory),
        (&[("STORE_BACKEND", "postgresql"), ("STORE_POSTGRES_DSN", DSN)], Postgres),
        (&[("STORE_POSTGRES_DSN", DSN)], Postgres),
        (&[("STORE_POSTGRES_DSN", DSN), ("STORE_SQLITE_PATH", "/s")], Postgres),
        (&[("DATABASE_URL", DSN)], Postgres),
        (&[("DATABASE_URL", "sqlite:a")], Sqlite),
        (&[("DB_TYPE", "sqlite")], Sqlite),
        (&[("DB_TYPE", "postgresql"), ("DATABASE_URL", DSN)], Postgres),
        (five, Postgres),
        // A DSN that is left over is how one rolls back.
        (&[("STORE_BACKEND", "sqlite"), ("STORE_POSTGRES_DSN", DSN)], Sqlite),
        (&[("STORE_BACKEND", "sqlite"), ("DATABASE_URL", DSN)], Sqlite),
        (&[("STORE_BACKEND", "memory"), ("STORE_POSTGRES_DSN", DSN)], Memory),
    ];
    for (vars, expected) in cases {
        assert_eq!(store(vars).backend(Subsystem::History), expected, "{vars:?}");
    }
}

#[test]
fn the_vault_stays_on_sqlite_unless_told_otherwise() {
    let cases: [(&[(&str, &str)], Backend); 4] = [
        (&[("STORE_POSTGRES_DSN", DSN)], Backend::Sqlite),
        (&[("STORE_BACKEND", "memory")], Backend::Memory),
        (&[("STORE_BACKEND", "memory"), ("STORE_VAULT_BACKEND", "sqlite")], Backend::Sqlite),
        (&[("STORE_POSTGRES_DSN", DSN), ("STORE_VAULT_BACKEND", "postgres")], Backend::Postgres),
    ];
    for (vars, expected) in cases {
        assert_eq!(store(vars).backend(Subsystem::Vault), expected, "{vars:?}");
    }
}

#[test]
fn sources_that_name_different_databases_are_refused_by_both_names() {
    let cases: [(&[(&str, &str)], String); 14] = [
        (
            &[("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", OTHER)],
            both("STORE_POSTGRES_DSN", "DATABASE_URL"),
        ),
        (
            &[("STORE_BACKEND", "sqlite"), ("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", OTHER)],
            both("STORE_POSTGRES_DSN", "DATABASE_URL"),
        ),
        (
            &[("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", "sqlite:a")],
            both("DATABASE_URL", "STORE_POSTGRES_DSN"),
        ),
        (
            &[("STORE_SQLITE_PATH", "/a"), ("DATABASE_URL", "sqlite:other")],
            both("STORE_SQLITE_PATH", "DATABASE_URL"),
        ),
        (&[("DB_TYPE", "sqlite"), ("DATABASE_URL", DSN)], both("DB_TYPE", "DATABASE_URL")),
        (
            &[("DB_TYPE", "postgresql"), ("DATABASE_URL", "sqlite:a")],
            both("DB_TYPE", "DATABASE_URL"),
        ),
        (
            &[("DB_TYPE", "sqlite"), ("STORE_POSTGRES_DSN", DSN)],
            both("DB_TYPE", "STORE_POSTGRES_DSN"),
        ),
        (&[("STORE_BACKEND", "postgres"), ("DB_TYPE", "sqlite")], both("STORE_BACKEND", "DB_TYPE")),
        (
            &[("STORE_BACKEND", "sqlite"), ("DB_TYPE", "postgresql")],
            both("STORE_BACKEND", "DB_TYPE"),
        ),
        (&[("STORE_BACKEND", "memory"), ("DB_TYPE", "sqlite")], both("STORE_BACKEND", "DB_TYPE")),
        (&with(&FIVE, &[("STORE_POSTGRES_DSN", OTHER)]), both("STORE_POSTGRES_DSN", FIVE_NAMES)),
        (&with(&FIVE, &[("DATABASE_URL", OTHER)]), both("DATABASE_URL", FIVE_NAMES)),
        (&with(&FIVE, &[("DATABASE_URL", "sqlite:a")]), both("DATABASE_URL", FIVE_NAMES)),
        (&with(&FIVE, &[("DB_TYPE", "sqlite")]), both("DB_TYPE", FIVE_NAMES)),
    ];
    for (vars, expected) in cases {
        assert_eq!(refused("STORE", vars).0, expected, "{vars:?}");
    }
}

fn both(first: &str, second: &str) -> String {
    format!("{first} and {second}")
}

#[test]
fn sources_that_say_the_same_are_fine() {
    let cases: [&[(&str, &str)]; 8] = [
        &[("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", DSN)],
        &[("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", "postgres+asyncpg://app:pw@DB/stores")],
        &[("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", "postgresql://app:p%77@db/stores")],
        &[("STORE_SQLITE_PATH", "~/a"), ("DATABASE_URL", "sqlite:///home/me/a")],
        &[("STORE_BACKEND", "sqlite"), ("DB_TYPE", "sqlite"), ("DATABASE_URL", "sqlite:a")],
        &with(&FIVE, &[("STORE_POSTGRES_DSN", DSN)]),
        &with(&FIVE, &[("STORE_POSTGRES_DSN", "host=db user=app dbname=stores sslmode=require")]),
        &with(&FIVE, &[("STORE_BACKEND", "sqlite"), ("STORE_POSTGRES_DSN", OTHER)]),
    ];
    for vars in cases {
        store(vars);
    }
}

#[test]
fn with_backend_set_a_sqlite_url_only_says_where_the_vault_is() {
    let vars =
        [("STORE_BACKEND", "postgres"), ("STORE_POSTGRES_DSN", DSN), ("DATABASE_URL", "sqlite:/a")];
    let settings = store(&vars);
    assert_eq!(settings.backend(Subsystem::Workflow), Backend::Postgres);
    assert_eq!(settings.sqlite_path(Subsystem::Vault), Path::new("/a"));
}

#[test]
fn some_of_the_five_are_refused_naming_the_missing_ones() {
    for missing in 0..FIVE.len() {
        let mut vars = FIVE.to_vec();
        let (name, _) = vars.remove(missing);
        for more in [
            &[][..],
            &[(name, "  ")],
            &[("STORE_BACKEND", "postgres")],
            &[("DATABASE_URL", "sqlite:a")],
        ] {
            let (variable, reason) = refused("STORE", &with(&vars, more));
            assert_eq!(variable, name, "{more:?}");
            assert!(reason.contains("STORE_POSTGRES_DSN") && reason.contains("STORE_BACKEND"));
        }
    }
    let (variable, reason) = refused("STORE", &FIVE[..2]);
    assert_eq!(variable, "POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB");
    assert!(
        reason.starts_with("not set, although POSTGRES_USER, POSTGRES_PASSWORD is"),
        "{reason}"
    );
}

#[test]
fn some_of_the_five_may_be_left_over_once_backend_or_a_dsn_decides() {
    let cases = [
        (&[("STORE_BACKEND", "sqlite")][..], None),
        (&[("STORE_BACKEND", "memory")], None),
        (&[("STORE_POSTGRES_DSN", OTHER)], Some(OTHER)),
        (&[("DATABASE_URL", OTHER)], Some(OTHER)),
        (&[("STORE_BACKEND", "postgres"), ("STORE_POSTGRES_DSN", OTHER)], Some(OTHER)),
    ];
    for (more, dsn) in cases {
        let settings = store(&with(&FIVE[..3], more));
        assert_eq!(settings.postgres_dsn().map(|dsn| dsn.expose_secret()), dsn, "{more:?}");
    }
    let mixed = [("STORE_BACKEND", "sqlite"), ("STORE_HISTORY_BACKEND", "postgres")];
    let (variable, _) = refused("STORE", &with(&FIVE[..4], &mixed));
    assert_eq!(variable, "POSTGRES_DB");
}

#[test]
fn the_five_are_encoded_into_the_dsn() {
    let cases = [
        ("POSTGRES_HOST", "db", "postgresql://app:pw@db:5432/stores"),
        ("POSTGRES_HOST", " db\n", "postgresql://app:pw@db:5432/stores"),
        ("POSTGRES_HOST", "::1", "postgresql://app:pw@[::1]:5432/stores"),
        ("POSTGRES_HOST", "[::1]", "postgresql://app:pw@[::1]:5432/stores"),
        ("POSTGRES_HOST", "/run/pg", "postgresql://app:pw@%2Frun%2Fpg:5432/stores"),
        ("POSTGRES_USER", "a@b", "postgresql://a%40b:pw@db:5432/stores"),
        (
            "POSTGRES_PASSWORD",
            "p@:/?#% é",
            "postgresql://app:p%40%3A%2F%3F%23%25%20%C3%A9@db:5432/stores",
        ),
        ("POSTGRES_DB", "a/b?c", "postgresql://app:pw@db:5432/a%2Fb%3Fc"),
    ];
    for (name, value, expected) in cases {
        let settings = store(&replaced(name, value));
        assert_eq!(settings.postgres_dsn().unwrap().expose_secret(), expected, "{name}");
    }
    for (name, value) in [
        ("POSTGRES_PORT", "0"),
        ("POSTGRES_PORT", "65536"),
        ("POSTGRES_PORT", "x"),
        ("POSTGRES_HOST", "a,b"),
    ] {
        assert_eq!(refused("STORE", &replaced(name, value)).0, name, "{value}");
    }
}

fn replaced<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    FIVE.into_iter().map(|(own, held)| (own, if own == name { value } else { held })).collect()
}

#[test]
fn postgres_without_a_dsn_says_which_variable_to_set() {
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("STORE_BACKEND", "postgres")], "STORE_BACKEND"),
        (&[("DB_TYPE", "postgresql")], "DB_TYPE"),
        (&[("STORE_HISTORY_BACKEND", "postgres")], "STORE_HISTORY_BACKEND"),
    ];
    for (vars, chosen_by) in cases {
        let (variable, reason) = refused("STORE", vars);
        assert_eq!(variable, "STORE_POSTGRES_DSN");
        assert!(reason.contains(&format!("although {chosen_by} puts")), "{reason}");
    }
}

#[test]
fn without_a_home_only_files_that_are_named_have_a_path() {
    let read = |vars: &[(&str, &str)]| {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        env::read("STORE", vars, &Directories::default()).unwrap()
    };
    let settings = read(&[("STORE_HISTORY_SQLITE_PATH", "/h")]);
    assert_eq!(settings.sqlite_path(Subsystem::History), Path::new("/h"));
    assert_eq!(settings.sqlite_path(Subsystem::Vault), Path::new(""));
    assert_eq!(read(&[("STORE_POSTGRES_DSN", DSN)]).backend(Subsystem::History), Backend::Postgres);
    assert!(directories().home.is_some());
}

#[test]
fn unknown_variables_are_no_error() {
    assert!(
        read("STORE", &[("STORE_POSTGRES_DNS", "x"), ("STORE_NEW", "x"), ("PATH", "x")]).is_ok()
    );
}
