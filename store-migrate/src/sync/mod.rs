//! Moving while the application writes: changes are captured in a SQLite source by triggers, and
//! applied to the PostgreSQL target until only the last of them need writes to be stopped.
//!
//! # What is captured
//!
//! `run --capture` puts into the source a table `_migrate_changes` and triggers on each table that
//! is moved, before the snapshot of the first copy. They record the keys of rows that change, by
//! whichever connection: inserts, updates, deletes, rows that `REPLACE` deletes, cascades of foreign
//! keys. They call no functions, so they run with `trusted_schema` off, and they leave
//! `last_insert_rowid()` and `changes()` as they were; `total_changes()` counts their rows too.
//!
//! # What is not
//!
//! - Writes while triggers are switched off (`SQLITE_DBCONFIG_ENABLE_TRIGGER`), by incremental blob
//!   I/O, by `PRAGMA writable_schema` or by other programs than SQLite: no trigger runs for them.
//! - Changes of the schema. They are noticed, and nothing is applied any more.
//! - Counters of `AUTOINCREMENT` are read with each round; no trigger is needed.
//!
//! The comparison of every row that `cutover` does by default finds what was missed.

mod apply;
mod begin;
mod capture;
mod changes;
mod command;
mod cutover;
mod foreign;
mod index_sql;
mod round;
mod stage;
mod state;
mod status;
mod triggers;
mod unique;
mod wal;

pub(crate) use begin::{go_on, install, is_captured, mark};
pub(crate) use capture::Mark;
pub(crate) use changes::Span;
pub use command::{RoundReport, SyncReport, sync};
pub use cutover::{Compare, Cutover, CutoverReport, cutover};
pub(crate) use round::{drop_keys, round};
pub(crate) use state::begin as begin_state;
pub(crate) use status::status;
pub use status::{SyncStatus, clean_source};
pub(crate) use wal::Watch;
