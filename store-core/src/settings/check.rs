//! The checks that variables and the builder share.

use std::path::PathBuf;
use std::time::Duration;

use super::paths::Directories;
use super::values::{DAY_SECONDS, shown};
use super::{Backend, Dsn, Secret, SettingsBuilder, Subsystem, VaultKeySource};
use crate::{Error, Result};

const DAY: Duration = Duration::from_secs(DAY_SECONDS);
/// A century: further back, instants would leave the years that a `Timestamp` covers.
const RETENTION_MAX: Duration = Duration::from_secs(100 * 365 * DAY_SECONDS);
/// PostgreSQL refuses a JSONB string or array of 256 MiB.
const JSON_MAX_BYTES: usize = 255 << 20;
const READERS_MAX: u32 = 64;
/// `NAMEDATALEN` minus one: PostgreSQL would cut a longer name in silence.
const SCHEMA_MAX_BYTES: usize = 63;

/// How errors call a setting: by its variable, or by the builder's method.
pub(super) struct Names {
    prefix: Option<String>,
    chosen_by: Option<String>,
}

impl Names {
    pub(super) const BUILDER: Self = Self { prefix: None, chosen_by: None };

    /// Names variables. `chosen_by` is the one that chose the default backend.
    pub(super) fn variables(prefix: &str, chosen_by: Option<String>) -> Self {
        Self { prefix: Some(prefix.to_owned()), chosen_by }
    }

    /// Returns what a setting is called, given its variable without prefix.
    pub(super) fn of(&self, name: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}_{name}"),
            None => {
                let method = name.trim_end_matches("_MS").trim_end_matches("_DAYS");
                format!("`{}`", method.to_ascii_lowercase())
            }
        }
    }

    fn refuse(&self, name: &str, reason: impl Into<String>) -> Error {
        Error::settings(self.of(name), reason)
    }
}

/// Checks that a duration lies between one millisecond and `max`.
///
/// Less than a millisecond would reach PostgreSQL as 0, which switches its timeouts off.
fn duration(names: &Names, name: &str, value: Duration, max: Duration) -> Result<()> {
    if (Duration::from_millis(1)..=max).contains(&value) {
        return Ok(());
    }
    let days = max.as_secs() / DAY_SECONDS;
    let reason = format!("holds {value:?}; it accepts more than 0 and up to {days} days");
    Err(names.refuse(name, reason.replace("up to 1 days", "up to 1 day")))
}

fn positive<T: PartialEq + From<u8>>(names: &Names, name: &str, value: &T) -> Result<()> {
    if *value == T::from(0) {
        return Err(names.refuse(name, "holds `0`; it accepts a whole number from 1"));
    }
    Ok(())
}

pub(super) fn limits(names: &Names, builder: &SettingsBuilder) -> Result<()> {
    postgres(names, builder)?;
    let sqlite = &builder.sqlite;
    duration(names, "SQLITE_BUSY_TIMEOUT", sqlite.busy_timeout, DAY)?;
    if !(1..=READERS_MAX).contains(&sqlite.readers) {
        let reason = format!("holds `{}`; it accepts 1 to {READERS_MAX}", sqlite.readers);
        return Err(names.refuse("SQLITE_READERS", reason));
    }
    duration(names, "SLOW_QUERY_MS", builder.slow_query, DAY)?;
    if !(1..=JSON_MAX_BYTES).contains(&builder.json_max_bytes) {
        let held = builder.json_max_bytes;
        let reason = format!("holds `{held}`; it accepts 1 to {JSON_MAX_BYTES} (255 MiB)");
        return Err(names.refuse("JSON_MAX_BYTES", reason));
    }
    duration(names, "CHATKIT_RETENTION_DAYS", builder.chatkit_retention, RETENTION_MAX)?;
    positive(names, "CHATKIT_MAX_UPLOAD_BYTES", &builder.chatkit_max_upload_bytes)
}

fn postgres(names: &Names, builder: &SettingsBuilder) -> Result<()> {
    let settings = &builder.postgres;
    positive(names, "POSTGRES_POOL_MIN_SIZE", &settings.pool_min_size)?;
    positive(names, "POSTGRES_POOL_MAX_SIZE", &settings.pool_max_size)?;
    if settings.pool_min_size > settings.pool_max_size {
        let (min, max) = (settings.pool_min_size, settings.pool_max_size);
        let limit = names.of("POSTGRES_POOL_MAX_SIZE");
        let reason = format!("holds `{min}`; it accepts at most {limit}, which is {max}");
        return Err(names.refuse("POSTGRES_POOL_MIN_SIZE", reason));
    }
    let durations = [
        ("POSTGRES_POOL_TIMEOUT", settings.pool_timeout),
        ("POSTGRES_POOL_MAX_IDLE", settings.pool_max_idle),
        ("POSTGRES_STATEMENT_TIMEOUT", settings.statement_timeout),
        ("POSTGRES_LOCK_TIMEOUT", settings.lock_timeout),
        ("POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT", settings.idle_in_transaction_timeout),
        ("POSTGRES_REPLICA_WAIT", settings.replica_wait),
    ];
    for (name, value) in durations {
        duration(names, name, value, DAY)?;
    }
    let schema = &settings.schema;
    if schema.is_empty() || schema.len() > SCHEMA_MAX_BYTES || schema.contains('\0') {
        let held = shown(schema);
        let reason = format!("holds {held}; it accepts 1 to {SCHEMA_MAX_BYTES} bytes without NUL");
        return Err(names.refuse("POSTGRES_SCHEMA", reason));
    }
    if schema == "$user" {
        let reason = "holds `$user`, which a search_path reads as the name of the user";
        return Err(names.refuse("POSTGRES_SCHEMA", reason));
    }
    Ok(())
}

