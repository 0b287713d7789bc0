//! The variables with one prefix that are set.

use std::collections::BTreeMap;
use std::env;

use super::names::{ORCHEO, known_names, near_miss};
use crate::{Error, Result};

/// The variables of one prefix that are set.
pub(super) struct Vars {
    prefix: String,
    values: BTreeMap<String, String>,
}

impl Vars {
    /// Keeps what is set, and warns of what looks misspelt.
    pub(super) fn new(
        prefix: &str,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let prefix = check_prefix(prefix)?.to_owned();
        let values = vars.into_iter().filter(|(_name, value)| !value.trim().is_empty()).collect();
        let vars = Self { prefix, values };
        for name in vars.values.keys() {
            if let Some(known) = near_miss(&vars.prefix, name) {
                tracing::warn!(variable = %name, "unknown variable: was {known} meant?");
            }
        }
        Ok(vars)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn is_orcheo(&self) -> bool {
        self.prefix == ORCHEO
    }

    /// Returns the full name of a variable.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// Reads a variable that has the prefix.
    pub(super) fn read<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>> {
        self.read_bare(&self.name(name), parse)
    }

    /// Reads a variable by its full name.
    pub(super) fn read_bare<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>> {
        let Some(text) = self.values.get(name) else { return Ok(None) };
        parse(text).map(Some).map_err(|reason| Error::settings(name, reason))
    }

    /// Reads a variable that has the prefix over a default.
    pub(super) fn read_into<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
        field: &mut T,
    ) -> Result<()> {
        if let Some(value) = self.read(name, parse)? {
            *field = value;
        }
        Ok(())
    }

    /// Reads a variable that has two names under the prefix. Both may be set if they agree.
    pub(super) fn read_either<T: PartialEq>(
        &self,
        name: &str,
        alias: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>> {
        let own = self.read(name, &parse)?;
        let Some(alias) = alias.filter(|_| self.is_orcheo()) else { return Ok(own) };
        let other = self.read(alias, &parse)?;
        match (own, other) {
            (Some(own), Some(other)) if own != other => {
                Err(conflict(&self.name(name), &self.name(alias)))
            }
            (own, other) => Ok(own.or(other)),
        }
    }
}

/// Says that two variables contradict each other.
pub(super) fn conflict(first: &str, second: &str) -> Error {
    Error::settings(
        format!("{first} and {second}"),
        "they name different databases: unset one of them, or make them equal",
    )
}

fn check_prefix(prefix: &str) -> Result<&str> {
    let prefix = prefix.trim_end_matches('_');
    if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Error::invalid("prefix", "it is made of letters, digits and underscores"));
    }
    Ok(prefix)
}

/// Reads the process's variables. Those of others may hold anything; ours must be UTF-8.
pub(super) fn environment(prefix: &str) -> Result<Vec<(String, String)>> {
    from_os(prefix, env::vars_os())
}

fn from_os(
    prefix: &str,
    vars: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<Vec<(String, String)>> {
    let prefix = check_prefix(prefix)?;
    let known = known_names(prefix);
    let start = format!("{prefix}_");
    let mut found = Vec::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else { continue };
        let is_known = known.contains(&name);
        match value.into_string() {
            Ok(value) if is_known || name.starts_with(&start) => found.push((name, value)),
            Err(_value) if is_known => {
                return Err(Error::settings(name, "it is not UTF-8"));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_names() {
        for prefix in ["STORE", "STORE_", "store", "MY_APP2"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["", "_", "A B", "A=", "Ä"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_our_own_variables_must_be_utf8() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let read = |name: &str| {
            let value = OsString::from_vec(b"hunter2\xff".to_vec());
            from_os("STORE", [(OsString::from(name), value)])
        };
        for name in ["STORE_BACKEND", "STORE_VAULT_KEY", "DATABASE_URL", "POSTGRES_PASSWORD"] {
            let error = read(name).unwrap_err().to_string();
            assert_eq!(error, format!("setting {name}: it is not UTF-8"));
        }
        for name in ["PATH", "STORE_SOMETHING_NEW", "OTHER_BACKEND"] {
            assert_eq!(read(name).unwrap(), [], "{name}");
        }
    }
}
