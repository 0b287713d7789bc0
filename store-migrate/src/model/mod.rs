//! What is moved: tables, their columns, and how each is known on either side.
//!
//! A [`Plan`] says the same in both directions: it names a table and a column on SQLite and on
//! PostgreSQL, and the canonical type between them.

mod kind;
mod plan;

pub use kind::{Kind, PgType};
pub use plan::{Column, Layout, Note, Plan, Sequence, SqliteOrder, Step, Table};
