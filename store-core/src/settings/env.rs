//! Settings from variables.

use super::check::Names;
use super::paths::Directories;
use super::sources::{self, Sources};
use super::values::{boolean, days, milliseconds, number, seconds, synchronous};
use super::vars::Vars;
use super::{Backend, Dsn, Secret, Settings, SettingsBuilder, Subsystem, values};
use crate::Result;

/// Reads and checks every variable.
pub(super) fn read(
    prefix: &str,
    vars: impl IntoIterator<Item = (String, String)>,
    directories: &Directories,
) -> Result<Settings> {
    let vars = Vars::new(prefix, vars)?;
    let mut builder = Settings::builder();
    subsystems(&vars, directories, &mut builder)?;
    let wants_postgres = builder.subsystem_backends.contains(&Some(Backend::Postgres));
    let Sources { backend, chosen_by, postgres_dsn, sqlite_path } =
        sources::read(&vars, directories, wants_postgres)?;
    builder.backend = backend;
    builder.postgres_dsn = postgres_dsn.map(|dsn| Secret::new(dsn.expose_secret()));
    builder.sqlite_path = sqlite_path;
    postgres(&vars, &mut builder)?;
    sqlite_and_limits(&vars, &mut builder)?;
    vault_key(&vars, &mut builder)?;
    builder.finish(&Names::variables(vars.prefix(), chosen_by), directories)
}

/// Returns the name Orcheo has for the variable that chooses a subsystem's backend.
const fn backend_alias(subsystem: Subsystem) -> Option<&'static str> {
    match subsystem {
        Subsystem::Workflow | Subsystem::History | Subsystem::Tokens => Some("REPOSITORY_BACKEND"),
        Subsystem::Checkpoints => Some("CHECKPOINT_BACKEND"),
        Subsystem::Chatkit | Subsystem::Vault => None,
    }
}

/// Returns the name Orcheo has for the variable that names a subsystem's file.
const fn path_alias(subsystem: Subsystem) -> Option<&'static str> {
    match subsystem {
        Subsystem::Workflow | Subsystem::History | Subsystem::Tokens => {
            Some("REPOSITORY_SQLITE_PATH")
        }
        Subsystem::Vault => Some("VAULT_LOCAL_PATH"),
        Subsystem::Checkpoints | Subsystem::Chatkit => None,
    }
}

fn subsystems(vars: &Vars, directories: &Directories, builder: &mut SettingsBuilder) -> Result<()> {
    for subsystem in Subsystem::ALL {
        let parse = match (vars.is_orcheo(), subsystem) {
            (false, _) => values::backend,
            (true, Subsystem::Vault) => values::orcheo_vault_backend,
            (true, _) => values::orcheo_backend,
        };
        let name = subsystem.backend_variable();
        builder.subsystem_backends[subsystem.index()] =
            vars.read_either(&name, backend_alias(subsystem), parse)?;
        let name = subsystem.sqlite_path_variable();
        builder.subsystem_sqlite_paths[subsystem.index()] =
            vars.read_either(&name, path_alias(subsystem), |text| directories.sqlite_file(text))?;
    }
    Ok(())
}

fn postgres(vars: &Vars, builder: &mut SettingsBuilder) -> Result<()> {
    let postgres = &mut builder.postgres;
    vars.read_into("POSTGRES_POOL_MIN_SIZE", number, &mut postgres.pool_min_size)?;
    vars.read_into("POSTGRES_POOL_MAX_SIZE", number, &mut postgres.pool_max_size)?;
    vars.read_into("POSTGRES_POOL_TIMEOUT", seconds, &mut postgres.pool_timeout)?;
    vars.read_into("POSTGRES_POOL_MAX_IDLE", seconds, &mut postgres.pool_max_idle)?;
    vars.read_into("POSTGRES_STATEMENT_TIMEOUT", seconds, &mut postgres.statement_timeout)?;
    vars.read_into("POSTGRES_LOCK_TIMEOUT", seconds, &mut postgres.lock_timeout)?;
    let idle = &mut postgres.idle_in_transaction_timeout;
    vars.read_into("POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT", seconds, idle)?;
    vars.read_into("POSTGRES_REPLICA_WAIT", seconds, &mut postgres.replica_wait)?;
    vars.read_into("POSTGRES_STATEMENT_CACHE", boolean, &mut postgres.statement_cache)?;
    let trimmed = |text: &str| Ok(text.trim().to_owned());
    vars.read_into("POSTGRES_SCHEMA", trimmed, &mut postgres.schema)?;
    let secret = |dsn: Dsn| Secret::new(dsn.expose_secret());
    builder.postgres_listen_dsn = vars.read("POSTGRES_LISTEN_DSN", Dsn::check)?.map(secret);
    builder.migrator_dsn = vars.read("MIGRATOR_DSN", Dsn::check)?.map(secret);
    builder.postgres_replica_dsn = vars.read("POSTGRES_REPLICA_DSN", Dsn::check)?.map(secret);
    Ok(())
}

fn sqlite_and_limits(vars: &Vars, builder: &mut SettingsBuilder) -> Result<()> {
    let sqlite = &mut builder.sqlite;
    vars.read_into("SQLITE_BUSY_TIMEOUT", seconds, &mut sqlite.busy_timeout)?;
    vars.read_into("SQLITE_SYNCHRONOUS", synchronous, &mut sqlite.synchronous)?;
    vars.read_into("SQLITE_READERS", number, &mut sqlite.readers)?;
    vars.read_into("SLOW_QUERY_MS", milliseconds, &mut builder.slow_query)?;
    vars.read_into("AUTO_MIGRATE", boolean, &mut builder.auto_migrate)?;
    vars.read_into("JSON_MAX_BYTES", number, &mut builder.json_max_bytes)?;
    vars.read_into("CHATKIT_RETENTION_DAYS", days, &mut builder.chatkit_retention)?;
    vars.read_into("CHATKIT_MAX_UPLOAD_BYTES", number, &mut builder.chatkit_max_upload_bytes)
}

fn vault_key(vars: &Vars, builder: &mut SettingsBuilder) -> Result<()> {
    builder.vault_key = vars.read("VAULT_KEY", |text| Ok(Secret::new(text)))?;
    builder.vault_key_file = vars.read("VAULT_KEY_FILE", |text| Ok(text.into()))?;
    builder.vault_key_command = vars.read("VAULT_KEY_COMMAND", |text| Ok(Secret::new(text)))?;
    Ok(())
}
