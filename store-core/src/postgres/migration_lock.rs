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
pub(super) const LOCK_POLL: Duration = Duration::from_millis(20);

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

/// Tries to take a lock that ends with the transaction: it survives poolers and crashes.
///
/// Whoever does not get it has to end the transaction before asking again: who builds an index
/// concurrently, and holds the lock meanwhile, waits for every transaction it once saw at work.
pub(super) fn try_lock(conn: &mut Wrapped, schema: &Schema) -> Result<bool> {
    no_timeouts(conn, "SET LOCAL")?;
    ask(conn, schema, "pg_try_advisory_xact_lock")
}

/// Takes a lock that ends with the connection, for what cannot run in a transaction.
pub(super) fn lock_session(conn: &mut Wrapped, schema: &Schema) -> Result<()> {
    no_timeouts(conn, "SET")?;
    while !ask(conn, schema, "pg_try_advisory_lock")? {
        std::thread::sleep(LOCK_POLL);
    }
    Ok(())
}

/// Whoever waits for the lock waits for a whole migration, so the ordinary timeouts do not count.
fn no_timeouts(conn: &mut Wrapped, set: &str) -> Result<()> {
    use diesel::RunQueryDsl as _;
    for timeout in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        diesel::sql_query(format!("{set} {timeout} = 0"))
            .execute(conn)
            .map_err(db_error("lock_migrations"))?;
    }
    Ok(())
}

fn ask(conn: &mut Wrapped, schema: &Schema, function: &str) -> Result<bool> {
    use diesel::RunQueryDsl as _;
    let failed = || db_error("lock_migrations");
    let namespace: Name = diesel::sql_query("SELECT current_schema()::text AS name")
        .get_result(conn)
        .map_err(failed())?;
    let key = lock_key(&namespace.name, schema.crate_name);
    let lock: Lock = diesel::sql_query(format!("SELECT {function}($1) AS taken"))
        .bind::<BigInt, _>(key)
        .get_result(conn)
        .map_err(failed())?;
    Ok(lock.taken)
}

/// Hashes schema and crate, so that schemas do not wait for each other.
fn lock_key(namespace: &str, crate_name: &str) -> i64 {
    let digest = Sha256::digest(format!("parallel-stores\0{namespace}\0{crate_name}"));
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(key)
}
