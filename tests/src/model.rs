//! Small in-memory models, to compare both backends with: of run history here, of workflows below.

mod json;
mod operation;
mod state;
pub mod workflow;

pub use operation::{Answer, Operation, Refusal, apply};
pub use state::Model;
