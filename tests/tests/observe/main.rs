//! What operators see: the span, the metrics and the warnings of every operation on both backends.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod kept;
mod methods;
mod operations;
mod slow;
mod traits;
