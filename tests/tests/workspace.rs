//! The workspace as its users get it: dependencies per feature, a crate outside, two equal sides.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const POSTGRES_NEVER: [&str; 4] = ["libsqlite3-sys", "pq-sys", "openssl-sys", "native-tls"];
const SQLITE_NEVER: [&str; 4] = ["tokio-postgres", "bb8", "rustls", "pq-sys"];
const NONE_NEVER: [&str; 6] =
    ["diesel", "libsqlite3-sys", "tokio-postgres", "r2d2", "bb8", "diesel-async"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

fn shown(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn succeeded(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", shown(&output));
    shown(&output)
}

/// The packages that a crate brings with it under some features.
fn packages(krate: &str, features: &str) -> BTreeSet<String> {
    let mut command = cargo(&["tree", "--locked", "--package", krate, "--no-default-features"]);
    command.args(["--features", features, "--edges", "normal,build", "--prefix", "none"]);
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let packages: BTreeSet<String> = succeeded(command).lines().map(name).collect();
    assert!(packages.contains("serde_json"), "the tree was read: {packages:?}");
    packages
}

/// The crates that applications depend on.
const CRATES: [&str; 7] = [
    "store-chatkit",
    "store-checkpoints",
    "store-core",
    "store-history",
    "store-tokens",
    "store-vault",
    "store-workflow",
];

#[track_caller]
fn assert_tree(features: &str, present: &[&str], absent: &[&str]) {
    for krate in CRATES {
        let packages = packages(krate, features);
        for name in present {
            assert!(packages.contains(*name), "{krate} with `{features}` lacks {name}");
        }
        for name in absent {
            assert!(!packages.contains(*name), "{krate} with `{features}` has {name}");
        }
    }
}

#[test]
fn without_features_there_is_no_database_in_the_tree() {
    assert_tree("", &[], &NONE_NEVER);
}

#[test]
fn postgres_alone_brings_neither_sqlite_nor_a_c_library() {
    assert_tree("postgres", &["diesel", "tokio-postgres", "bb8", "rustls"], &POSTGRES_NEVER);
}

#[test]
fn sqlite_alone_brings_nothing_of_postgres() {
    assert_tree("sqlite", &["diesel", "libsqlite3-sys", "r2d2"], &SQLITE_NEVER);
}

/// In one test, because Cargo would make them wait for each other anyway.
#[test]
fn a_crate_outside_the_workspace_builds_with_each_feature() {
    let downstream = root().join("tests/downstream");
    // The versions of the workspace; Cargo drops what this crate does not need.
    fs::copy(root().join("Cargo.lock"), downstream.join("Cargo.lock")).unwrap();
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    for features in ["sqlite", "postgres", "sqlite,postgres"] {
        let mut command = cargo(&["check", "--no-default-features", "--features", features]);
        command.arg("--manifest-path").arg(downstream.join("Cargo.toml"));
        command.env("CARGO_TARGET_DIR", target.join("downstream"));
        succeeded(command);
    }
}

#[test]
fn the_two_sides_of_every_crate_are_alike() {
    let output = succeeded(cargo(&["xtask", "parity"]));
    assert!(output.contains("store-history/steps.rs"), "{output}");
}

/// Copies the files below a directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path() {
            path if path.is_dir() => copy(&path, &target),
            path => drop(fs::copy(path, target).unwrap()),
        }
    }
}

#[test]
fn a_function_that_one_side_lacks_is_found_and_named() {
    let tree = tempfile::tempdir().unwrap();
    for part in ["src", "migrations"] {
        let part = format!("store-history/{part}");
        copy(&root().join(&part), &tree.path().join(&part));
    }
    let parity = || {
        let mut command = cargo(&["xtask", "parity", "--root"]);
        command.arg(tree.path());
        command
    };
    succeeded(parity());

    let file = tree.path().join("store-history/src/postgres/executions.rs");
    let text = fs::read_to_string(&file).unwrap();
    let start = text.find("pub(super) async fn execution_delete").unwrap();
    let end = start + text[start..].find("\n}\n").unwrap() + 3;
    // Its documentation goes to what is below, or to nothing.
    let start = text[..start].rfind("\n\n").unwrap() + 1;
    fs::write(&file, format!("{}{}", &text[..start], &text[end..])).unwrap();
    let output = parity().output().unwrap();
    assert!(!output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("execution_delete"), "{}", shown(&output));
}
