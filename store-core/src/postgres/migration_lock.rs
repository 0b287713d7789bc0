//! The lock under which a crate's migrations run, one for each schema.

use std::time::Duration;

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Text};
use sha2::{Digest as _, Sha256};

use super::db_error;
use super::journal::Wrapped;
use crate::Result;
use crate::migrations::Schema;

/// How often a process that waits for the lock asks for it.
const LOCK_POLL: Duration = Duration::from_millis(20);

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Takes a lock that ends with the transaction: it survives poolers and crashes. Whoever waits
/// for it waits for a whole migration, so the ordinary timeouts do not count.
pub(super) fn lock(conn: &mut Wrapped, schema: &Schema) -> Result<()> {
    take_lock(conn, schema, "SET LOCAL", "pg_try_advisory_xact_lock")
}

/// Takes a lock that ends with the connection, for what cannot run in a transaction.
pub(super) fn lock_session(conn: &mut Wrapped, schema: &Schema) -> Result<()> {
    take_lock(conn, schema, "SET", "pg_try_advisory_lock")
}

fn take_lock(conn: &mut Wrapped, schema: &Schema, set: &str, function: &str) -> Result<()> {
    use diesel::RunQueryDsl as _;
    let failed = || db_error("lock_migrations");
    for timeout in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        diesel::sql_query(format!("{set} {timeout} = 0")).execute(conn).map_err(failed())?;
    }
    let namespace: Name = diesel::sql_query("SELECT current_schema()::text AS name")
        .get_result(conn)
        .map_err(failed())?;
    // Asking again and again holds no snapshot between two questions; waiting inside one would,
    // and whoever builds an index concurrently waits for all snapshots.
    let key = lock_key(&namespace.name, schema.crate_name);
    loop {
        let lock: Lock = diesel::sql_query(format!("SELECT {function}($1) AS taken"))
            .bind::<BigInt, _>(key)
            .get_result(conn)
            .map_err(failed())?;
        if lock.taken {
            return Ok(());
        }
        std::thread::sleep(LOCK_POLL);
    }
}

/// Hashes schema and crate, so that schemas do not wait for each other.
fn lock_key(namespace: &str, crate_name: &str) -> i64 {
    let digest = Sha256::digest(format!("parallel-stores\0{namespace}\0{crate_name}"));
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(key)
}
