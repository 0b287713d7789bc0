//! Rows as Orcheo writes them: its payloads with all their fields, in the formats of Python.

mod others;
mod workflows;

use rusqlite::{Connection, ToSql};
use serde_json::{Value, json};

use crate::installation::Installation;

pub(crate) const BOT: &str = "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const OLD: &str = "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002";
pub(crate) const LEGACY: &str = "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0003";
pub(crate) const BOT_V1: &str = "1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const BOT_V2: &str = "1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002";
pub(crate) const OLD_V1: &str = "1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0003";
pub(crate) const SUCCEEDED: &str = "2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const FAILED: &str = "2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002";
pub(crate) const CANCELLED: &str = "2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0003";
pub(crate) const PENDING: &str = "2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0004";
pub(crate) const LISTENER_V1: &str = "3b8f8f0e-5b1e-5d51-9a7e-0a4f3a1c0001";
pub(crate) const LISTENER_V2: &str = "3b8f8f0e-5b1e-5d51-9a7e-0a4f3a1c0002";
pub(crate) const CHECKPOINT: &str = "4b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const TEMPLATE: &str = "5b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const SLACK: &str = "6b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const GOOGLE: &str = "6b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002";
pub(crate) const OPEN: &str = "7b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001";
pub(crate) const CLOSED: &str = "7b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002";

pub(crate) const CREATED: &str = "2026-03-01T09:00:00.000001+00:00";
pub(crate) const UPDATED: &str = "2026-03-02T09:00:00+00:00";

/// Fills all files.
pub(crate) fn fill(files: &Installation) {
    let repository = files.open("repository.sqlite");
    workflows::fill(&repository);
    others::history(&repository);
    others::chat(&files.open("chatkit.sqlite"));
    others::tokens(&files.open("service_tokens.sqlite"));
    others::vault(&files.open("vault.sqlite"));
}

fn insert(conn: &Connection, table: &str, values: &[&dyn ToSql]) {
    let places = vec!["?"; values.len()].join(", ");
    conn.execute(&format!("INSERT INTO {table} VALUES ({places})"), values).unwrap();
}

fn event(action: &str, at: &str, metadata: &Value) -> Value {
    json!({"actor": "ada", "action": action, "at": at, "metadata": metadata})
}
