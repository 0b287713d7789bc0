//! `store-migrate schema`: the tables of every store, where the variables or `--to` say.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs the command with no variables but these.
fn schema(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_store-migrate"));
    command.arg("schema").args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STORE_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

/// What it printed, once it ended with a code.
#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let shown = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{shown}");
    shown
}

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

#[test]
fn it_makes_the_tables_of_every_store_and_then_has_nothing_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let database = sqlite(&directory.path().join("app.db"));
    let first = ended(&schema(&["--to", &database], &[]), 0);
    let second = ended(&schema(&["--to", &database], &[]), 0);
    for store in ["workflow", "history", "tokens", "checkpoints", "chatkit", "vault"] {
        assert!(first.contains(&format!("store-{store} (sqlite): applied 20")), "{first}");
        assert!(second.contains(&format!("store-{store} (sqlite): up to date\n")), "{second}");
    }
    let checked = ended(&schema(&["--check", "--to", &database], &[]), 0);
    assert_eq!(checked, second);
}

#[test]
fn a_look_changes_nothing_and_fails_while_something_is_pending() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let refused = ended(&schema(&["--check", "--to", &sqlite(&path)], &[]), 1);
    assert!(refused.contains("is not there: nothing was made"), "{refused}");
    assert!(!path.exists());

    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let pending = ended(&schema(&["--check", "--to", &sqlite(&path)], &[]), 1);
    assert!(pending.contains("store-history (sqlite): pending 20"), "{pending}");
    let conn = rusqlite::Connection::open(&path).unwrap();
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn without_a_database_each_store_is_where_the_variables_say() {
    let directory = tempfile::tempdir().unwrap();
    let (all, own) = (directory.path().join("all.db"), directory.path().join("history.db"));
    let variables = [
        ("STORE_SQLITE_PATH", all.to_str().unwrap()),
        ("STORE_HISTORY_SQLITE_PATH", own.to_str().unwrap()),
    ];
    ended(&schema(&[], &variables), 0);
    let has_steps = |path: &Path| {
        let conn = rusqlite::Connection::open(path).unwrap();
        conn.prepare("SELECT * FROM history_steps").is_ok()
    };
    assert!(has_steps(&own) && !has_steps(&all));
    let refused = ended(&schema(&[], &[("STORE_BACKEND", "memory")]), 1);
    assert!(refused.contains("kept in memory"), "{refused}");
    let wrong = ended(&schema(&[], &[("STORE_BACKEND", "mysql")]), 1);
    assert!(wrong.contains("STORE_BACKEND: holds `mysql`"), "{wrong}");
}

#[test]
fn its_report_for_programs_has_every_store() {
    let directory = tempfile::tempdir().unwrap();
    let database = sqlite(&directory.path().join("app.db"));
    let output = schema(&["--json", "--to", &database], &[]);
    ended(&output, 0);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.as_array().unwrap().len(), 6);
    assert_eq!(report[1]["store"], "store-history");
    assert_eq!(report[1]["pending"], serde_json::json!([]));
}
