//! What only PostgreSQL has: connections that fail, TLS, pools, `LISTEN`, servers that die.
#![cfg(feature = "postgres")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

mod certificates;
mod containment;
mod crash;
mod failures;
mod guide;
mod health;
mod hosts;
mod limits;
mod listen;
mod lost_answers;
mod migrator;
mod pool;
mod pooler;
mod round_trips;
mod session;
mod support;
mod tls;
