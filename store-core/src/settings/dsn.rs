//! A PostgreSQL DSN that does not show its password.

use std::collections::BTreeMap;
use std::fmt;

use super::{conninfo, url};
use crate::{Error, Result};

/// Keys of which the key-value form must hold one: what tells it from any other text.
const KNOWN_KEYS: [&str; 14] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "options",
    "application_name",
    "connect_timeout",
    "target_session_attrs",
    "service",
    "passfile",
];

/// A PostgreSQL DSN, as a URL or in the key-value form.
///
/// `Debug` and `Display` replace what is secret in it by `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Dsn(String);

impl Dsn {
    /// Checks the form, and strips a driver such as the `+asyncpg` in `postgresql+asyncpg://`.
    ///
    /// Parameters are checked where the connection is made, not here.
    ///
    /// # Errors
    /// `Invalid`, which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self> {
        Self::check(text).map_err(|reason| Error::invalid("dsn", reason))
    }

    /// Returns the DSN with its password.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Parses, and answers with the reason alone when it fails.
    pub(super) fn check(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains('\0') {
            return Err("it holds a NUL".to_owned());
        }
        if url::looks_like_url(text) {
            let url = url::parse(text)?;
            let rest = text.split_once("://").map_or("", |(_scheme, rest)| rest);
            return Ok(Self(format!("{}://{rest}", url.scheme)));
        }
        let pairs = conninfo::parse(text).map_err(|reason| {
            format!("neither postgresql://user@host:5432/database nor host=… dbname=…: {reason}")
        })?;
        if !pairs.iter().any(|(key, _value)| KNOWN_KEYS.contains(&key.as_str())) {
            return Err(format!("the key-value form holds one of {}", KNOWN_KEYS.join(", ")));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the keys and values in a form in which equal connections compare equal.
    pub(super) fn canonical(&self) -> BTreeMap<String, String> {
        let pairs = if url::looks_like_url(&self.0) {
            url::parse(&self.0).map(|url| url.pairs())
        } else {
            conninfo::parse(&self.0)
        };
        // Both parsers accepted this text before it was wrapped.
        let mut map: BTreeMap<_, _> = pairs.unwrap_or_default().into_iter().collect();
        let hosts = map.get("host").map_or(1, |host| host.split(',').count());
        let ports = map.get("port").map_or("", String::as_str);
        let ports: Vec<_> =
            ports.split(',').map(|port| if port.is_empty() { "5432" } else { port }).collect();
        let ports = if ports.len() == 1 { vec![ports[0]; hosts] } else { ports };
        let ports = ports.join(",");
        map.insert("port".to_owned(), ports);
        if let Some(host) = map.get_mut("host") {
            host.make_ascii_lowercase();
        }
        map
    }

    /// Tells whether the connection is the same, parameters and password included.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// Tells whether the database is the same. Only one side may have a password, or parameters.
    pub(super) fn names_same_database(&self, other: &Self) -> bool {
        let (own, other) = (self.canonical(), other.canonical());
        let equal = |key| own.get(key) == other.get(key);
        let passwords = own.contains_key("password") && other.contains_key("password");
        ["host", "port", "user", "dbname"].into_iter().all(equal)
            && (!passwords || equal("password"))
    }

    fn redacted(&self) -> String {
        if url::looks_like_url(&self.0) {
            return url::parse(&self.0)
                .map_or_else(|_reason| "***".to_owned(), |url| url.redacted(is_secret));
        }
        let pairs = conninfo::parse(&self.0).unwrap_or_default();
        let shown = pairs.into_iter().map(|(key, value)| {
            let value = if is_secret(&key) { "***".to_owned() } else { conninfo::quote(&value) };
            format!("{key}={value}")
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "secret", "token"].iter().any(|word| key.contains(word))
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsn").field(&self.redacted()).finish()
    }
}
