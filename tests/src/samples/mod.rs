//! Records that tests are made of.

mod history;
mod trigger;
mod workflow;

pub use history::*;
pub use trigger::*;
pub use workflow::*;
