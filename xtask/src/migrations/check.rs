//! `cargo xtask migrations check`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{backend_dir, crates, digit, lock, names, version};
use crate::Result;
use crate::workspace::Backend;

/// Every rule that a migration of the workspace breaks.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    // Each version, and the first migration that has it.
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    for krate in crates(root)? {
        pairs(root, &krate, &mut problems)?;
        for backend in Backend::ALL {
            for name in names(root, &krate, backend)? {
                problems.extend(file_problems(root, &krate, backend, &name));
                // The two sides of one migration are one owner.
                let owner = format!("{krate} {name}");
                let first = versions.entry(version(&name).to_owned()).or_insert(owner.clone());
                if *first != owner {
                    problems.push(format!("{owner} has the version of {first}"));
                }
            }
        }
        match digit(&krate) {
            Ok(digit) => digits(root, &krate, digit, &mut problems)?,
            Err(error) => problems.push(error.to_string()),
        }
        let (locked, current) = (lock::read(root, &krate)?, lock::compute(root, &krate)?);
        problems.extend(lock::edited(&krate, &locked, &current));
        let new = current.keys().filter(|name| !locked.contains_key(*name));
        problems.extend(new.map(|name| {
            format!("{krate}/migrations/{name} is not locked: run cargo xtask migrations lock")
        }));
    }
    Ok(problems)
}

/// Each migration is there for both backends.
fn pairs(root: &Path, krate: &str, problems: &mut Vec<String>) -> Result<()> {
    let [sqlite, postgres] = Backend::ALL.map(|backend| names(root, krate, backend));
    let (sqlite, postgres) = (sqlite?, postgres?);
    for name in sqlite.symmetric_difference(&postgres) {
        let present = if sqlite.contains(name) { Backend::Sqlite } else { Backend::Postgres };
        problems.push(format!("{krate}: migration {name} is there for {present} only"));
    }
    Ok(())
}

fn file_problems(root: &Path, krate: &str, backend: Backend, name: &str) -> Vec<String> {
    let dir = backend_dir(root, krate, backend).join(name);
    let shown = format!("{krate}/migrations/{backend}/{name}");
    let mut problems = Vec::new();
    for file in ["up.sql", "down.sql"] {
        match fs::read_to_string(dir.join(file)) {
            Ok(sql) if has_statement(&sql) => {}
            Ok(_) => problems.push(format!("{shown}/{file} has no statement")),
            Err(error) => problems.push(format!("{shown}/{file}: {error}")),
        }
    }
    // Its mere presence switches the migration's transaction off: then it has to say so, and only
    // PostgreSQL has statements that need it.
    if let Ok(text) = fs::read_to_string(dir.join("metadata.toml"))
        && !(backend == Backend::Postgres && text.trim() == "run_in_transaction = false")
    {
        problems.push(format!(
            "{shown} has a metadata.toml: remove it, or on PostgreSQL let it say \
             `run_in_transaction = false`"
        ));
    }
    problems
}

fn has_statement(sql: &str) -> bool {
    sql.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with("--"))
}

/// `YYYY-MM-DD-NNNNNC_name`, where `C` is the crate's digit.
fn digits(root: &Path, krate: &str, digit: char, problems: &mut Vec<String>) -> Result<()> {
    let mut all = names(root, krate, Backend::Sqlite)?;
    all.extend(names(root, krate, Backend::Postgres)?);
    for name in all {
        let version = version(&name);
        let dashes = version.match_indices('-').map(|(place, _)| place);
        let shape = version.len() == 17
            && dashes.eq([4, 7, 10])
            && version.chars().all(|c| c.is_ascii_digit() || c == '-');
        if !shape || !version.ends_with(digit) {
            problems.push(format!(
                "{krate}: migration {name} is not YYYY-MM-DD-NNNNN{digit}_name: create it with \
                 cargo xtask migrations new"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::TestDir;

    const NAME: &str = "2025-01-31-000012_tables";

    /// A crate with one migration that is as it should be, but not locked.
    fn tree() -> TestDir {
        let dir = TestDir::new();
        for backend in Backend::ALL {
            for file in ["up", "down"] {
                let path = format!("store-history/migrations/{backend}/{NAME}/{file}.sql");
                dir.write(&path, "-- why\nSELECT 1;\n");
            }
        }
        dir
    }

    fn lock(dir: &TestDir) {
        let hashes = lock::compute(dir.path(), "store-history").unwrap();
        let lines: String = hashes.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
        dir.write("store-history/migrations/migrations.lock", &lines);
    }

    #[track_caller]
    fn assert_problem(dir: &TestDir, expected: &str) {
        let problems = problems(dir.path()).unwrap();
        assert!(problems.iter().any(|p| p.contains(expected)), "{expected:?} not in {problems:?}");
    }

    #[test]
    fn locked_pairs_pass() {
        let dir = tree();
        assert_problem(&dir, "is not locked");
        lock(&dir);
        assert_eq!(problems(dir.path()).unwrap(), [""; 0]);
    }

    #[test]
    fn each_broken_rule_is_a_problem() {
        let dir = tree();
        lock(&dir);
        let side = format!("store-history/migrations/sqlite/{NAME}");
        dir.write(&format!("{side}/up.sql"), "SELECT 2;");
        assert_problem(&dir, "was edited");
        dir.write(&format!("{side}/down.sql"), "-- nothing\n\n");
        assert_problem(&dir, "down.sql has no statement");
        dir.write(&format!("{side}/metadata.toml"), "");
        assert_problem(&dir, "metadata.toml");
        dir.write("store-history/migrations/sqlite/2025-01-31-000022_more/up.sql", "SELECT 1;");
        assert_problem(&dir, "2025-01-31-000022_more is there for sqlite only");
        dir.write("store-history/migrations/sqlite/2025-01-31-000013_wrong/up.sql", "SELECT 1;");
        assert_problem(&dir, "2025-01-31-000013_wrong is not YYYY-MM-DD-NNNNN2_name");
        dir.write("store-tokens/migrations/sqlite/2025-01-31-000012_same/up.sql", "SELECT 1;");
        assert_problem(&dir, "has the version of store-history 2025-01-31-000012_tables");
        std::fs::remove_dir_all(dir.path().join(side)).unwrap();
        assert_problem(&dir, "is gone");
    }
}
