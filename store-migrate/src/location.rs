//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use store_core::Settings;
use store_core::settings::Dsn;

use crate::{Error, Result};

/// A database that is read or written.
///
/// `sqlite:/path/to/file.db` or the path alone; `postgres://user@host/database`, of which the
/// schema is that of `options=-csearch_path%3Dname`, or `public`; `archive:/path/to/directory`, which
/// is only read. Shown without its password.
#[derive(Clone)]
pub enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A schema of a database.
    Postgres(Dsn),
    /// A directory that an export wrote.
    Archive(PathBuf),
}

impl Location {
    /// Returns the path of a SQLite file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::Archive(_) => None,
        }
    }

    /// Tells whether it is a PostgreSQL database.
    #[must_use]
    pub const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let usage = |reason: String| Error::Usage(reason);
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let dsn = Dsn::parse(text).map_err(|error| usage(error.to_string()))?;
            return Ok(Self::Postgres(dsn));
        }
        if let Some(path) = text.strip_prefix("archive:").filter(|path| !path.is_empty()) {
            return Ok(Self::Archive(PathBuf::from(path)));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        let path = path.unwrap_or(text);
        if path.is_empty() || path == ":memory:" || (path == text && text.contains("://")) {
            return Err(usage(format!(
                "`{text}` is no database: write sqlite:/path/to/file.db or \
                 postgres://user@host/database"
            )));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(dsn) => write!(f, "{dsn}"),
            Self::Archive(path) => write!(f, "archive:{}", path.display()),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the settings under which the stores open a location.
pub(crate) fn settings(location: &Location) -> Result<Settings> {
    use store_core::{Backend, Subsystem};

    let builder = Settings::builder();
    let builder = match location {
        Location::Archive(_) => {
            return Err(Error::Usage(format!("{location} is an archive, not a database")));
        }
        Location::Sqlite(path) => Subsystem::ALL
            .into_iter()
            .fold(builder.backend(Backend::Sqlite).sqlite_path(path), |builder, one| {
                builder.subsystem_sqlite_path(one, path)
            }),
        Location::Postgres(dsn) => Subsystem::ALL
            .into_iter()
            .fold(builder.backend(Backend::Postgres), |builder, one| {
                builder.subsystem_backend(one, Backend::Postgres)
            })
            .postgres_dsn(dsn.expose_secret()),
    };
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown_without_password() {
        for text in ["sqlite:/a/b.db", "/a/b.db", "sqlite:///a/b.db"] {
            let place: Location = text.parse().unwrap();
            assert_eq!(place.to_string(), "sqlite:/a/b.db");
        }
        let place: Location = "postgres://me:secret@host/db".parse().unwrap();
        assert!(!format!("{place} {place:?}").contains("secret"), "{place}");
        for text in ["", "sqlite:", ":memory:", "mysql://x", "postgres://[bad"] {
            text.parse::<Location>().unwrap_err();
        }
    }
}
