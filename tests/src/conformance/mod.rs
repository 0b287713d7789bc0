//! The behaviours of every protocol, one module per subsystem.

pub mod history;
pub mod queue;
pub mod workflow;
