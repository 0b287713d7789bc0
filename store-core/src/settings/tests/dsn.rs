//! The forms of a DSN.

use crate::settings::Dsn;

#[test]
fn urls_and_key_value_pairs_are_understood() {
    let cases = [
        ("postgres://h", "postgres://h"),
        (" postgresql://u:p@h:5432/d\n", "postgresql://u:p@h:5432/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+asyncpg://h/d?sslmode=require", "postgresql://h/d?sslmode=require"),
        ("POSTGRES+asyncpg://h/d", "postgres://h/d"),
        ("postgresql://h1:1,h2,[::1]:3/d?target_session_attrs=read-write", ""),
        ("postgresql://u@%2Frun%2Fpostgresql/d", ""),
        ("postgresql:///d?host=/run/postgresql", ""),
        ("postgresql://u:%ff@h/d", ""),
        ("host=h", ""),
        ("host = h options='-c search_path=a://b'", ""),
        ("colour=red dbname=d", ""),
    ];
    for (text, expected) in cases {
        let expected = if expected.is_empty() { text } else { expected };
        let dsn = Dsn::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(dsn.expose_secret(), expected);
        assert_eq!(Dsn::parse(dsn.expose_secret()).unwrap(), dsn, "{text} again");
    }
}

#[test]
fn other_texts_are_refused() {
    let cases = [
        ("", "one of"),
        ("x", "key=value"),
        ("colour=red", "one of"),
        ("host", "key=value"),
        ("host=h password='x", "not closed"),
        ("mysql://h/d", "postgresql://"),
        ("postgresqlx://h/d", "postgresql://"),
        ("postgresql://", "names no host"),
        ("postgresql:h/d", "key=value"),
        ("postgresql://h:x/d", "port"),
        ("postgresql://h:65536/d", "port"),
        ("postgresql://[::1/d", "bracket"),
        ("postgresql://[::1]x/d", "bracket"),
        ("postgresql://u:p@q@h/d", "%40"),
        ("postgresql://u:p/q@h/d", "%40"),
        ("postgresql://u:p?q@h/d", "%40"),
        ("postgresql://h/d?user=a@b", "%40"),
        ("postgresql://h/d?sslmode", "no value"),
        ("postgresql://h/%ff", "UTF-8"),
        ("host=h\0", "NUL"),
    ];
    for (text, expected) in cases {
        let error = Dsn::parse(text).unwrap_err().to_string();
        assert!(error.starts_with("dsn is invalid") && error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn equal_connections_are_recognised_in_either_form() {
    let same = [
        ("postgresql://u:p@h/d", "postgres://u:p@H:5432/d"),
        ("postgresql://u:p@h/d?a=b&c=d", "postgresql://u:p@h/d?c=d&a=b"),
        ("postgresql://u:p%40@h/d", "host=h user=u password=p@ dbname=d"),
        ("postgresql://u:p@h1:1,h2:1/d", "host=h1,h2 port=1 user=u password=p dbname=d"),
        ("postgresql://u@%2Frun/d", "host=/run user=u dbname=d port=5432"),
        ("postgresql:///d?host=h", "postgresql://h/d"),
    ];
    for (left, right) in same {
        let (left, right) = (Dsn::parse(left).unwrap(), Dsn::parse(right).unwrap());
        assert!(left.is_same(&right) && left.names_same_database(&right), "{left} {right}");
    }
    let base = Dsn::parse("postgresql://u:p@h/d").unwrap();
    // Whether the connection, and whether the database alone, is the same.
    let others = [
        ("postgresql://u:p@h/d?sslmode=require", false, true),
        ("postgresql://u@h/d", false, true),
        ("postgresql://u:q@h/d", false, false),
        ("postgresql://v:p@h/d", false, false),
        ("postgresql://u:p@g/d", false, false),
        ("postgresql://u:p@h:1/d", false, false),
        ("postgresql://u:p@h/e", false, false),
        ("postgresql://u:p@h,h/d", false, false),
        ("user=u password=p dbname=d", false, false),
    ];
    for (text, same, same_database) in others {
        let other = Dsn::parse(text).unwrap();
        assert_eq!(base.is_same(&other), same, "{text}");
        assert_eq!(base.names_same_database(&other), same_database, "{text}");
    }
}
