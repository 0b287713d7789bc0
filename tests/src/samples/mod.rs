//! Records that tests are made of.

mod checkpoints;
mod graph;
mod history;
mod queue;
mod tokens;
mod trigger;
mod workflow;

pub use checkpoints::*;
pub use graph::*;
pub use history::*;
pub use queue::*;
pub use tokens::*;
pub use trigger::*;
pub use workflow::*;
