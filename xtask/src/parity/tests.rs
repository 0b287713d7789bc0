use super::*;
use crate::test_dir::TestDir;

const FILE: &str = "
//! Steps.
use diesel::sqlite::Sqlite;

/// A row.
pub(crate) struct SqliteStepRow { id: i64 }

impl QueryFragment<Sqlite> for SqliteStepRow {
    fn walk(&self) {}
}

pub(crate) fn step_append() {}
pub(crate) fn step_list() {}

#[cfg(test)]
mod tests {
    #[test]
    fn steps_are_listed() {}
}
";

/// A crate whose two sides differ only as they may.
fn tree() -> TestDir {
    let dir = TestDir::new();
    dir.write("store-history/src/sqlite/steps.rs", FILE);
    let postgres = FILE.replace("SqliteStepRow", "PostgresStepRow").replace("Sqlite>", "Pg>");
    dir.write("store-history/src/postgres/steps.rs", &postgres);
    for backend in Backend::ALL {
        let up = format!("store-history/migrations/{backend}/2025-01-31-000012_a/up.sql");
        dir.write(&up, "SELECT 1;");
    }
    // Not compared.
    dir.write("store-core/src/sqlite/writer.rs", "fn only_here() {}");
    dir
}

/// Changes the PostgreSQL side.
fn doctor(dir: &TestDir, from: &str, to: &str) {
    let path = "store-history/src/postgres/steps.rs";
    let text = dir.read(path);
    assert!(text.contains(from));
    dir.write(path, &text.replace(from, to));
}

#[track_caller]
fn assert_problems(dir: &TestDir, expected: &[&str]) {
    let mut report = Report::default();
    let krate = dir.path().join("store-history");
    compare_sources(&krate.join("src"), "store-history", &mut report).unwrap();
    compare_migrations(&krate.join("migrations"), "store-history", &mut report).unwrap();
    assert_eq!(report.problems, expected);
    assert_eq!(check(dir.path(), None).is_ok(), expected.is_empty());
}

#[test]
fn sides_that_differ_by_the_backends_name_pass() {
    assert_problems(&tree(), &[]);
}

#[test]
fn a_missing_function_is_found() {
    let dir = tree();
    doctor(&dir, "pub(crate) fn step_list() {}", "");
    assert_problems(&dir, &["store-history/steps.rs: fn step_list is there for sqlite only"]);
}

#[test]
fn a_missing_method_and_a_missing_test_are_found() {
    let dir = tree();
    doctor(&dir, "fn walk(&self) {}", "fn walked(&self) {}");
    doctor(&dir, "steps_are_listed", "nothing");
    assert_problems(
        &dir,
        &[
            "store-history/steps.rs: fn <QueryFragment<Sqlite> for SqliteStepRow>::walk is there \
             for sqlite only",
            "store-history/steps.rs: fn tests::steps_are_listed is there for sqlite only",
            "store-history/steps.rs: fn <QueryFragment<Pg> for PostgresStepRow>::walked is there \
             for postgres only",
            "store-history/steps.rs: fn tests::nothing is there for postgres only",
        ],
    );
}

#[test]
fn another_order_is_found() {
    let dir = tree();
    doctor(&dir, "step_append", "step_x");
    doctor(&dir, "step_list", "step_append");
    doctor(&dir, "step_x", "step_list");
    assert_problems(
        &dir,
        &["store-history/steps.rs: order: fn step_append for sqlite is where fn step_list is for \
           postgres"],
    );
}

#[test]
fn a_marked_item_may_be_on_one_side_only() {
    let dir = tree();
    let marked = "// parity: coalesced\n/// Docs.\n#[inline]\nfn step_append_many() {}\n";
    doctor(&dir, "pub(crate) fn step_list", &format!("{marked}pub(crate) fn step_list"));
    doctor(&dir, "fn walk", "// parity: a method\n    fn extra(&self) {}\n    fn walk");
    assert_problems(&dir, &[]);
}

#[test]
fn a_missing_file_and_a_missing_migration_are_found() {
    let dir = tree();
    dir.write("store-history/src/sqlite/rows/mod.rs", "");
    std::fs::remove_dir_all(dir.path().join("store-history/migrations/sqlite")).unwrap();
    assert_problems(
        &dir,
        &[
            "store-history: file rows/mod.rs is there for sqlite only",
            "store-history: migration 2025-01-31-000012_a is there for postgres only",
        ],
    );
}

#[test]
fn a_marked_file_may_be_on_one_side_only() {
    let dir = tree();
    let marked = "// parity: many rows in one statement\n//! Statements.\n";
    dir.write("store-history/src/postgres/statements.rs", marked);
    assert_problems(&dir, &[]);
    dir.write("store-history/src/postgres/statements.rs", "//! Statements.\n");
    let missing = "store-history: file statements.rs is there for postgres only";
    assert_problems(&dir, &[missing]);
}
