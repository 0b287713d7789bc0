//! Run history: what an execution did.
//!
//! The contract of both implementations is written here, once; `store-history` implements it.

mod execution;
mod maintenance;
mod retention;
mod step;
mod store;
mod task;

pub use execution::{
    Execution, ExecutionFilter, ExecutionStatus, ExecutionWithSteps, NewExecution, UsageGroup,
    UsageTotal,
};
pub use maintenance::{MaintenanceReport, MaintenanceRequest};
pub use retention::{PruneReport, PruneRequest, Retention};
pub use step::{NewStep, Step, Usage};
pub use store::{RunHistoryStore, TaskResults};
pub use task::{NewTaskResult, TaskExecution, TaskResult};
