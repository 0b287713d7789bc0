//! Where the demo keeps its data.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::{env, fs};

use store_core::{Backend, Settings, Subsystem};

use crate::Result;

type Variables = BTreeMap<String, String>;

/// Reads the environment, then `.env`, then puts SQLite's file where a demo may write.
///
/// An application calls `Settings::from_env()`, whose default is the platform's data directory.
pub(crate) fn load() -> Result<Settings> {
    let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        name.into_string().ok().zip(value.into_string().ok())
    };
    let mut variables: Variables = env::vars_os().filter_map(unicode).collect();
    match fs::read_to_string(".env") {
        Ok(text) => add(&mut variables, &text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(format!(".env cannot be read: {error}").into()),
    }
    if !names_a_file(&variables) {
        let path = target_directory()?.join("demo").join("stores.sqlite");
        let path = path.into_os_string().into_string().map_err(|path| {
            format!("{}: not valid Unicode: set STORE_SQLITE_PATH", path.to_string_lossy())
        })?;
        variables.insert("STORE_SQLITE_PATH".into(), path);
    }
    // Without a word the vault stays on SQLite; a demo of one backend shows all of it there.
    if let Some(backend) = variables.get("STORE_BACKEND").cloned() {
        variables.entry("STORE_VAULT_BACKEND".into()).or_insert(backend);
    }
    let settings = Settings::from_vars("STORE", variables)?;
    let stores = [Subsystem::Workflow, Subsystem::History];
    if stores.iter().any(|store| settings.backend(*store) == Backend::Memory) {
        let reason = "the backend `memory` ends with its process, and the demo reads back what it \
            wrote in a second one: set STORE_BACKEND to sqlite or postgres";
        return Err(reason.into());
    }
    Ok(settings)
}

/// Adds the lines `KEY=VALUE` of a file. A variable that is set stays as it is.
fn add(variables: &mut Variables, text: &str) -> Result<()> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        // Without what the line holds: it may be a password.
        let (name, value) = line
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| format!(".env, line {number}: KEY=VALUE is expected"))?;
        let name = name.trim().to_owned();
        variables.entry(name).or_insert_with(|| unquoted(value.trim()).to_owned());
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

fn names_a_file(variables: &Variables) -> bool {
    let set = |name: &str| variables.get(name).is_some_and(|value| !value.trim().is_empty());
    let url = variables.get("DATABASE_URL").is_some_and(|url| url.trim().starts_with("sqlite"));
    set("STORE_SQLITE_PATH") || url
}

/// The directory Cargo built this program in: Cargo marks it with a file.
fn target_directory() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let built_in = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    Ok(built_in.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}
