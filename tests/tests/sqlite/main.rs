//! SQLite's own promises: the file, the writer, the readers, other processes, full disks.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod corrupt;
mod disk_full;
mod kill;
mod maintenance;
mod notes;
mod paths;
mod pragmas;
mod readers;
mod sharing;
mod writer;
