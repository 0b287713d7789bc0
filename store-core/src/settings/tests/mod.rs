//! Tests over whole sets of variables.

mod builder;
mod dsn;
mod orcheo;
mod redaction;
mod sources;
mod variables;

use super::paths::Directories;
use super::{Settings, env};
use crate::Result;

const DSN: &str = "postgresql://app:pw@db:5432/stores";

/// The five unprefixed variables that name the same database as [`DSN`].
const FIVE: [(&str, &str); 5] = [
    ("POSTGRES_USER", "app"),
    ("POSTGRES_PASSWORD", "pw"),
    ("POSTGRES_HOST", "db"),
    ("POSTGRES_PORT", "5432"),
    ("POSTGRES_DB", "stores"),
];

fn directories() -> Directories {
    Directories { home: Some("/home/me".into()), data: Some("/data".into()) }
}

fn read(prefix: &str, vars: &[(&str, &str)]) -> Result<Settings> {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    env::read(prefix, vars, &directories())
}

fn store(vars: &[(&str, &str)]) -> Settings {
    read("STORE", vars).unwrap_or_else(|error| panic!("{vars:?}: {error}"))
}

fn orcheo(vars: &[(&str, &str)]) -> Settings {
    read("ORCHEO", vars).unwrap_or_else(|error| panic!("{vars:?}: {error}"))
}

/// Returns the variable and the reason of the error these variables lead to.
fn refused(prefix: &str, vars: &[(&str, &str)]) -> (String, String) {
    match read(prefix, vars) {
        Err(crate::Error::Settings { variable, reason }) => (variable, reason),
        other => panic!("{vars:?}: {other:?}"),
    }
}

/// Joins two lists of variables.
fn with<'a>(vars: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    vars.iter().chain(more).copied().collect()
}
