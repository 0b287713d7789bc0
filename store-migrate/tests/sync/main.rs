//! Moving while the application writes: `run --capture`, `sync`, `cutover`.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod killed;
mod live;
mod statements;
mod stores;
mod support;
mod switched;
