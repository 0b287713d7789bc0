//! Records that tests are made of.

mod chat_forms;
mod chatkit;
mod checkpoints;
mod graph;
mod history;
mod queue;
mod tokens;
mod trigger;
mod vault;
mod workflow;

pub use chat_forms::*;
pub use chatkit::*;
pub use checkpoints::*;
pub use graph::*;
pub use history::*;
pub use queue::*;
pub use tokens::*;
pub use trigger::*;
pub use vault::*;
pub use workflow::*;
