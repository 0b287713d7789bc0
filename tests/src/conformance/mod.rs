//! The behaviours of every protocol, one module per subsystem.

pub mod chatkit;
pub mod checkpoints;
pub mod graph;
pub mod history;
pub mod queue;
pub mod tokens;
pub mod vault;
pub mod workflow;
