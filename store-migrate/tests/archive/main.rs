//! Archives by the real command: there and back through files, with damage and death on the way.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

mod damage;
mod folder;
mod interrupted;
mod round_trip;
mod support;
