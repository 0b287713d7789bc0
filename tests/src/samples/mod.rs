//! Records that tests are made of.

mod history;
mod queue;
mod trigger;
mod workflow;

pub use history::*;
pub use queue::*;
pub use trigger::*;
pub use workflow::*;
