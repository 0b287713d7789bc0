//! What is refused, and what is left behind.

use crate::support::{Case, NAMES, TABLES};

const ROWS: &str = "INSERT INTO parents VALUES (1, 'a', NULL), (2, 'b', NULL);
    INSERT INTO children VALUES (1, 1, NULL, 0);";

fn copied() -> Case {
    let case = Case::new("auto");
    case.source().execute_batch(&format!("{TABLES}{ROWS}")).unwrap();
    case.run("run", &["--capture"], 0);
    case
}

fn error_of(report: &serde_json::Value) -> &str {
    report["error"].as_str().unwrap()
}

#[test]
fn a_changed_schema_is_refused() {
    let case = copied();
    case.source().execute_batch("ALTER TABLE parents ADD COLUMN more TEXT").unwrap();
    for command in ["sync", "cutover"] {
        let more: &[&str] = if command == "sync" { &[] } else { &["--app-stopped"] };
        let report = case.run(command, more, 1);
        assert!(error_of(&report).contains("schema of the source changed"), "{report}");
    }
    case.source().execute("INSERT INTO parents VALUES (3, 'c', NULL, 'x')", []).unwrap();
    case.finish();
}

#[test]
fn a_capture_that_was_interrupted_is_refused() {
    let case = copied();
    case.clean_source();
    assert_eq!(case.left_in_source(), Vec::<String>::new());
    let report = case.run("sync", &[], 1);
    assert!(error_of(&report).contains("no longer in the source"), "{report}");
    case.finish();
}

#[test]
fn a_capture_after_the_copy_is_refused() {
    let case = Case::new("auto");
    case.source().execute_batch(&format!("{TABLES}{ROWS}")).unwrap();
    case.run("run", &[], 0);
    let report = case.run("sync", &[], 1);
    assert!(error_of(&report).contains("run --capture"), "{report}");
    case.run("run", &["--capture"], 1);
    assert_eq!(case.left_in_source(), Vec::<String>::new());
    case.run("run", &["--capture", "--on-error", "quarantine"], 2);
    case.run("cutover", &[], 2);
    case.finish();
}

#[test]
fn a_difference_stops_the_cutover() {
    let case = copied();
    let source = case.source();
    source.execute("UPDATE parents SET note = 'x' WHERE id = 2", []).unwrap();
    case.execute("UPDATE parents SET note = 'tampered' WHERE id = 1");
    let before = case.left_in_source();
    let report = case.run("cutover", &["--retire-source"], 4);
    assert_eq!(report["done"], false);
    assert_eq!(report["seconds_without_writes"], 0.0, "the lock was not even taken");
    let report = case.run("cutover", &["--retire-source", "--validate", "locked"], 4);
    assert_eq!(report["validation"]["differences"][0]["key"], "id=1");
    assert_eq!(case.left_in_source(), before);
    source.execute("UPDATE parents SET note = 'y' WHERE id = 1", []).unwrap();
    case.run("cutover", &["--app-stopped", "--validate", "quick"], 0);
    assert_eq!(case.left_in_source(), Vec::<String>::new());
    case.assert_equal(&NAMES, "the cutover");
    case.finish();
}

#[test]
fn a_lock_that_is_held_ends_the_cutover() {
    let case = copied();
    let source = case.source();
    source.execute_batch("BEGIN IMMEDIATE").unwrap();
    let report = case.run("cutover", &["--app-stopped", "--lock-timeout", "1"], 1);
    assert!(error_of(&report).contains("--lock-timeout"), "{report}");
    source.execute_batch("COMMIT").unwrap();
    case.run("cutover", &["--app-stopped"], 0);
    case.finish();
}

#[test]
fn a_value_that_does_not_convert_is_named() {
    let case = copied();
    let source = case.source();
    source.execute("UPDATE children SET n = 'many'", []).unwrap();
    let report = case.run("sync", &[], 1);
    assert!(
        error_of(&report).contains("children") && error_of(&report).contains("id=1"),
        "{report}"
    );
    source.execute("UPDATE children SET n = 4", []).unwrap();
    case.run("sync", &[], 0);
    case.assert_equal(&NAMES, "the correction");
    case.finish();
}

#[test]
fn a_row_that_loses_its_parent_is_refused() {
    let case = copied();
    let source = case.source();
    source.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM parents WHERE id = 1").unwrap();
    let report = case.run("sync", &[], 1);
    assert!(error_of(&report).contains("foreign keys off"), "{report}");
    assert_eq!(case.one("SELECT count(*) FROM children"), 1);
    source.execute("DELETE FROM children", []).unwrap();
    case.run("sync", &[], 0);
    case.assert_equal(&NAMES, "the correction");
    case.finish();
}
