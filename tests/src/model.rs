//! A small in-memory model of run history, to compare both backends with.

mod json;
mod operation;
mod state;

pub use operation::{Answer, Operation, Refusal, apply};
pub use state::Model;
