//! The default backend, its DSN and its file, from all variables that may name them.

use std::path::PathBuf;

use super::paths::Directories;
use super::vars::{Vars, conflict};
use super::{Backend, Dsn, parts, url, values};
use crate::Result;

const DB_TYPE: &str = "DB_TYPE";
const DATABASE_URL: &str = "DATABASE_URL";

/// What the variables agree on.
pub(super) struct Sources {
    pub(super) backend: Option<Backend>,
    /// The variable that chose the backend.
    pub(super) chosen_by: Option<String>,
    pub(super) postgres_dsn: Option<Dsn>,
    pub(super) sqlite_path: Option<PathBuf>,
}

/// Everything that is set, before it is known to agree.
struct Found {
    backend: Option<Backend>,
    db_type: Option<Backend>,
    url: Option<DatabaseUrl>,
    postgres_dsn: Option<Dsn>,
    sqlite_path: Option<PathBuf>,
    parts: Option<Dsn>,
    /// Whether no subsystem uses PostgreSQL, whatever DSNs there are.
    postgres_unused: bool,
}

/// What `DATABASE_URL` names.
enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Dsn),
}

/// Reads the sources. `override_wants_postgres`: a subsystem's own variable says PostgreSQL.
pub(super) fn read(
    vars: &Vars,
    directories: &Directories,
    override_wants_postgres: bool,
) -> Result<Sources> {
    let found = find(vars, directories, override_wants_postgres)?;
    let (chosen_by, backend) = found.chosen(vars)?.unzip();
    Ok(Sources {
        backend,
        chosen_by,
        postgres_dsn: found.dsn(vars)?,
        sqlite_path: found.path(vars)?,
    })
}

fn find(vars: &Vars, directories: &Directories, override_wants_postgres: bool) -> Result<Found> {
    let backend_value = if vars.is_orcheo() { values::orcheo_backend } else { values::backend };
    let backend = vars.read("BACKEND", backend_value)?;
    let db_type = vars.read_bare(DB_TYPE, values::database_type)?;
    let url = vars.read_bare(DATABASE_URL, |text| database_url(text, directories))?;
    let postgres_dsn = vars.read("POSTGRES_DSN", Dsn::check)?;
    let sqlite_path = vars.read("SQLITE_PATH", |text| directories.sqlite_file(text))?;

    let not_default = backend.is_some_and(|backend| backend != Backend::Postgres);
    let postgres_unused = not_default && !override_wants_postgres;
    let has_dsn = postgres_dsn.is_some() || matches!(url, Some(DatabaseUrl::Postgres(_)));
    let parts = parts::read(vars, postgres_unused || has_dsn)?;
    Ok(Found { backend, db_type, url, postgres_dsn, sqlite_path, parts, postgres_unused })
}

fn database_url(text: &str, directories: &Directories) -> Result<DatabaseUrl, String> {
    let text = text.trim();
    match url::split_scheme(text).as_ref().map(|(scheme, _rest)| scheme.as_str()) {
        Some("sqlite") => directories.sqlite_url(text).map(DatabaseUrl::Sqlite),
        Some("postgres" | "postgresql") => Dsn::check(text).map(DatabaseUrl::Postgres),
        _ => Err("it accepts a URL that begins with sqlite: or postgresql:".to_owned()),
    }
}

impl Found {
    fn url_dsn(&self) -> Option<&Dsn> {
        match &self.url {
            Some(DatabaseUrl::Postgres(dsn)) => Some(dsn),
            _ => None,
        }
    }

    /// Returns the backend that is chosen, with the variable that chose it.
    fn chosen(&self, vars: &Vars) -> Result<Option<(String, Backend)>> {
        let mut choices = Vec::new();
        choices.extend(self.backend.map(|backend| (vars.name("BACKEND"), backend)));
        choices.extend(self.db_type.map(|backend| (DB_TYPE.to_owned(), backend)));
        // With BACKEND set these only say where a database is: what it does not use may stay.
        if self.backend.is_none() {
            choices.extend(self.url.as_ref().map(|url| match url {
                DatabaseUrl::Sqlite(_) => (DATABASE_URL.to_owned(), Backend::Sqlite),
                DatabaseUrl::Postgres(_) => (DATABASE_URL.to_owned(), Backend::Postgres),
            }));
            let dsn = self.postgres_dsn.as_ref();
            choices.extend(dsn.map(|_| (vars.name("POSTGRES_DSN"), Backend::Postgres)));
            choices.extend(self.parts.as_ref().map(|_| (parts::names(), Backend::Postgres)));
        }
        let mut choices = choices.into_iter();
        let Some(first) = choices.next() else { return Ok(None) };
        match choices.find(|(_name, backend)| *backend != first.1) {
            Some((name, _backend)) => Err(conflict(&first.0, &name)),
            None => Ok(Some(first)),
        }
    }

    fn dsn(&self, vars: &Vars) -> Result<Option<Dsn>> {
        let own_name = vars.name("POSTGRES_DSN");
        if let (Some(own), Some(url)) = (&self.postgres_dsn, self.url_dsn())
            && !own.is_same(url)
        {
            return Err(conflict(&own_name, DATABASE_URL));
        }
        let name = if self.postgres_dsn.is_some() { &own_name } else { DATABASE_URL };
        let Some(dsn) = self.postgres_dsn.as_ref().or(self.url_dsn()) else {
            return Ok(self.parts.clone());
        };
        // The five are often left over from a container; they matter when PostgreSQL is used.
        if let Some(parts) = &self.parts
            && !self.postgres_unused
            && !dsn.names_same_database(parts)
        {
            return Err(conflict(name, &parts::names()));
        }
        Ok(Some(dsn.clone()))
    }

    fn path(self, vars: &Vars) -> Result<Option<PathBuf>> {
        match (self.sqlite_path, self.url) {
            (Some(own), Some(DatabaseUrl::Sqlite(url))) if own != url => {
                Err(conflict(&vars.name("SQLITE_PATH"), DATABASE_URL))
            }
            (None, Some(DatabaseUrl::Sqlite(url))) => Ok(Some(url)),
            (own, _) => Ok(own),
        }
    }
}
