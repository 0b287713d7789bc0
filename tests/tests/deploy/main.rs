//! What an operator starts from: the container files, the manifests, the alerts, the dashboard and
//! the list of variables fit together and fit the stores.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod alerts;
mod compose;
mod dashboard;
mod kubernetes;
mod promql;
#[cfg(feature = "migrate")]
mod roles;
mod troubleshooting;
mod variables;
mod yaml;

use std::path::{Path, PathBuf};

/// A file of the workspace.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the value at a JSON pointer.
#[track_caller]
fn at<'a>(value: &'a serde_json::Value, pointer: &str) -> &'a serde_json::Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} of {value:#}"))
}

/// Returns the text at a JSON pointer.
#[track_caller]
fn text<'a>(value: &'a serde_json::Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_else(|| panic!("no text at {pointer} of {value:#}"))
}
