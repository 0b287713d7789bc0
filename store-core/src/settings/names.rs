//! The names of all variables, and misspelt ones.

use super::Subsystem;

/// The prefix of the platform whose own names are understood too.
pub(super) const ORCHEO: &str = "ORCHEO";

/// Variables that have no prefix because other programs define them.
pub(super) const UNPREFIXED: [&str; 7] = [
    "DB_TYPE",
    "DATABASE_URL",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DB",
];

/// Variables with a prefix, apart from those that each subsystem has.
const PREFIXED: [&str; 27] = [
    "BACKEND",
    "SQLITE_PATH",
    "POSTGRES_DSN",
    "POSTGRES_POOL_MIN_SIZE",
    "POSTGRES_POOL_MAX_SIZE",
    "POSTGRES_POOL_TIMEOUT",
    "POSTGRES_POOL_MAX_IDLE",
    "POSTGRES_STATEMENT_TIMEOUT",
    "POSTGRES_LOCK_TIMEOUT",
    "POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT",
    "POSTGRES_STATEMENT_CACHE",
    "POSTGRES_SCHEMA",
    "POSTGRES_LISTEN_DSN",
    "MIGRATOR_DSN",
    "POSTGRES_REPLICA_DSN",
    "POSTGRES_REPLICA_WAIT",
    "SLOW_QUERY_MS",
    "AUTO_MIGRATE",
    "JSON_MAX_BYTES",
    "VAULT_KEY",
    "VAULT_KEY_FILE",
    "VAULT_KEY_COMMAND",
    "CHATKIT_RETENTION_DAYS",
    "CHATKIT_MAX_UPLOAD_BYTES",
    "SQLITE_BUSY_TIMEOUT",
    "SQLITE_SYNCHRONOUS",
    "SQLITE_READERS",
];

/// Names only the prefix `ORCHEO` has.
const ORCHEO_NAMES: [&str; 4] =
    ["REPOSITORY_BACKEND", "CHECKPOINT_BACKEND", "REPOSITORY_SQLITE_PATH", "VAULT_LOCAL_PATH"];

/// Returns the full name of every variable that is understood.
pub(super) fn known_names(prefix: &str) -> Vec<String> {
    let mut names: Vec<_> = PREFIXED.iter().map(|name| format!("{prefix}_{name}")).collect();
    for subsystem in Subsystem::ALL {
        names.push(format!("{prefix}_{}", subsystem.backend_variable()));
        names.push(format!("{prefix}_{}", subsystem.sqlite_path_variable()));
    }
    if prefix == ORCHEO {
        names.extend(ORCHEO_NAMES.iter().map(|name| format!("{prefix}_{name}")));
    }
    names.extend(UNPREFIXED.map(str::to_owned));
    names
}

/// Returns the known variable that an unknown one with our prefix was probably meant to be.
pub(super) fn near_miss(prefix: &str, name: &str) -> Option<String> {
    let own = name.strip_prefix(prefix)?.strip_prefix('_')?;
    let known = known_names(prefix);
    if known.iter().any(|known| known == name) {
        return None;
    }
    // The unprefixed ones are only understood without prefix.
    if UNPREFIXED.contains(&own) {
        return Some(own.to_owned());
    }
    let distances = known.into_iter().map(|known| (edit_distance(&known, name), known));
    distances.filter(|(distance, _known)| *distance <= 2).min().map(|(_distance, known)| known)
}

/// Counts the insertions, deletions and substitutions between two names.
fn edit_distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_recognised() {
        let cases = [
            ("STORE_POSTGRES_DNS", Some("STORE_POSTGRES_DSN")),
            ("STORE_BACKENDS", Some("STORE_BACKEND")),
            ("STORE_HISTRY_BACKEND", Some("STORE_HISTORY_BACKEND")),
            ("STORE_DATABASE_URL", Some("DATABASE_URL")),
            ("STORE_POSTGRES_USER", Some("POSTGRES_USER")),
            ("STORE_POSTGRES_DSN", None),
            ("STORE_SOMETHING_NEW", None),
            ("STORE_TEST_POSTGRES_URL", None),
            ("OTHER_POSTGRES_DNS", None),
            ("STOREPOSTGRES_DNS", None),
            ("DATABASE_URI", None),
        ];
        for (name, expected) in cases {
            assert_eq!(near_miss("STORE", name).as_deref(), expected, "{name}");
        }
    }
}
