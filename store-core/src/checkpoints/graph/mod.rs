//! Graph state: what an agent runtime saves between the steps of a graph run.
//!
//! The contract of both implementations is written here, once; `store-checkpoints` implements it.

mod checkpoint;
mod retention;
mod state;
mod store;
mod value;
mod write;

pub use checkpoint::{CheckpointRef, GraphCheckpoint, GraphConfig};
pub use retention::{GraphPrune, GraphPruneReport};
pub use state::{GraphFilter, GraphState};
pub use store::GraphCheckpointer;
pub use value::ChannelValue;
pub use write::{GraphWrite, PendingWrite};
