//! Random schemas and rows: exactly there and back, or a refusal that names a value.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Place, Rows, dump};

/// Types whose values have one form on SQLite, so that they come back as they were.
const TYPES: [&str; 8] = ["INTEGER", "BIGINT", "REAL", "TEXT", "VARCHAR(9)", "BLOB", "NUMERIC", ""];

/// A literal of any storage class.
fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("NULL".to_owned()),
        4 => any::<i64>().prop_map(|value| format!("({value})")).prop_filter("no literal", |text| text != "(-9223372036854775808)"),
        3 => (-1000_i64..1000).prop_map(|value| value.to_string()),
        3 => any::<f64>().prop_filter("no literal", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        4 => "[a-zé漢 '\"\\\\0-9]{0,12}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        3 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }),
    ]
}

/// The script of a table with a key of some kind.
fn table() -> impl Strategy<Value = String> {
    let columns = prop::collection::vec(prop::sample::select(TYPES.to_vec()), 1..6);
    (columns, 0..3_u8).prop_flat_map(|(types, key)| {
        let rows = prop::collection::vec(prop::collection::vec(literal(), types.len()), 0..10);
        rows.prop_map(move |rows| script(&types, key, &rows))
    })
}

fn script(types: &[&str], key: u8, rows: &[Vec<String>]) -> String {
    let columns: Vec<_> =
        types.iter().enumerate().map(|(place, name)| format!("c{place} {name}")).collect();
    let (first, last) = match key {
        0 => ("", ""),
        1 => ("id INTEGER PRIMARY KEY, ", ""),
        _ => ("id TEXT PRIMARY KEY, ", " WITHOUT ROWID"),
    };
    let mut script = format!("CREATE TABLE t ({first}{}){last};", columns.join(", "));
    for (number, values) in rows.iter().enumerate() {
        let id = if key == 0 { String::new() } else { format!("{}, ", number + 1) };
        script += &format!("INSERT INTO t VALUES ({id}{});", values.join(", "));
    }
    script
}

#[test]
fn any_database_comes_back_as_it_was_or_is_refused_by_name() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&table(), |script| {
        runtime.block_on(async {
            let place = Place::with(&script).await;
            let ended = place.there(&[]);
            if ended.code == Some(3) {
                assert!(ended.report["problem_count"].as_u64() > Some(0), "{script}");
                place.finish().await;
            } else {
                assert_eq!(ended.code, Some(0), "{script}\n{}", ended.errors);
                drop(ended);
                again(place, &script).await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

/// Moves back what was moved, and compares.
async fn again(place: Place, script: &str) {
    let back = place.back();
    assert_eq!(back.code, Some(0), "{script}\n{}", back.errors);
    let returned = rusqlite::Connection::open(place.path("back.db")).unwrap();
    assert_eq!(normal(&place.source()), normal(&returned), "{script}");
    place.finish().await;
}

/// Reads every value. Where a column holds both integers and reals it becomes one of exact decimals,
/// and a real that is a whole number comes back as an integer, which SQLite takes for equal.
fn normal(conn: &rusqlite::Connection) -> Vec<(String, Rows)> {
    let mut tables = dump(conn);
    for (_, rows) in &mut tables {
        rows.iter_mut().flatten().for_each(|value| {
            let real = value.strip_prefix("real ").and_then(|text| text.parse::<f64>().ok());
            if let Some(real) = real.filter(|real| real.fract() == 0.0 && real.abs() < 9e18) {
                *value = format!("integer {:.0}", real + 0.0);
            }
        });
        rows.sort();
    }
    tables
}
