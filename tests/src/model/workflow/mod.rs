//! A small in-memory model of workflows and runs.
//!
//! Stores mint ids, so that no two of them agree. Here records are called by the order in which
//! they were created; a [`Session`] translates for its store.

mod operation;
mod rules;
mod runs;
mod session;
mod state;

pub use operation::{Answer, Operation, Outcome, Refusal};
pub use session::Session;
pub use state::Model;
use store_core::{Actor, RunId, WorkflowId, WorkflowVersionId};

/// The workflow that was created `number`th, from 0.
pub fn workflow_id(number: usize) -> WorkflowId {
    made("1", number).parse().expect("a UUID")
}

/// The version that was created `number`th, from 0.
pub fn version_id(number: usize) -> WorkflowVersionId {
    made("2", number).parse().expect("a UUID")
}

/// The run that was created `number`th, from 0.
pub fn run_id(number: usize) -> RunId {
    made("3", number).parse().expect("a UUID")
}

/// Who does everything in a model.
fn actor() -> Actor {
    Actor::new("model").expect("a valid actor")
}

fn made(kind: &str, number: usize) -> String {
    format!("0000000{kind}-0000-7000-8000-{number:012x}")
}