pub(super) fn dsn(names: &Names, name: &str, dsn: Option<&Secret>) -> Result<Option<Dsn>> {
    let parse = |text: &Secret| Dsn::check(text.expose_secret());
    dsn.map(parse).transpose().map_err(|reason| names.refuse(name, reason))
}

/// Resolves the backend of every subsystem, and checks that PostgreSQL has a DSN.
pub(super) fn backends(
    names: &Names,
    builder: &SettingsBuilder,
    has_dsn: bool,
) -> Result<[Backend; Subsystem::ALL.len()]> {
    let implied = if has_dsn { Backend::Postgres } else { Backend::Sqlite };
    let default = builder.backend.unwrap_or(implied);
    let mut chosen_by = names.chosen_by.clone().unwrap_or_else(|| names.of("BACKEND"));
    let backends = Subsystem::ALL.map(|subsystem| {
        let own = builder.subsystem_backends[subsystem.index()];
        own.unwrap_or(match (subsystem, default) {
            // Moving the credentials is a decision of its own.
            (Subsystem::Vault, Backend::Postgres) => Backend::Sqlite,
            _ => default,
        })
    });
    let Some(subsystem) =
        Subsystem::ALL.into_iter().find(|s| backends[s.index()] == Backend::Postgres)
    else {
        return Ok(backends);
    };
    if !has_dsn {
        if builder.subsystem_backends[subsystem.index()].is_some() {
            chosen_by = names.of(&subsystem.backend_variable());
        }
        let reason = format!(
            "not set, although {chosen_by} puts {subsystem} on PostgreSQL: set it, for example to \
             postgresql://user@host:5432/database"
        );
        return Err(names.refuse("POSTGRES_DSN", reason));
    }
    Ok(backends)
}

/// Reads the builder's SQLite paths as the variables are read.
pub(super) fn expand_sqlite_paths(
    names: &Names,
    builder: &mut SettingsBuilder,
    directories: &Directories,
) -> Result<()> {
    let expand = |name: &str, path: &mut Option<PathBuf>| {
        if let Some(text) = path.as_ref().and_then(|path| path.to_str()) {
            let expanded = directories.sqlite_file(text);
            *path = Some(expanded.map_err(|reason| names.refuse(name, reason))?);
        }
        Ok(())
    };
    expand("SQLITE_PATH", &mut builder.sqlite_path)?;
    for subsystem in Subsystem::ALL {
        let path = &mut builder.subsystem_sqlite_paths[subsystem.index()];
        expand(&subsystem.sqlite_path_variable(), path)?;
    }
    Ok(())
}

/// Resolves the file of every subsystem. Without a home directory one may have none: that is an
/// error only when it is opened, because most applications do not use every subsystem.
pub(super) fn sqlite_paths(
    builder: &SettingsBuilder,
    directories: &Directories,
) -> [PathBuf; Subsystem::ALL.len()] {
    let shared = builder.sqlite_path.clone().or_else(|| directories.default_file());
    Subsystem::ALL.map(|subsystem| {
        let own = builder.subsystem_sqlite_paths[subsystem.index()].as_ref();
        own.or(shared.as_ref()).cloned().unwrap_or_default()
    })
}

/// Resolves where the vault's key comes from; only one of the three may say so.
pub(super) fn vault_key(
    names: &Names,
    builder: &SettingsBuilder,
    directories: &Directories,
) -> Result<Option<VaultKeySource>> {
    let raw = builder.vault_key.clone().map(VaultKeySource::Raw);
    let file = builder.vault_key_file.as_ref().map(|path| match path.to_str() {
        Some("") => Err("the path is empty".to_owned()),
        Some(text) => directories.expand(text).map(VaultKeySource::File),
        None => Ok(VaultKeySource::File(path.clone())),
    });
    let file = file.transpose().map_err(|reason| names.refuse("VAULT_KEY_FILE", reason))?;
    let command = builder.vault_key_command.as_ref();
    let command = command.map(|text| VaultKeySource::Command(text.expose_secret().to_owned()));
    let sources = [("VAULT_KEY", raw), ("VAULT_KEY_FILE", file), ("VAULT_KEY_COMMAND", command)];
    let mut set = sources.into_iter().filter_map(|(name, source)| Some((name, source?)));
    let (first, second) = (set.next(), set.next());
    match (first, second) {
        (Some((first, _)), Some((second, _))) => Err(Error::settings(
            format!("{} and {}", names.of(first), names.of(second)),
            "only one of them may say where the vault's key comes from: unset the other",
        )),
        (first, _) => Ok(first.map(|(_name, source)| source)),
    }
}
