//! PostgreSQL: a fair pool, TLS, several hosts, `LISTEN`, and statements shared by callers.

mod budget;
mod client;
mod coalescer;
mod connect;
mod database;
mod dsn;
mod error;
mod health;
mod hosts;
mod journal;
mod listen;
mod migration_lock;
mod options;
mod owner;
mod pool;
mod replica;
mod retry;
mod statement;
mod tls;
mod transaction;

pub use budget::{WithinBudget, split};
pub use client::connect_client;
pub use coalescer::{Batch, Coalescer};
pub use database::Database;
pub use error::{Violation, db_error};
pub use listen::{Listener, Notice};
pub use options::Options;
pub use pool::Conn;
pub use statement::{Bind, Composed, JsonText, SqlTsVector, Statement, TsVector};
pub use transaction::{begin, finish};
